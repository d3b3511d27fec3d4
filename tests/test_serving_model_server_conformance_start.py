"""What a models.config may say: every refusal of a start, in TF Serving's words and order."""

import contextlib

import grpc
import pytest
from conformance_server import FLOATS, outcome, predict_request
from free_ports import free_port
from serving_models import models_dir
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.model_server import __main__
from serving.model_server import server as model_server


def model(name="m", base_path="/a", more='model_platform: "tensorflow"'):
    return f'config {{ name: "{name}" base_path: "{base_path}" {more} }}'


PLATFORM = 'model_platform: "tensorflow"'
LABEL = f'{PLATFORM} version_labels {{ key: "stable" value: 3 }}'
TYPE_OR_PLATFORM = "ModelServerConfig::model_type (deprecated) {} ModelServerConfig::model_platform"
CONFIG_ERRORS = [
    # ... and its path is relative
    (
        [model(), model(base_path="b")],
        "INVALID_ARGUMENT: Illegal to list model m multiple times in config list",
    ),
    # ... and another model has no platform
    (
        [model("n", more=""), model(base_path="a/b")],
        "INVALID_ARGUMENT: Expected model m to have an absolute path or URI; got base_path()=a/b",
    ),
    (
        [model(base_path="")],
        "INVALID_ARGUMENT: Expected model m to have an absolute path or URI; got base_path()=",
    ),
    (
        [model(more="")],
        f"INVALID_ARGUMENT: Illegal setting neither {TYPE_OR_PLATFORM.format('nor')}, model name is m",
    ),
    (
        [model(more=f"{PLATFORM} model_type: TENSORFLOW")],
        f"INVALID_ARGUMENT: Illegal setting both {TYPE_OR_PLATFORM.format('and')}, model name is m",
    ),
    # ... and a label points to a version that is not loaded
    (
        [model("n", more=LABEL), model(more='model_platform: "torch"')],
        "INVALID_ARGUMENT: Model m requests unsupported platform torch",
    ),
    # Labels are read before anybody looks for the versions.
    (
        [model(more=LABEL)],
        (
            "FAILED_PRECONDITION: Request to assign label to version 3 of model m, which is not currently "
            "available for inference"
        ),
    ),
]


def start(config_path, text, *flags) -> int:
    config_path.write_text(text)
    return __main__.main([f"--port={free_port()}", f"--model_config_file={config_path}", *flags])


@pytest.mark.parametrize(("models", "message"), CONFIG_ERRORS)
def test_configurations_that_fail_the_start(models, message, tmp_path, capsys):
    text = f"model_config_list {{ {' '.join(models)} }}"
    assert start(tmp_path / "models.config", text) == 255
    assert capsys.readouterr().out == f"Failed to start server. Error: {message}\n"


def test_a_custom_configuration_fails_the_start(tmp_path, capsys):
    assert start(tmp_path / "models.config", "custom_model_config { }") == 255
    assert capsys.readouterr().out.startswith("Failed to start server. Error: UNIMPLEMENTED: ")


def test_a_model_that_does_not_load_fails_the_start(tmp_path, capsys):
    (tmp_path / "m" / "3").mkdir(parents=True)
    text = f"model_config_list {{ {model(base_path=tmp_path / 'm')} }}"
    assert start(tmp_path / "models.config", text, "--max_num_load_retries=0") == 255
    assert capsys.readouterr().out.startswith(
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: "
        "{{{name: m version: 3} due to error: NOT_FOUND: "
    )


@contextlib.contextmanager
def running(**flags):
    server = model_server.ModelServer(port=free_port(), **flags)
    server.start()
    try:
        with grpc.insecure_channel(f"localhost:{server.flags['port']}") as channel:
            yield prediction_service_pb2_grpc.PredictionServiceStub(channel)
    finally:
        server.stop(grace_seconds=1)


def test_an_empty_configuration_serves_nothing(tmp_path):
    path = tmp_path / "models.config"
    path.touch()
    with running(model_config_file=str(path)) as prediction:
        message = "Servable not found for request: Latest(linear)"
        assert outcome(prediction.Predict, predict_request()) == ("NOT_FOUND", message)


def test_the_configuration_file_wins_over_the_flags_of_a_single_model(tmp_path):
    base_path = str(models_dir() / "linear")
    with running(model_base_path=base_path) as prediction:
        request = predict_request({"x": FLOATS}, model="default")
        assert outcome(prediction.Predict, request) == ("OK", "")
        assert outcome(prediction.Predict, predict_request())[0] == "NOT_FOUND"
    path = tmp_path / "models.config"
    path.touch()
    with running(model_base_path=base_path, model_config_file=str(path)) as prediction:
        assert outcome(prediction.Predict, predict_request(model="default"))[0] == "NOT_FOUND"
