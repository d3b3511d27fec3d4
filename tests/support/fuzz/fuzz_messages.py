"""Makes hostile gRPC requests: messages that fit a signature, damaged by field and as bytes."""

from collections.abc import Sequence

from fuzz_pictures import damage_bytes
from fuzz_values import DECIMALS, Random, Target, array_for, odd_text
from google.protobuf.descriptor import FieldDescriptor
from inference_requests import FAR, NEAR, classify_request, multi_request, regress_request
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.wire import tensor_proto

_PREDICTION, _MODEL = "/tensorflow.serving.PredictionService/", "/tensorflow.serving.ModelService/"
_REQUEST_TYPES = {
    f"{_PREDICTION}Predict": predict_pb2.PredictRequest,
    f"{_PREDICTION}GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
    f"{_PREDICTION}Classify": classification_pb2.ClassificationRequest,
    f"{_PREDICTION}Regress": regression_pb2.RegressionRequest,
    f"{_PREDICTION}MultiInference": inference_pb2.MultiInferenceRequest,
    f"{_MODEL}GetModelStatus": get_model_status_pb2.GetModelStatusRequest,
    f"{_MODEL}HandleReloadConfigRequest": model_management_pb2.ReloadConfigRequest,
    f"{_PREDICTION}NoSuchMethod": predict_pb2.PredictRequest,
}
_WEIGHTS = (70, 3, 7, 5, 6, 3, 5, 1)
_SIDES = (0, 1, 2, 3, 8, -1, -2, 10**6, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**63))
_INTEGER_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-5, 200),
}
_PLATFORMS = ("", "tensorflow", "tflite", "\0")


def grpc_request(random: Random, targets: Sequence[Target]) -> tuple[str, bytes]:
    """Returns a method's path and serialized bytes, which are often not a message of that method."""
    path = random.choices(list(_REQUEST_TYPES), _WEIGHTS)[0]
    if path.endswith("HandleReloadConfigRequest"):
        return path, _reload_request(random).SerializeToString()
    request = _request(random, path, targets)
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        _damage_message(random, request)
    content = request.SerializeToString()
    return path, _damage_wire(random, content) if random.random() < 0.15 else content


def _request(random, path, targets):
    target = random.choice(targets)
    request = _REQUEST_TYPES[path]()
    if path.endswith("Predict"):
        return _predict_request(random, target)
    if path.endswith(("Classify", "Regress")):
        make = classify_request if path.endswith("Classify") else regress_request
        return make(
            *random.choices((FAR, NEAR, {}), k=random.randrange(4)),
            model=_examples_model(random, targets),
        )
    if path.endswith("MultiInference"):
        methods = ("tensorflow/serving/classify", "tensorflow/serving/regress", "", "x")
        signatures = ("", "serving_default", "regress", "scores", "nothing")
        tasks = [(random.choice(signatures), random.choice(methods)) for _ in range(random.randrange(4))]
        return multi_request(*tasks, model=_examples_model(random, targets))
    request.model_spec.name = target.model
    if path.endswith("GetModelMetadata"):
        request.metadata_field.append(random.choice(("signature_def", "", "x")))
    return request


def _examples_model(random, targets):
    return random.choice([target.model for target in targets if target.takes_examples] or [targets[0].model])


def _predict_request(random, target):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = target.model, target.signature
    num_rows = random.choice((0, 1, 1, 2, 3))
    for alias, (number, shape) in target.inputs.items():
        array = array_for(random, alias, number, shape, num_rows)
        tensor_proto.fill(request.inputs[alias], array, as_content=random.random() < 0.5)
    if request.inputs and random.random() < 0.6:
        _damage_tensor(random, request.inputs[random.choice(list(request.inputs))])
    return request


def _damage_tensor(random, tensor):
    """Makes a tensor's type, shape and values disagree."""
    match random.randrange(8):
        case 0:
            tensor.dtype = random.choice((0, 1, 3, 7, 8, 9, 10, 14, 20, 21, 101, 127, 1000))
        case 1:
            tensor.tensor_shape.dim.add(size=random.choice(_SIDES))
        case 2 if tensor.tensor_shape.dim:
            random.choice(tensor.tensor_shape.dim).size = random.choice(_SIDES)
        case 3:
            del tensor.tensor_shape.dim[random.randrange(len(tensor.tensor_shape.dim) + 1) :]
        case 4:
            tensor.tensor_content = random.randbytes(random.choice((1, 4, 7, 64)))
        case 5:
            tensor.tensor_content = damage_bytes(random, tensor.tensor_content)
        case 6:
            tensor.tensor_shape.dim.extend(
                [tensor.tensor_shape.Dim(size=1)] * random.choice((1, 4, 8, 33, 254, 300))
            )
        case 7:
            values = [field for field, _ in tensor.ListFields() if field.name.endswith("_val")]
            if values:
                list_of_values = getattr(tensor, values[0].name)
                del list_of_values[random.randrange(len(list_of_values)) :]
            tensor.float_val.extend(random.choices(DECIMALS, k=3))


def _reload_request(random):
    """Returns a configuration that must be refused; an accepted one would unload the models under test."""
    request = model_management_pb2.ReloadConfigRequest()
    if random.random() < 0.3:
        request.config.custom_model_config.SetInParent()
        return request
    models = request.config.model_config_list.config
    for _ in range(random.choice((1, 2, 20))):
        model = models.add(name=odd_text(random).encode("utf-8", "replace").decode())
        model.base_path = random.choice(("/nowhere", "s3://x", "\0", ""))
        model.model_platform = random.choice(_PLATFORMS)
        model.version_labels["a"] = random.choice((0, -1, 2**63 - 1))
        model.model_version_policy.specific.versions.append(random.choice((0, -1)))
    models.add(name="refused", base_path="relative", model_platform=random.choice(_PLATFORMS))
    request.metric_names.extend(random.choices((":tensorflow:serving:request_count", "", "x" * 1000), k=2))
    return request


def _damage_message(random, message):
    """Sets, clears or repeats one field of a message or of a message inside it."""
    fields = message.DESCRIPTOR.fields
    field = random.choice(fields)
    inner = list(_inner_messages(message))
    if inner and random.random() < 0.7:
        return _damage_message(random, random.choice(inner))
    if random.random() < 0.2:
        return message.ClearField(field.name)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        is_map = field.message_type.GetOptions().map_entry
        if is_map:
            return (
                None if _is_scalar_map(field) else getattr(message, field.name)[_text(random)].SetInParent()
            )
        return (
            getattr(message, field.name).add()
            if field.is_repeated
            else getattr(message, field.name).SetInParent()
        )
    value = _odd_scalar(random, field)
    if field.is_repeated:
        return getattr(message, field.name).extend([value] * random.choice((1, 1, 2, 1000)))
    return setattr(message, field.name, value)


def _inner_messages(message):
    for field, value in message.ListFields():
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        if not field.is_repeated:
            yield value
        elif field.message_type.GetOptions().map_entry:
            yield from () if _is_scalar_map(field) else value.values()
        else:
            yield from value


def _is_scalar_map(field):
    return field.message_type.fields_by_name["value"].type != FieldDescriptor.TYPE_MESSAGE


def _odd_scalar(random, field):
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return (
            _text(random)
            if field.type == FieldDescriptor.TYPE_STRING
            else random.randbytes(random.randrange(9))
        )
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return random.choice(DECIMALS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return random.random() < 0.5
    low, high = _INTEGER_RANGES[field.cpp_type]
    return min(max(random.choice((*_SIDES, *range(30))), low), high)


def _text(random):
    return odd_text(random).encode("utf-8", "replace").decode()


def _damage_wire(random, content):
    match random.randrange(6):
        case 0:
            return content[: random.randrange(len(content) + 1)]
        case 1:
            # Unknown field numbers, and groups that are not closed.
            return content + random.choice((b"\xf8\xff\xff\xff\x0f\x01", b"\x0b" * 500, b"\x0c", b"\x00"))
        case 2:
            return content + b"\x0a" * random.choice((1, 300)) + random.randbytes(20)
        case 3:
            return content.replace(b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", 1)
        case _:
            return damage_bytes(random, content)
