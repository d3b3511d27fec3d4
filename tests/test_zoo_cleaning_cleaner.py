"""The cleaning model: any size, tiles without seams, grey stays grey, undamaged photos stay as they are."""

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.cleaning import cleaner
from zoo.cleaning.cleaner import Cleaner, to_squares
from zoo.layers.subpixels import to_picture

RANDOM = np.random.default_rng(0)


def build(dtype="float32", optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = Cleaner(**{"depth": 2, "width": 8, "dtype": dtype, **kwargs})
    model.compile(optimizer=optimizer or keras.optimizers.Adam(3e-3), jit_compile=False)
    return model


def make_rough(model, seed=0):
    random = np.random.default_rng(seed)
    for weight in model.network.weights:
        scale = 0.3 / np.sqrt(max(np.prod(weight.shape[:-1]), 1))
        weight.assign(random.normal(scale=scale, size=weight.shape))


def random_images(*shape):
    return RANDOM.integers(0, 256, shape, dtype="uint8")


@pytest.fixture(scope="module")
def batch():
    """Smooth pictures, with noise that grows from one to the next."""
    rows, columns = np.mgrid[0:16, 0:16]
    smooth = np.stack([rows * 8 + 60, columns * 8 + 60, rows * 4 + columns * 4 + 60], -1).astype("uint8")
    targets = np.repeat(smooth[None], 8, 0)
    noise = np.random.default_rng(1).normal(size=targets.shape) * np.arange(2, 18, 2)[:, None, None, None]
    damage = np.stack([np.zeros(8), np.linspace(0.2, 0.9, 8)], axis=1).astype("float32")
    return tf.constant(np.clip(targets + noise, 0, 255).astype("uint8")), tf.constant(targets), damage


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (2, 5, 7, 3), (1, 8, 3, 1)])
def test_pictures_of_any_size_keep_it(shape):
    model = build()
    make_rough(model)
    cleaned = model.clean(random_images(*shape), np.full(shape[:1], 0.5, "float32"))
    assert (cleaned.dtype, cleaned.shape) == ("uint8", shape)


@pytest.mark.parametrize("shape", [(2, 6, 4, 3), (1, 5, 7, 3)])
def test_squares_are_undone_by_the_picture(shape):
    images = random_images(*shape)
    restored = to_picture(to_squares(images), 2)[:, : shape[1], : shape[2]]
    np.testing.assert_array_equal(restored, images)


def test_tiles_leave_no_seam(monkeypatch):
    model = build()
    make_rough(model)
    raw_images = random_images(1, 61, 54, 3)
    strength = np.ones(1, "float32")
    whole = model.clean(raw_images, strength).numpy().astype("int32")
    assert np.abs(whole - raw_images).max() > 20
    monkeypatch.setattr(cleaner, "MAX_TILE_SQUARES", 100)
    assert np.abs(model.clean(raw_images, strength).numpy() - whole).max() <= 1
    model.reach = 0
    assert np.abs(model.clean(raw_images, strength).numpy() - whole).max() > 1


@pytest.mark.parametrize("strength", [0.0, cleaner.LEAST_DAMAGE])
def test_photos_without_damage_are_returned_bit_by_bit(strength):
    model = build()
    make_rough(model)
    raw_images = random_images(2, 9, 9, 3)
    np.testing.assert_array_equal(model.clean(raw_images, [strength] * 2), raw_images)
    changed = model.clean(raw_images, [strength, 0.5]).numpy() != raw_images
    assert changed.any(axis=(1, 2, 3)).tolist() == [False, True]


def test_a_little_damage_changes_a_little():
    """From the damage that counts as none, the network's change sets in gradually."""
    model = build()
    make_rough(model)
    raw_images = random_images(1, 9, 9, 3)
    middle = (cleaner.LEAST_DAMAGE + cleaner.FULL_DAMAGE) / 2
    squares = to_squares(raw_images)
    share = cleaner.share_of_changes(tf.constant([middle]), cleaner.LEAST_DAMAGE, cleaner.FULL_DAMAGE)
    changes = model._find_changes(squares, tf.constant([middle]), share)
    network = 255.0 * model.network(
        tf.concat([tf.cast(squares, "float32") / 255.0, tf.fill([1, 5, 5, 1], middle)], -1)
    )
    np.testing.assert_allclose(changes, 0.5 * network, rtol=1e-4, atol=1e-4)


def test_negative_strength_is_estimated_from_the_whole_photo():
    model = build()
    make_rough(model)
    raw_images = random_images(2, 300, 140, 3)
    cleaned, damage = model.clean_and_judge(raw_images, [-1.0, 0.25])
    windows = [raw_images[:1, top : top + 128, left : left + 128] for top in (0, 86, 172) for left in (0, 12)]
    estimates = np.concatenate([model.estimate_damage(window).numpy() for window in windows])
    sure = np.sort(estimates, axis=0)[1]  # of six
    assert sure[0] > cleaner.FULL_ESTIMATES[0]
    expected, _ = cleaner.weigh_estimates(estimates.mean(axis=0)[None], sure[None])
    np.testing.assert_allclose(damage, [expected[0], 0.25], atol=1e-5)
    np.testing.assert_array_equal(cleaned[:1], model.clean(raw_images[:1], [damage[0]]))


def test_an_estimate_needs_more_to_count(monkeypatch):
    """Photos with a little grain are left alone unless their owner says otherwise."""
    model = build()
    make_rough(model)
    raw_images = random_images(1, 20, 20, 3)
    by_jpeg, by_noise = model.estimate_damage(raw_images).numpy()[0].tolist()
    monkeypatch.setattr(cleaner, "LEAST_ESTIMATES", (by_jpeg + 0.01, by_noise + 0.01))
    monkeypatch.setattr(cleaner, "FULL_ESTIMATES", (by_jpeg + 0.02, by_noise + 0.02))
    cleaned, damage = model.clean_and_judge(raw_images, [-1.0])
    np.testing.assert_array_equal(cleaned, raw_images)
    np.testing.assert_allclose(damage, [by_jpeg], atol=1e-5)
    assert (model.clean(raw_images, [by_jpeg]).numpy() != raw_images).any()


def test_noise_counts_gradually():
    least, full = (limits[1] for limits in (cleaner.LEAST_ESTIMATES, cleaner.FULL_ESTIMATES))
    estimates = [[0.0, least], [0.0, (least + full) / 2], [0.0, full], [1.0, least]]
    damage, share = cleaner.weigh_estimates(*[np.array(estimates, "float32")] * 2)
    np.testing.assert_allclose(share, [0.0, 0.5, 1.0, 1.0], atol=1e-5)
    np.testing.assert_allclose(damage, [0.0, (least + full) / 4, full, 1.0], atol=1e-5)


def test_grey_stays_grey():
    model = build()
    make_rough(model)
    grey = random_images(1, 9, 8, 1)
    cleaned = model.clean(grey, [0.7])
    assert cleaned.shape == grey.shape
    colours = model.clean(np.repeat(grey, 3, -1), [0.7]).numpy().astype("float32")
    np.testing.assert_allclose(cleaned, np.round(colours.mean(-1, keepdims=True)), atol=1)


def test_merged_gives_the_same():
    model = build()
    make_rough(model)
    merged = model.merged()
    raw_images = random_images(2, 9, 7, 3)
    np.testing.assert_allclose(merged(raw_images) / 255.0, model(raw_images) / 255.0, atol=1e-5)
    np.testing.assert_allclose(merged.estimate_damage(raw_images), model.estimate_damage(raw_images))


def test_the_default_network_has_at_most_150_thousand_weights():
    assert Cleaner(is_merged=True).count_params() <= 150_000


@pytest.mark.slow
def test_training_removes_noise_and_learns_to_judge_it(batch):
    model = build()
    before = float(model.test_step(batch)["damage_error"])
    checks.fit(model, batch, num_steps=300)
    model.reset_metrics()
    logs = {name: float(value) for name, value in model.test_step(batch).items()}
    assert logs["psnr"] > logs["damaged_psnr"] + 1.0
    assert logs["damage_error"] < before / 2


def test_evaluation_is_a_mean_over_pictures(batch):
    checks.check_evaluation(build(), batch)


def test_the_configuration_survives():
    checks.check_config_round_trip(build(is_merged=True))


def test_save_and_load(batch, tmp_path):
    model = build()
    model.train_step(batch)
    checks.check_save_and_load(
        model, lambda loaded: loaded(batch[0], tf.fill([8], 0.5)), tmp_path / "model.keras"
    )


def test_a_merged_model_can_be_trained_further():
    model = build()
    make_rough(model)
    merged = model.merged()
    unmerged = merged.unmerged()
    raw_images = random_images(2, 9, 7, 3)
    np.testing.assert_allclose(unmerged(raw_images) / 255.0, model(raw_images) / 255.0, atol=1e-5)
    assert [weight.path for weight in unmerged.weights] == [weight.path for weight in model.weights]
    assert model.unmerged() is model


@pytest.mark.slow
def test_the_same_steps_give_the_same_weights(batch):
    """A resumed training is the same: what a step draws depends on its number alone."""
    weights = []
    for _ in range(2):
        model = build()
        make_rough(model)
        checks.fit(model, batch, num_steps=2)
        weights.append(model.get_weights())
    assert all(map(np.array_equal, *weights))
