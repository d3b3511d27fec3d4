"""The warm-up file, read back record by record."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from export.saved_model.warmup import MAX_RECORDS, write_warmup_requests


def records(path):
    data = tf.data.TFRecordDataset(str(path))
    return [prediction_log_pb2.PredictionLog.FromString(record) for record in data.as_numpy_iterator()]


def test_requests_come_back_in_order(tmp_path):
    seeds = {"seed": np.arange(2), "category": np.array(["sneaker", "größe"], dtype=object)}
    latents = [{"latents": np.full([rows, 3], 0.5, "float32")} for rows in (1, 4)]
    path = write_warmup_requests(tmp_path, "dcgan", {"generate": [seeds], "decode": latents})
    assert path == tmp_path / "assets.extra" / "tf_serving_warmup_requests"

    requests = [record.predict_log.request for record in records(path)]
    assert [request.model_spec.signature_name for request in requests] == ["generate", "decode", "decode"]
    assert {request.model_spec.name for request in requests} == {"dcgan"}
    category = tf.make_ndarray(requests[0].inputs["category"])
    assert [word.decode() for word in category] == ["sneaker", "größe"]
    np.testing.assert_array_equal(tf.make_ndarray(requests[0].inputs["seed"]), [0, 1])
    assert requests[0].inputs["seed"].dtype == tf.int64.as_datatype_enum
    np.testing.assert_array_equal(tf.make_ndarray(requests[2].inputs["latents"]), latents[1]["latents"])


def test_bytes_pass_unchanged(tmp_path):
    file = b"\x89PNG\r\n\x1a\n\0\0"
    path = write_warmup_requests(
        tmp_path, "srcnn_x2", {"upscale_png": [{"image_bytes": np.array([file], object)}]}
    )
    (record,) = records(path)
    assert list(record.predict_log.request.inputs["image_bytes"].string_val) == [file]


def test_more_records_than_tf_serving_loads_are_refused(tmp_path):
    seed = {"seed": np.zeros([1], "int64")}
    path = write_warmup_requests(tmp_path, "dcgan", {"generate": [seed] * MAX_RECORDS})
    assert len(records(path)) == MAX_RECORDS
    with pytest.raises(
        ValueError, match="`requests` must hold at most 1000 requests.*Received: 1001 requests"
    ):
        write_warmup_requests(tmp_path, "dcgan", {"generate": [seed] * MAX_RECORDS, "decode": [seed]})
