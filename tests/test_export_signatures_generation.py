"""`generate`, `generate_png` and `decode`: seeds, attributes at random, and rows that are wrong."""

import numpy as np
import pytest
import tensorflow as tf
from exported_models import CATEGORIES, COLOURS, LATENT_DIM, attribute_inputs, exported, from_png

from export.signatures.generation import generation_signatures

GENERATORS = ("dcgan", "dcgan_rgb", "conditional_vae", "conditional_vae_rgb")
SMALLEST, LARGEST = -(2**63), 2**63 - 1


def generate(name, seeds, **values):
    """Returns the pictures for seeds; attributes are one value for all rows, or a list."""
    attributes = attribute_inputs(exported(name).model, len(seeds))
    for attribute, value in values.items():
        attributes[attribute] = [value] * len(seeds) if isinstance(value, str) else value
    outputs = exported(name).ask("generate", seed=seeds, **attributes)
    assert outputs["error"].tolist() == [b""] * len(seeds)
    return outputs["images"]


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_gives_the_same_picture_in_every_company(name):
    alone = generate(name, [7], category="bag")[0]
    for num_rows in range(1, 17):
        place = num_rows // 2
        seeds = [100 + row for row in range(num_rows)]
        categories = [CATEGORIES[row % 3] for row in range(num_rows)]
        seeds[place], categories[place] = 7, "bag"
        np.testing.assert_array_equal(generate(name, seeds, category=categories)[place], alone)


def test_files_are_the_same_bytes_in_every_company():
    def files(seeds):
        return exported("dcgan").ask("generate_png", seed=seeds, category=["bag"] * len(seeds))["image_bytes"]

    alone = files([7])[0]
    assert {files([7, *range(num_others)])[0] for num_others in range(1, 16)} == {alone}


def test_a_network_that_heeds_the_size_of_its_batch_gives_the_same_pictures(monkeypatch):
    """Kernels round by batch size, which shows in a pixel of a million; this network does so visibly."""
    model = exported("dcgan").model

    def decode(latents, attribute_ids):
        return model(latents, attribute_ids) + 0.1 * tf.cast(tf.shape(latents)[0], "float32")

    monkeypatch.setattr(model, "decode", decode)
    generate_signature, decode_signature = generation_signatures(model)[1:]
    for signature, inputs in (
        (generate_signature, {"seed": np.arange(5)}),
        (decode_signature, {"latents": np.random.default_rng(0).normal(size=(5, LATENT_DIM))}),
    ):
        inputs["category"] = np.array(["bag"] * 5, object)
        alone = signature.run({name: values[:1] for name, values in inputs.items()})["images"]
        np.testing.assert_array_equal(signature.run(inputs)["images"][:1], alone)


def test_pictures_are_the_same_after_loading_again():
    seeds = np.arange(5)
    first = generate("dcgan_rgb", seeds)
    again = tf.saved_model.load(str(exported("dcgan_rgb").directory)).signatures["generate"](
        seed=tf.constant(seeds), category=tf.constant([""] * 5), colour=tf.constant([""] * 5)
    )
    np.testing.assert_array_equal(again["images"], first)


@pytest.mark.parametrize("name", GENERATORS)
def test_different_seeds_give_different_pictures(name):
    seeds = [0, 1, 2, 3, -1, -2, 2**32, 2**32 + 1, SMALLEST, SMALLEST + 1, LARGEST, LARGEST - 1]
    pictures = generate(name, seeds, category="bag")
    assert len({picture.tobytes() for picture in pictures}) == len(seeds)


def test_attributes_change_the_picture_of_a_seed():
    pictures = [
        generate("dcgan_rgb", [5], category=category, colour=colour)[0].tobytes()
        for category in CATEGORIES
        for colour in COLOURS
    ]
    assert len(set(pictures)) == len(pictures)


def drawn_values(name, attribute, pictures, seeds, others):
    """Finds which value of an attribute was drawn for each seed, by comparison with all of them."""
    values = exported(name).model.attributes[attribute]
    candidates = [generate(name, seeds, **{attribute: value}, **others) for value in values]
    drawn = []
    for row, picture in enumerate(pictures):
        matching = [
            value
            for value, images in zip(values, candidates, strict=True)
            if np.array_equal(images[row], picture)
        ]
        assert len(matching) == 1
        drawn += matching
    return drawn


def test_any_attribute_is_drawn_from_the_seed_alone_and_every_value_occurs():
    seeds = np.arange(60)
    pictures = generate("dcgan_rgb", seeds, colour="blue")
    drawn = drawn_values("dcgan_rgb", "category", pictures, seeds, {"colour": "blue"})
    counts = [drawn.count(value) for value in CATEGORIES]
    assert min(counts) >= 10
    np.testing.assert_array_equal(generate("dcgan_rgb", seeds[40:41], colour="blue")[0], pictures[40])


def test_attributes_are_drawn_independently_of_each_other():
    seeds = np.arange(60)
    categories = drawn_values(
        "dcgan_rgb", "category", generate("dcgan_rgb", seeds, colour="blue"), seeds, {"colour": "blue"}
    )
    colours = drawn_values(
        "dcgan_rgb", "colour", generate("dcgan_rgb", seeds, category="bag"), seeds, {"category": "bag"}
    )
    assert len(set(zip(categories, colours, strict=True))) == len(CATEGORIES) * len(COLOURS)
    both = generate("dcgan_rgb", seeds)
    for row, (category, colour) in enumerate(zip(categories, colours, strict=True)):
        if row < 6:
            named = generate("dcgan_rgb", seeds[row : row + 1], category=category, colour=colour)
            np.testing.assert_array_equal(both[row], named[0])


NOT_FINITE = b"`latents` must be finite. Received: NaN or infinity. Send finite numbers."
UNKNOWN = b"Unknown category. Received: 'sneaker'. Known: t-shirt/top, bag, ankle boot."


@pytest.mark.parametrize("name", ["dcgan", "conditional_vae"])
def test_unknown_category_is_its_rows_error_and_nobody_elses(name):
    outputs = exported(name).ask("generate", seed=[1, 2, 3], category=["bag", "sneaker", ""])
    assert outputs["error"].tolist() == [b"", UNKNOWN, b""]
    assert not outputs["images"][1].any()
    np.testing.assert_array_equal(outputs["images"][[0, 2]], generate(name, [1, 3], category=["bag", ""]))

    files = exported(name).ask("generate_png", seed=[1, 2, 3], category=["bag", "sneaker", ""])
    assert files["error"].tolist() == outputs["error"].tolist()
    assert files["image_bytes"][1] == b""
    np.testing.assert_array_equal(
        [from_png(files["image_bytes"][row]) for row in (0, 2)], outputs["images"][[0, 2]]
    )


@pytest.mark.parametrize("category", ["Bag", " bag", "t-shirt", "größe", b"\xff\0", "x" * 10_000])
def test_categories_are_compared_byte_by_byte(category):
    outputs = exported("dcgan").ask("generate", seed=[1], category=[category])
    received = category if isinstance(category, bytes) else category.encode()
    assert outputs["error"][0] == UNKNOWN.replace(b"sneaker", received)


def test_two_unknown_attributes_are_both_named():
    outputs = exported("dcgan_rgb").ask("generate", seed=[1], category=["x"], colour=["y"])
    unknown_colour = b"Unknown colour. Received: 'y'. Known: red, blue."
    assert outputs["error"].tolist() == [UNKNOWN.replace(b"sneaker", b"x") + b" " + unknown_colour]


def decode(name, latents, **values):
    attributes = attribute_inputs(exported(name).model, len(latents), **values)
    return exported(name).ask("decode", latents=np.float32(latents), **attributes)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_latents_that_are_no_numbers_are_their_rows_error(value):
    latents = np.random.default_rng(1).normal(size=(3, LATENT_DIM))
    latents[1, 5] = value
    outputs = decode("conditional_vae", latents)
    assert outputs["error"].tolist() == [b"", NOT_FINITE, b""]
    assert not outputs["images"][1].any()
    for row in (0, 2):
        np.testing.assert_array_equal(
            outputs["images"][row], decode("conditional_vae", latents[row : row + 1])["images"][0]
        )


def test_bad_latents_and_a_bad_category_are_both_named():
    error = decode("dcgan", np.full([1, LATENT_DIM], np.nan), category="sneaker")["error"][0]
    assert error == NOT_FINITE + b" " + UNKNOWN


def test_any_category_of_latents_depends_on_the_row_alone():
    latents = np.random.default_rng(2).normal(size=(40, LATENT_DIM))
    pictures = decode("dcgan", latents)["images"]
    named = [decode("dcgan", latents, category=value)["images"] for value in CATEGORIES]
    drawn = [
        [np.array_equal(images[row], pictures[row]) for images in named].index(True) for row in range(40)
    ]
    assert set(drawn) == {0, 1, 2}
    np.testing.assert_array_equal(decode("dcgan", latents[::-1])["images"][::-1], pictures)


def test_extreme_latents_are_answered():
    outputs = decode("dcgan", np.full([2, LATENT_DIM], [[3e38], [-3e38]]), category="bag")
    assert outputs["error"].tolist() == [b"", b""]
