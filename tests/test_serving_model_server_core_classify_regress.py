import concurrent.futures
import shutil

import grpc
import pytest
from inference_models import CLASSIFY, REGRESS
from inference_requests import classify_request, multi_request, regress_request
from serving_models import models_dir, running_server, set_method_name
from tensorflow_serving.apis import prediction_log_pb2, prediction_service_pb2_grpc
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.model_server.core import classify_regress
from serving.model_server.core.request_types import ModelSpec
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.model_server.core.server_core import ServerCore
from serving.model_server.core.version_loading import LoadOptions
from serving.model_server.core.warm_up import FILE_NAME, warm_up
from serving.wire import status

X = {"x": [1.0, 2.0]}


@pytest.fixture(scope="module")
def session():
    return SavedModelSession(models_dir() / "examples" / "1")


def test_several_tasks_share_one_run_that_fetches_each_output_once(session, monkeypatch):
    runs = []
    run = session.run
    monkeypatch.setattr(session, "_runner", lambda *arguments: runs.append(arguments) or run(*arguments))
    tasks = [
        classify_regress.Task("m", name, method)
        for name, method in (("", CLASSIFY), ("scores", CLASSIFY), ("regress", REGRESS))
    ]
    results = classify_regress.infer_all(
        session, tasks, classify_regress.examples_of(classify_request(X).input)
    )
    assert [type(result).__name__ for result in results] == ["Classes", "Classes", "ndarray"]
    ((_, fetches, _),) = runs
    assert len(fetches) == 3


def test_a_deadline_ends_an_inference(session):
    examples = classify_regress.examples_of(classify_request(X).input)
    with pytest.raises(status.DeadlineExceeded):
        classify_regress.infer(session, "", CLASSIFY, examples, timeout_seconds=0.0)


def write_record(version_dir, **logs):
    import tensorflow as tf

    (version_dir / FILE_NAME).parent.mkdir()
    with tf.io.TFRecordWriter(str(version_dir / FILE_NAME)) as writer:
        for kind, request in logs.items():
            record = prediction_log_pb2.PredictionLog()
            getattr(record, kind).request.CopyFrom(request)
            writer.write(record.SerializeToString())


def test_warm_up_runs_records_of_every_inference(session, tmp_path):
    write_record(
        tmp_path,
        classify_log=classify_request(X),
        regress_log=regress_request(X, signature="regress"),
        multi_inference_log=multi_request(("", CLASSIFY), ("regress", REGRESS)),
    )
    assert warm_up(session, tmp_path) == 3


@pytest.mark.parametrize(
    ("kind", "request_message", "message"),
    [
        ("classify_log", classify_request(), "Input is empty."),
        ("regress_log", regress_request(X), "Expected one output Tensor."),
        ("multi_inference_log", multi_request(("no", CLASSIFY)), "Requested signature not found"),
    ],
)
def test_an_inference_that_fails_in_warm_up_fails_the_load(session, tmp_path, kind, request_message, message):
    write_record(tmp_path, **{kind: request_message})
    with pytest.raises(status.InvalidArgument, match=message):
        warm_up(session, tmp_path)


@pytest.fixture(scope="module")
def checked_core(tmp_path_factory):
    path = tmp_path_factory.mktemp("checked") / "examples"
    shutil.copytree(models_dir() / "examples" / "1", path / "1")
    set_method_name(path / "1", "scores", "other")
    config = ModelServerConfig()
    config.model_config_list.config.add(name="examples", base_path=str(path), model_platform="tensorflow")
    core = ServerCore(config, LoadOptions(enable_signature_method_name_check=True))
    core.load()
    yield core
    core.stop()


def test_with_the_check_on_signatures_answer_what_they_were_exported_for(checked_core):
    session = checked_core.find(ModelSpec("examples")).session
    examples = classify_regress.examples_of(classify_request(X).input)
    assert len(classify_regress.infer(session, "regress", REGRESS, examples)) == 1
    with pytest.raises(status.InvalidArgument) as raised:
        classify_regress.infer(session, "regress", CLASSIFY, examples)
    assert raised.value.message == (
        "Expected classification signature method_name to be tensorflow/serving/classify. "
        "Was: tensorflow/serving/regress"
    )
    with pytest.raises(status.Internal) as raised:
        checked_core.predict(ModelSpec("examples", signature_name="scores"), {})
    assert raised.value.message == (
        "Expected prediction signature method_name to be one of {tensorflow/serving/predict, "
        "tensorflow/serving/classify, tensorflow/serving/regress}. Was: other"
    )


def test_batched_inferences_of_several_clients_get_their_own_answers(tmp_path):
    batching = tmp_path / "batching.config"
    batching.write_text("max_batch_size { value: 64 } batch_timeout_micros { value: 20000 }")
    with (
        running_server(tmp_path, enable_batching=True, batching_parameters_file=str(batching)) as server,
        grpc.insecure_channel(f"localhost:{server.flags['port']}") as channel,
    ):
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def ask(number):
            objects = [{"x": [float(number), 0.5]}] * (number % 3 + 1)
            both = multi_request(("scores", CLASSIFY), ("regress", REGRESS), objects=objects)
            scores, values = prediction.MultiInference(both).results
            classes = prediction.Classify(classify_request(*objects)).result.classifications
            return (
                [row.classes[0].score for row in scores.classification_result.classifications],
                [entry.value for entry in values.regression_result.regressions],
                [row.classes[0].score for row in classes],
            )

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(32)))
    for number, answer in enumerate(answers):
        count = number % 3 + 1
        assert answer == ([number] * count, [number + 0.5] * count, [number] * count)
