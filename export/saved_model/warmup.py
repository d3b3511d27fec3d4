"""Writes the warm-up requests that TF Serving runs before a version answers its first client.

Sources:
    [TFS] tensorflow/serving, `tensorflow_serving/g3doc/saved_model_warmup.md`
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

WARMUP_REQUESTS = "assets.extra/tf_serving_warmup_requests"

# [TFS] TF Serving refuses to load a version with more.
MAX_RECORDS = 1000


def write_warmup_requests(
    version_dir: Path,
    model_name: str,
    requests: Mapping[str, Sequence[Mapping[str, np.ndarray]]],
) -> Path:
    """Writes a version directory's warm-up requests, in the given order.

    A failing request makes the version's load fail, so run each of them before the version is published.

    Args:
        version_dir: The version directory.
        model_name: Name that the model will be served by.
        requests: Signature name to that signature's requests, each a mapping of input name to array.

    Returns:
        The file written.

    Raises:
        ValueError: If there are more than `MAX_RECORDS` requests.

    Example:

    ```python
    seeds = {"seed": np.arange(8), "category": np.array(["sneaker"] * 8)}
    write_warmup_requests(version_dir, "dcgan", {"generate": [seeds]})
    ```
    """
    num_requests = sum(len(of_signature) for of_signature in requests.values())
    if num_requests > MAX_RECORDS:
        raise ValueError(
            f"`requests` must hold at most {MAX_RECORDS} requests, because TF Serving refuses to load more. "
            f"Received: {num_requests} requests. Leave some out."
        )
    path = version_dir / WARMUP_REQUESTS
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature_name, of_signature in requests.items():
            for inputs in of_signature:
                writer.write(
                    _record(model_name, signature_name, inputs).SerializeToString(deterministic=True)
                )
    return path


def _record(
    model_name: str, signature_name: str, inputs: Mapping[str, np.ndarray]
) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature_name
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
