import importlib
import signal
import socket
import subprocess
import sys
import threading

import httpx2
import pytest
from free_ports import free_port
from serving_models import SLOW_HAS_BEGUN, models_dir, running_server

import zoo
from serving.client.grpc_client import GrpcClient
from serving.model_server import __main__
from serving.model_server import flags as server_flags
from serving.model_server import server as model_server
from serving.wire.status import InvalidArgument


def run_main(*arguments):
    return __main__.main(list(arguments))


def test_flags_take_values_after_an_equals_sign_only():
    parsed = server_flags.parse(
        [
            "--port=9000",
            "--enable_batching",
            "--enable_profiler=false",
            "--model_name=m=1",
            "--mixed_precision=x",
            "--grace_seconds=40",
        ]
    )
    assert (parsed.values["port"], parsed.values["model_name"]) == (9000, "m=1")
    assert parsed.values["enable_batching"] is True
    assert parsed.values["enable_profiler"] is False
    assert parsed.without_effect == ["enable_profiler", "mixed_precision"]
    assert server_flags.parse(["--port", "9000", "stray", "-v"]).unknown == ["--port", "9000", "stray", "-v"]


@pytest.mark.parametrize("argument", ["--port=a", "--port=", "--enable_batching=yes", "--port=1.5"])
def test_a_value_of_the_wrong_type_prints_the_usage(argument, capsys):
    assert run_main(argument) == 255
    printed = capsys.readouterr().out
    assert "Couldn't interpret value" in printed
    assert "usage: python -m serving.model_server" in printed
    assert "--rest_api_timeout_in_ms=30000" in printed


def test_the_usage_names_the_command_that_was_called(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/zoo-model-server"])
    assert run_main("--port=a") == 255
    assert "usage: zoo-model-server" in capsys.readouterr().out


def test_version_is_printed(capsys):
    assert run_main("--version") == 0
    assert capsys.readouterr().out.startswith(
        f"TensorFlow ModelServer: product-image-zoo {zoo.__version__}\nTensorFlow Library: "
    )


def test_the_console_command_is_this_program(setup_arguments):
    commands = dict(line.split("=") for line in setup_arguments["entry_points"]["console_scripts"])
    module, function = commands["zoo-model-server"].split(":")
    assert getattr(importlib.import_module(module), function) is __main__.run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            "Both server_options.model_base_path and server_options.model_config_file are empty!",
        ),
        (
            ["--model_base_path=/m", "--batching_parameters_file=/b"],
            (
                "server_options.batching_parameters_file is set without setting "
                "server_options.enable_batching to true."
            ),
        ),
        (
            ["--model_base_path=/m", "--port=0"],
            "At least one of server_options.grpc_port or grpc_socket_path must be set.",
        ),
        (
            [
                "--model_base_path=/m",
                "--tensorflow_session_parallelism=1",
                "--tensorflow_intra_op_parallelism=1",
                "--tensorflow_inter_op_parallelism=1",
            ],
            (
                "Either server_options.tensorflow_session_parallelism or "
                "(server_options.tensorflow_intra_op_parallelism, "
                "server_options.tensorflow_inter_op_parallelism) can be set, not both."
            ),
        ),
        (
            ["--model_base_path=m"],
            "Expected model default to have an absolute path or URI; got base_path()=m",
        ),
    ],
)
def test_contradicting_flags_fail_the_start(arguments, message, capsys):
    assert run_main(f"--port={free_port()}", *arguments) == 255
    assert capsys.readouterr().out == f"Failed to start server. Error: INVALID_ARGUMENT: {message}\n"


def test_unknown_argument_is_mentioned_and_ignored(capsys):
    assert run_main("--colour=red") == 255
    printed = capsys.readouterr().out
    assert printed.startswith("unknown argument: --colour=red\nusage: ")
    assert printed.endswith("are empty!\n")


def test_bad_config_file_fails_the_start(tmp_path, capsys):
    path = tmp_path / "models.config"
    path.write_text("model_config_list { nonsense }")
    assert run_main(f"--model_config_file={path}", f"--port={free_port()}") == 255
    printed = capsys.readouterr()
    assert (
        printed.out == f"Failed to start server. Error: INVALID_ARGUMENT: Invalid protobuf file: '{path}'\n"
    )
    assert "Error parsing text-format tensorflow.serving.ModelServerConfig" in printed.err


@pytest.mark.parametrize(
    ("flags", "option"),
    [("--port={} --rest_api_port=0", "--port"), ("--port={free} --rest_api_port={}", "--rest_api_port")],
)
def test_port_in_use_is_named_with_its_option(flags, option, capsys):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = flags.format(port, free=free_port()).split()
        assert run_main("--model_base_path=/m", *arguments) == 255
    assert capsys.readouterr().out == (
        f"Failed to start server. Error: UNAVAILABLE: Port {port} is in use. "
        f"Choose another one with {option}.\n"
    )


def test_an_address_of_another_machine_is_named(capsys):
    flags = ["--model_base_path=/m", f"--port={free_port()}", "--host=192.0.2.1"]
    assert run_main(*flags) == 255
    assert "192.0.2.1 is no address of this machine" in capsys.readouterr().out


def test_a_server_of_this_machine_alone_listens_there_alone(tmp_path):
    with running_server(tmp_path, host="127.0.0.1") as server:
        for name in ("port", "rest_api_port"):
            socket.create_connection(("127.0.0.1", server.flags[name])).close()
            with pytest.raises(OSError, match="refused|unreachable|assign"):
                socket.create_connection(("127.0.0.2", server.flags[name]), timeout=2)


def test_same_port_twice_skips_rest():
    port = free_port()
    server = model_server.ModelServer(model_base_path="/m", port=port, rest_api_port=port)
    assert server._rest_port() == 0


def test_model_server_checks_its_flags():
    with pytest.raises(InvalidArgument, match="are empty!"):
        model_server.ModelServer(port=1)


def test_cors_and_socket_and_tensor_content(tmp_path):
    socket_path = tmp_path / "grpc.sock"
    with running_server(
        tmp_path,
        grpc_socket_path=str(socket_path),
        rest_api_enable_cors_support=True,
        enable_serialization_as_tensor_content=True,
        grpc_channel_arguments="grpc.max_connection_age_ms=100000",
    ) as server:
        response = httpx2.get(f"http://localhost:{server.flags['rest_api_port']}/v1/models/linear")
        assert response.headers["access-control-allow-origin"] == "*"
        with GrpcClient(f"unix:{socket_path}") as client:
            assert client.status("linear") == {2: "AVAILABLE"}
            assert client.predict("linear", {"x": [[1.0, 2.0, 3.0, 4.0]]})["y"].tolist() == [[2, 4, 6, 8]]


@pytest.mark.slow
def test_process_answers_and_ends_on_sigterm_after_requests_in_flight():
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "serving.model_server",
            f"--port={port}",
            "--model_name=linear",
            f"--model_base_path={models_dir() / 'linear'}",
            "--enable_batching=true",
            "--mixed_precision=x",
            "--grace_seconds=40",
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    stuck = threading.Timer(120, process.kill)  # reading its log would wait for ever
    stuck.start()
    try:
        log = []
        for line in process.stderr:
            log.append(line)
            if "Running gRPC ModelServer" in line:
                break
        assert f"Running gRPC ModelServer at 0.0.0.0:{port} ..." in log[-1]
        assert any("These flags have no effect in this server: --mixed_precision" in line for line in log)
        answers = []
        client = GrpcClient(f"localhost:{port}", timeout_seconds=12, max_retries=0)
        client.predict("linear", {"x": [[0.0] * 4]})  # the first request costs more than those after it
        slow = threading.Thread(target=lambda: answers.append(outcome(client)))
        slow.start()
        assert any(SLOW_HAS_BEGUN in line for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        slow.join(60)
        assert answers == ["DEADLINE_EXCEEDED"]
        assert process.wait(60) == 0
    finally:
        stuck.cancel()
        process.kill()
        process.stderr.close()


def outcome(client):
    """Asks what takes longer than its deadline: a server that ended early would answer UNAVAILABLE."""
    try:
        client.predict("linear", {"x": [0.0]}, "slow")
    except Exception as error:  # noqa: BLE001 - the test compares whatever it is
        return getattr(error, "status", repr(error))
    return "answered"


def test_as_many_rows_as_a_batch_holds_arrive_in_it(tmp_path):
    """One thread per CPU or four would hold fewer requests than a batch has rows."""
    parameters = tmp_path / "batching.config"
    parameters.write_text("max_batch_size { value: 40 } batch_timeout_micros { value: 20000000 }")
    with running_server(
        tmp_path / "config", enable_batching=True, batching_parameters_file=str(parameters)
    ) as server:
        before = runs_of(server)
        with GrpcClient(f"localhost:{server.flags['port']}") as client:
            threads = [
                threading.Thread(target=client.predict, args=("linear", {"x": [[1.0] * 4]}))
                for _ in range(40)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert runs_of(server) == before + 1


def runs_of(server):
    lines = server.metrics.page().decode().splitlines()
    return sum(int(line.split()[-1]) for line in lines if "processed_batch_size_count{" in line)
