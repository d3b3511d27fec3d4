import json

import numpy as np
import pytest

from serving.wire import json_tensor
from serving.wire.json_syntax import MAX_BYTES, find_error
from serving.wire.status import InvalidArgument

ERRORS = [
    (b" \n", "The document is empty.", 2),
    (b"\xef\xbb\xbf ", "The document is empty.", 4),
    (b"\0{}", "The document is empty.", 0),
    (b"hello", "Invalid value.", 0),
    (b"nul", "Invalid value.", 3),
    (b"trye", "Invalid value.", 2),
    (b"{", "Missing a name for object member.", 1),
    (b"{a: 1}", "Missing a name for object member.", 1),
    (b"{'a': 1}", "Missing a name for object member.", 1),
    (b'{"a": 1,}', "Missing a name for object member.", 8),
    (b'{"a" 1}', "Missing a colon after a name of object member.", 5),
    (b'{"a": }', "Invalid value.", 6),
    (b'{"a": 1 "b": 2}', "Missing a comma or '}' after an object member.", 8),
    (b'{"a": 01}', "Missing a comma or '}' after an object member.", 7),
    (b'{"a": [1, 2}', "Missing a comma or ']' after an array element.", 11),
    (b'{"a": [1, 2,]}', "Invalid value.", 12),
    (b'{"a": [1 2]}', "Missing a comma or ']' after an array element.", 9),
    (b'{"a": "b', "Missing a closing quotation mark in string.", 8),
    (b'{"a": "b\nc"}', "Invalid escape character in string.", 8),
    (b'{"a": "b\\qc"}', "Invalid escape character in string.", 8),
    (b'{"a": "\\u12g4"}', "Incorrect hex digit after \\u escape in string.", 7),
    (b'{"a": -}', "Invalid value.", 7),
    (b'{"a": +1}', "Invalid value.", 6),
    (b'{"a": .5}', "Invalid value.", 6),
    (b'{"a": 1.}', "Miss fraction part in number.", 8),
    (b'{"a": 1e}', "Miss exponent in number.", 8),
    (b'{"a": [Nan]}', "Invalid value.", 9),
    (b'{"a": [-Info]}', "Missing a comma or ']' after an array element.", 11),
    (b'{"a": 1' + b"0" * 5000 + b"}", "Number too big to be stored in double.", 6),
    # Offsets are bytes, and the names of infinities do not shift them.
    ('{"é": [Inf, -Infinity, NaN], }'.encode(), "Missing a name for object member.", 30),
]


@pytest.mark.parametrize(("body", "text", "offset"), ERRORS, ids=[repr(body[:20]) for body, _, _ in ERRORS])
def test_errors_have_the_words_and_offsets_of_tf_serving(body, text, offset):
    with pytest.raises(InvalidArgument) as raised:
        json_tensor.parse(body)
    assert raised.value.message == f"JSON Parse error: {text} at offset: {offset}"


def test_a_surrogate_pair_wants_both_halves():
    assert find_error(b'"\\ud83d\\ude00"') is None
    assert find_error(b'["\\ud83dx"]') == "The surrogate pair in string is invalid. at offset: 2"


def test_whatever_python_writes_has_no_error():
    generator = np.random.default_rng(0)
    document = {
        'a\n"\\é\x7f': generator.normal(size=(3, 4)).tolist(),
        "b": [True, False, None, -0.0, 1e-300, 2**70, float("nan"), float("-inf"), {}, []],
        "c": {"nested": [[["x"]], "\ud800".encode("utf-16", "surrogatepass").hex()]},
    }
    for text in (json.dumps(document), json.dumps(document, indent=2, ensure_ascii=False)):
        assert find_error(text.encode()) is None


def test_nesting_beyond_what_can_be_read_is_said_whatever_follows():
    with pytest.raises(InvalidArgument, match="JSON Parse error: "):
        json_tensor.parse(b'{"a": ' + b"[" * 100_000 + b"x")


@pytest.mark.parametrize("value", [b"x", b"1" * 5000])
def test_large_broken_texts_are_refused_without_being_read_twice(value):
    body = b'{"a": [' + b"1," * MAX_BYTES + value + b"]}"
    assert find_error(body) is None
    with pytest.raises(InvalidArgument, match=r"JSON Parse error: .* at offset: "):
        json_tensor.parse(body)
