"""`zoo export --variant`: every variant answers in a session, as it says it does, behind the same guards."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from exported_models import from_png
from kept_directories import make_directory
from served_runs import files_in, run_zoo, signatures_of_run, trained_run

from export.export_command import VARIANT_NAMES
from export.saved_model import exporter, variant_measurements
from export.saved_model.exporter import save_variant
from export.saved_model.variant_measurements import check_likeness
from export.saved_model.variants import ORIGINAL, VARIANTS
from export.versions.manifest import check_manifest, read_signatures
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.wire.status import InvalidArgument
from training.trained_model import find_run

# The classifier has one signature, and so takes seconds.
MODELS = (
    "classifier",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("fsrcnn", "dcgan")),
)
# Input of a signature, and what is no shape of it.
WRONG_SHAPES = {
    "classifier": ("classify_png", "image_bytes", ([1, 1], [])),
    "fsrcnn": ("upscale", "images", ([1, 8, 8], [1, 8, 8, 1], [8])),
}
SMALLER = [name for name in VARIANTS if name != ORIGINAL]


@functools.cache
def saved(model, variant, make_small_config) -> Path:
    """Returns the SavedModel of a variant of the model's small run."""
    signatures = list(signatures_of_run(model, make_small_config).values())
    directory = make_directory("variant")
    source = find_run(trained_run(model, make_small_config))
    save_variant(source, variant, False, signatures, directory)
    return directory


@pytest.mark.parametrize("variant", SMALLER)
@pytest.mark.parametrize("model", MODELS)
def test_every_signature_answers_in_a_session(model, variant, make_small_config):
    directory = saved(model, variant, make_small_config)
    assert read_signatures(directory) == read_signatures(saved(model, ORIGINAL, make_small_config))
    session = SavedModelSession(directory)
    for signature in signatures_of_run(model, make_small_config).values():
        for request in signature.example_requests:
            expected = signature.run(request)
            for name in [signature.name, "serving_default"][: 1 + signature.is_default]:
                found = session.predict(session.signature(name), request, decode=lambda array: array)
                for alias, values in expected.items():
                    check_close(alias, found[alias], values)


def check_close(alias, found, expected):
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if alias == "image_bytes":
        for one, other in zip(found, expected, strict=True):
            check_close("images", from_png(one), from_png(other))
    elif alias == "error" or alias.endswith("classes"):
        np.testing.assert_array_equal(found, expected)
    elif expected.dtype != object:  # the most probable value may be another one where two are as probable
        # Untrained networks are off by a few grey levels in bfloat16, which has eight bits.
        limit = 2 if alias == "images" else 0.02
        assert abs(found.astype("float64") - expected).mean() <= limit


@pytest.mark.parametrize("variant", SMALLER)
@pytest.mark.parametrize("model", MODELS[:2])
def test_a_wrong_shape_is_refused_inside_the_graph(model, variant, make_small_config):
    signature_name, alias, shapes = WRONG_SHAPES[model]
    loaded = SavedModelSession(saved(model, variant, make_small_config))
    signature = loaded.signature(signature_name)
    fill = np.zeros([], "uint8") if alias == "images" else np.array(b"", object)
    feed, fetch = signature.inputs[alias].tensor_name, signature.outputs["error"].tensor_name
    for shape in shapes:
        # Past the server's own check of the shape.
        with pytest.raises(InvalidArgument, match="not compatible with expected shape"):
            loaded.run({feed: np.full(shape, fill)}, [fetch])


def stored_bytes(directory):
    return sum(path.stat().st_size for path in (directory / "variables").glob("*.data-*"))


def test_float16_weights_take_half_the_room_and_are_near(make_small_config):
    full = stored_bytes(saved("classifier", ORIGINAL, make_small_config))
    half = stored_bytes(saved("classifier", "float16_weights", make_small_config))
    assert 0.5 * full < half < 0.7 * full  # what has one dimension is kept
    signatures = list(signatures_of_run("classifier", make_small_config).values())
    difference = check_likeness(signatures, saved("classifier", "float16_weights", make_small_config))
    assert difference.unit == "probability"
    assert 0 < difference.mean_difference <= difference.max_difference <= 0.01


def test_frozen_has_no_variables_and_answers_the_same(make_small_config):
    directory = saved("classifier", "frozen", make_small_config)
    assert files_in(directory) == ["saved_model.pb"]
    assert len(tf.saved_model.load(str(directory)).signatures["classify_png"].variables) == 0
    signatures = list(signatures_of_run("classifier", make_small_config).values())
    assert check_likeness(signatures, directory).max_difference <= 1e-5


@pytest.mark.slow
def test_a_variant_is_published_with_what_was_measured(capsys, make_small_config, tmp_path):
    run = trained_run("classifier", make_small_config)
    arguments = ["export", run, "--models-dir", tmp_path, "--variant", "mixed_bfloat16"]
    code, out, _ = run_zoo(capsys, *arguments)
    assert code == 0
    options = check_manifest(tmp_path / "classifier" / "1")["options"]
    assert (options["variant"], list(options["measured"])) == ("mixed_bfloat16", [ORIGINAL, "mixed_bfloat16"])
    measured = options["measured"]["mixed_bfloat16"]
    assert measured["unit"] == "probability"
    assert 0 < measured["mean_difference"] <= measured["max_difference"] < 0.1
    assert set(measured["ms_per_image"]) == {"1", "8"}
    assert options["measured"][ORIGINAL]["max_difference"] <= 1e-6
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["variant", ORIGINAL, "mixed_bfloat16", "Version:", "Serve"]
    assert f"{measured['ms_per_image']['8']:.2f}  " in lines[2]


@pytest.mark.slow
def test_variants_are_compared_without_publishing(capsys, make_small_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = trained_run("fsrcnn", make_small_config)
    code, out, _ = run_zoo(capsys, "export", run, "--compare-variants")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["variant", *VARIANTS]
    assert list(tmp_path.iterdir()) == []


def test_weights_too_large_for_float16_are_told(make_small_config, monkeypatch):
    source = find_run(trained_run("classifier", make_small_config))
    model = source.load_model()
    weight = next(weight for weight in model.weights if len(weight.shape) == 4)
    weight.assign(np.full(weight.shape, 70000.0))
    monkeypatch.setattr(type(source), "load_model", lambda self: model)
    with pytest.raises(ValueError, match=r"at most 65504 to be stored as float16\. Received: .* up to 70000"):
        VARIANTS["float16_weights"].load_model(source)


@pytest.mark.slow
def test_a_variant_that_is_far_off_is_not_published(make_small_config, tmp_path, monkeypatch):
    def load_blind(source):
        model = source.load_model()
        model.set_weights([keras.ops.zeros_like(weight) for weight in model.weights])
        return model

    monkeypatch.setitem(
        VARIANTS, "float16_weights", VARIANTS["float16_weights"]._replace(load_model=load_blind)
    )
    monkeypatch.setitem(variant_measurements.MAX_MEAN_DIFFERENCES, "probability", 1e-6)
    run = trained_run("classifier", make_small_config)
    message = r"on average within 1e-06 probability\. Received: off by .* Export another variant\."
    with pytest.raises(RuntimeError, match=message):
        exporter.export_run(run, tmp_path / "models", variant="float16_weights")
    assert files_in(tmp_path / "models") == []


def test_the_command_offers_every_variant():
    assert tuple(VARIANTS) == VARIANT_NAMES
