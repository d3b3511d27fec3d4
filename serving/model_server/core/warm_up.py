"""Runs a version's recorded warm-up requests before it answers its first client.

Sources:
    [TFS] tensorflow/serving, `servables/tensorflow/saved_model_warmup_util.cc`
"""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.python.lib.io import tf_record
from tensorflow_serving.apis import prediction_log_pb2

from serving.model_server.core import classify_regress
from serving.model_server.core.metrics import Metrics
from serving.model_server.core.model_signature import CLASSIFY, REGRESS
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.wire.status import DataLoss, InvalidArgument, Unimplemented, from_exception

FILE_NAME = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS = 1000
_logger = logging.getLogger(__name__)


def warm_up(
    session: SavedModelSession, path: Path, num_iterations: int = 1, metrics: Metrics | None = None
) -> int:
    """Runs a version's warm-up requests, if it has any.

    Args:
        session: The loaded version.
        path: The version directory.
        num_iterations: Number of runs per request.
        metrics: Metrics to update.

    Returns:
        The number of records read.

    Raises:
        ServingError: The file cannot be read, or a request fails; either makes the load fail.
    """
    file = path / FILE_NAME
    if not file.exists():
        return 0
    metrics = metrics or Metrics()
    begin = time.perf_counter()
    num_records, status = 0, "OK"
    try:
        for num_records in _answered(session, file, num_iterations):  # noqa: B007 - the last one stays
            metrics.warmup_records.add(1, str(path), status)
    except Exception as error:
        status = from_exception(error).name
        raise
    finally:
        metrics.warmup_latency.add((time.perf_counter() - begin) * 1e6, str(path), status)
    _logger.info(
        "Finished reading warmup data for model at %s. Number of warmup records read: %d.", path, num_records
    )
    return num_records


def _answered(session, file, num_iterations) -> Iterator[int]:
    """Runs each record and yields the number of records run so far."""
    for number, record in enumerate(recorded_requests(file), start=1):
        if number > MAX_RECORDS:
            raise InvalidArgument(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {file}")
        for _ in range(num_iterations):
            _run(session, record)
        yield number


def recorded_requests(file: Path) -> Iterator:
    """Yields the `PredictionLog` messages of a warm-up file.

    Raises:
        ServingError: The file cannot be read.
    """
    try:
        for text in tf_record.tf_record_iterator(str(file)):
            yield prediction_log_pb2.PredictionLog.FromString(text)
    except DecodeError as error:
        raise InvalidArgument(f"Failed to parse warmup record: {error}") from error
    except tf.errors.DataLossError as error:
        message = f"{error.message} Please verify your warmup data is in TFRecord format."
        raise DataLoss(message) from error
    except tf.errors.OpError as error:
        raise from_exception(error) from error


def _run(session, record):
    kind = record.WhichOneof("log_type")
    if kind == "predict_log":
        request = record.predict_log.request
        signature = session.signature(request.model_spec.signature_name)
        session.predict(signature, request.inputs, list(request.output_filter))
    elif kind in _INFERENCES:
        _INFERENCES[kind](session, getattr(record, kind).request)
    elif kind in ("predict_streamed_log", "session_run_log"):
        raise Unimplemented(f"Unsupported log_type for warmup: {kind}")


def _classify(session, request):
    _infer(session, CLASSIFY, request)


def _regress(session, request):
    _infer(session, REGRESS, request)


def _infer(session, method_name, request):
    examples = classify_regress.examples_of(request.input)
    classify_regress.infer(session, request.model_spec.signature_name, method_name, examples)


def _infer_all(session, request):
    classify_regress.infer_all(
        session, classify_regress.tasks_of(request), classify_regress.examples_of(request.input)
    )


_INFERENCES = {
    "classify_log": _classify,
    "regress_log": _regress,
    "multi_inference_log": _infer_all,
}
