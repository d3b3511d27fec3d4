"""The examples for users of other languages, run as they stand against a real server with presets."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from free_ports import free_port
from PIL import Image
from served_runs import running_server

from export.saved_model.exporter import export_run
from serving.client.connection import connect

EXAMPLES = Path(__file__).parent.parent / "serving" / "examples"
PRESETS = ("dcgan_fashion_mnist", "cvae_fashion_mnist", "fsrcnn_x3", "classifier_fashion_mnist")
SCRIPTS = {
    "dcgan.sh": "dcgan",
    "conditional_vae.sh": "conditional_vae",
    "super_resolution.sh": "fsrcnn_x3",
    "classifier.sh": "classifier",
}
pytestmark = pytest.mark.slow
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    models_dir = tmp_path_factory.mktemp("models")
    for preset in PRESETS:
        export_run(preset, models_dir)
    with running_server(models_dir, tmp_path_factory.mktemp("config")) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def client(addresses):
    with connect(addresses["grpc"]) as client:
        yield client


@pytest.fixture
def run(addresses, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVER", addresses["rest"])
    Image.new("RGB", (7, 5), "red").save("photo.jpg")

    def run(*words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def generated(client, model, seeds, category):
    inputs = {"seed": seeds, "category": [category] * len(seeds)}
    return client.predict(model, inputs, "generate_png")["image_bytes"].tolist()


def outputs_of(name):
    return {key: np.array(value) for key, value in json.loads(Path(name).read_bytes())["outputs"].items()}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_signature_has_a_command(client, script):
    text = (EXAMPLES / "curl" / script).read_text()
    names = set(client.signatures(SCRIPTS[script])) - {"serving_default"}
    assert [name for name in sorted(names) if f"# {name}" not in text] == []


@needs_curl
def test_curl_dcgan(run, client):
    printed = run("bash", EXAMPLES / "curl" / "dcgan.sh")
    assert '"AVAILABLE"' in printed
    assert "Unknown category. Received: 'spoon'" in printed
    assert [Path("bag.png").read_bytes()] == generated(client, "dcgan", [7], "bag")
    with Image.open("bag.png") as picture:
        assert outputs_of("generated.json")["images"][0, :, :, 0].tolist() == np.array(picture).tolist()
    assert outputs_of("decoded.json")["images"].shape == (1, 28, 28, 1)


@needs_curl
def test_curl_conditional_vae(run, client):
    run("bash", EXAMPLES / "curl" / "conditional_vae.sh")
    sneaker = Path("sneaker.png").read_bytes()
    assert [sneaker] == generated(client, "conditional_vae", [7], "sneaker")
    inputs = {"image_bytes": [sneaker], "category": [""], "target_category": ["ankle boot"]}
    edited = client.predict("conditional_vae", inputs, "edit_png")["image_bytes"]
    assert [Path("ankle-boot.png").read_bytes()] == edited.tolist()
    assert outputs_of("encoded.json")["latents"].shape == (1, 64)
    assert outputs_of("edited.json")["images"].shape == (1, 2, 2, 1)
    for name in ("generated.json", "decoded.json"):
        assert outputs_of(name)["images"].shape == (1, 28, 28, 1)


@needs_curl
def test_curl_super_resolution(run):
    run("bash", EXAMPLES / "curl" / "super_resolution.sh", "photo.jpg")
    with Image.open("large.png") as picture:
        assert picture.size == (21, 15)
    assert outputs_of("large.json")["images"].shape == (1, 3, 6, 3)


@needs_curl
def test_curl_classifier(run, client):
    (bag,) = generated(client, "dcgan", [7], "bag")
    Path("bag.png").write_bytes(bag)
    assert '"category": "bag"' in run("bash", EXAMPLES / "curl" / "classifier.sh", "bag.png")


@needs_node
def test_node_generates(run, client):
    assert run("node", EXAMPLES / "node" / "generate.mjs", "ankle boot", "2").count("Wrote") == 2
    pictures = [Path(f"ankle boot-{seed}.png").read_bytes() for seed in range(2)]
    assert pictures == generated(client, "dcgan", [0, 1], "ankle boot")


@needs_node
def test_node_upscales(run, client):
    run("node", EXAMPLES / "node" / "upscale.mjs", "photo.jpg", "large.png")
    large = client.predict("fsrcnn_x3", {"image_bytes": [Path("photo.jpg").read_bytes()]})["image_bytes"]
    assert [Path("large.png").read_bytes()] == large.tolist()


NODE_ERRORS = """
import { ZooClient } from "MODULE";
const client = new ZooClient(process.env.SERVER, { maxRetries: 1 });
const tell = (error) => console.log(JSON.stringify([error.name, error.message, [...(error.errors ?? [])]]));
await client.generate([1, 2], { category: "spoon" }).catch(tell);
await client.upscale([new Uint8Array(300_000)], "none").catch(tell);
await client.generate([0.5]).catch(tell);
await new ZooClient("http://localhost:PORT", { maxRetries: 1 }).generate([1]).catch(tell);
"""


@needs_node
def test_node_says_what_is_wrong(run):
    script = NODE_ERRORS.replace("MODULE", (EXAMPLES / "node" / "zoo-client.mjs").as_uri())
    Path("errors.mjs").write_text(script.replace("PORT", str(free_port())))
    row, missing, seed, nobody = map(json.loads, run("node", "errors.mjs").splitlines())
    assert row[0] == "RowError"
    assert [number for number, _ in row[2]] == [0, 1]
    assert missing == ["PredictionError", "HTTP 404: Servable not found for request: Latest(none)", []]
    assert seed[0] == "RangeError"
    assert nobody[1].startswith("No server at http://localhost:")
