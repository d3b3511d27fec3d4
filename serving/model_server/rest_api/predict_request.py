"""Reads the body of a REST predict request, in row format (`instances`) or columnar format (`inputs`).

Sources:
    [TFS] tensorflow/serving, `util/json_tensor.cc`
"""

from collections.abc import Mapping

import numpy as np

from serving.wire import data_types, json_tensor
from serving.wire.json_text import TOO_BIG, TOO_DEEP, to_text
from serving.wire.status import InvalidArgument, ServingError, Unimplemented


def signature_name(document: dict) -> str:
    """Returns the signature that a request names; `""` if it names none.

    Raises:
        InvalidArgument: The name is not a string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise InvalidArgument(
            f"JSON Value: {to_text(document)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def is_row_format(document: dict) -> bool:
    """Returns whether a request, and so its response, is in row format instead of columnar format."""
    return "instances" in document


def read_inputs(document: dict, inputs: Mapping[str, int], signature: str) -> dict[str, np.ndarray]:
    """Converts a request's inputs to tensors.

    Args:
        document: The parsed body.
        inputs: The signature's input names and data type numbers.
        signature: The signature's name in the request, for the error message.

    Raises:
        InvalidArgument: The body is in neither format, or a value does not fit.
        Unimplemented: The REST API does not support an input's type.
    """
    if not inputs:
        raise InvalidArgument(f"Failed to get input map for signature: {signature or 'DEFAULT'}")
    try:
        if is_row_format(document):
            return _read_row_format(document, inputs)
        if "inputs" in document:
            return _read_columns(document["inputs"], inputs)
    except RecursionError as error:
        raise InvalidArgument(TOO_DEEP) from error
    except OverflowError as error:
        raise InvalidArgument(TOO_BIG) from error
    raise InvalidArgument("Missing 'inputs' or 'instances' key")


def _read_row_format(document, inputs):
    instances = document["instances"]
    complaint = ""
    if "inputs" in document:
        complaint = "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
    elif not isinstance(instances, list):
        complaint = "Expecting 'instances' to be an list/array"
    elif not instances:
        complaint = "No values in 'instances' array"
    if complaint:
        raise InvalidArgument(f"JSON Value: {to_text(document)} {complaint}")
    if len(inputs) > 1 and not isinstance(instances[0], dict):
        raise InvalidArgument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    fast = _read_regular_rows(instances, inputs)
    return _read_rows(instances, inputs) if fast is None else fast


def _is_object(value) -> bool:
    return isinstance(value, dict) and not json_tensor.is_base64(value)


def _read_regular_rows(instances, inputs):
    """Reads the whole batch at once; None if it is irregular and must be read row by row."""
    if _is_object(instances[0]):
        if not all(_is_object(row) and row.keys() == inputs.keys() for row in instances):
            return None
        columns = {name: [row[name] for row in instances] for name in inputs}
    elif any(_is_object(row) for row in instances):
        return None
    else:
        columns = {next(iter(inputs)): instances}
    try:
        return {
            name: json_tensor.to_array(column, _data_type(inputs[name])) for name, column in columns.items()
        }
    except ServingError:
        return None


def _read_rows(instances, inputs):
    rows: dict[str, list[np.ndarray]] = {}
    are_objects = _is_object(instances[0])
    for index, element in enumerate(instances):
        if are_objects != _is_object(element):
            expected, got = ("object", "list") if are_objects else ("value/list", "object")
            raise InvalidArgument(f"Expecting {expected} but got {got} at item {index} of input list")
        named = element if are_objects else {next(iter(inputs)): element}
        for name, value in named.items():
            key = f" key: {name}" if are_objects else ""
            try:
                _add_row(rows, name, value, inputs)
            except ServingError as error:
                raise InvalidArgument(
                    f"Failed to process element: {index}{key} of 'instances' list. "
                    f"Error: {error.status_text()}"
                ) from error
        if are_objects and named.keys() != inputs.keys():
            raise InvalidArgument(
                f"Failed to process element: {index} of 'instances' list. JSON object: "
                f"{to_text(element)} keys must be equal to: {','.join(sorted(inputs))}"
            )
    return {name: np.stack(arrays) for name, arrays in rows.items()}


def _add_row(rows, name, value, inputs):
    if name not in inputs:
        raise InvalidArgument(f"JSON object: does not have named input: {name}")
    array = json_tensor.to_array(value, _data_type(inputs[name]))
    first = rows.setdefault(name, [array])[0]
    if array.size != first.size:
        raise InvalidArgument(f"Expecting tensor size: {first.size} but got: {array.size}")
    if array.shape != first.shape:
        raise InvalidArgument(f"Expecting shape {_shape_text(first)} but got: {_shape_text(array)}")
    if array is not first:
        rows[name].append(array)


def _read_columns(value, inputs):
    if not _is_object(value):
        if len(inputs) > 1:
            raise InvalidArgument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        value = {next(iter(inputs)): value}
    arrays = {}
    for name, number in inputs.items():
        if name not in value:
            raise InvalidArgument(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = json_tensor.to_array(value[name], _data_type(number))
    return arrays


def _data_type(number: int) -> data_types.DataType:
    if number not in data_types.BY_NUMBER:
        raise Unimplemented(f"Conversion of JSON Value to type: {number}")
    return data_types.BY_NUMBER[number]


def _shape_text(array) -> str:
    return f"[{','.join(map(str, array.shape))}]"
