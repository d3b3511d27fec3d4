"""One server on all of `models_dir`, for every test that compares its responses with TF Serving's."""

import atexit
import contextlib
import functools
import tempfile
from pathlib import Path

import grpc
import httpx2
import numpy as np
from serving_models import models_dir, running_server
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.wire import tensor_proto

FLOATS = np.ones((2, 4), np.float32)
ROW = np.ones(2, np.float32)


@functools.cache
def _server():
    # Created first, so that it is deleted only after the server that follows it.
    models_dir()
    exits = contextlib.ExitStack()
    atexit.register(exits.close)
    directory = exits.enter_context(tempfile.TemporaryDirectory(prefix="conformance-"))
    return exits.enter_context(running_server(Path(directory)))


@functools.cache
def channel() -> grpc.Channel:
    """Returns a connection to the server over gRPC."""
    return grpc.insecure_channel(f"localhost:{_server().flags['port']}")


@functools.cache
def prediction() -> prediction_service_pb2_grpc.PredictionServiceStub:
    """Returns the RPCs of `PredictionService`."""
    return prediction_service_pb2_grpc.PredictionServiceStub(channel())


@functools.cache
def rest() -> httpx2.Client:
    """Returns a connection to the server over REST."""
    address = f"http://localhost:{_server().flags['rest_api_port']}"
    return httpx2.Client(base_url=address, timeout=30, trust_env=False)


def fill_spec(message, model="linear", signature="", version=None, label=""):
    """Fills a `ModelSpec`; returns it."""
    message.name, message.signature_name = model, signature
    if version is not None:
        message.version.value = version
    if label:
        message.version_label = label
    return message


def predict_request(inputs=None, outputs=(), **spec):
    """Returns a `PredictRequest`; `spec` as for `fill_spec`."""
    request = predict_pb2.PredictRequest(output_filter=outputs)
    fill_spec(request.model_spec, **spec)
    for name, array in (inputs or {}).items():
        tensor_proto.fill(request.inputs[name], np.asarray(array), as_content=False)
    return request


def outcome(call, request, **options) -> tuple[str, str]:
    """Returns the code and message of a gRPC response, `("OK", "")` without an error."""
    try:
        call(request, **options)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def post(path, body, **headers) -> httpx2.Response:
    """Sends a body over REST: bytes as they are, anything else as JSON."""
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    return rest().post(path, headers=headers, **content)


def error_of(response) -> tuple[int, str]:
    """Returns the status and the message of an error over REST."""
    return response.status_code, response.json()["error"]
