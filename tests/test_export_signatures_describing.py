"""The signatures that draw from words: the same picture in every batch, settings, warnings and errors."""

import numpy as np
import pytest
from exported_models import exported, from_png, random_pictures, to_png

pytestmark = pytest.mark.slow

OWN = {"guidance": np.array([-1.0], "float32"), "steps": np.array([0], "int32")}


@pytest.fixture(scope="module")
def model():
    return exported("latent_flow")


def rows(count=1, **values):
    """Returns inputs of `compose` with the same value in each row."""
    defaults = {
        "description": "red bag",
        "seed": 7,
        "category": "",
        "colour": "",
        "guidance": -1.0,
        "steps": 0,
    }
    dtypes = {"seed": "int64", "guidance": "float32", "steps": "int32", "strength": "float32"}
    return {
        name: np.array([value] * count, dtypes.get(name, object))
        for name, value in {**defaults, **values}.items()
    }


def join(*parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def test_a_description_and_a_seed_are_enough(model):
    outputs = model.ask(
        "generate_png", description=np.array(["red bag", ""], object), seed=np.array([1, 2], "int64")
    )
    assert set(outputs) == {"image_bytes", "warning", "error"}
    assert [from_png(file).shape for file in outputs["image_bytes"]] == [(32, 32, 3)] * 2
    assert outputs["error"].tolist() == outputs["warning"].tolist() == [b"", b""]


def test_a_row_is_the_same_in_every_batch_and_signature(model):
    alone = model.ask("compose", **rows(seed=7))["images"][0]
    batch = join(rows(2, seed=3, description="blue boot", steps=5), rows(seed=7), rows(seed=9))
    np.testing.assert_array_equal(model.ask("compose", **batch)["images"][2], alone)
    short = model.ask("generate_png", description=np.array(["red bag"], object), seed=np.array([7], "int64"))
    np.testing.assert_array_equal(from_png(short["image_bytes"][0]), alone)
    composed = model.ask("compose_png", **rows(seed=7))
    np.testing.assert_array_equal(from_png(composed["image_bytes"][0]), alone)


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"description": "blue bag"}, {"category": "bag"}, {"guidance": 4.0}, {"steps": 7}]
)
def test_every_input_changes_the_picture(model, change):
    first, second = (model.ask("compose", **rows(**values))["images"] for values in ({}, change))
    assert (first != second).any()


def test_a_word_that_means_a_value_asks_for_it(model):
    word, both = (rows(description="red bag", **values) for values in ({}, {"colour": "red"}))
    np.testing.assert_array_equal(
        model.ask("compose", **word)["images"], model.ask("compose", **both)["images"]
    )


def test_zero_and_negative_settings_are_the_models_own(model):
    own = model.ask("compose", **rows())["images"]
    stated = rows(guidance=model.model.guidance, steps=model.model.steps)
    np.testing.assert_array_equal(model.ask("compose", **stated)["images"], own)


def test_nothing_asked_for_draws_attributes_from_the_seed(model):
    drawn = model.ask("compose", **join(*(rows(description="", seed=seed) for seed in range(6))))["images"]
    assert len({image.tobytes() for image in drawn}) == 6


def test_warnings_say_what_was_not_understood(model):
    batch = join(
        rows(description="knitted red bag"), rows(description="red bag", colour="blue"), rows(description="")
    )
    outputs = model.ask("compose_png", **batch)
    assert [text.decode() for text in outputs["warning"]] == [
        "Unknown words: knitted.",
        "The attribute that is asked for wins over: red.",
        "",
    ]
    without = model.ask("compose", **rows(description="zzz bag", colour="blue"))["images"]
    contradicted = model.ask("compose", **rows(description="red bag", colour="blue"))["images"]
    np.testing.assert_array_equal(contradicted, without)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category": "sock"}, "Unknown category. Received: 'sock'. Known: t-shirt/top, bag, ankle boot."),
        ({"steps": -1}, "`steps` must be from 1 to 100, or 0 for the model's own. Received: -1."),
        ({"steps": 101}, "`steps` must be from 1 to 100, or 0 for the model's own. Received: 101."),
        ({"guidance": np.nan}, "`guidance` must be at most 20.0"),
        ({"guidance": np.inf}, "`guidance` must be at most 20.0"),
    ],
)
def test_a_wrong_row_leaves_its_neighbours_alone(model, change, message):
    outputs = model.ask("compose", **join(rows(**change), rows()))
    assert outputs["error"][0].decode().startswith(message)
    assert outputs["error"][1] == b""
    assert not outputs["images"][0].any()
    np.testing.assert_array_equal(outputs["images"][1], model.ask("compose", **rows())["images"][0])


@pytest.mark.parametrize("text", ["x " * 5000, "فستان أحمر", b"\xff\x00\x01", "🧥" * 300, "-"])
def test_any_text_is_answered(model, text):
    outputs = model.ask("compose", **rows(description=text))
    assert outputs["error"].tolist() == [b""]


def test_variations_keep_the_photo_at_strength_zero(model):
    photo = random_pictures(1, 50, 40, 3)[0]
    files = {"image_bytes": np.array([to_png(photo)], object)}
    kept, varied, other = (
        from_png(model.ask("vary_png", **files, **rows(strength=strength, seed=seed))["image_bytes"][0])
        for strength, seed in ((0.0, 1), (0.5, 1), (0.0, 2))
    )
    np.testing.assert_array_equal(kept, other)
    assert (kept != varied).any()


@pytest.mark.parametrize("strength", [-0.1, 1.1, np.nan])
def test_strengths_out_of_range_are_refused(model, strength):
    files = {"image_bytes": np.array([to_png(random_pictures(1, 8, 8, 3)[0])], object)}
    outputs = model.ask("vary_png", **files, **rows(strength=strength))
    assert outputs["error"][0].decode().startswith("`strength` must be from 0 to 1.")
    assert outputs["image_bytes"].tolist() == [b""]


def test_a_file_that_is_no_picture_is_its_rows_error(model):
    good = to_png(random_pictures(1, 8, 8, 3)[0])
    files = {"image_bytes": np.array([b"GIF89a", good], object)}
    outputs = model.ask("vary_png", **files, **rows(2, strength=0.3))
    assert [bool(error) for error in outputs["error"]] == [True, False]
    assert [bool(file) for file in outputs["image_bytes"]] == [False, True]
