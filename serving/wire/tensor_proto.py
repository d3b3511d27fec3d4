"""Converts `TensorProto` messages, of any registration, to and from NumPy by `tensorflow::Tensor`'s rules."""

import math
from typing import Any

import numpy as np

from serving.wire import data_types
from serving.wire.data_types import DataType

# A message may hold a single value for a tensor of any shape, which repeats it. Without a limit, thirty bytes
# could request a terabyte; with a high limit, minutes of work that no limit on the message's size prevents.
MAX_REPEATED_BYTES = 2**20


def to_array(proto: Any) -> np.ndarray:
    """Converts a message to an array.

    Args:
        proto: A `TensorProto` with values in `tensor_content` or in the typed field. In a typed field with
            too few values the last one repeats; surplus values are ignored.

    Returns:
        A NumPy array; strings are `bytes` in an `object` array.

    Raises:
        ValueError: The message is inconsistent, or repeats a value over more than `MAX_REPEATED_BYTES`.
    """
    data_type = data_types.BY_NUMBER.get(proto.dtype)
    if data_type is None or proto.tensor_shape.unknown_rank:
        raise ValueError(f"The tensor needs a known data type and shape. Received: dtype={proto.dtype}.")
    shape = [dimension.size for dimension in proto.tensor_shape.dim]
    size = math.prod(shape)
    if min(shape, default=0) < 0:
        raise ValueError(f"Every dimension must be 0 or larger. Received: shape={shape}.")
    if proto.tensor_content:
        return _from_content(proto.tensor_content, data_type, size).reshape(shape)
    values = getattr(proto, data_type.field)
    if len(values) < size and size * _bytes_of_last(values, data_type) > MAX_REPEATED_BYTES:
        raise ValueError(f"The message must hold every value of so large a tensor. Received: shape={shape}.")
    return _from_field(values, data_type, size).reshape(shape)


def fill(proto: Any, array: np.ndarray, as_content: bool) -> None:
    """Writes an array into an empty message.

    Args:
        proto: A `TensorProto`.
        array: As `to_array` returns it; `str` objects are written as UTF-8.
        as_content: Whether to fill `tensor_content`, which is compact and fast, instead of the typed field,
            which TF Serving uses by default. Strings always go into the typed field.

    Raises:
        TypeError: The array's type has no counterpart in TensorFlow.
    """
    data_type = data_types.of_array(array)
    proto.dtype = data_type.number
    proto.tensor_shape.SetInParent()  # a scalar has an empty shape, which is not a missing one
    for length in array.shape:
        proto.tensor_shape.dim.add(size=length)
    if data_type is data_types.STRING:
        proto.string_val.extend(
            [value if isinstance(value, bytes) else str(value).encode() for value in array.ravel().tolist()]
        )
    elif as_content:
        proto.tensor_content = array.tobytes()
    else:
        getattr(proto, data_type.field).extend(_field_values(array.ravel(), data_type))


def _field_values(flat: np.ndarray, data_type: DataType) -> list[Any]:
    if data_type.field == "half_val":
        return flat.view(np.uint16).tolist()
    if data_type.field in ("scomplex_val", "dcomplex_val"):
        return flat.view(flat.real.dtype).tolist()
    return flat.tolist()


def _from_content(content: bytes, data_type: DataType, size: int) -> np.ndarray:
    if data_type is data_types.STRING:
        return _from_string_content(content, size)
    if len(content) != size * data_type.numpy.itemsize:
        raise ValueError(f"`tensor_content` must hold {size} values. Received: {len(content)} bytes.")
    array = np.frombuffer(content, data_type.numpy)
    # Any byte other than 0 and 1 is undefined behaviour for a C++ bool.
    return array.view(np.uint8) != 0 if data_type.numpy == np.bool_ else array


def _bytes_of_last(values: Any, data_type: DataType) -> int:
    # The runtime copies a repeated string into every element.
    is_long = data_type is data_types.STRING and len(values)
    return data_type.numpy.itemsize + (len(values[-1]) if is_long else 0)


def _from_field(values: Any, data_type: DataType, size: int) -> np.ndarray:
    if data_type is data_types.STRING:
        array = np.empty(len(values), object)
        array[:] = values
    elif data_type.field == "half_val":
        array = np.fromiter(values, np.int64, len(values)).astype(np.uint16).view(data_type.numpy)
    elif data_type.field in ("scomplex_val", "dcomplex_val"):
        parts = np.fromiter(values, data_type.numpy.type(0).real.dtype, len(values))
        array = parts[: len(parts) // 2 * 2].view(data_type.numpy)
    else:
        wire_type = np.int32 if data_type.field == "int_val" else data_type.numpy
        array = np.fromiter(values, wire_type, len(values)).astype(data_type.numpy, copy=False)
    if len(array) >= size:
        return array[:size]
    last = array[-1] if len(array) else (b"" if data_type is data_types.STRING else data_type.numpy.type(0))
    filled = np.full(size, last, data_type.numpy)
    filled[: len(array)] = array
    return filled


def _from_string_content(content: bytes, size: int) -> np.ndarray:
    """Reads all lengths as varints, then the concatenated strings."""
    lengths, position = [], 0
    for _ in range(size):
        length = shift = 0
        while True:
            if position >= len(content) or shift > 63:
                raise ValueError(f"`tensor_content` must hold {size} lengths and strings.")
            byte = content[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise ValueError(f"`tensor_content` must hold {size} strings. Received: {len(content)} bytes.")
    array = np.empty(size, object)
    for index, length in enumerate(lengths):
        array[index] = content[position : position + length]
        position += length
    return array
