"""Writes REST responses: arrays as JSON text in TF Serving's layout and number format.

Sources:
    [TFS] tensorflow/serving, `util/json_tensor.cc`, which prints through RapidJSON's PrettyWriter
"""

import base64
import json
from collections.abc import Mapping

import numpy as np

from serving.wire import data_types
from serving.wire.json_text import INDENT, format_decimals, quote
from serving.wire.status import InvalidArgument


def predictions(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Returns a response in row format: one element per row, an object if there are several outputs.

    Args:
        outputs: Arrays by output name; strings of outputs whose name ends in `_bytes` become `{"b64": ...}`.

    Raises:
        InvalidArgument: The outputs are not rows of one batch, or have a type that JSON cannot represent.
    """
    batch_size = _batch_size(outputs)
    depth = 2 if len(outputs) == 1 else 3
    columns = {name: _rows(name, array, depth) for name, array in sorted(outputs.items())}
    if len(columns) == 1:
        rows = ", ".join(next(iter(columns.values())))
    else:
        rows = ",".join(
            "\n        {"
            + ",".join(f"\n            {quote(name)}: {column[row]}" for name, column in columns.items())
            + "\n        }"
            for row in range(batch_size)
        )
    end = f"\n{INDENT}]" if batch_size else "]"
    return _encode(f'{{\n    "predictions": [{rows}{end}\n}}')


def outputs(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Returns a response in columnar format: the array itself, or an object of arrays by output name.

    Args:
        outputs: As for `predictions`.

    Raises:
        InvalidArgument: An output has a type that JSON cannot represent.
    """
    if len(outputs) == 1:
        (name, array), *_ = outputs.items()
        text = _nested(name, array, 1)
    else:
        members = ",".join(
            f"\n        {quote(name)}: {_nested(name, array, 2)}" for name, array in sorted(outputs.items())
        )
        text = f"{{{members}\n    }}"
    return _encode(f'{{\n    "outputs": {text}\n}}')


def classifications(labels: np.ndarray, scores: np.ndarray) -> bytes:
    """Returns the response to a classify request: for each example a list of `[label, score]` pairs.

    Args:
        labels: `bytes` objects [N, classes].
        scores: float32 [N, classes].
    """
    names = [quote(label.decode("utf-8", "surrogateescape")) for label in labels.ravel()]
    pairs = [f"[{name}, {score}]" for name, score in zip(names, format_decimals(scores.ravel()), strict=True)]
    length = labels.shape[1]
    rows = [", ".join(pairs[row * length : (row + 1) * length]) for row in range(len(labels))]
    return _encode(f'{{\n    "results": [{", ".join(f"[{row}]" for row in rows)}\n    ]\n}}')


def regressions(values: np.ndarray) -> bytes:
    """Returns the response to a regress request: one number per example.

    Args:
        values: float32 [N].
    """
    return _encode(f'{{\n    "results": [{", ".join(format_decimals(values))}]\n}}')


def error(message: str) -> bytes:
    """Returns the body of an error response."""
    # A message may quote half a surrogate pair, which JSON can escape but UTF-8 cannot encode.
    return f'{{\n    "error": {quote(message)}\n}}'.encode("utf-8", "backslashreplace")


def _batch_size(outputs):
    batch_size = None
    for name, array in sorted(outputs.items()):
        if array.ndim == 0:
            raise InvalidArgument(f"Tensor name: {name} has no shape information ")
        if batch_size not in (None, len(array)):
            raise InvalidArgument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {batch_size}"
            )
        batch_size = len(array)
    return batch_size


def _rows(name, array, depth) -> list[str]:
    """Formats each row on one line."""
    if array.size == 0:
        return [json.dumps(row) for row in array.tolist()]
    texts = _leaves(name, array, depth + array.ndim - 1)
    for length in reversed(array.shape[1:]):
        texts = _group(texts, length, "[", ", ", "]")
    return texts


def _nested(name, array, depth) -> str:
    """Formats an array with each value on its own line."""
    if array.size == 0:
        return json.dumps(array.tolist(), indent=4).replace("\n", "\n" + INDENT * depth)
    texts = _leaves(name, array, depth + array.ndim)
    for axis in reversed(range(array.ndim)):
        line = "\n" + INDENT * (depth + axis + 1)
        end = "\n" + INDENT * (depth + axis) + "]"
        texts = _group(texts, array.shape[axis], "[" + line, "," + line, end)
    return texts[0]


def _group(texts, length, start, separator, end):
    return [start + separator.join(texts[i : i + length]) + end for i in range(0, len(texts), length)]


def _leaves(name, array, depth) -> list[str]:
    flat = array.ravel()
    data_type = data_types.of_array(array)
    if data_type is data_types.STRING:
        if name.endswith("_bytes"):
            line, end = "\n" + INDENT * (depth + 1), "\n" + INDENT * depth
            return [f'{{{line}"b64": "{base64.b64encode(value).decode()}"{end}}}' for value in flat]
        return [quote(value.decode("utf-8", "surrogateescape")) for value in flat]
    if data_type.json_kind == "decimal":
        return format_decimals(flat)
    if data_type.json_kind == "integer":
        return list(map(str, flat.tolist()))
    if data_type.json_kind == "boolean":
        return ["true" if value else "false" for value in flat.tolist()]
    raise InvalidArgument(f"Failed to write JSON value for tensor type: {data_type.name}")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
