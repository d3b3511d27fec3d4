"""The contract's table of signatures, held against SavedModels; what every signature does alike."""

import keras
import numpy as np
import pytest
from exported_models import (
    COLOURS,
    LATENT_DIM,
    attribute_inputs,
    exported,
    from_png,
    random_pictures,
    to_png,
)

from export.signatures import rows
from export.signatures.of_models import default_model_name, make_signatures
from export.versions.manifest import read_signatures
from zoo.pictures import pixels
from zoo.super_resolution.srcnn import SRCNN

STRINGS = ("string", [None])
ERROR = {"error": STRINGS}
FILES = {"image_bytes": STRINGS}


def images(*shape):
    return {"images": ("uint8", [None, *shape])}


def of_generator(attributes, *shape):
    seeds = {"seed": ("int64", [None]), **attributes}
    latents = {"latents": ("float32", [None, LATENT_DIM]), **attributes}
    return {
        "generate": (seeds, images(*shape)),
        "generate_png": (seeds, FILES),
        "serving_default": (seeds, FILES),
        "decode": (latents, images(*shape)),
    }


def of_editor(attributes, *shape):
    wanted = {f"target_{name}": STRINGS for name in attributes}
    photos = images(None, None, shape[-1])
    latents = {"latents": ("float32", [None, LATENT_DIM])}
    return {
        **of_generator(attributes, *shape),
        "encode": ({**photos, **attributes}, latents),
        "edit": ({**photos, **attributes, **wanted}, photos),
        "edit_png": ({**FILES, **attributes, **wanted}, FILES),
    }


def of_upscaler():
    photos = images(None, None, 3)
    return {
        "upscale": (photos, photos),
        "upscale_png": (FILES, FILES),
        "serving_default": (FILES, FILES),
    }


def of_classifier(**attributes):
    outputs = {}
    for prefix, (name, num_values) in zip(("", "colour_"), attributes.items(), strict=False):
        outputs |= {
            name: STRINGS,
            f"{prefix}classes": ("string", [None, num_values]),
            f"{prefix}probabilities": ("float32", [None, num_values]),
        }
    return {"classify_png": (FILES, outputs), "serving_default": (FILES, outputs)}


CATEGORY = {"category": STRINGS}
CATEGORY_AND_COLOUR = {"category": STRINGS, "colour": STRINGS}
TABLE = {
    "dcgan": of_generator(CATEGORY, 28, 28, 1),
    "dcgan_rgb": of_generator(CATEGORY_AND_COLOUR, 32, 32, 3),
    "conditional_vae": of_editor(CATEGORY, 28, 28, 1),
    "conditional_vae_rgb": of_editor(CATEGORY_AND_COLOUR, 32, 32, 3),
    "srcnn_x2": of_upscaler(),
    "srcnn_x3": of_upscaler(),
    "classifier": of_classifier(category=3),
    "classifier_rgb": of_classifier(category=3, colour=2),
}
SIGNATURES = [
    (model, signature) for model in TABLE for signature in TABLE[model] if signature != "serving_default"
]


@pytest.mark.parametrize("name", TABLE)
def test_signatures_are_those_of_the_contract(name):
    found = {
        signature: tuple(
            {tensor: (info["dtype"], info["shape"]) for tensor, info in described[side].items()}
            for side in ("inputs", "outputs")
        )
        for signature, described in read_signatures(exported(name).directory).items()
    }
    expected = {
        signature: (inputs, {**outputs, **ERROR}) for signature, (inputs, outputs) in TABLE[name].items()
    }
    assert found == expected


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("dcgan", "generate_png"),
        ("conditional_vae", "generate_png"),
        ("srcnn_x2", "upscale_png"),
        ("classifier", "classify_png"),
    ],
)
def test_default_signature_answers_as_the_one_it_stands_for(name, default):
    (request,) = exported(name).signatures[default].example_requests[:1]
    named, unnamed = (exported(name).ask(signature, **request) for signature in (default, "serving_default"))
    assert named.keys() == unnamed.keys()
    for output, values in named.items():
        np.testing.assert_array_equal(values, unnamed[output])
    assert named["error"].tolist() == [b""]


@pytest.mark.parametrize(("name", "signature"), SIGNATURES)
def test_example_requests_are_answered_row_by_row(name, signature):
    requests = exported(name).signatures[signature].example_requests
    sizes = [len(next(iter(request.values()))) for request in requests]
    assert len(set(sizes)) >= 2
    for size, request in zip(sizes, requests, strict=True):
        outputs = exported(name).ask(signature, **request)
        assert {len(output) for output in outputs.values()} == {size}
        assert outputs["error"].tolist() == [b""] * size


@pytest.mark.parametrize(("name", "signature"), SIGNATURES)
def test_no_rows_are_answered_with_no_rows(name, signature):
    inputs, outputs = TABLE[name][signature]
    nothing = {
        tensor: np.zeros([0, *(length or 5 for length in shape[1:])], object if dtype == "string" else dtype)
        for tensor, (dtype, shape) in inputs.items()
    }
    answer = exported(name).ask(signature, **nothing)
    for tensor, (dtype, shape) in {**outputs, **ERROR}.items():
        assert len(answer[tensor]) == 0
        assert answer[tensor].ndim == len(shape)
        assert answer[tensor].dtype == (object if dtype == "string" else dtype)


def known_ids(model, num_rows):
    """Attribute values of a request, and their class ids."""
    names = {
        name: [values[row % len(values)] for row in range(num_rows)]
        for name, values in model.attributes.items()
    }
    ids = {
        name: np.array([model.attributes[name].index(value) for value in names[name]], "int32")
        for name in names
    }
    return names, ids


def assert_same_pictures(found, expected):
    """At most a grey level apart, because graphs are fused and sum in another order."""
    assert found.dtype == "uint8"
    assert found.shape == expected.shape
    assert np.std(expected) > 10
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


GENERATORS = ("dcgan", "dcgan_rgb", "conditional_vae", "conditional_vae_rgb")
EDITORS = GENERATORS[2:]


@pytest.mark.parametrize("num_rows", [1, 4])
@pytest.mark.parametrize("name", GENERATORS)
def test_generated_pictures_are_those_of_the_keras_model(name, num_rows):
    model = exported(name).model
    names, ids = known_ids(model, num_rows)
    seeds = np.arange(num_rows) - 1
    latents = rows.random_latents(seeds, model.latent_dim)
    images = model.decode(latents, ids) if name in EDITORS else model(latents, ids)
    expected = pixels.from_model_range(images, model.pixel_range).numpy()
    assert_same_pictures(exported(name).ask("generate", seed=seeds, **names)["images"], expected)
    assert_same_pictures(exported(name).ask("decode", latents=latents, **names)["images"], expected)


@pytest.mark.parametrize("num_rows", [1, 4])
@pytest.mark.parametrize("name", EDITORS)
def test_edited_pictures_are_those_of_the_keras_model(name, num_rows):
    model = exported(name).model
    names, ids = known_ids(model, num_rows)
    raw_images = random_pictures(num_rows, model.image_size, model.image_size, model.channels)
    wanted_ids = {**ids, "category": np.full(num_rows, 2, "int32")}
    wanted = attribute_inputs(model, num_rows, "target_", category=model.attributes["category"][2])
    latents = model.encode(raw_images, ids)
    np.testing.assert_allclose(
        exported(name).ask("encode", images=raw_images, **names)["latents"], latents, atol=1e-3
    )
    edited = pixels.from_model_range(model.decode(latents, wanted_ids), model.pixel_range).numpy()
    stays = ids["category"] == 2
    edited[stays] = raw_images[stays]
    assert_same_pictures(exported(name).ask("edit", images=raw_images, **names, **wanted)["images"], edited)


@pytest.mark.parametrize("shape", [(1, 9, 14, 3), (3, 20, 6, 3)])
@pytest.mark.parametrize("name", ["srcnn_x2", "srcnn_x3"])
def test_enlarged_pictures_are_those_of_the_keras_model(name, shape):
    raw_images = random_pictures(*shape)
    expected = exported(name).model.upscale(raw_images).numpy()
    assert_same_pictures(exported(name).ask("upscale", images=raw_images)["images"], expected)


@pytest.mark.parametrize("name", GENERATORS)
def test_generated_files_hold_the_generated_pictures(name):
    names, _ = known_ids(exported(name).model, 4)
    files = exported(name).ask("generate_png", seed=range(4), **names)["image_bytes"]
    pictures = exported(name).ask("generate", seed=range(4), **names)["images"]
    np.testing.assert_array_equal([from_png(file) for file in files], pictures)


@pytest.mark.parametrize("name", EDITORS)
def test_edited_files_hold_the_edited_pictures(name):
    model = exported(name).model
    names, _ = known_ids(model, 3)
    wanted = attribute_inputs(model, 3, "target_", category="bag")
    raw_images = random_pictures(3, 40, 30, model.channels)
    files = [to_png(raw_image) for raw_image in raw_images]
    edited = exported(name).ask("edit_png", image_bytes=files, **names, **wanted)["image_bytes"]
    pictures = exported(name).ask("edit", images=raw_images, **names, **wanted)["images"]
    np.testing.assert_array_equal([from_png(file) for file in edited], pictures)


def test_enlarged_files_hold_the_enlarged_pictures():
    raw_images = random_pictures(2, 7, 11, 3)
    files = exported("srcnn_x2").ask("upscale_png", image_bytes=[to_png(image) for image in raw_images])
    pictures = exported("srcnn_x2").ask("upscale", images=raw_images)["images"]
    np.testing.assert_array_equal([from_png(file) for file in files["image_bytes"]], pictures)


def test_models_are_served_by_the_names_of_the_contract():
    expected = ["dcgan", "conditional_vae", "srcnn_x3", "classifier"]
    assert [default_model_name(exported(name).model) for name in expected] == expected
    assert default_model_name(SRCNN(upscale_factor=4)) == "srcnn_x4"


def test_other_models_are_refused_by_class():
    with pytest.raises(
        TypeError,
        match="trains: Autoencoder, Classifier, Cleaner, ConditionalVAE, Cutout, DCGAN, ECBSR, FSRCNN, "
        "LatentFlow, Recolour, SRCNN.*"
        "class Sequential",
    ):
        make_signatures(keras.Sequential())


def test_attributes_are_inputs_in_the_order_of_the_vocabulary():
    signature = exported("conditional_vae_rgb").signatures["edit"]
    assert list(signature.inputs) == ["images", "category", "colour", "target_category", "target_colour"]
    assert exported("dcgan_rgb").model.attributes["colour"] == COLOURS
