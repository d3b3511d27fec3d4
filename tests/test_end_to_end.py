"""The whole path: runs are exported and served by `zoo serve`, and every way in gives the same answers."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from exported_models import from_png, random_pictures
from free_ports import free_port
from picture_files import JPEG, PNG
from served_runs import SERVED_NAMES, exported_run, signatures_of_run

from serving.client import grpc_client
from serving.client.connection import connect
from serving.client.errors import PredictionError, RowError, ServerUnreachableError

pytestmark = pytest.mark.slow(minutes=0.02)

LONGEST_START_SECONDS = 300


@pytest.fixture(scope="module")
def server(make_small_config, tmp_path_factory):
    """A process of `zoo serve` on the models that are asked, with its addresses by protocol."""
    models_dir = tmp_path_factory.mktemp("models")
    for model in MODELS:
        version_dir = exported_run(model, make_small_config)
        shutil.copytree(version_dir, models_dir / version_dir.parent.name / version_dir.name)
    ports = free_port(), free_port()
    options = ["--models-dir", models_dir, "--port", ports[0], "--rest-api-port", ports[1]]
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "serve", "--engine", "embedded", *map(str, options)],
        cwd=Path(__file__).parent.parent,
    )
    addresses = {"grpc": f"localhost:{ports[0]}", "rest": f"http://localhost:{ports[1]}"}
    try:
        for address in addresses.values():
            wait_until_available(process, address)
        yield process, addresses
    finally:
        process.terminate()
        process.wait()


def wait_until_available(process, address):
    end = time.monotonic() + LONGEST_START_SECONDS
    while True:
        try:
            with connect(address) as client:
                for model in MODELS:
                    assert client.status(SERVED_NAMES[model]) == {1: "AVAILABLE"}
            return
        except ServerUnreachableError:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)


@pytest.fixture
def clients(server):
    _, addresses = server
    with connect(addresses["grpc"]) as over_grpc, connect(addresses["rest"]) as over_rest:
        yield over_grpc, over_rest


def strings(*values):
    return np.array(values, dtype=object)


ATTRIBUTES = {"category": strings("bag", "", "hat"), "colour": strings("", "red", "")}
ATTRIBUTES |= {"pattern": strings("plain", "", "")}
TARGETS = {f"target_{name}": values[::-1] for name, values in ATTRIBUTES.items()}
PICTURES = random_pictures(3, 20, 24, 3)
REQUESTS = [
    ("dcgan", "generate", {"seed": np.array([-1, 0, 2**63 - 1]), **ATTRIBUTES}),
    ("dcgan", "generate_png", {"seed": np.array([-(2**63), 5, 6]), **ATTRIBUTES}),
    (
        "dcgan",
        "decode",
        {"latents": np.random.default_rng(0).normal(size=(3, 8)).astype("float32"), **ATTRIBUTES},
    ),
    ("conditional_vae", "generate", {"seed": np.array([1, 2, 3]), **ATTRIBUTES}),
    ("conditional_vae", "encode", {"images": PICTURES, **ATTRIBUTES}),
    ("conditional_vae", "edit", {"images": PICTURES, **ATTRIBUTES, **TARGETS}),
    ("conditional_vae", "edit_png", {"image_bytes": strings(PNG, JPEG, PNG), **ATTRIBUTES, **TARGETS}),
    ("srcnn", "upscale", {"images": PICTURES}),
    ("srcnn", "upscale_png", {"image_bytes": strings(PNG, JPEG, PNG)}),
    ("classifier", "classify_png", {"image_bytes": strings(PNG, JPEG, PNG)}),
]


MODELS = dict.fromkeys(model for model, _, _ in REQUESTS)


@pytest.mark.parametrize(
    ("model", "signature_name", "inputs"), REQUESTS, ids=[f"{m}-{s}" for m, s, _ in REQUESTS]
)
def test_both_protocols_and_this_process_give_the_same(
    clients, make_small_config, model, signature_name, inputs
):
    over_grpc, over_rest = (client.predict(SERVED_NAMES[model], inputs, signature_name) for client in clients)
    in_process = signatures_of_run(model, make_small_config)[signature_name].run(inputs)
    assert over_grpc.keys() == over_rest.keys() == in_process.keys()
    for name, values in over_grpc.items():
        assert values.dtype == over_rest[name].dtype == in_process[name].dtype
        np.testing.assert_array_equal(over_rest[name], values)
    numbers = [name for name, values in over_grpc.items() if values.dtype == "float32"]
    for name in numbers:
        np.testing.assert_allclose(over_grpc[name], in_process[name], atol=1e-4)
    if numbers:
        return
    served, expected = (pictures_of(outputs) for outputs in (over_grpc, in_process))
    assert len(served) == 3
    for picture, expected_picture in zip(served, expected, strict=True):
        assert picture.shape == expected_picture.shape
        # Seeds promise the same picture; elsewhere another process may round a grey level differently.
        difference = np.abs(picture.astype(int) - expected_picture).max()
        assert difference <= (0 if "seed" in inputs else 1)


def pictures_of(outputs):
    if "images" in outputs:
        return outputs["images"]
    return [from_png(file) for file in outputs["image_bytes"]]


def test_clients_that_name_no_signature_get_the_default_one(clients):
    for client in clients:
        outputs = client.predict("srcnn_x2", {"image_bytes": [PNG]})
        named = client.predict("srcnn_x2", {"image_bytes": [PNG]}, "upscale_png")
        assert outputs["image_bytes"].tolist() == named["image_bytes"].tolist()


@pytest.mark.parametrize("category", [b"sock", "größe".encode(), b"\xff\0\xfe"])
def test_row_that_is_wrong_is_told_by_both_protocols(clients, category):
    inputs = {name: values.copy() for name, values in ATTRIBUTES.items()}
    inputs["category"][1] = category
    errors = []
    for client in clients:
        with pytest.raises(RowError) as raised:
            client.predict("dcgan", {"seed": [1, 2, 3], **inputs}, "generate_png")
        errors.append(raised.value.errors)
    assert errors[0] == errors[1]
    assert list(errors[0]) == [1]
    received = category.decode("utf-8", "replace")
    assert errors[0][1].startswith(f"Unknown category. Received: '{received}'. Known: t-shirt, ")


WRONG_REQUESTS = {
    "rank": ("srcnn_x2", "upscale", {"images": PICTURES[0]}),
    "channels": ("srcnn_x2", "upscale", {"images": PICTURES[..., :1]}),
    "no pixels": ("srcnn_x2", "upscale", {"images": PICTURES[:, :0]}),
    "rows": ("dcgan", "generate", {"seed": [1, 2], **ATTRIBUTES}),
    "missing input": ("dcgan", "generate", {"seed": [1, 2, 3]}),
    "unknown input": ("classifier", "classify_png", {"file_bytes": [PNG]}),
    "rank of files": ("classifier", "classify_png", {"image_bytes": [[PNG]]}),
    "damaged file": ("srcnn_x2", "upscale_png", {"image_bytes": [PNG[:60] + b"??" + PNG[62:]]}),
}


@pytest.mark.parametrize("key", WRONG_REQUESTS)
def test_request_that_is_wrong_is_an_invalid_argument_and_the_server_lives(server, clients, key):
    model_name, signature_name, inputs = WRONG_REQUESTS[key]
    for client in clients:
        with pytest.raises(PredictionError) as raised:
            client.predict(model_name, inputs, signature_name)
        assert raised.value.http_status == 400
        assert len(client.predict("srcnn_x2", {"image_bytes": [PNG]})["image_bytes"]) == 1
    process, _ = server
    assert process.poll() is None


def test_pictures_of_terabytes_that_are_not_there_cost_nothing(clients, monkeypatch):
    monkeypatch.setattr(
        grpc_client, "check_has_rows", lambda inputs: None
    )  # other clients send such requests
    over_grpc, _ = clients
    nothing = np.zeros([0, 2**20, 2**20, 3], "uint8")
    assert len(over_grpc.predict("srcnn_x2", {"images": nothing}, "upscale")["images"]) == 0


def test_sigterm_ends_the_server(server):
    process, addresses = server
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    with pytest.raises(ServerUnreachableError), connect(addresses["grpc"]) as client:
        client.status("dcgan")
