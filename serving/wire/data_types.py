"""TensorFlow's data types on the wire: one table of numbers, names, NumPy types and proto fields."""

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np


@dataclass(frozen=True)
class DataType:
    """A data type that servers and clients support.

    Attributes:
        number: Its value in the enum `tensorflow.DataType`.
        name: TensorFlow's short name, which appears in error messages, e.g. `"float"`.
        numpy: The NumPy type; `object` (of `bytes`) for strings.
        field: The typed field of `TensorProto` that holds its values.
        json_kind: Kind of JSON value that it is read from: `"decimal"`, `"integer"`, `"boolean"`,
            `"string"`, or `""` if TF Serving's REST API does not support it.
        json_range: Smallest and largest integer that JSON may hold for it.
    """

    number: int
    name: str
    numpy: np.dtype
    field: str
    json_kind: str = ""
    json_range: tuple[int, int] = (0, 0)

    @property
    def enum_name(self) -> str:
        return f"DT_{self.name.upper()}"


def _data_type(
    number: int, name: str, numpy_type: Any, field: str, json_kind: str = "", json_range: Any = None
) -> DataType:
    bounds = np.iinfo(json_range) if json_range else None
    return DataType(
        number, name, np.dtype(numpy_type), field, json_kind, (bounds.min, bounds.max) if bounds else (0, 0)
    )


# In JSON, small integer types accept any 32-bit integer: TF Serving checks no narrower range and wraps.
DATA_TYPES = (
    _data_type(1, "float", np.float32, "float_val", "decimal"),
    _data_type(2, "double", np.float64, "double_val", "decimal"),
    _data_type(3, "int32", np.int32, "int_val", "integer", np.int32),
    _data_type(4, "uint8", np.uint8, "int_val", "integer", np.int32),
    _data_type(5, "int16", np.int16, "int_val", "integer", np.int32),
    _data_type(6, "int8", np.int8, "int_val", "integer", np.int32),
    _data_type(7, "string", object, "string_val", "string"),
    _data_type(8, "complex64", np.complex64, "scomplex_val"),
    _data_type(9, "int64", np.int64, "int64_val", "integer", np.int64),
    _data_type(10, "bool", np.bool_, "bool_val", "boolean"),
    _data_type(14, "bfloat16", ml_dtypes.bfloat16, "half_val"),
    _data_type(17, "uint16", np.uint16, "int_val"),
    _data_type(18, "complex128", np.complex128, "dcomplex_val"),
    _data_type(19, "half", np.float16, "half_val"),
    _data_type(22, "uint32", np.uint32, "uint32_val", "integer", np.uint32),
    _data_type(23, "uint64", np.uint64, "uint64_val", "integer", np.uint64),
)
BY_NUMBER = {data_type.number: data_type for data_type in DATA_TYPES}
BY_ENUM_NAME = {data_type.enum_name: data_type for data_type in DATA_TYPES}
STRING = BY_NUMBER[7]
_BY_NUMPY = {data_type.numpy: data_type for data_type in DATA_TYPES}


def as_array(value: Any) -> np.ndarray:
    """Converts an input that a client's caller passes to an array.

    Args:
        value: An array (returned unchanged), or nested lists of integers (which become int64), of decimals
            (float32), of booleans, or of `str` and `bytes`.
    """
    if isinstance(value, np.ndarray):
        return value
    try:
        array = np.asarray(value)
    except UnicodeDecodeError:  # `str` beside `bytes`
        return np.asarray(value, dtype=object)
    if array.dtype.kind in "SU":
        # NumPy's own strings drop trailing zero bytes, but an image file may end in zeros.
        return np.asarray(value, dtype=object)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def of_array(array: np.ndarray) -> DataType:
    """Returns an array's data type on the wire.

    Args:
        array: An array of a NumPy type in the table, or of `str` or `bytes` objects.

    Raises:
        TypeError: The table lacks the array's type.
    """
    if array.dtype.kind in "OSU":
        return STRING
    if array.dtype not in _BY_NUMPY:
        names = ", ".join(str(data_type.numpy) for data_type in DATA_TYPES)
        raise TypeError(
            f"A tensor must have one of these dtypes: {names}. Received: dtype={array.dtype}. "
            "Convert the array first."
        )
    return _BY_NUMPY[array.dtype]
