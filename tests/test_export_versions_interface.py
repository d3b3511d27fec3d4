"""A new version under a known name: alike is published, another one is refused by what differs."""

import json
import re
import shutil

import pytest
from served_runs import exported_run, run_zoo, trained_run

from export.saved_model.exporter import export_run
from export.versions.interface import check_interface, describe_interface
from export.versions.manifest import MANIFEST, read_manifest
from training.recipes.base.registry import recipe_of
from zoo import FSRCNN, ConditionalVAE, Cutout

SIGNATURES = {"generate": {"inputs": {"seed": {"dtype": "int64", "shape": [None]}}, "outputs": {}}}
INTERFACE = {"attributes": {"category": ["bag", "hat"]}, "image_size": 28}


@pytest.fixture
def model_dir(tmp_path):
    """A model with version 3, as far as the check reads it."""
    directory = tmp_path / "dcgan" / "3"
    (directory / "assets.extra").mkdir(parents=True)
    (directory / "saved_model.pb").write_bytes(b"")
    manifest = {"signatures": SIGNATURES, "interface": INTERFACE, "sha256": {}}
    (directory / MANIFEST).write_text(json.dumps(manifest))
    return directory.parent


def test_the_same_interface_is_no_problem(model_dir, tmp_path):
    check_interface(model_dir, SIGNATURES, INTERFACE)
    check_interface(tmp_path / "new", {}, {})


CHANGES = {
    "attribute values": (
        SIGNATURES,
        {"attributes": {"category": ["bag", "shoe"]}, "image_size": 28},
        "category is without hat and with shoe",
    ),
    "another attribute": (
        SIGNATURES,
        {"attributes": {"category": ["bag", "hat"], "colour": ["red"]}, "image_size": 28},
        "colour is with red",
    ),
    "size": (SIGNATURES, INTERFACE | {"image_size": 64}, "image_size is 64, not 28"),
    "signature": ({"upscale": {}}, INTERFACE, "generate is missing; upscale is new"),
    "input": (
        {
            "generate": {
                "inputs": {
                    "seed": {"dtype": "int32", "shape": [None]},
                    "steps": {"dtype": "int32", "shape": []},
                },
                "outputs": {},
            }
        },
        INTERFACE,
        (
            "generate's input seed is int32 [None], not int64 [None]; "
            "generate's input steps is int32 [], not missing"
        ),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_is_named(model_dir, name):
    signatures, interface, difference = CHANGES[name]
    message = f"Received: for dcgan, other than version 3: {difference}. Export it under another --model-name"
    with pytest.raises(ValueError, match=re.escape(message)):
        check_interface(model_dir, signatures, interface)


def test_versions_of_other_makers_are_left_alone(model_dir):
    (model_dir / "3" / MANIFEST).unlink()
    check_interface(model_dir, {}, {})


def test_what_clients_see_of_a_model():
    vae = ConditionalVAE({"category": ["bag", "hat"]}, image_size=16, latent_dim=3, width=2)
    assert describe_interface(vae, recipe_of(vae).visible_options) == {
        "attributes": {"category": ["bag", "hat"]},
        "image_size": 16,
        "channels": 1,
    }
    for model, seen in (
        (FSRCNN(upscale_factor=3), {"upscale_factor": 3}),
        (Cutout(image_size=32, width=4), {}),
    ):
        assert describe_interface(model, recipe_of(model).visible_options) == seen


@pytest.mark.slow
def test_another_model_under_a_known_name_needs_replace(capsys, make_small_config, tmp_path):
    models_dir = tmp_path / "models"
    shutil.copytree(exported_run("srcnn", make_small_config), models_dir / "photos" / "1")
    run = trained_run("clean", make_small_config)
    arguments = ("export", run, "--models-dir", models_dir, "--model-name", "photos")
    code, _, error = run_zoo(capsys, *arguments)
    assert code == 1
    assert "clean is new" in error
    assert "upscale_png is missing" in error
    assert not (models_dir / "photos" / "2").exists()
    assert run_zoo(capsys, *arguments, "--replace")[0] == 0
    assert read_manifest(models_dir / "photos" / "2")["model"] == "clean"
    assert export_run(run, models_dir, "photos").name == "3"
