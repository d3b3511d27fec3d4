"""Reads the body of a REST classify or regress request: JSON objects as serialized `tf.Example`s.

These requests serve users' own models; see `core.classify_regress`.

Sources:
    [TFS] tensorflow/serving, `util/json_tensor.cc`
"""

from tensorflow.core.example import example_pb2, feature_pb2

from serving.wire import json_tensor
from serving.wire.data_types import BY_ENUM_NAME
from serving.wire.json_text import TOO_BIG, is_decimal, to_text, type_name
from serving.wire.status import InvalidArgument

_KIND_NAMES = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def read_examples(document: dict) -> list[bytes]:
    """Returns a request's serialized examples, each preceded by the context.

    Args:
        document: The parsed body. `examples` is a list of objects that map features to values or lists;
            `context` is one such object with the features of every example that lacks its own.

    Raises:
        InvalidArgument: There are no examples, or an example has another form.
    """
    try:
        return _read_examples(document)
    except OverflowError as error:
        raise InvalidArgument(TOO_BIG) from error


def _read_examples(document):
    context = _to_example(document["context"]) if "context" in document else b""
    complaint = ""
    if "examples" not in document:
        complaint = "When method is classify, key 'examples' is expected and was not found"
    elif not isinstance(document["examples"], list):
        complaint = "Expecting 'examples' value to be an list/array"
    elif not document["examples"]:
        complaint = "'examples' value is an empty array"
    if complaint:
        raise InvalidArgument(f"JSON Value: {to_text(document)} {complaint}")
    # Parsing two concatenated protobuf messages merges them.
    return [context + _to_example(value) for value in document["examples"]]


def _to_example(value) -> bytes:
    if not isinstance(value, dict):
        raise InvalidArgument(f"Example must be JSON object but got JSON {type_name(value)}")
    example = example_pb2.Example()
    for name, content in value.items():
        feature = feature_pb2.Feature()
        for element in content if isinstance(content, list) else [content]:
            _add_value(feature, name, element)
        example.features.feature[_to_key(name)].CopyFrom(feature)
    return example.SerializeToString()


def _to_key(name) -> str:
    try:
        return json_tensor.to_bytes(name).decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument("The name of a feature must be UTF-8.") from error


def _add_value(feature, name, value):
    if isinstance(value, bool):
        _values(feature, name, "int64_list").append(int(value))
    elif isinstance(value, str) or json_tensor.is_base64(value):
        _values(feature, name, "bytes_list").append(json_tensor.to_bytes(value))
    elif is_decimal(value):
        values = _values(feature, name, "float_list")
        json_tensor.check_lossless(value, BY_ENUM_NAME["DT_FLOAT"])
        values.append(float(value))
    elif isinstance(value, int):
        values = _values(feature, name, "int64_list")
        if value >= 2**63:
            raise InvalidArgument(f"Feature: {name} has uint64 element. Only int64 is supported.")
        values.append(value)
    else:
        raise InvalidArgument(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")


def _values(feature, name, kind):
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise InvalidArgument(
            f"Unexpected element type in feature: {name} expecting type: {_KIND_NAMES[present]}"
        )
    return getattr(feature, kind).value
