"""Presets in folders: written atomically, read by path, refused when they are not presets."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from zoo import DCGAN, ECBSR, FSRCNN, SRCNN, Classifier, Cleaner, ConditionalVAE
from zoo.errors import UnknownNameError
from zoo.presets import registry
from zoo.presets.registry import Preset, read_preset

ATTRIBUTES = {"category": ["bag", "shoe"]}
SAVE_AGAIN = "Write the folder again with `save_to_preset`, or copy or download it again."
MODELS = {
    "classifier": lambda: Classifier(ATTRIBUTES, image_size=16, width=2),
    "conditional_vae": lambda: ConditionalVAE(ATTRIBUTES, image_size=16, latent_dim=3, width=2),
    "dcgan": lambda: DCGAN(ATTRIBUTES, image_size=16, latent_dim=3, width=2),
    "clean": lambda: Cleaner(depth=2, width=4),
    "ecbsr": lambda: ECBSR(upscale_factor=2, depth=2, width=4),
    "fsrcnn": lambda: FSRCNN(upscale_factor=2),
    "srcnn": lambda: SRCNN(upscale_factor=3),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a preset of SRCNN, below the working directory."""
    monkeypatch.chdir(tmp_path)
    MODELS["srcnn"]().save_to_preset("./shop")
    return tmp_path / "shop"


def averages_of(model):
    return {w.path.removeprefix("ema_"): w for w in model.weights if w.path.startswith("ema_")}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back(name, tmp_path):
    model = MODELS[name]()
    model.save_to_preset(tmp_path / "new" / "folder")
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {"preset.json", "weights.npz"}
    loaded = type(model).from_preset(tmp_path / "new" / "folder")
    assert loaded.get_config() | {"name": ""} == model.get_config() | {"name": ""}
    averages = averages_of(model)  # stand for what they are the averages of, too
    for weight, other in zip(loaded.weights, model.weights, strict=True):
        assert weight.path == other.path
        np.testing.assert_array_equal(weight, averages.get(other.path, other))


@pytest.mark.parametrize("place", ["./shop", "shop/", "../{parent}/shop", "{absolute}"])
def test_a_path_has_a_slash(folder, place):
    place = place.format(parent=folder.parent.name, absolute=folder)
    assert SRCNN.from_preset(place).upscale_factor == 3
    preset = read_preset(place)
    assert (preset.name, preset.reference, preset.is_shipped) == ("shop", str(folder), False)


def test_a_path_object_is_a_folder_and_a_word_is_a_preset_of_the_package(folder):
    assert SRCNN.from_preset(Path("shop")).upscale_factor == 3
    message = "Unknown preset. Received: 'shop'. Known: .*To use the folder, write a slash: ./shop."
    with pytest.raises(UnknownNameError, match=message):
        SRCNN.from_preset("shop")
    folder.rename(folder.with_name("srcnn_x2"))
    assert SRCNN.from_preset("srcnn_x2").upscale_factor == 2
    assert SRCNN.from_preset("./srcnn_x2").upscale_factor == 3


def test_a_folder_says_what_the_model_knows_and_no_more(folder):
    values = json.loads((folder / "preset.json").read_text())
    assert values.keys() == {"format", "model_class", "model_config", "weights"}
    assert values["model_class"] == "SRCNN"
    assert values["model_config"]["upscale_factor"] == 3
    assert values["model_config"].keys().isdisjoint({"name", "trainable", "dtype"})
    assert values["weights"]["sha256"] == registry.file_sha256(folder / "weights.npz")
    assert read_preset("./shop").licence is None


def test_a_copy_of_a_preset_of_the_package_is_a_folder_like_any_other(tmp_path):
    shutil.copytree(registry.DIRECTORY / "srcnn_x2", tmp_path / "copy")
    preset = read_preset(tmp_path / "copy")
    assert preset.model == "srcnn"
    assert SRCNN.from_preset(tmp_path / "copy").upscale_factor == 2
    assert json.loads(preset.to_json()) == json.loads((tmp_path / "copy" / "preset.json").read_text())


def test_saving_again_replaces_the_preset(folder):
    model = SRCNN(upscale_factor=2)
    model.save_to_preset(folder)
    assert SRCNN.from_preset(folder).upscale_factor == 2
    assert [path.name for path in folder.parent.iterdir()] == ["shop"]


def test_what_cannot_be_saved_leaves_what_was_there(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    broken = SRCNN(upscale_factor=3)
    broken.weights[0].assign(np.full(broken.weights[0].shape, np.nan))
    with pytest.raises(ValueError, match="Every weight must be finite in float32"):
        broken.save_to_preset(folder)
    with pytest.raises(ValueError, match="Every weight must be finite in float32"):
        broken.save_to_preset(folder.with_name("other"))

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Preset, "to_json", interrupt)
    with pytest.raises(KeyboardInterrupt):
        SRCNN(upscale_factor=2).save_to_preset(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["shop"]


def test_a_folder_with_anything_else_is_not_replaced(folder):
    (folder / "photo.jpg").touch()
    message = (
        "must be new, empty or a preset, because it is replaced. "
        f"Received: {folder}, which contains photo.jpg."
    )
    with pytest.raises(FileExistsError, match=re.escape(message)):
        SRCNN(upscale_factor=2).save_to_preset(folder)
    file = folder / "photo.jpg"
    with pytest.raises(
        FileExistsError, match=re.escape(f"Received: {file}, which is a file. Choose another")
    ):
        SRCNN(upscale_factor=2).save_to_preset(file)


def test_a_folder_without_a_preset_is_named(tmp_path):
    message = (
        f"A preset's folder must contain preset.json and weights.npz. Received: {tmp_path}, where "
        "preset.json is missing. Presets of the package are named without a slash: autoencoder_clothing_128, "
    )
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        SRCNN.from_preset(tmp_path)


def test_a_folder_of_another_class_is_named(folder):
    message = "must belong to the class that loads it, FSRCNN. Received: './shop', a preset of SRCNN."
    with pytest.raises(TypeError, match=re.escape(message)):
        FSRCNN.from_preset("./shop")


def test_damaged_weights_of_a_folder_are_named(folder):
    path = folder / "weights.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    message = f"The weights of the preset shop must match their checksum. Received: {path} with sha256="
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        SRCNN.from_preset(folder)
    assert str(caught.value).endswith(SAVE_AGAIN)
    path.unlink()
    with pytest.raises(ValueError, match=re.escape("with sha256=no such file, expected")):
        SRCNN.from_preset(folder)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": 2}, "of format 2, differing fields: none."),
        ({"weights": ...}, "differing fields: weights."),
        ({"colour": "red"}, "differing fields: colour."),
        ({"weights": {}}, "must have the model's arguments and the weights' checksum."),
        ({"weights": 3}, "must have the model's arguments and the weights' checksum."),
        ({"model_config": []}, "must have the model's arguments and the weights' checksum."),
        (
            {"model_config": {"depth": 3}},
            "must belong to the installed version of the package. Received: a preset that cannot be loaded",
        ),
    ],
)
def test_a_description_that_does_not_fit_is_refused(folder, change, problem):
    path = folder / "preset.json"
    values = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({name: value for name, value in values.items() if value is not ...}))
    with pytest.raises(ValueError, match=re.escape(problem)) as caught:
        SRCNN.from_preset(folder)
    assert str(caught.value).endswith(SAVE_AGAIN)
