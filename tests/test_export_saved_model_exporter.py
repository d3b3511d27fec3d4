"""Runs become version directories: checked against the Keras model, and whole or not there."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from exported_models import LATENT_DIM, exported
from served_runs import SERVED_NAMES, exported_run, files_in, trained_run
from tensorflow_serving.apis import prediction_log_pb2

from export.saved_model import exporter
from export.saved_model.exporter import check_export, export_run
from export.signatures.of_models import make_signatures
from export.versions.manifest import check_manifest, read_signatures
from export.versions.publish import taken_numbers
from training.runs.metrics_log import read_metrics

# Training and exporting the others takes more than the seconds that the default run allows a test.
MODELS = (
    "srcnn",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("dcgan", "conditional_vae", "fsrcnn", "classifier")
    ),
)


@pytest.fixture
def dcgan_run(make_small_config, tmp_path):
    """A copy of the run that a test may change."""
    return Path(shutil.copytree(trained_run("dcgan", make_small_config), tmp_path / "a-run"))


@pytest.mark.parametrize("model", MODELS)
def test_version_directory_is_what_tf_serving_loads(model, make_small_config):
    version_dir = exported_run(model, make_small_config)
    assert (version_dir.parent.name, version_dir.name) == (SERVED_NAMES[model], "1")
    assert set(files_in(version_dir)) == {
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "assets.extra/tf_serving_warmup_requests",
        "assets.extra/manifest.json",
    }
    assert (version_dir / "assets").is_dir()


@pytest.mark.parametrize("model", MODELS)
def test_manifest_says_what_the_version_is(model, make_small_config):
    run, version_dir = trained_run(model, make_small_config), exported_run(model, make_small_config)
    manifest = check_manifest(version_dir)
    assert (manifest["model"], manifest["run"]) == (model, run.name)
    assert manifest["signatures"] == read_signatures(version_dir)
    assert "serving_default" in manifest["signatures"]
    last = read_metrics(run / "metrics.jsonl")[-1]
    assert manifest["scores"] == {name: value for name, value in last.items() if name.startswith("val_")}
    assert manifest["scores"]
    assert {"tensorflow", "keras", "product-image-zoo"} <= manifest["versions"].keys()


@pytest.mark.parametrize("model", MODELS)
def test_every_signature_has_a_warm_up_request_that_runs(model, make_small_config):
    version_dir = exported_run(model, make_small_config)
    signatures = tf.saved_model.load(str(version_dir)).signatures
    data = tf.data.TFRecordDataset(str(version_dir / "assets.extra/tf_serving_warmup_requests"))
    asked = []
    for record in data.as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        assert request.model_spec.name == SERVED_NAMES[model]
        inputs = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in request.inputs.items()}
        outputs = signatures[request.model_spec.signature_name](**inputs)
        assert set(outputs["error"].numpy()) == {b""}
        asked.append(request.model_spec.signature_name)
    assert set(asked) == set(signatures) - {"serving_default"}


@pytest.fixture
def copied_save(monkeypatch, make_small_config):
    """Saves what another export of the DCGAN's run has saved, which takes no time."""
    finished = exported_run("dcgan", make_small_config)

    def copy(signatures, directory):
        ignored = shutil.ignore_patterns("assets.extra")
        shutil.copytree(finished, directory, dirs_exist_ok=True, ignore=ignored)

    monkeypatch.setattr(exporter, "save", copy)


@pytest.fixture
def quick_export(monkeypatch, copied_save):
    """Exports without a check."""
    monkeypatch.setattr(exporter, "check_export", lambda signatures, directory: None)


def test_versions_are_numbered_on_and_names_can_be_chosen(quick_export, make_small_config, tmp_path):
    run = trained_run("dcgan", make_small_config)
    versions = [
        export_run(run, tmp_path, "painter"),
        export_run(run, tmp_path, "painter", version=7),
        export_run(run, tmp_path, "painter"),
    ]
    assert [path.name for path in versions] == ["1", "7", "8"]
    assert {path.parent for path in versions} == {tmp_path / "painter"}
    data = tf.data.TFRecordDataset(str(versions[2] / "assets.extra/tf_serving_warmup_requests"))
    record = next(data.as_numpy_iterator())
    assert (
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request.model_spec.name == "painter"
    )


@pytest.mark.parametrize("name", ["dcgan", "srcnn_x2"])
def test_only_weights_that_are_used_are_saved(name):
    model = exported(name).model
    used = model.ema_generator if name == "dcgan" else model.network
    reader = tf.train.load_checkpoint(str(exported(name).directory / "variables" / "variables"))
    saved = [
        shape
        for key, shape in reader.get_variable_to_shape_map().items()
        if key != "_CHECKPOINTABLE_OBJECT_GRAPH"
    ]
    assert sorted(map(tuple, saved)) == sorted(tuple(weight.shape) for weight in used.weights)


def test_model_that_differs_from_what_was_saved_is_not_published(
    copied_save, make_small_config, tmp_path, monkeypatch
):
    def make_and_change(model, isolates_rows):
        for weight in model.ema_generator.weights:
            weight.assign(weight + 0.5)
        return make_signatures(model, isolates_rows)

    monkeypatch.setattr(exporter, "make_signatures", make_and_change)
    message = (
        r"must agree with the Keras model within 1\. Received: output `image_bytes` of `generate_png`, off"
    )
    with pytest.raises(RuntimeError, match=message + r".*Nothing was published; report this"):
        export_run(trained_run("dcgan", make_small_config), tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


class Answering:
    """A signature whose Keras model answers what a test wants it to."""

    def __init__(self, signature, **answers):
        self.name, self.to_tensors = signature.name, signature.to_tensors
        self.example_requests = signature.example_requests[:1]
        self._signature, self._answers = signature, answers

    def run_eagerly(self, request):
        return {**self._signature.run_eagerly(request), **self._answers}


WRONG_ANSWERS = {
    "another size": (
        "dcgan",
        "generate",
        {"images": np.zeros([1, 28, 27, 1], "uint8")},
        "output `images` of `generate`, off by inf (shapes (1, 28, 28, 1) and (1, 28, 27, 1))",
    ),
    "another dtype": ("dcgan", "generate", {"images": np.zeros([1, 28, 28, 1], "int32")}, "off by inf"),
    "an error": ("dcgan", "generate", {"error": np.array([b"no"], object)}, "output `error` of `generate`"),
    "no file": ("dcgan", "generate_png", {"image_bytes": np.array([b""], object)}, "output `image_bytes`"),
    "no numbers": (
        "conditional_vae",
        "encode",
        {"latents": np.full([1, LATENT_DIM], np.nan, "float32")},
        "within 0.001. Received: output `latents` of `encode`, off by nan",
    ),
}


@pytest.mark.parametrize("key", WRONG_ANSWERS)
def test_any_difference_is_named(key):
    model, name, answers, message = WRONG_ANSWERS[key]
    signature = Answering(exported(model).signatures[name], **answers)
    with pytest.raises(RuntimeError) as raised:
        check_export([signature], exported(model).directory)
    assert message in str(raised.value)


def test_differences_of_one_grey_level_are_rounding_and_of_two_are_not():
    signature = exported("dcgan").signatures["generate"]
    images = exported("dcgan").ask("generate", **signature.example_requests[0])["images"]
    shifted = np.where(images > 127, images - 1, images + 1).astype("uint8")
    check_export([Answering(signature, images=shifted)], exported("dcgan").directory)
    shifted = np.where(images > 127, images - 2, images + 2).astype("uint8")
    with pytest.raises(RuntimeError, match="within 1. Received: output `images` of `generate`, off by 2 "):
        check_export([Answering(signature, images=shifted)], exported("dcgan").directory)


def test_scores_of_the_evaluation_go_before_those_of_the_training(quick_export, dcgan_run, tmp_path):
    (dcgan_run / "evaluation.json").write_text(json.dumps({"scores": {"quality": 0.5}}))
    assert check_manifest(export_run(dcgan_run, tmp_path / "models"))["scores"] == {"quality": 0.5}


def test_run_whose_metrics_are_lost_is_exported_without_scores(quick_export, dcgan_run, tmp_path):
    (dcgan_run / "metrics.jsonl").unlink()
    assert check_manifest(export_run(dcgan_run, tmp_path / "models"))["scores"] == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1, 2]", '{"scores": 3}'])
def test_damaged_evaluation_is_named_before_anything_is_built(dcgan_run, tmp_path, text):
    (dcgan_run / "evaluation.json").write_text(text)
    with pytest.raises(
        ValueError,
        match="as `zoo evaluate` wrote it.*evaluation.json, which is damaged",
    ):
        export_run(dcgan_run, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_export_that_is_killed_leaves_no_version(quick_export, make_small_config, tmp_path):
    script = """
import sys, time
from pathlib import Path
from export.saved_model import exporter

def check_and_wait(signatures, directory):
    print(*sorted(path.name for path in directory.iterdir()), flush=True)
    time.sleep(600)

exporter.check_export = check_and_wait
exporter.export_run(Path(sys.argv[1]), Path(sys.argv[2]))
"""
    run = trained_run("dcgan", make_small_config)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(run), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    with process:
        assert "saved_model.pb" in process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert taken_numbers(tmp_path / "dcgan") == []
    assert len(list((tmp_path / "dcgan").iterdir())) == 1

    assert export_run(run, tmp_path).name == "1"
    assert [path.name for path in (tmp_path / "dcgan").iterdir()] == ["1"]
