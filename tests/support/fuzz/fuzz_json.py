"""Makes hostile REST requests: bodies that fit a signature, damaged as values, text or packed bytes."""

import base64
import gzip
import json
import zlib
from collections.abc import Sequence
from urllib.parse import quote

import numpy as np
from fuzz_pictures import damage_bytes
from fuzz_values import DECIMALS, INTEGERS, Random, Target, array_for, odd_text

from serving.wire import data_types

_METHODS = ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "post")
_VERSIONS = (
    *("/versions/1", "/versions/2", "/versions/0", f"/versions/{10**30}", "/versions/x", "/versions/"),
    *("/labels/stable", "/labels/%00", "/labels/", "//"),
)
_DEPTHS = (2, 50, 500, 2000, 100_000)
_UNPACKED_BYTES = 5_000_000
_ODD_JSON = (
    *(
        b"",
        b" ",
        b"{",
        b"}",
        b"[]",
        b"null",
        b"1",
        b'""',
        b"{}",
        b"//\n{}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
    ),
    *(b"[" * 100_000, b'{"a":' * 50_000, b'{"instances": [' + b"9" * 5000 + b"]}", b'{"signature_name": 1}'),
    *(b'{"instances": [1], "instances": 2}', b'{"inputs": 1, "instances": [1]}', b'{"instances": [1e999]}'),
    *(b'{"instances": [-Infinity, NaN, Inf]}', b'{"instances": [0x10]}', b'{"instances": [01]}'),
    *(b"{'instances': [1]}", b'{"instances": [1],}'),
)


def rest_request(random: Random, targets: Sequence[Target]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Returns method and path, headers, and body of one request."""
    target = random.choice(targets)
    body = _body(random, target)
    headers = []
    if random.random() < 0.08:
        headers, body = _packed(random, body)
    return _line(random, target), headers, body


def _line(random, target):
    model = target.model if random.random() < 0.97 else odd_text(random)
    version = random.choice(_VERSIONS) if random.random() < 0.07 else ""
    method = "predict"
    if target.takes_examples and random.random() < 0.7:
        method = random.choice(("classify", "regress"))
    if random.random() < 0.02:
        method = random.choice(("Predict", "explain", "", "predict?x=1", "predict%00", "metadata"))
    path = f"/v1/models/{quote(model.encode('utf-8', 'surrogatepass'), safe='')}{version}:{method}"
    if random.random() < 0.02:
        path = random.choice(
            (
                "/",
                "/v1/",
                "/v1/models/",
                "/v1/models/%",
                "/v1/models/%ff%00/metadata",
                "*",
                "/v1/models/a" * 500,
            )
        )
    if random.random() < 0.05:
        return f"{random.choice(_METHODS)} {path.partition(':')[0]}{random.choice(('', '/metadata'))}"
    return f"POST {path}"


def _body(random, target) -> bytes:
    if random.random() < 0.05:
        return random.choice(_ODD_JSON)
    document = _document(random, target)
    for _ in range(random.choice((0, 0, 1, 1, 1, 2, 3))):
        document = _damage(random, document)
    text = json.dumps(document, ensure_ascii=random.random() < 0.7).encode("utf-8", "surrogatepass")
    if random.random() < 0.05:
        text = text.replace(
            b"0", random.choice((b"1e999", b"Inf", b"-NaN", b"9" * 4400, b"[" * random.choice(_DEPTHS))), 1
        )
    return damage_bytes(random, text) if random.random() < 0.15 else text


def _document(random, target):
    if target.takes_examples and random.random() < 0.7:
        document = {"examples": [_example(random) for _ in range(random.choice((0, 1, 1, 2, 5)))]}
        if random.random() < 0.2:
            document["context"] = _example(random)
    else:
        document = _tensors(random, target)
    return {"signature_name": target.signature, **document}


def _example(random):
    example = {"x": [0.25, 1.5], "name": "shoe"}
    if random.random() < 0.3:
        example[odd_text(random)] = _odd_value(random)
    return example


def _tensors(random, target):
    num_rows = random.choice((0, 1, 1, 2, 3))
    columns = {
        alias: _plain(array_for(random, alias, number, shape, num_rows), alias)
        for alias, (number, shape) in target.inputs.items()
    }
    is_single = len(columns) == 1 and random.random() < 0.5
    if random.random() < 0.5 or not all(isinstance(column, list) for column in columns.values()):
        return {"inputs": next(iter(columns.values())) if is_single else columns}
    if is_single:
        return {"instances": next(iter(columns.values()))}
    return {
        "instances": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=False)]
    }


def _plain(array, alias):
    if data_types.of_array(array) is not data_types.STRING:
        return np.asarray(array, np.float64).tolist() if array.dtype == np.float16 else array.tolist()
    is_binary = alias.endswith("_bytes")

    def convert(value):
        if isinstance(value, list):
            return [convert(element) for element in value]
        return (
            {"b64": base64.b64encode(value).decode()}
            if is_binary
            else value.decode("utf-8", "surrogateescape")
        )

    return convert(array.tolist())


def _damage(random, value):
    """Changes one place of a document, near its root or deep inside it."""
    if isinstance(value, (list, dict)) and value and random.random() < 0.75:
        key = random.choice(list(value)) if isinstance(value, dict) else random.randrange(len(value))
        if random.random() < 0.08:
            del value[key]
        elif random.random() < 0.06 and isinstance(value, dict):
            value[odd_text(random)] = value.pop(key)
        else:
            value[key] = _damage(random, value[key])
        return value
    if isinstance(value, list) and random.random() < 0.4:
        return value[:-1] if random.random() < 0.3 else [*value, random.choice([*value, 0])]
    if isinstance(value, str) and value and random.random() < 0.5:
        return damage_bytes(random, value.encode("utf-8", "surrogatepass")).decode("latin-1")
    return _odd_value(random, value)


def _odd_value(random, value=0):
    match random.randrange(10):
        case 0:
            return None
        case 1:
            return random.random() < 0.5
        case 2 | 3:
            return random.choice(INTEGERS)
        case 4:
            return random.choice(DECIMALS)
        case 5:
            return odd_text(random)
        case 6:
            return random.choice(
                ({}, {"b64": "AAAA"}, {"b64": "%%"}, {"b64": 1}, {"b64": "AA", "x": 1}, {"b64": "AA=\n="})
            )
        case 7:
            return []
        case 8:
            return [value]
        case 9:
            for _ in range(random.choice((2, 40, 300))):
                value = [value] if random.random() < 0.9 else {"a": value}
            return value


def _packed(random, body):
    match random.randrange(5):
        case 0:
            return [("Content-Encoding", "gzip")], gzip.compress(body, mtime=0)
        case 1:
            return [("Content-Encoding", "gzip")], damage_bytes(random, gzip.compress(body, mtime=0))
        case 2:
            return [("Content-Encoding", "gzip, gzip")], gzip.compress(gzip.compress(body, mtime=0), mtime=0)
        case 3:
            return [("Content-Encoding", "gzip")], gzip.compress(
                b'{"instances": "' + bytes(_UNPACKED_BYTES), mtime=0
            )
        case _:
            return [("Content-Encoding", random.choice(("deflate", "br", "gzip;q=0")))], zlib.compress(body)
