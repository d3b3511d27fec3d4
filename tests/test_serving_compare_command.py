"""`zoo serve compare` between embedded servers, and the requests it sends."""

import contextlib
import dataclasses
import io
import json
import socket

import numpy as np
import pytest
from free_ports import free_port
from PIL import Image
from served_runs import run_zoo
from serving_models import Linear, Pictures, save

from serving.client.descriptions import SignatureDescription, TensorDescription
from serving.compare import comparison as server_comparison
from serving.compare.comparison import AskedServer, make_requests
from serving.compare.rest_requests import RestRequest
from serving.compare.sample_inputs import sample_inputs
from serving.launch.config_files import write_config_files
from serving.model_server.server import ModelServer


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Two servers of one directory, and one whose linear model has a version 2 with another factor."""
    root = tmp_path_factory.mktemp("compared")
    with contextlib.ExitStack() as exits:
        yield {
            "one": exits.enter_context(serving(root / "one", version=1)),
            "same": exits.enter_context(serving(root / "same", version=1)),
            "other": exits.enter_context(serving(root / "other", version=2)),
        }


@contextlib.contextmanager
def serving(directory, version):
    linear, pictures = Linear(version), Pictures()
    save(linear, directory / "linear" / str(version), serving_default=linear.double, two=linear.two)
    save(pictures, directory / "pictures" / "1", serving_default=pictures.png, invert=pictures.invert)
    write_config_files(directory, directory / "config")
    server = ModelServer(
        port=free_port(),
        rest_api_port=free_port(),
        model_config_file=str(directory / "config" / "models.config"),
        allow_version_labels_for_unavailable_models=True,
    )
    server.start()
    try:
        yield {
            "directory": directory,
            "grpc": f"localhost:{server.flags['port']}",
            "rest": f"http://localhost:{server.flags['rest_api_port']}",
        }
    finally:
        server.stop(grace_seconds=1)


def compare(capsys, one, other, *arguments, with_rest=True):
    rest = ["--rest", one["rest"], "--against-rest", other["rest"]] if with_rest else []
    words = ["--server", one["grpc"], "--against", other["grpc"], *rest, *arguments]
    return run_zoo(capsys, "serve", "compare", *words)


def test_two_servers_of_the_same_models_answer_alike(servers, capsys):
    one, same = servers["one"], servers["same"]
    code, out, _ = compare(capsys, one, same, "--models-dir", one["directory"])
    assert code == 0
    lines = out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "linear, gRPC",
        "linear, REST",
        "pictures, gRPC",
        "pictures, REST",
        "linear, gRPC, dangerous",
        "linear, REST, dangerous",
        "pictures, gRPC, dangerous",
        "pictures, REST, dangerous",
    ]
    for line in lines:
        count = int(line.split(": ")[1].split()[0])
        assert count <= 2 if "dangerous" in line else count > 50
        assert line.endswith(f": {count} requests, {count} equal, 0 different")


def test_another_version_differs_where_it_answers_and_not_where_it_refuses(servers, capsys):
    code, out, error = compare(capsys, servers["one"], servers["other"], "--model", "linear", "--all")
    assert code == 1
    counts = [line for line in out.splitlines() if " requests, " in line]
    num_different = sum(line.startswith("different ") for line in out.splitlines())
    assert error.startswith(f"{num_different} of ")
    assert len(counts) == 4
    assert "equal     linear, gRPC: Predict, unknown model (NOT_FOUND)\n" in out
    assert "equal     linear, gRPC: serving_default: no input (INVALID_ARGUMENT)\n" in out
    assert "equal     linear, REST: post model:explain (400)\n" in out
    expected = "different linear, gRPC: serving_default: one row (OK)\n"
    assert expected in out
    shown = out.split(expected)[1].split("different ")[0]
    assert "    -     value: 1\n" in shown
    assert "    +     value: 2\n" in shown


def test_without_the_other_rest_address_only_grpc_is_asked(servers, capsys):
    arguments = (servers["one"], servers["same"], "--model", "linear")
    assert "REST" not in compare(capsys, *arguments, with_rest=False)[1]
    code, out, _ = compare(capsys, *arguments, "--dry-run")
    assert code == 0
    assert "linear, gRPC: serving_default: x of another type\n" in out
    assert "linear, REST: options, from a site\n" in out
    assert " requests, " not in out


def test_what_cannot_be_compared(servers, capsys, tmp_path):
    one = servers["one"]
    code, _, error = compare(
        capsys, one, {"grpc": f"localhost:{free_port()}"}, "--model", "linear", with_rest=False
    )
    assert (code, error.startswith("No server at localhost:")) == (1, True)
    code, _, error = compare(capsys, one, one, "--model", "no")
    assert (code, error) == (1, "NOT_FOUND: Servable not found for request: Latest(no)")
    code, _, error = compare(capsys, one, one, "--models-dir", tmp_path / "no")
    assert (code, "Name the models to compare" in error) == (2, True)
    code, _, error = compare(capsys, one, {"grpc": "nowhere"}, with_rest=False)
    assert (code, error) == (
        2,
        "--against must be HOST:PORT or grpcs://HOST:PORT of gRPC. Received: 'nowhere'.",
    )
    code, _, error = compare(capsys, one, {"grpc": one["grpc"], "rest": "localhost:1"})
    expected = (
        "--against-rest must be http://HOST:PORT or https://HOST:PORT of REST. Received: 'localhost:1'."
    )
    assert (code, error) == (2, expected)
    # Two servers that are both not there would give equal answers.
    silent = {"grpc": one["grpc"], "rest": f"http://localhost:{free_port()}"}
    code, _, error = compare(capsys, silent, silent, "--model", "linear")
    assert (code, error.startswith("No server at localhost:")) == (1, True)
    assert run_zoo(capsys, "serve", "compare")[0] == 2


def test_options_of_serve_in_front_of_a_command_are_refused(capsys):
    code, _, error = run_zoo(capsys, "serve", "--port", "9000", "compare", "--against", "localhost:1")
    assert code == 2
    assert error.startswith("Options before 'compare' have no effect on it. Received: --port.")
    code, _, error = run_zoo(capsys, "serve", "comprae")
    assert code == 2
    assert error.startswith("Unknown command of `zoo serve`. Received: 'comprae'. Known: compare")


SIGNATURE = SignatureDescription(
    {
        "image_bytes": TensorDescription("string", (-1,)),
        "category": TensorDescription("string", (-1,)),
        "images": TensorDescription("uint8", (-1, -1, 4, 3)),
        "latents": TensorDescription("float", (-1, 2)),
        "anything": TensorDescription("int64", None),
    },
    {"images": TensorDescription("uint8", (-1, 8, 8, 3))},
)


def test_sample_inputs_have_the_types_and_shapes_of_the_signature():
    inputs = sample_inputs(SIGNATURE, 2)
    assert {name: (array.dtype, array.shape) for name, array in inputs.items()} == {
        "image_bytes": (np.dtype(object), (2,)),
        "category": (np.dtype(object), (2,)),
        "images": (np.dtype(np.uint8), (2, 8, 4, 3)),
        "latents": (np.dtype(np.float32), (2, 2)),
        "anything": (np.dtype(np.int64), (2,)),
    }
    assert inputs["category"].tolist() == [b"", b""]
    assert Image.open(io.BytesIO(inputs["image_bytes"][0])).size == (8, 8)


def test_the_script_of_requests_is_json_of_unique_names_and_always_the_same():
    first, second = (make_requests("m", {"edit": SIGNATURE}) for _ in range(2))
    assert first == second
    text = json.dumps([dataclasses.asdict(request) for request in first])
    assert [type(request)(**fields) for request, fields in zip(first, json.loads(text), strict=True)] == first
    names = [(type(request), request.name) for request in first]
    assert len(set(names)) == len(names)


def answer(body, status="200", content_type="application/json"):
    return server_comparison.Answer(status, content_type, body, tuple(body.decode().splitlines()))


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (answer(b'{"a": 1.0, "b": 2}'), answer(b'{"a": 1.0, "b": 2}'), "equal"),
        (answer(b'{"a": 1.0, "b": 2}'), answer(b'{"b": 2, "a": 1.0}'), "order"),
        (answer(b'{"a": 1.0, "b": 2}'), answer(b'{"b": 2, "a": 1.00}'), "different"),
        (answer(b'{"a": 1.00}'), answer(b'{"a": 1e+0}'), "different"),
        (answer(b"[1, 2]"), answer(b"[2, 1]"), "different"),
        (answer(b"[1]"), answer(b"[1]", status="400"), "different"),
        (answer(b"[1]"), answer(b"[1]", content_type="text/html"), "different"),
        (answer(b"no json"), answer(b"json no"), "different"),
        (answer(b"a", content_type=""), answer(b"b", content_type=""), "different"),
    ],
)
def test_verdicts(one, other, verdict):
    assert server_comparison._verdict(one, other) == verdict


def test_a_rest_request_needs_a_rest_address():
    request = RestRequest("status", "GET", "/v1/models/m")
    with (
        AskedServer("localhost:1") as server,
        pytest.raises(ValueError, match="request='status'. Give `rest_"),
    ):
        server.answer(request)


def test_what_a_server_may_never_answer_comes_last_and_ends_soon(monkeypatch):
    signature = SignatureDescription({"x": TensorDescription("float32", (-1, 2))}, {})
    requests = make_requests("m", {"serving_default": signature})
    dangers = [bool(request.danger) for request in requests]
    assert dangers == sorted(dangers)
    assert [request.name for request in requests if request.danger] == [
        "serving_default: no rows",
        "head model",
    ]
    monkeypatch.setattr(server_comparison, "DANGEROUS_SECONDS", 0.5)
    silent = socket.create_server(("localhost", 0))  # takes connections, and never answers
    with silent, AskedServer(f"localhost:{silent.getsockname()[1]}") as asked:
        answer = asked.answer(requests[-2])
    assert answer.status == "DEADLINE_EXCEEDED"
