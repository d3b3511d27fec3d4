import pytest
from inference_models import CLASSIFY, REGRESS
from inference_requests import classify_request, multi_request, regress_request
from serving_models import models_dir
from tensorflow_serving.apis import prediction_log_pb2

from serving import inference, status
from serving.saved_model_session import SavedModelSession
from serving.warm_up import FILE_NAME, warm_up

X = {"x": [1.0, 2.0]}


@pytest.fixture(scope="module")
def session():
    return SavedModelSession(models_dir() / "examples" / "1")


def test_several_tasks_share_one_run_that_fetches_each_output_once(session, monkeypatch):
    runs = []
    run = session.run
    monkeypatch.setattr(session, "runner", lambda *arguments: runs.append(arguments) or run(*arguments))
    tasks = [
        inference.Task("m", name, method)
        for name, method in (("", CLASSIFY), ("scores", CLASSIFY), ("regress", REGRESS))
    ]
    results = inference.infer_all(session, tasks, inference.examples_of(classify_request(X).input))
    assert [type(result).__name__ for result in results] == ["Classes", "Classes", "ndarray"]
    ((_, fetches, _),) = runs
    assert len(fetches) == 3


def test_a_deadline_ends_an_inference(session):
    examples = inference.examples_of(classify_request(X).input)
    with pytest.raises(status.DeadlineExceeded):
        inference.classify(session, "", examples, timeout_seconds=0.0)


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
