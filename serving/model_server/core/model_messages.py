"""Builds the metadata and status messages about models, which both protocols send."""

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from serving.model_server.core.request_types import ModelSpec
from serving.model_server.core.server_core import ServerCore


def metadata_response(core: ServerCore, spec: ModelSpec):
    """Returns the `GetModelMetadataResponse` with the signatures of the version that `spec` names.

    Raises:
        ServingError: No such model is available.
    """
    model = core.find(spec)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, signature_def in model.session.signature_defs.items():
        signatures.signature_def[name].CopyFrom(signature_def)
    response = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=model_pb2.ModelSpec(name=spec.name))
    response.model_spec.version.value = model.version
    response.metadata["signature_def"].Pack(signatures)
    return response


def status_response(core: ServerCore, spec: ModelSpec | None):
    """Returns the `GetModelStatusResponse` of a model.

    Raises:
        ServingError: No such model or version is known.
    """
    response = get_model_status_pb2.GetModelStatusResponse()
    states = get_model_status_pb2.ModelVersionStatus.State
    for model in core.model_status(spec):
        status = response.model_version_status.add(version=model.version, state=states.Value(model.state))
        status.status.error_code = model.error.grpc_code if model.error else 0
        status.status.error_message = model.error.message if model.error else ""
    return response
