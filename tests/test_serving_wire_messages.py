import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

from serving.wire import messages, tensor_proto

PUBLISHED = {
    messages.TensorProto: tensor_pb2.TensorProto,
    messages.SignatureDef: meta_graph_pb2.SignatureDef,
    messages.ModelSpec: model_pb2.ModelSpec,
    messages.PredictRequest: predict_pb2.PredictRequest,
    messages.PredictResponse: predict_pb2.PredictResponse,
    messages.SignatureDefMap: get_model_metadata_pb2.SignatureDefMap,
    messages.GetModelMetadataRequest: get_model_metadata_pb2.GetModelMetadataRequest,
    messages.GetModelMetadataResponse: get_model_metadata_pb2.GetModelMetadataResponse,
    messages.GetModelStatusRequest: get_model_status_pb2.GetModelStatusRequest,
    messages.GetModelStatusResponse: get_model_status_pb2.GetModelStatusResponse,
    messages.ModelServerConfig: model_server_config_pb2.ModelServerConfig,
}


def differences(ours, theirs, seen):
    """Lists the fields of ours, nested ones included, that are not the same field of theirs."""
    if ours.full_name in seen:
        return []
    seen.add(ours.full_name)
    found = []
    for field in ours.fields:
        other = theirs.fields_by_name.get(field.name)
        facts = [
            (
                f.number,
                f.is_repeated,
                f.containing_oneof and f.containing_oneof.name,
                f.type == f.TYPE_MESSAGE,
            )
            for f in (field, other)
            if f
        ]
        if facts[0] != facts[-1] or other is None:
            found.append(f"{ours.full_name}.{field.name}")
        elif field.type == field.TYPE_MESSAGE:
            found += differences(field.message_type, other.message_type, seen)
        elif field.enum_type and other.enum_type:
            numbers = {value.name: value.number for value in other.enum_type.values}
            found += [
                value.name for value in field.enum_type.values if numbers.get(value.name) != value.number
            ]
        elif {field.type, other.type} not in ({field.type}, {field.TYPE_INT32, field.TYPE_ENUM}):
            found.append(f"{ours.full_name}.{field.name}: type")
    return found


@pytest.mark.parametrize("message", PUBLISHED, ids=lambda message: message.DESCRIPTOR.name)
def test_fields_are_those_of_the_published_package(message):
    assert differences(message.DESCRIPTOR, PUBLISHED[message].DESCRIPTOR, set()) == []


def test_bytes_mean_the_same_to_both():
    ours = messages.PredictRequest(output_filter=["y"])
    ours.model_spec.name = "m"
    ours.model_spec.version.value = 3
    tensor_proto.fill(ours.inputs["x"], np.ones((2, 3), np.float32), as_content=True)
    theirs = predict_pb2.PredictRequest.FromString(ours.SerializeToString())
    assert theirs.model_spec.version.value == 3
    assert messages.PredictRequest.FromString(theirs.SerializeToString()) == ours


def test_clients_and_configuration_import_no_tensorflow():
    code = (
        "import sys, serving.client.grpc_client, serving.client.rest_client\n"
        "import serving.launch.config_files, serving.launch.engine\n"
        "imported = {name.split('.')[0] for name in sys.modules}\n"
        "sys.exit(', '.join(imported & {'tensorflow', 'keras', 'tensorflow_serving'}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


ARRAYS = [
    np.arange(6, dtype=np.float32).reshape(2, 3),
    np.array(2.5),
    np.array([-1, 2], np.int8),
    np.array([255, 0], np.uint8),
    np.array([-5], np.int16),
    np.array([65535], np.uint16),
    np.array([2**32 - 1], np.uint32),
    np.array([2**64 - 1], np.uint64),
    np.array([-(2**63)], np.int64),
    np.array([[True], [False]]),
    np.array([1.5, -2], np.float16),
    np.array([1.5, -2], ml_dtypes.bfloat16),
    np.array([1 + 2j], np.complex64),
    np.array([1 + 2j, 3], np.complex128),
    np.array([[b"a\x00", b""]], object),
    np.zeros((0, 4), np.float32),
]


@pytest.mark.parametrize("as_content", [True, False])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_tensors_survive_the_round_trip(array, as_content):
    proto = messages.TensorProto()
    tensor_proto.fill(proto, array, as_content)
    theirs = tensor_pb2.TensorProto.FromString(proto.SerializeToString())
    for message in (proto, theirs):
        again = tensor_proto.to_array(message)
        assert (again.dtype, again.shape) == (array.dtype, array.shape)
        assert again.tolist() == array.tolist()


def test_short_list_repeats_its_last_value():
    proto = messages.TensorProto(dtype=1, float_val=[1, 2])
    proto.tensor_shape.dim.add(size=4)
    assert tensor_proto.to_array(proto).tolist() == [1, 2, 2, 2]
    proto.ClearField("float_val")
    assert tensor_proto.to_array(proto).tolist() == [0, 0, 0, 0]


def test_strings_in_tensor_content():
    proto = messages.TensorProto(dtype=7, tensor_content=b"\x01\x02abb")
    proto.tensor_shape.dim.add(size=2)
    assert tensor_proto.to_array(proto).tolist() == [b"a", b"bb"]


def test_array_of_another_type_is_refused():
    with pytest.raises(TypeError, match=r"Received: dtype=datetime64"):
        tensor_proto.fill(messages.TensorProto(), np.zeros(1, "datetime64[s]"), as_content=True)
