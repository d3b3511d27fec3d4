import contextlib
import os
import shutil
import signal
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from free_ports import free_port
from serving_models import models_dir

from export.versions.labels import promote
from serving.client.connection import connect
from serving.client.errors import PredictionError
from serving.launch import engine
from serving.serve_command import command
from zoo.errors import UnknownNameError


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A PATH on which only what a test puts there is found."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))

    def add(name, script):
        tool = directory / name
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    return add


@pytest.fixture
def models(tmp_path):
    version = tmp_path / "models" / "dcgan" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    return tmp_path / "models"


def serve(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_auto_takes_the_first_engine_that_works(tools):
    assert engine.choose_engine() == engine.Engine(
        "embedded", "no tensorflow_model_server on PATH, docker does not answer"
    )
    tools("docker", "exit 1")
    assert engine.choose_engine().name == "embedded"
    tools("docker", "exit 0")
    assert engine.choose_engine() == engine.Engine("docker", "no tensorflow_model_server on PATH")
    tools("tensorflow_model_server", "exit 0")
    assert engine.choose_engine() == engine.Engine("tensorflow_model_server", "found on PATH")
    assert engine.choose_engine("embedded") == engine.Engine("embedded", "as requested")


def test_engines_that_do_not_work_or_exist(tools):
    with pytest.raises(RuntimeError, match="Received: engine='docker'; docker does not answer"):
        engine.choose_engine("docker")
    with pytest.raises(UnknownNameError, match="Known: auto, tensorflow_model_server, docker, embedded"):
        engine.choose_engine("triton")


def test_docker_sees_the_same_paths_read_only():
    words = engine.Engine("docker", "").command(Path("/models"), Path("/config"), 8500, 8501)
    assert words[:4] == ["docker", "run", "--rm", "--init"]
    assert "--volume=/models:/models:ro" in words
    assert "--volume=/config:/config:ro" in words
    assert "--publish=127.0.0.1:8500:8500" in words
    everywhere = engine.Engine("docker", "", host="0.0.0.0")
    assert "--publish=0.0.0.0:8501:8501" in everywhere.command(Path("/m"), Path("/c"), 8500, 8501)
    assert engine.DOCKER_IMAGE in words
    assert words[-1].startswith("--")


def test_the_embedded_server_is_kept_to_this_machine_and_others_are_warned_of():
    words = engine.Engine("embedded", "").command(Path("/models"), Path("/config"), 8500, 8501)
    assert words[-2:] == ["--host=127.0.0.1", "--disable_reload"]
    opened = engine.Engine("embedded", "", host="0.0.0.0", allows_reload=True)
    assert opened.command(Path("/m"), Path("/c"), 8500, 8501)[-1] == "--host=0.0.0.0"
    assert engine.Engine("embedded", "").warning is None
    assert "listens on every address" in engine.Engine("tensorflow_model_server", "").warning
    assert "lets every client" in engine.Engine("docker", "").warning


def test_write_config_writes_and_exits(models, tmp_path):
    done = serve("--models-dir", models, "--write-config", tmp_path / "config", "--engine", "embedded")
    assert done.exit_code == 0
    assert f"Wrote {tmp_path}/config/models.config\n" in done.output
    assert "Nothing was started." in done.output
    assert f"--model_config_file={tmp_path}/config/models.config" in done.output


def test_dry_run_prints_the_command_and_writes_nothing(models, tmp_path):
    done = serve("--models-dir", models, "--write-config", tmp_path / "config", "--dry-run", "--port", 9000)
    assert done.exit_code == 0
    assert "--port=9000" in done.output
    assert not (tmp_path / "config").exists()


def test_port_in_use_is_said_before_anything_starts(models):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        for option in ("--port", "--rest-api-port"):
            other = {"--port": "--rest-api-port", "--rest-api-port": "--port"}[option]
            done = serve("--models-dir", models, "--engine", "embedded", option, port, other, free_port())
            assert (
                str(done.exception) == f"[Errno 98] Port {port} is in use. Choose another one with {option}."
            )


def test_wrong_usage(models, tmp_path):
    assert "must differ" in serve("--models-dir", models, "--port", 1, "--rest-api-port", 1).output
    assert isinstance(serve("--models-dir", tmp_path / "no").exception, FileNotFoundError)
    assert serve("--port", 0).exit_code == 2


def test_a_server_that_fails_makes_the_command_fail(models, tools):
    tools("tensorflow_model_server", "exit 3")
    done = serve("--models-dir", models, "--port", free_port(), "--rest-api-port", 0)
    assert done.exit_code == 1
    assert "Engine: tensorflow_model_server (found on PATH)\nModels: dcgan version 1\n" in done.output
    assert "The server ended with exit code 3" in done.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_server_and_end_well(models, tools, tmp_path, number):
    tools(
        "tensorflow_model_server",
        f"trap 'exit 7' TERM; : > {tmp_path}/started; while :; do /bin/sleep 0.1; done",
    )

    def stop():
        while not (tmp_path / "started").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    threading.Thread(target=stop).start()
    done = serve("--models-dir", models, "--port", free_port(), "--rest-api-port", 0)
    assert done.exit_code == 0


def test_server_that_ends_while_it_is_waited_for(models, tools):
    tools("tensorflow_model_server", "exit 3")
    with (
        engine.RunningServer(models, free_port(), 0) as server,
        pytest.raises(RuntimeError, match="ended with exit code 3"),
    ):
        server.wait_until_ready()


def test_embedded_engine_serves_every_model():
    with engine.RunningServer(models_dir(), free_port(), free_port(), "embedded") as server:
        server.wait_until_ready(60)
        for address in (server.grpc_address, server.rest_address):
            with connect(address) as client:
                assert client.predict("linear", {"x": [[1.0, 2.0, 3.0, 4.0]]})["y"].tolist() == [[2, 4, 6, 8]]
                assert client.status("pictures") == {1: "AVAILABLE"}


@pytest.mark.slow
def test_exports_promotions_and_new_models_are_followed(tmp_path):
    models = tmp_path / "models"
    shutil.copytree(models_dir() / "linear" / "1", models / "linear" / "1")

    def until(expected, **arguments):
        for _ in range(200):
            with contextlib.suppress(PredictionError):
                value = client.predict("linear", {"x": [[1.0] * 4]}, **arguments)["y"][0, 0]
                if value == expected:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{arguments} does not come to answer {expected}")

    port = free_port()
    with (
        engine.RunningServer(models, port, free_port(), "embedded") as server,
        connect(server.grpc_address) as client,
    ):
        server.wait_until_ready(120)
        until(1.0, version_label="stable")
        shutil.copytree(models_dir() / "linear" / "2", models / "linear" / "unfinished")
        (models / "linear" / "unfinished").rename(models / "linear" / "2")
        until(2.0, version_label="stable")
        promote(models, "linear", 1, "stable")
        until(1.0, version_label="stable")
        until(2.0)
        promote(models, "linear", 2, "canary")
        until(2.0, version_label="canary")
        promote(models, "linear", 2, "stable")
        until(2.0, version_label="stable")
        shutil.copytree(models_dir() / "echo" / "1", models / "echo" / "1")
        for _ in range(200):
            with contextlib.suppress(PredictionError):
                if client.status("echo") == {1: "AVAILABLE"}:
                    break
            time.sleep(0.1)
        assert client.predict("echo", {"x": [1.0]}, "float32")["y"] == 1.0
