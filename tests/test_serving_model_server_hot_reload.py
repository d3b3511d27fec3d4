"""Versions that come and go under a running server, and configurations that change."""

import shutil
import threading
import time

import grpc
import httpx2
import numpy as np
import pytest
from free_ports import free_port
from serving_models import models_dir
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from export.versions.manifest import write_manifest
from serving.client.errors import PredictionError
from serving.client.grpc_client import GrpcClient
from serving.model_server.server import ModelServer

X = {"x": np.ones((1, 4), np.float32)}


def publish(directory, version):
    """Copies a version as an exporter does: it appears whole."""
    unfinished = directory / f"unfinished-{version}"
    shutil.copytree(models_dir() / "linear" / str(version), unfinished)
    write_manifest(unfinished, "linear", {"run": "r"}, {}, {})
    unfinished.rename(directory / str(version))


def entry(directory, name="m", more=""):
    return f'config {{ name: "{name}" base_path: "{directory}" model_platform: "tensorflow" {more} }}'


def test_clients_cannot_reload_where_it_is_turned_off(tmp_path):
    served = Served(tmp_path, disable_reload=True, host="127.0.0.1")
    try:
        with grpc.insecure_channel(served.address) as channel:
            request = model_management_pb2.ReloadConfigRequest()
            request.config.model_config_list.config.add(name="other", base_path=str(tmp_path / "m"))
            with pytest.raises(grpc.RpcError) as refused:
                model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert "--disable_reload" in refused.value.details()
        assert served.client.status("m") == {1: "AVAILABLE"}
    finally:
        served.client.close()
        served.server.stop(0)


class Served:
    """A server on a directory of versions, its client, and its configuration file."""

    def __init__(self, tmp_path, **flags):
        self.directory = tmp_path / "m"
        self.directory.mkdir()
        publish(self.directory, 1)
        self.config_file = tmp_path / "models.config"
        self.write(entry(self.directory))
        self.server = ModelServer(
            port=free_port(),
            rest_api_port=free_port(),
            model_config_file=str(self.config_file),
            max_num_load_retries=0,
            **flags,
        )
        self.server.start()
        self.address = f"localhost:{self.server.flags['port']}"
        self.client = GrpcClient(self.address)

    def write(self, *entries):
        unfinished = self.config_file.with_suffix(".new")
        unfinished.write_text(f"model_config_list {{ {' '.join(entries)} }}")
        unfinished.replace(self.config_file)

    def until(self, expected, name="m"):
        for _ in range(300):
            try:
                found = self.client.status(name)
            except PredictionError:
                found = None
            if found == expected:
                return
            time.sleep(0.05)
        raise AssertionError(f"expected {expected}, found {found}")

    def reload(self, *entries, metric_names=(), timeout=30):
        """Sends HandleReloadConfigRequest, and returns the response or the error."""
        from google.protobuf import text_format

        request = model_management_pb2.ReloadConfigRequest(metric_names=metric_names)
        text_format.Parse(f"model_config_list {{ {' '.join(entries)} }}", request.config)
        with grpc.insecure_channel(self.address) as channel:
            try:
                return model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(
                    request, timeout=timeout
                )
            except grpc.RpcError as error:
                return error


@pytest.fixture
def serve(tmp_path):
    served = []

    def start(**flags):
        served.append(Served(tmp_path, **flags))
        return served[-1]

    yield start
    for each in served:
        each.client.close()
        each.server.stop(grace_seconds=1)


def test_a_version_swapped_under_load_fails_no_request(serve):
    served = serve(enable_batching=True)
    answers, errors, stop = [], [], threading.Event()

    def ask():
        with GrpcClient(served.address) as client:
            while not stop.is_set():
                try:
                    answers.append(client.predict("m", X)["y"][0, 0])
                except PredictionError as error:
                    errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    publish(served.directory, 2)
    served.until({2: "AVAILABLE", 1: "END"})
    shutil.rmtree(served.directory / "2")
    served.until({2: "END", 1: "AVAILABLE"})
    stop.set()
    for thread in threads:
        thread.join(30)
    assert not errors
    assert set(answers) == {1.0, 2.0}
    assert answers[-1] == 1.0


def test_a_damaged_version_is_named_and_the_old_one_goes_on(serve, caplog):
    served = serve()
    shutil.copytree(models_dir() / "linear" / "2", served.directory / "copied")
    write_manifest(served.directory / "copied", "linear", {"run": "r"}, {}, {})
    variables = next((served.directory / "copied" / "variables").glob("*.data*"))
    variables.write_bytes(variables.read_bytes()[:-1])
    (served.directory / "copied").rename(served.directory / "2")
    served.until({2: "END", 1: "AVAILABLE"})
    assert served.client.predict("m", X)["y"][0, 0] == 1.0
    status = httpx2.get(f"http://localhost:{served.server.flags['rest_api_port']}/v1/models/m").json()
    error = status["model_version_status"][0]["status"]
    assert error["error_code"] == "DATA_LOSS"
    assert variables.name in error["error_message"]


def test_an_empty_directory_unloads_and_a_missing_one_changes_nothing(serve):
    served = serve()
    served.directory.rename(served.directory.with_name("away"))
    time.sleep(1.5)
    served.until({1: "AVAILABLE"})
    served.directory.mkdir()
    served.until({1: "END"})
    with pytest.raises(PredictionError, match="Servable not found for request: Latest"):
        served.client.predict("m", X)


def test_reload_adds_models_moves_labels_and_removes_models(serve):
    served = serve()
    publish(served.directory, 2)
    both = "model_version_policy { all { } }"
    served.reload(entry(served.directory, more=both))
    served.until({2: "AVAILABLE", 1: "AVAILABLE"})
    labelled = entry(served.directory, more=both + ' version_labels { key: "stable" value: 1 }')
    response = served.reload(labelled, entry(models_dir() / "echo", "echo"))
    assert response.status.error_code == 0
    assert served.client.status("echo") == {1: "AVAILABLE"}
    assert served.client.predict("m", X, version_label="stable")["y"][0, 0] == 1.0
    moved = entry(served.directory, more=both + ' version_labels { key: "stable" value: 2 }')
    served.reload(moved)
    assert served.client.predict("m", X, version_label="stable")["y"][0, 0] == 2.0
    served.until({1: "END"}, "echo")


def test_a_reload_that_waits_for_ever_ends_with_its_client(serve, tmp_path):
    served = serve()
    for name in ("never", "nor this"):
        waiting = served.reload(entry(served.directory), entry(tmp_path / "nowhere", name), timeout=1)
        assert waiting.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    response = served.reload(entry(served.directory), entry(models_dir() / "echo", "echo"), timeout=20)
    assert response.status.error_code == 0
    served.until({1: "AVAILABLE"}, "echo")


def test_a_base_path_that_no_file_system_takes_stops_no_following(serve):
    served = serve(file_system_poll_wait_seconds=0.05)
    for path in ("/\\000", "/" + "a" * 5000):
        waiting = served.reload(entry(served.directory), entry(path, path[:5].strip("/\\") or "n"), timeout=1)
        assert waiting.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert served.reload(entry(served.directory)).status.error_code == 0
    publish(served.directory, 2)
    served.until({2: "AVAILABLE", 1: "END"})


def test_reload_answers_increases_of_metrics(serve):
    served = serve()
    response = served.reload(
        entry(served.directory), metric_names=["/tensorflow/serving/request_count", "/unknown"]
    )
    assert {metric.name: metric.int64_value_increase for metric in response.metric} == {
        "/tensorflow/serving/request_count": 0,
        "/unknown": 0,
    }


@pytest.mark.parametrize(
    ("entries", "code", "message"),
    [
        (
            (entry("/x", more='version_labels { key: "stable" value: 9 }'),),
            grpc.StatusCode.FAILED_PRECONDITION,
            "Request to assign label to version 9 of model m, which is not currently available for inference",
        ),
        (
            ('config { name: "m" base_path: "/x" model_platform: "other" }',),
            grpc.StatusCode.INVALID_ARGUMENT,
            (
                "Illegal to change a model's platform. For model m platform was tensorflow and new platform "
                "requested is other"
            ),
        ),
        (
            (entry("/x"), entry("/y")),
            grpc.StatusCode.INVALID_ARGUMENT,
            "Illegal to list model m multiple times in config list",
        ),
    ],
)
def test_reload_refuses_by_the_rules(serve, entries, code, message):
    served = serve()
    error = served.reload(*entries)
    assert (error.code(), error.details()) == (code, message)
    assert served.client.predict("m", X)["y"][0, 0] == 1.0


def test_reload_needs_a_list_of_models(serve):
    served = serve()
    with grpc.insecure_channel(served.address) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            stub.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest())
    assert raised.value.details() == (
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is "
        "currently supported"
    )


def test_a_label_in_use_moves_only_to_a_loaded_version_whatever_the_flag_says(serve):
    served = serve(allow_version_labels_for_unavailable_models=True)
    label = 'version_labels {{ key: "stable" value: {} }}'
    assert served.reload(entry(served.directory, more=label.format(5))).status.error_code == 0
    error = served.reload(entry(served.directory, more=label.format(6)))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_the_configuration_file_is_followed_and_a_broken_one_is_only_logged(serve, caplog):
    served = serve(model_config_file_poll_wait_seconds=1)
    served.config_file.write_text("nonsense {")
    for _ in range(400):
        if "Reloading" in caplog.text:
            break
        time.sleep(0.05)
    assert "INVALID_ARGUMENT: Invalid protobuf file" in caplog.text
    served.write(entry(served.directory), entry(models_dir() / "echo", "echo"))
    served.until({1: "AVAILABLE"}, "echo")
    served.until({1: "AVAILABLE"})
