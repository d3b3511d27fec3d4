"""Defines the protobuf messages of clients and configuration files, without importing TensorFlow.

The published package does not serve for two reasons: it imports all of TensorFlow (seconds, gigabytes), and
it lacks the messages of the batching, monitoring and TLS files. These definitions live in a private
descriptor pool, so a process may import TensorFlow's own as well; both are identical on the wire.

Sources:
    [TFS] tensorflow/serving, `tensorflow_serving/{apis,config,servables/tensorflow}/*.proto`
    [TF] tensorflow/tensorflow, `core/framework/{tensor,tensor_shape,types}.proto`,
        `core/protobuf/meta_graph.proto`
"""

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

from serving.wire.data_types import DATA_TYPES

_FIELD = descriptor_pb2.FieldDescriptorProto
_TF = "tensorflow"
_TFS = "tensorflow.serving"
_POLICY = "FileSystemStoragePathSourceConfig.ServableVersionPolicy"

# Message name to "type name number, ..."; a leading * marks a repeated field, "map:type" a map from strings,
# "?name" a member of a oneof.
_MESSAGES = {
    _TF: {
        "TensorShapeProto": "*TensorShapeProto.Dim dim 2, bool unknown_rank 3",
        "TensorShapeProto.Dim": "int64 size 1, string name 2",
        "TensorProto": (
            "DataType dtype 1, TensorShapeProto tensor_shape 2, int32 version_number 3, "
            "bytes tensor_content 4, *float float_val 5, *double double_val 6, *int32 int_val 7, "
            "*bytes string_val 8, *float scomplex_val 9, *int64 int64_val 10, *bool bool_val 11, "
            "*double dcomplex_val 12, *int32 half_val 13, "
            "*uint32 uint32_val 16, *uint64 uint64_val 17"
        ),
        "TensorInfo": "string name 1 ?encoding, DataType dtype 2, TensorShapeProto tensor_shape 3",
        "SignatureDef": (
            "map:TensorInfo inputs 1, map:TensorInfo outputs 2, string method_name 3, "
            "map:TensorProto defaults 4"
        ),
    },
    _TFS: {
        "ModelSpec": (
            "string name 1, google.protobuf.Int64Value version 2 ?version_choice, "
            "string version_label 4 ?version_choice, string signature_name 3"
        ),
        "PredictRequest": (
            "ModelSpec model_spec 1, map:tensorflow.TensorProto inputs 2, *string output_filter 3"
        ),
        "PredictResponse": "map:tensorflow.TensorProto outputs 1, ModelSpec model_spec 2",
        "ExampleList": "*bytes examples 1",  # stay serialized, because nothing here reads an example's fields
        "Input": "ExampleList example_list 1 ?kind",
        "ClassificationRequest": "ModelSpec model_spec 1, Input input 2",
        "RegressionRequest": "ModelSpec model_spec 1, Input input 2",
        "InferenceTask": "ModelSpec model_spec 1, string method_name 2",
        "MultiInferenceRequest": "*InferenceTask tasks 1, Input input 2",
        "GetModelMetadataRequest": "ModelSpec model_spec 1, *string metadata_field 2",
        "GetModelMetadataResponse": "ModelSpec model_spec 1, map:google.protobuf.Any metadata 2",
        "SignatureDefMap": "map:tensorflow.SignatureDef signature_def 1",
        "GetModelStatusRequest": "ModelSpec model_spec 1",
        "GetModelStatusResponse": "*ModelVersionStatus model_version_status 1",
        "ModelVersionStatus": "int64 version 1, ModelVersionStatus.State state 2, StatusProto status 3",
        "StatusProto": "int32 error_code 1, string error_message 2",
        "ModelServerConfig": "ModelConfigList model_config_list 1 ?config",
        "ModelConfigList": "*ModelConfig config 1",
        "ModelConfig": (
            f"string name 1, string base_path 2, string model_platform 4, {_POLICY} model_version_policy 7, "
            "map:int64 version_labels 8"
        ),
        "FileSystemStoragePathSourceConfig": "",
        _POLICY: (
            f"{_POLICY}.Latest latest 100 ?policy_choice, {_POLICY}.All all 101 ?policy_choice, "
            f"{_POLICY}.Specific specific 102 ?policy_choice"
        ),
        f"{_POLICY}.Latest": "uint32 num_versions 1",
        f"{_POLICY}.All": "",
        f"{_POLICY}.Specific": "*int64 versions 1",
        "BatchingParameters": (
            "google.protobuf.Int64Value max_batch_size 1, google.protobuf.Int64Value batch_timeout_micros 2, "
            "google.protobuf.Int64Value max_enqueued_batches 3, "
            "google.protobuf.Int64Value num_batch_threads 4, "
            "google.protobuf.StringValue thread_pool_name 5, *int64 allowed_batch_sizes 6, "
            "bool pad_variable_length_inputs 7, google.protobuf.BoolValue enable_large_batch_splitting 8, "
            "google.protobuf.Int64Value max_execution_batch_size 9"
        ),
        "PrometheusConfig": "bool enable 1, string path 2",
        "MonitoringConfig": "PrometheusConfig prometheus_config 1",
        "SSLConfig": "string server_key 1, string server_cert 2, string custom_ca 3, bool client_verify 4",
    },
}
_ENUMS = {
    _TF: {
        "DataType": {"DT_INVALID": 0} | {data_type.enum_name: data_type.number for data_type in DATA_TYPES}
    },
    _TFS: {
        "ModelVersionStatus.State": {
            "UNKNOWN": 0,
            "START": 10,
            "LOADING": 20,
            "AVAILABLE": 30,
            "UNLOADING": 40,
            "END": 50,
        }
    },
}


def _build_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    dependencies = []
    for module in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        dependencies.append(module.DESCRIPTOR.name)
    for package, messages in _MESSAGES.items():
        file = descriptor_pb2.FileDescriptorProto(
            name=f"serving/{package}.proto", package=package, syntax="proto3", dependency=dependencies
        )
        containers = {"": file}
        for path, fields in messages.items():
            containers[path] = _add_message(file, containers, path, fields, package)
        for path, values in _ENUMS[package].items():
            outer, _, name = path.rpartition(".")
            enum = containers[outer].enum_type.add(name=name)
            for value_name, number in values.items():
                enum.value.add(name=value_name, number=number)
        pool.Add(file)
        dependencies = [*dependencies, file.name]
    return pool


def _add_message(file: Any, containers: dict[str, Any], path: str, fields: str, package: str) -> Any:
    outer, _, name = path.rpartition(".")
    siblings = containers[outer].nested_type if outer else file.message_type
    message = siblings.add(name=name)
    for field in filter(None, fields.split(", ")):
        _add_field(message, f"{package}.{path}", field, package)
    return message


def _add_field(message: Any, full_name: str, text: str, package: str) -> None:
    type_name, name, number, *group = text.split()
    field = message.field.add(name=name, number=int(number), label=_FIELD.LABEL_OPTIONAL)
    if group:
        names = [oneof.name for oneof in message.oneof_decl]
        if group[0][1:] not in names:
            names.append(message.oneof_decl.add(name=group[0][1:]).name)
        field.oneof_index = names.index(group[0][1:])
    if type_name.startswith("map:"):
        entry_name = "".join(word.capitalize() for word in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        _add_field(entry, full_name, "string key 1", package)
        _add_field(entry, full_name, f"{type_name[4:]} value 2", package)
        field.label, field.type, field.type_name = (
            _FIELD.LABEL_REPEATED,
            _FIELD.TYPE_MESSAGE,
            f".{full_name}.{entry_name}",
        )
        return
    if type_name.startswith("*"):
        field.label = _FIELD.LABEL_REPEATED
    _set_type(field, type_name.lstrip("*"), package)


def _set_type(field: Any, type_name: str, package: str) -> None:
    scalar = f"TYPE_{type_name.upper()}"
    if hasattr(_FIELD, scalar):
        field.type = getattr(_FIELD, scalar)
        return
    is_enum = any(type_name in enums for enums in _ENUMS.values())
    field.type = _FIELD.TYPE_ENUM if is_enum else _FIELD.TYPE_MESSAGE
    has_package = type_name.startswith(("google.", "tensorflow."))
    field.type_name = f".{type_name}" if has_package else f".{package}.{type_name}"


_POOL = _build_pool()


def _message(full_name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(full_name))


TensorProto = _message("tensorflow.TensorProto")
TensorShapeProto = _message("tensorflow.TensorShapeProto")
SignatureDef = _message("tensorflow.SignatureDef")
ModelSpec = _message("tensorflow.serving.ModelSpec")
PredictRequest = _message("tensorflow.serving.PredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
ClassificationRequest = _message("tensorflow.serving.ClassificationRequest")
RegressionRequest = _message("tensorflow.serving.RegressionRequest")
MultiInferenceRequest = _message("tensorflow.serving.MultiInferenceRequest")
SignatureDefMap = _message("tensorflow.serving.SignatureDefMap")
GetModelMetadataRequest = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message("tensorflow.serving.GetModelMetadataResponse")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")
ModelVersionStatus = _message("tensorflow.serving.ModelVersionStatus")
ModelServerConfig = _message("tensorflow.serving.ModelServerConfig")
BatchingParameters = _message("tensorflow.serving.BatchingParameters")
MonitoringConfig = _message("tensorflow.serving.MonitoringConfig")
SSLConfig = _message("tensorflow.serving.SSLConfig")
