"""`PredictionService` and `ModelService` as thin gRPC adapters over the core."""

import concurrent.futures
import functools
import os

import grpc
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.model_server.core import classify_regress
from serving.model_server.core.model_messages import metadata_response, status_response
from serving.model_server.core.model_signature import CLASSIFY, REGRESS
from serving.model_server.core.request_types import ModelSpec, Prediction
from serving.model_server.core.server_core import ServerCore
from serving.model_server.grpc_api import inference_messages
from serving.wire import tensor_proto
from serving.wire.server_defaults import UNLIMITED
from serving.wire.status import InvalidArgument, PermissionDenied, ServingError, from_exception

MAX_MESSAGE_CHARACTERS = 1024
_STATUS_CODES = {code.value[0]: code for code in grpc.StatusCode}
# gRPC reports a missing deadline as a number above any real one.
_NO_DEADLINE_SECONDS = 10 * 365 * 24 * 3600
_OPTIONS = (
    ("grpc.max_send_message_length", UNLIMITED),
    # Otherwise a second server could open the same port unnoticed, and each would get half of the requests.
    ("grpc.so_reuseport", 0),
)


def make_server(
    core: ServerCore,
    num_threads: int | None = None,
    as_content: bool = False,
    channel_arguments: tuple[tuple[str, int | str], ...] = (),
    max_message_bytes: int = UNLIMITED,
    max_requests: int | None = None,
    allows_reload: bool = True,
) -> grpc.Server:
    """Returns a gRPC server over the core; the caller adds ports and starts it.

    Args:
        core: The server's core.
        num_threads: Requests answered at a time; four per CPU by default, as in TF Serving.
        as_content: Whether outputs are serialized as `tensor_content` instead of typed fields.
        channel_arguments: Further gRPC channel arguments, which override the server's own.
        max_message_bytes: Largest request in bytes; `UNLIMITED` for no limit.
        max_requests: Most requests in progress or waiting; further ones are refused.
        allows_reload: Whether clients may name other models to serve.
    """
    pool = concurrent.futures.ThreadPoolExecutor(num_threads or 4 * (os.cpu_count() or 1), "grpc")
    # gRPC uses the first of two arguments with the same name.
    limit = ("grpc.max_receive_message_length", max_message_bytes)
    options = (*channel_arguments, limit, *_OPTIONS)
    server = grpc.server(pool, options=options, maximum_concurrent_rpcs=max_requests)
    service = GrpcService(core, as_content, allows_reload)
    server.add_generic_rpc_handlers(
        (
            _handlers(
                "tensorflow.serving.PredictionService",
                Predict=(service.predict, predict_pb2.PredictRequest),
                GetModelMetadata=(service.get_model_metadata, get_model_metadata_pb2.GetModelMetadataRequest),
                Classify=(service.classify, classification_pb2.ClassificationRequest),
                Regress=(service.regress, regression_pb2.RegressionRequest),
                MultiInference=(service.multi_inference, inference_pb2.MultiInferenceRequest),
            ),
            _handlers(
                "tensorflow.serving.ModelService",
                GetModelStatus=(service.get_model_status, get_model_status_pb2.GetModelStatusRequest),
                HandleReloadConfigRequest=(service.reload_config, model_management_pb2.ReloadConfigRequest),
            ),
        )
    )
    return server


class GrpcService:
    """Implements the RPCs; each converts messages to the core's types and back.

    Args:
        core: The server's core.
        as_content: Whether outputs are serialized as `tensor_content` instead of typed fields.
        allows_reload: Whether clients may name other models to serve.
    """

    def __init__(self, core: ServerCore, as_content: bool = False, allows_reload: bool = True):
        self._core = core
        self._as_content = as_content
        self._allows_reload = allows_reload

    def predict(self, request, context):
        """Handles a `PredictRequest`."""
        with self._core.metrics.request(request.model_spec.name, "Predict", "GRPC"):
            prediction = self._core.predict(
                _model_spec(request), request.inputs, list(request.output_filter), _seconds_left(context)
            )
            return self._predict_response(prediction)

    def _predict_response(self, prediction: Prediction):
        response = predict_pb2.PredictResponse()
        response.model_spec.name = prediction.model_name
        response.model_spec.version.value = prediction.version
        response.model_spec.signature_name = prediction.signature_name
        for alias, array in prediction.outputs.items():
            tensor_proto.fill(response.outputs[alias], array, self._as_content)
        return response

    def classify(self, request, context):
        """Handles a `ClassificationRequest`."""
        with self._core.metrics.request(request.model_spec.name, "Classify", "GRPC"):
            return inference_messages.classification_response(self._infer(CLASSIFY, request, context))

    def regress(self, request, context):
        """Handles a `RegressionRequest`."""
        with self._core.metrics.request(request.model_spec.name, "Regress", "GRPC"):
            return inference_messages.regression_response(self._infer(REGRESS, request, context))

    def _infer(self, method_name, request, context):
        examples = classify_regress.examples_of(request.input)
        return self._core.infer(_model_spec(request), method_name, examples, _seconds_left(context))

    def multi_inference(self, request, context):
        """Handles a `MultiInferenceRequest`."""
        spec = (_model_spec(request.tasks[0]) if request.tasks else None) or ModelSpec("")
        tasks, examples = classify_regress.tasks_of(request), classify_regress.examples_of(request.input)
        answers = self._core.infer_all(spec, tasks, examples, _seconds_left(context))
        return inference_messages.multi_inference_response(answers)

    def get_model_metadata(self, request, context):
        """Handles a `GetModelMetadataRequest`."""
        spec = _model_spec(request)
        if spec is None:
            raise InvalidArgument("Missing ModelSpec")
        if not request.metadata_field:
            raise InvalidArgument("GetModelMetadataRequest must specify at least one metadata_field")
        for name in request.metadata_field:
            if name != "signature_def":
                raise InvalidArgument(f"Metadata field {name} is not supported")
        return metadata_response(self._core, spec)

    def get_model_status(self, request, context):
        """Handles a `GetModelStatusRequest`."""
        return status_response(self._core, _model_spec(request))

    def reload_config(self, request, context):
        """Handles a `ReloadConfigRequest` and responds once its new models are available."""
        if not self._allows_reload:
            raise PermissionDenied(
                "HandleReloadConfigRequest is turned off, by --disable_reload or by `zoo serve` without "
                "--allow-reload"
            )
        if request.config.WhichOneof("config") != "model_config_list":
            raise InvalidArgument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is "
                "currently supported"
            )
        metrics = self._core.metrics
        before = {name: metrics.total(name) for name in request.metric_names}
        # A new model may never get a version, so this waits only as long as the client does.
        self._core.reload(request.config, is_wanted=context.is_active)
        response = model_management_pb2.ReloadConfigResponse()
        for name, total in before.items():
            response.metric.add(name=name, int64_value_increase=int(metrics.total(name) - total))
        return response


def _seconds_left(context) -> float | None:
    seconds = context.time_remaining()
    return seconds if seconds is not None and seconds < _NO_DEADLINE_SECONDS else None


def _model_spec(request) -> ModelSpec | None:
    if not request.HasField("model_spec"):
        return None
    spec = request.model_spec
    version = spec.version.value if spec.WhichOneof("version_choice") == "version" else None
    return ModelSpec(spec.name, version, spec.version_label, spec.signature_name)


def _handlers(service_name, **methods):
    return grpc.method_handlers_generic_handler(
        service_name,
        {
            name: grpc.unary_unary_rpc_method_handler(
                functools.partial(_answer, method, request_type),
                response_serializer=_serialize,
            )
            for name, (method, request_type) in methods.items()
        },
    )


def _parse(request_type, content: bytes):
    # Otherwise gRPC reports an INTERNAL error and logs a traceback for each such request.
    try:
        return request_type.FromString(content)
    except DecodeError as error:
        raise InvalidArgument(
            f"The request must be a serialized {request_type.DESCRIPTOR.full_name}. Received: {len(content)} "
            "bytes that are none. Send what the client library of the same protocol serializes."
        ) from error


def _serialize(response) -> bytes:
    return response.SerializeToString()


def _answer(method, request_type, content, context):
    try:
        return method(_parse(request_type, content), context)
    except ServingError as error:
        status = error
    except Exception as error:  # noqa: BLE001 - every error of a request becomes its response
        status = from_exception(error)
    message = status.message
    if len(message) > MAX_MESSAGE_CHARACTERS:
        message = message[:MAX_MESSAGE_CHARACTERS] + "...TRUNCATED"
    return context.abort(_STATUS_CODES[status.grpc_code], message)
