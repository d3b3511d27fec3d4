import contextlib
import shutil
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from serving_models import Linear, models_dir, save
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.model_server.core.model_versions import choose_versions, find_versions
from serving.model_server.core.request_types import ModelSpec
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.model_server.core.server_core import ServerCore
from serving.model_server.core.version_loading import LoadOptions
from serving.model_server.core.warm_up import FILE_NAME, MAX_RECORDS, warm_up
from serving.wire import status, tensor_proto

NO_RETRY = LoadOptions(max_num_load_retries=0)
X = np.ones((1, 4), np.float32)


def model_config(*models):
    return text_format.Parse(f"model_config_list {{ {' '.join(models)} }}", ModelServerConfig())


def entry(name, base_path, more="", platform='model_platform: "tensorflow"'):
    return f'config {{ name: "{name}" base_path: "{base_path}" {platform} {more} }}'


def loaded(*models, **options):
    core = ServerCore(model_config(*models), LoadOptions(max_num_load_retries=0, **options))
    core.load()
    return core


def predict(core, spec, **arguments):
    return core.predict(spec, {"x": X}, decode=lambda array: array, **arguments)


def test_inputs_may_be_read_once_the_signature_is_known():
    core = loaded(entry("linear", models_dir() / "linear"))
    seen = []

    def read_inputs(signature):
        seen.append((signature.name, list(signature.inputs)))
        return {"x": X}

    answer = core.predict(ModelSpec("linear"), read_inputs, decode=lambda array: array)
    assert (answer.signature_name, answer.version, seen) == (
        "serving_default",
        2,
        [("serving_default", ["x"])],
    )
    with pytest.raises(status.FailedPrecondition, match='Serving signature key "no" not found') as raised:
        core.predict(ModelSpec("linear", signature_name="no"), lambda signature: pytest.fail("was read"))
    assert (raised.value.name, raised.value.grpc_code, raised.value.http_status) == (
        "FAILED_PRECONDITION",
        9,
        400,
    )
    assert type(status.from_code(9, "")) is status.FailedPrecondition
    core.stop()


def test_versions_are_entries_with_numeric_names(tmp_path, caplog):
    for name in ("1", "0001", "00000123", "2.tmp", "x", "9" * 30):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file counts too")
    found = find_versions(tmp_path)
    assert {version: path.name for version, path in found.items()} == {1: "1", 7: "7", 123: "00000123"}
    assert "Duplicate version 1" in caplog.text
    with pytest.raises(status.NotFound, match="Could not find base path"):
        find_versions(tmp_path / "missing")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("", [10]),
        ("latest { }", [10]),
        ("latest { num_versions: 2 }", [2, 10]),
        ("all { }", [1, 2, 10]),
        ("specific { versions: 1 versions: 5 }", [1]),
    ],
)
def test_version_policies(tmp_path, policy, expected):
    for version in (1, 2, 10):
        (tmp_path / str(version)).mkdir()
    config = model_config(entry("m", tmp_path, f"model_version_policy {{ {policy} }}"))
    assert list(choose_versions(config.model_config_list.config[0])) == expected


def test_unspecified_version_is_the_highest_and_labels_find_theirs():
    core = loaded(
        entry(
            "linear",
            models_dir() / "linear",
            'model_version_policy { all { } } version_labels { key: "old" value: 1 }',
        ),
        allow_version_labels_for_unavailable_models=True,
    )
    assert predict(core, ModelSpec("linear")).version == 2
    assert predict(core, ModelSpec("linear", version=1)).outputs["y"].tolist() == [[1, 1, 1, 1]]
    assert predict(core, ModelSpec("linear", version_label="old")).version == 1
    assert [model.version for model in core.model_status(ModelSpec("linear"))] == [2, 1]


def test_a_model_that_does_not_load_fails_the_start(tmp_path):
    (tmp_path / "3").mkdir()
    core = ServerCore(model_config(entry("broken", tmp_path)), NO_RETRY)
    with pytest.raises(status.Unknown) as raised:
        core.load()
    assert raised.value.message == (
        "1 servable(s) did not become available: {{{name: broken version: 3} due to error: NOT_FOUND: "
        f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {tmp_path}/3}}, }}"
    )
    (model,) = core.model_status(ModelSpec("broken"))
    assert (model.state, model.error.name) == ("END", "NOT_FOUND")


def test_garbage_and_wrong_tags_fail_the_load(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 100)
    for path, tags in ((tmp_path, ["serve"]), (models_dir() / "linear" / "1", ["tpu"])):
        with pytest.raises(status.ServingError):
            SavedModelSession(path, tags)


def test_loading_is_tried_again(tmp_path):
    core = ServerCore(
        model_config(entry("m", tmp_path)),
        LoadOptions(max_num_load_retries=100, load_retry_interval_micros=20_000),
    )
    (tmp_path / "1").mkdir()
    loader = threading.Thread(target=core.load)
    loader.start()
    for _ in range(500):
        with contextlib.suppress(status.NotFound):
            if core.model_status(ModelSpec("m"))[0].state == "LOADING":
                break
        time.sleep(0.01)
    shutil.copytree(models_dir() / "linear" / "1", tmp_path / "1", dirs_exist_ok=True)
    loader.join(30)
    assert predict(core, ModelSpec("m")).version == 1


def test_start_waits_for_a_version_until_it_is_stopped(tmp_path):
    core = ServerCore(model_config(entry("m", tmp_path / "later")), LoadOptions())
    errors = []

    def load():
        try:
            core.load()
        except status.Cancelled as error:
            errors.append(error)

    loader = threading.Thread(target=load)
    loader.start()
    core.stop()
    loader.join(10)
    assert not loader.is_alive()
    assert errors


def test_many_threads_get_their_own_answers():
    core = loaded(entry("linear", models_dir() / "linear"))
    wrong = []

    def ask(number):
        array = np.full((number + 1, 4), number, np.float32)
        for _ in range(50):
            outputs = core.predict(ModelSpec("linear"), {"x": array}, decode=lambda value: value).outputs
            if not np.array_equal(outputs["y"], 2 * array):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_deadline_that_has_passed_runs_nothing():
    core = loaded(entry("linear", models_dir() / "linear"))
    with pytest.raises(status.DeadlineExceeded):
        predict(core, ModelSpec("linear"), timeout_seconds=-1.0)


def test_model_without_variables_or_functions_to_run_at_load(tmp_path):
    module = tf.Module()
    module.echo = tf.function(
        lambda x: {"y": x}, input_signature=[tf.TensorSpec((None,), tf.string, name="x")]
    )
    save(module, tmp_path, serving_default=module.echo)
    session = SavedModelSession(tmp_path)
    array = np.array([b"a\x00"], object)
    outputs = session.predict(session.signature(""), {"x": array}, decode=lambda value: value)
    assert outputs["y"].tolist() == [b"a\x00"]


def test_codes_of_tensorflow_become_ours():
    error = status.from_exception(tf.errors.ResourceExhaustedError(None, None, "full"))
    assert isinstance(error, status.ResourceExhausted)
    assert (error.http_status, error.message) == (429, "full")
    assert status.from_code(77, "x").name == "UNKNOWN"
    assert status.from_exception(KeyError("x")).name == "INTERNAL"


def predict_record(**inputs):
    record = prediction_log_pb2.PredictionLog()
    for name, array in inputs.items():
        tensor_proto.fill(record.predict_log.request.inputs[name], array, as_content=True)
    return record.SerializeToString()


@pytest.fixture
def version_dir(tmp_path):
    linear = Linear(1)
    save(linear, tmp_path, serving_default=linear.double)
    (tmp_path / FILE_NAME).parent.mkdir()
    return tmp_path


def write_records(version_dir, records):
    with tf.io.TFRecordWriter(str(version_dir / FILE_NAME)) as writer:
        for record in records:
            writer.write(record)


def test_warm_up_runs_every_record(version_dir):
    unset = prediction_log_pb2.PredictionLog().SerializeToString()
    write_records(version_dir, [predict_record(x=X), predict_record(x=X), unset])
    assert warm_up(SavedModelSession(version_dir), version_dir) == 3


def test_a_model_without_warm_up_file_needs_none():
    path = models_dir() / "linear" / "1"
    assert warm_up(SavedModelSession(path), path) == 0


@pytest.mark.parametrize(
    ("records", "error", "message"),
    [
        ([predict_record(y=X)], status.InvalidArgument, "Signature input alias: x"),
        ([b"\xff\xff"], status.InvalidArgument, "Failed to parse warmup record: "),
        (
            [prediction_log_pb2.PredictionLog(session_run_log={}).SerializeToString()],
            status.Unimplemented,
            "Unsupported log_type for warmup",
        ),
        ([b""] * (MAX_RECORDS + 1), status.InvalidArgument, "Number of warmup records exceeds the maximum"),
    ],
)
def test_any_warm_up_error_fails_the_load(version_dir, records, error, message):
    write_records(version_dir, records)
    with pytest.raises(error, match=message):
        warm_up(SavedModelSession(version_dir), version_dir)


def test_warm_up_file_of_another_format_is_data_loss(version_dir):
    (version_dir / FILE_NAME).write_bytes(b"not a record " * 10)
    with pytest.raises(status.DataLoss, match="Please verify your warmup data is in TFRecord format."):
        warm_up(SavedModelSession(version_dir), version_dir)
