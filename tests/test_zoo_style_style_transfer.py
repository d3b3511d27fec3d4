"""Style transfer: strengths, mixtures, sizes, tiles, and what it learns from."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from pictures_in_memory import noise

from zoo.errors import WrongUsageError
from zoo.style import style_transfer
from zoo.style.style_transfer import StyleTransfer

STYLES = ("dots", "oil", "waves")


@pytest.fixture(scope="module")
def model():
    """A network whose styles differ."""
    keras.utils.set_random_seed(0)
    built = StyleTransfer(STYLES, width=4, depth=1)
    for norm in built.norms:
        norm.gains.assign(tf.random.stateless_uniform(norm.gains.shape, [0, 1], 0.5, 1.5))
        norm.shifts.assign(tf.random.stateless_uniform(norm.shifts.shape, [0, 2], -0.3, 0.3))
    return built


def shares(*values):
    return np.array([values], "float32")


def stylise(model, raw_image, mixture, strength=1.0):
    return model.stylise(raw_image[np.newaxis], mixture, np.array([strength], "float32")).numpy()[0]


def test_strength_zero_returns_the_photo(model):
    [image] = noise(1, 20, 31)
    np.testing.assert_array_equal(stylise(model, image, shares(1, 0, 0), 0.0), image)


def test_more_strength_changes_more(model):
    [image] = noise(1, 40, 40)
    changes = [
        np.abs(stylise(model, image, shares(0, 1, 0), strength).astype(int) - image).mean()
        for strength in (0.0, 0.01, 0.3, 1.0)
    ]
    assert changes == sorted(changes)
    assert changes[1] < 2


def test_a_mixture_is_neither_of_its_styles(model):
    [image] = noise(1, 40, 40)
    first, second, mixed = (
        stylise(model, image, mixture).astype(int)
        for mixture in (shares(1, 0, 0), shares(0, 1, 0), shares(0.5, 0.5, 0))
    )
    to_first, to_second, between = (
        np.abs(one - other).mean() for one, other in ((mixed, first), (mixed, second), (first, second))
    )
    assert 0 < to_first < between
    assert 0 < to_second < between


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 50), (33, 5), (64, 47)])
def test_any_size(model, height, width):
    [image] = noise(1, height, width)
    drawn = stylise(model, image, shares(0, 0, 1))
    assert drawn.shape == image.shape
    called = model(image[np.newaxis], shares(0, 0, 1), np.ones([1], "float32"))
    np.testing.assert_array_equal(drawn, np.clip(np.round(called[0]), 0, 255))


def test_rows_do_not_depend_on_each_other(model):
    images = np.stack(noise(3, 36, 40))
    mixtures = np.eye(3, dtype="float32")
    together = model.stylise(images, mixtures, np.array([1.0, 0.0, 0.5], "float32")).numpy()
    alone = [
        stylise(model, image, mixtures[[row]], strength)
        for row, (image, strength) in enumerate(zip(images, (1.0, 0.0, 0.5), strict=True))
    ]
    np.testing.assert_array_equal(together, alone)


def test_grey_photos_gain_colour(model):
    drawn = stylise(model, noise(1, 40, 40, 1)[0], shares(1, 0, 0))
    assert drawn.shape == (40, 40, 3)
    assert (drawn[..., 0] != drawn[..., 2]).any()


def test_tiles_fit_together(model, monkeypatch):
    """Where one window is the whole photo, tiles are the picture in one piece."""
    [image] = noise(1, 150, 201)
    whole = stylise(model, image, shares(1, 0, 0))
    monkeypatch.setattr(style_transfer, "MAX_TILE_PIXELS", 48 * 48)
    tiles = stylise(model, image, shares(1, 0, 0))
    # The order of additions differs.
    assert np.abs(tiles.astype(int) - whole).max() <= 1


def test_large_photos_are_normalised_by_windows(model, monkeypatch):
    smooth = tf.image.resize(np.stack(noise(1, 12, 16)), [240, 320], method="bicubic")
    image = np.clip(smooth[0], 0, 255).astype("uint8")
    whole = stylise(model, image, shares(1, 0, 0)).astype(float)
    monkeypatch.setattr(style_transfer, "MAX_TILE_PIXELS", 160 * 120)
    monkeypatch.setattr(style_transfer, "_WINDOW_SIDE", 64)
    tiles = stylise(model, image, shares(1, 0, 0)).astype(float)
    change = np.abs(whole - image).mean()
    assert 0 < np.abs(tiles - whole).mean() < 0.15 * change


def test_a_step_teaches_the_styles_in_turn(model):
    seen = []

    def compare(photos, pictures, style_ids):
        seen.append(style_ids)
        errors = tf.reduce_mean(tf.square((pictures - photos) / 255.0), [1, 2, 3])
        darkness = tf.reduce_mean(tf.square(pictures / 255.0), [1, 2, 3])
        return errors, darkness

    learner = StyleTransfer.from_config(model.get_config())
    learner.compile(keras.optimizers.Adam(1e-2), losses=compare, run_eagerly=True)
    before = learner.evaluate(np.stack(noise(4, 32, 32)), batch_size=4, verbose=0, return_dict=True)
    seen.clear()
    learner.fit(np.stack(noise(4, 32, 32)), batch_size=4, epochs=8, verbose=0)
    after = learner.evaluate(np.stack(noise(4, 32, 32)), batch_size=4, verbose=0, return_dict=True)
    assert after["style_loss"] < 0.8 * before["style_loss"]
    assert [ids.numpy().tolist() for ids in seen[:3]] == [[0, 1, 2, 0], [1, 2, 0, 1], [2, 0, 1, 2]]


def test_a_saved_model_draws_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    [image] = noise(1, 40, 40)
    mixture = shares(0.2, 0.3, 0.5)
    np.testing.assert_array_equal(stylise(loaded, image, mixture), stylise(model, image, mixture))
    assert loaded.styles == STYLES


@pytest.mark.parametrize("styles", [[], ["dots", "dots"]])
def test_styles_must_be_distinct(styles):
    with pytest.raises(WrongUsageError, match="must be one or more distinct names. Received: styles="):
        StyleTransfer(styles)
