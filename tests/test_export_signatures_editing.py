"""`encode`, `edit` and `edit_png`: what is stated, judged, kept and wanted, and rows that are wrong."""

import io

import numpy as np
import pytest
import tensorflow as tf
from exported_models import (
    CATEGORIES,
    COLOURS,
    LATENT_DIM,
    attribute_inputs,
    exported,
    from_png,
    random_pictures,
    to_png,
)
from picture_files import DEEP_RGB, HEIGHT, JPEG, PNG, PNGS, RGB, WIDTH, deep, png
from PIL import Image

from export.signatures import editing
from export.signatures.of_models import make_signatures
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.pictures.resize import squeeze, to_square

EDITORS = ("conditional_vae", "conditional_vae_rgb")


def side(name):
    return exported(name).model.image_size


def edit(name, raw_images, stated=(), wanted=()):
    """Asks `edit`; `stated` and `wanted` are dicts of one value for all rows."""
    model = exported(name).model
    return exported(name).ask(
        "edit",
        images=raw_images,
        **attribute_inputs(model, len(raw_images), **dict(stated)),
        **attribute_inputs(model, len(raw_images), "target_", **dict(wanted)),
    )


def edited(name, raw_images, stated=(), wanted=()):
    outputs = edit(name, raw_images, stated, wanted)
    assert outputs["error"].tolist() == [b""] * len(raw_images)
    return outputs["images"]


def encode(name, raw_images, **stated):
    attributes = attribute_inputs(exported(name).model, len(raw_images), **stated)
    return exported(name).ask("encode", images=raw_images, **attributes)


def pictures_of(name, num_rows, height=None, width=None):
    model = exported(name).model
    return random_pictures(num_rows, height or side(name), width or side(name), model.channels)


def judged_values(name, raw_images):
    """The most probable value of each attribute for each picture, as the Keras model sees it."""
    model = exported(name).model
    return {
        attribute: [model.attributes[attribute][value_id] for value_id in np.argmax(probabilities, axis=-1)]
        for attribute, probabilities in model.judge(raw_images).items()
    }


@pytest.mark.parametrize("name", EDITORS)
def test_what_is_not_stated_the_model_judges(name):
    raw_images = pictures_of(name, 12)
    judged = judged_values(name, raw_images)
    assert len(set(judged["category"])) > 1
    unstated = edited(name, raw_images, wanted={"category": "bag"})
    latents = encode(name, raw_images)["latents"]
    for row in range(12):
        stated = {attribute: values[row] for attribute, values in judged.items()}
        one = raw_images[row : row + 1]
        np.testing.assert_allclose(encode(name, one, **stated)["latents"][0], latents[row], atol=1e-4)
        difference = edited(name, one, stated, {"category": "bag"})[0].astype(int) - unstated[row]
        assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("name", EDITORS)
def test_what_is_stated_goes_before_what_the_model_judges(name):
    raw_images = pictures_of(name, 1)
    latents = [encode(name, raw_images, category=category)["latents"] for category in CATEGORIES]
    assert len({values.tobytes() for values in latents}) == len(CATEGORIES)


@pytest.mark.parametrize("name", EDITORS)
@pytest.mark.parametrize("stated", [{}, {"category": "ankle boot"}])
def test_no_target_leaves_the_photo_as_it_is(name, stated):
    raw_images = pictures_of(name, 2, 50, 40)
    np.testing.assert_array_equal(edited(name, raw_images, stated), raw_images)


def test_each_target_changes_its_own_attribute_and_keeps_the_others():
    raw_images = pictures_of("conditional_vae_rgb", 1)
    stated = {"category": "bag", "colour": "red"}
    kept = edited("conditional_vae_rgb", raw_images, stated)
    for attribute, values in {"category": CATEGORIES, "colour": COLOURS}.items():
        pictures = {
            value: edited("conditional_vae_rgb", raw_images, stated, {attribute: value}) for value in values
        }
        np.testing.assert_array_equal(pictures[stated[attribute]], kept)
        assert len({picture.tobytes() for picture in pictures.values()}) == len(values)
    both = edited("conditional_vae_rgb", raw_images, stated, {"category": "t-shirt/top", "colour": "blue"})
    category_only = edited("conditional_vae_rgb", raw_images, stated, {"category": "t-shirt/top"})
    assert not np.array_equal(both, category_only)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (50, 1), (40, 31), (28, 32), (300, 200)])
@pytest.mark.parametrize("name", EDITORS)
def test_photos_of_any_size_are_encoded_as_their_centre_square(name, height, width):
    raw_images = pictures_of(name, 2, height, width)
    shorter = min(height, width)
    top, left = (height - shorter) // 2, (width - shorter) // 2
    centres = raw_images[:, top : top + shorter, left : left + shorter]
    squares = to_square(centres, side(name)).numpy()
    latents = encode(name, raw_images, category="bag")["latents"]
    np.testing.assert_array_equal(latents, encode(name, squares, category="bag")["latents"])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (50, 1), (40, 31), (28, 32), (300, 200)])
@pytest.mark.parametrize("name", EDITORS)
def test_photos_of_any_size_are_edited_whole_and_keep_their_size(name, height, width):
    raw_images = pictures_of(name, 2, height, width)
    result = edited(name, raw_images, {"category": "bag"}, {"category": "t-shirt/top"})
    assert result.shape == raw_images.shape
    small = squeeze(raw_images, side(name)).numpy()
    after = edited(name, small, {"category": "bag"}, {"category": "t-shirt/top"})
    change = after.astype(float).mean((1, 2)) - small.mean((1, 2))
    if min(height, width) > 1:
        # The photo changes as much as the small picture, but for what is cut off at 0 and 255.
        np.testing.assert_allclose(
            result.astype(float).mean((1, 2)) - raw_images.mean((1, 2)), change, atol=8
        )


def product_photo(height=240, width=180, colour=(190, 30, 40)):
    """A coloured rectangle in the middle of a bright ground."""
    raw_image = np.full([height, width, 3], (232, 230, 226), "uint8")
    raw_image[height // 5 : -height // 5, width // 4 : -width // 4] = colour
    return raw_image


def test_another_colour_reaches_the_whole_product_and_leaves_the_ground_alone():
    photo = product_photo()
    result = edited("conditional_vae_rgb", photo[np.newaxis], {"colour": "red"}, {"colour": "blue"})[0]
    inside, corner = result[60:-60, 60:-60].reshape(-1, 3).astype(int), result[:20]
    assert (inside[:, 2] > inside[:, 0] + 40).all()
    np.testing.assert_array_equal(corner, photo[:20])


def test_a_photos_transparency_is_its_mask_and_stays():
    photo = product_photo()
    alpha = np.zeros([*photo.shape[:2], 1], "uint8")
    alpha[:120] = 255
    file = to_png(np.concatenate([photo, alpha], axis=-1))
    outputs = edit_files("conditional_vae_rgb", [file], colour="blue")
    assert outputs["error"].tolist() == [b""]
    result = from_png(outputs["image_bytes"][0])
    np.testing.assert_array_equal(result[..., 3:], alpha)
    np.testing.assert_array_equal(result[120:, :, :3], photo[120:])


UNKNOWN = b"Unknown category. Received: 'sneaker'. Known: t-shirt/top, bag, ankle boot."


@pytest.mark.parametrize("prefix", ["", "target_"])
def test_unknown_category_is_its_rows_error_and_leaves_its_neighbours_alone(prefix):
    raw_images = pictures_of("conditional_vae", 3)
    requests = []
    for value in ("sneaker", "bag"):
        names = {"category": ["bag"] * 3, "target_category": ["ankle boot"] * 3}
        names[prefix + "category"][1] = value
        requests.append(exported("conditional_vae").ask("edit", images=raw_images, **names))
    with_error, without = requests
    assert with_error["error"].tolist() == [b"", UNKNOWN, b""]
    assert not with_error["images"][1].any()
    assert without["error"].tolist() == [b""] * 3
    np.testing.assert_array_equal(with_error["images"][[0, 2]], without["images"][[0, 2]])


def test_both_unknown_categories_are_named():
    wrong = {"category": "sneaker"}
    error = edit("conditional_vae", pictures_of("conditional_vae", 1), wrong, wrong)["error"][0]
    assert error == UNKNOWN + b" " + UNKNOWN


def test_row_that_cannot_be_encoded_has_latents_of_zero():
    raw_images = pictures_of("conditional_vae", 2)
    outputs = exported("conditional_vae").ask("encode", images=raw_images, category=["sneaker", "bag"])
    assert outputs["error"].tolist() == [UNKNOWN, b""]
    assert outputs["latents"][0].tolist() == [0.0] * LATENT_DIM
    np.testing.assert_array_equal(
        outputs["latents"][1], encode("conditional_vae", raw_images, category="bag")["latents"][1]
    )


GOOD_FILES = {
    "png": (PNG, RGB),
    "palette": (PNGS["palette_16"], np.asarray(Image.open(io.BytesIO(PNGS["palette_16"])).convert("RGB"))),
    "sixteen_bits": (png(WIDTH, HEIGHT, 16, 2, deep(DEEP_RGB)), (DEEP_RGB >> 8).astype("uint8")),
    "grey": (PNGS["grey"], np.asarray(Image.open(io.BytesIO(PNGS["grey"])).convert("RGB"))),
    "jpeg": (JPEG, None),
    "alpha": (PNGS["rgba"], None),
}
BAD_FILES = {
    "garbage": (b"no picture", b"`image_bytes` must hold a PNG or JPEG file. Received: 10 bytes"),
    "empty": (b"", b"`image_bytes` must hold a PNG or JPEG file. Received: 0 bytes."),
    "truncated": (PNG[: len(PNG) // 2], b"A PNG must be whole, from its IHDR to its IEND chunk."),
    "oversized": (png(5200, 5000, 8, 0, [b""]), b"at most 25000000 pixels"),
}


def edit_files(name, files, **wanted):
    model = exported(name).model
    return exported(name).ask(
        "edit_png",
        image_bytes=files,
        **attribute_inputs(model, len(files)),
        **attribute_inputs(model, len(files), "target_", **wanted),
    )


@pytest.mark.parametrize("name", EDITORS)
def test_bad_files_among_good_ones_are_named_and_change_no_other_row(name):
    good, bad = list(GOOD_FILES), list(BAD_FILES)
    order = [good[0], bad[0], good[1], bad[1], good[2], bad[2], good[3], bad[3], *good[4:]]
    files = {**GOOD_FILES, **BAD_FILES}
    outputs = edit_files(name, [files[key][0] for key in order], category="bag")
    # The same number of rows, with good files where bad ones were.
    replaced = [files[key][0] if key in GOOD_FILES else PNG for key in order]
    expected = edit_files(name, replaced, category="bag")
    assert expected["error"].tolist() == [b""] * len(order)
    for row, key in enumerate(order):
        if key in BAD_FILES:
            assert BAD_FILES[key][1] in outputs["error"][row]
            assert outputs["image_bytes"][row] == b""
        else:
            assert outputs["error"][row] == b""
            assert outputs["image_bytes"][row] == expected["image_bytes"][row]


def test_files_are_edited_as_the_pictures_in_them():
    for key in ("png", "palette", "sixteen_bits", "grey"):
        file, raw_image = GOOD_FILES[key]
        outputs = edit_files("conditional_vae_rgb", [file], category="bag")
        picture = edited("conditional_vae_rgb", raw_image[np.newaxis], wanted={"category": "bag"})[0]
        assert np.abs(from_png(outputs["image_bytes"][0]).astype(int) - picture).max() <= 1, key


def test_file_and_attribute_of_one_row_are_both_named():
    outputs = edit_files("conditional_vae", [b"", PNG], category="sneaker")
    assert outputs["error"][0].endswith(b"Send a PNG or JPEG. " + UNKNOWN)
    assert outputs["error"][1] == UNKNOWN
    assert outputs["image_bytes"].tolist() == [b"", b""]


def test_grey_model_answers_colour_photos_with_grey_pictures_of_their_size():
    file = to_png(random_pictures(1, 90, 61, 3)[0])
    outputs = edit_files("conditional_vae", [file])
    assert from_png(outputs["image_bytes"][0]).shape == (90, 61, 1)


def test_a_colour_model_without_colour_names_needs_no_product():
    model = ConditionalVAE({"category": CATEGORIES}, image_size=16, channels=3, width=4, latent_dim=2)
    (edit_photos,) = (signature for signature in make_signatures(model) if signature.name == "edit")
    photo = random_pictures(1, 20, 30, 3)
    outputs = edit_photos.run({"images": photo, "category": ["bag"], "target_category": ["ankle boot"]})
    assert outputs["error"].tolist() == [b""]
    assert outputs["images"].shape == photo.shape


def test_edits_that_a_model_has_not_learned_are_refused_by_name():
    targets = {"category": tf.constant(["", "bag"]), "colour": tf.constant(["red", "red"])}
    (errors,) = editing._unlearned_edits(targets, ("colour",))
    assert errors.numpy().tolist() == [
        b"",
        b"Unknown edit. Received: target_category='bag'. Known: target_colour: the model learned no others.",
    ]
    assert editing._unlearned_edits(targets, ("category", "colour")) == []
