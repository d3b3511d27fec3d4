"""The autoencoder and the flow in its latents: shapes, learning, guidance, variations, and what is saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.errors import WrongUsageError
from zoo.latent_flow import Autoencoder, LatentFlow
from zoo.latent_flow.words import MOST_WORDS, to_word_ids
from zoo.pictures import pixels
from zoo.step.adam import FusedAdam

ATTRIBUTES = {"category": ("hat", "shoe"), "colour": ("blue", "red")}
WORDS = ("blue", "hat", "red", "shoe")


def make_autoencoder(**options):
    return Autoencoder(**{"image_size": 32, "width": 4, "depth": 1, **options})


def make_flow(side=32, **options):
    values = {"words": WORDS, "width": 8, "depth": 1, "steps": 3, "dtype": "float32", **options}
    keras.utils.set_random_seed(0)
    model = LatentFlow(ATTRIBUTES, make_autoencoder(image_size=side).get_config(), **values)
    # As after some training: new networks answer 0.
    rng = np.random.default_rng(0)
    for weight in model.ema_network.weights:
        if len(weight.shape) > 1:
            weight.assign(rng.normal(scale=0.3, size=weight.shape))
    return model


def noise_of(model, count):
    return tf.random.stateless_normal([count, model.latent_dim], [0, 1])


def no_words(count):
    return tf.zeros([count, MOST_WORDS], "int32")


def test_autoencoders_take_multiples_of_eight_only():
    assert make_autoencoder(image_size=24).encode(tf.zeros([1, 24, 24, 3], "uint8")).shape == (1, 3, 3, 4)
    for size in (28, 4, 0):
        with pytest.raises(WrongUsageError, match="must be a multiple of 8"):
            make_autoencoder(image_size=size)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_autoencoder_learns_to_reconstruct(channels):
    keras.utils.set_random_seed(0)
    model = make_autoencoder(channels=channels, width=8)
    rng = np.random.default_rng(0)
    images = np.repeat(rng.integers(0, 255, (16, 1, 1, channels)), 32, axis=1).repeat(32, axis=2)
    batches = tf.data.Dataset.from_tensors(images.astype("uint8")).repeat()
    model.compile(FusedAdam(3e-3))
    before = model.evaluate(batches.take(1), verbose=0, return_dict=True)
    model.fit(batches, steps_per_epoch=60, verbose=0)
    after = model.evaluate(batches.take(1), verbose=0, return_dict=True)
    assert after["pixel_loss"] < 0.5 * before["pixel_loss"]
    assert after["psnr"] > before["psnr"]


def test_the_distance_of_features_counts_by_its_weight():
    images = tf.zeros([2, 32, 32, 3], "uint8")
    losses = []
    for weight in (0.0, 2.0):
        model = make_autoencoder(feature_weight=weight)
        model.compile(FusedAdam(), compare=lambda images, others: tf.fill([2], 0.25))
        losses.append(model.test_step(images))
    assert float(losses[0]["feature_loss"]) == 0.0
    assert float(losses[1]["feature_loss"]) == 0.25


@pytest.mark.parametrize("side", [8, 16, 32, 64])
def test_latents_of_any_size_have_a_flow(side):
    model = LatentFlow(ATTRIBUTES, make_autoencoder(image_size=side).get_config(), width=4, depth=1, steps=1)
    ids = {name: tf.constant([0, -1]) for name in ATTRIBUTES}
    assert model(noise_of(model, 2), ids).shape == (2, side, side, 3)


def test_a_flow_learns_while_its_autoencoder_stays():
    model = make_flow(side=16)
    model.ema_network.set_weights(model.network.get_weights())
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (16, 1, 1, 3)).repeat(16, 1).repeat(16, 2).astype("uint8")
    ids = {name: tf.constant([0, 1] * 8) for name in ATTRIBUTES}
    words = to_word_ids(WORDS, tf.constant(["red hat", "blue shoe"] * 8))
    model.measure_latents([images])
    batches = tf.data.Dataset.from_tensors((images, ids, words)).repeat()
    model.compile(FusedAdam(3e-3))
    frozen = [weight.numpy() for weight in model.autoencoder.weights]
    before = model.evaluate(batches.take(1), verbose=0, return_dict=True)["loss"]
    model.fit(batches, steps_per_epoch=60, verbose=0)
    assert model.evaluate(batches.take(1), verbose=0, return_dict=True)["loss"] < 0.9 * before
    for old, weight in zip(frozen, model.autoencoder.weights, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())


def test_measured_latents_are_standard_normal():
    model = make_flow()
    images = np.random.default_rng(0).integers(0, 255, (24, 32, 32, 3)).astype("uint8")
    model.measure_latents([images[:16], images[16:]])
    latents = model.autoencoder.encode(images).numpy()
    np.testing.assert_allclose(model.latent_mean.numpy(), latents.mean((0, 1, 2)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.latent_deviation.numpy(), latents.std((0, 1, 2)), rtol=1e-3)


def test_what_is_asked_for_changes_the_picture():
    model = make_flow()
    noise = tf.repeat(noise_of(model, 1), 4, axis=0)
    ids = {"category": tf.constant([0, 1, -1, -1]), "colour": tf.constant([-1] * 4)}
    words = to_word_ids(WORDS, tf.constant(["", "", "red", ""]))
    drawn = model(noise, ids, words).numpy()
    for first in range(4):
        for second in range(first):
            assert np.abs(drawn[first] - drawn[second]).max() > 1e-4


def test_guidance_of_one_is_plain_and_of_zero_ignores_what_is_asked_for():
    model = make_flow()
    noise = noise_of(model, 1)
    hat, nothing = ({name: tf.constant([value]) for name in ATTRIBUTES} for value in (0, -1))

    def draw(ids, guidance):
        return model.draw(noise, ids, no_words(1), 2, guidance).numpy()

    np.testing.assert_allclose(draw(hat, 0.0), draw(nothing, 1.0), atol=1e-4)
    assert np.abs(draw(hat, 1.0) - draw(nothing, 1.0)).max() > 1e-3
    np.testing.assert_allclose(draw(nothing, 5.0), draw(nothing, 1.0), atol=1e-4)


def test_variations_start_at_the_reconstruction_and_end_at_noise_alone():
    model = make_flow()
    photo = np.random.default_rng(1).integers(0, 255, (1, 32, 32, 3)).astype("uint8")
    ids = {name: tf.constant([0]) for name in ATTRIBUTES}

    def vary(strength, start=photo):
        return model.draw(noise_of(model, 1), ids, no_words(1), 4, 2.0, start, strength).numpy()

    reconstruction = model.autoencoder(photo).numpy()
    np.testing.assert_allclose(vary(0.0), reconstruction, atol=1e-4)
    np.testing.assert_allclose(vary(1.0), model.draw(noise_of(model, 1), ids, no_words(1), 4, 2.0), atol=1e-4)
    distances = [np.abs(vary(strength) - reconstruction).mean() for strength in (0.1, 0.5, 1.0)]
    assert distances == sorted(distances)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_draws_nearly_the_same(policy):
    pictures = []
    for dtype in ("float32", policy):
        model = make_flow(side=16, dtype=dtype)
        model.latent_mean.assign([0.1, 0.2, 0.3, 0.4])
        ids = {name: tf.constant([0, 1]) for name in ATTRIBUTES}
        pictures.append(model(noise_of(model, 2), ids).numpy())
    assert pictures[1].dtype == np.float32
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.1 * np.abs(pictures[0]).mean()


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_both_models_learn_and_draw_under_every_policy(policy):
    images = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3)).astype("uint8")
    ids = {name: tf.constant([0, 1, 0, -1]) for name in ATTRIBUTES}
    autoencoder = make_autoencoder(image_size=16, dtype=policy)
    autoencoder.compile(FusedAdam(1e-3))
    autoencoder.optimizer.build(autoencoder.trainable_variables)
    assert np.isfinite(autoencoder.train_step(images)["loss"])
    assert autoencoder(images).shape == images.shape
    flow = make_flow(side=16, dtype=policy)
    flow.compile(FusedAdam(1e-3))
    flow.optimizer.build(flow.network.trainable_variables)
    assert np.isfinite(flow.train_step((images, ids, to_word_ids(WORDS, tf.constant([""] * 4))))["loss"])
    assert np.isfinite(flow(noise_of(flow, 4), ids)).all()


def test_conditions_are_left_out_as_often_as_said():
    model = make_flow()
    count = 4000
    ids = {name: tf.ones([count], "int32") for name in ATTRIBUTES}
    words = tf.fill([count, MOST_WORDS], 3)
    drawn = tf.random.stateless_uniform([count, 1 + len(ATTRIBUTES) + MOST_WORDS], [0, 0])
    left, kept = model._leave_out(ids, words, drawn)
    has_words = (kept.numpy() != 0).any(axis=1)
    has_attributes = np.stack([value.numpy() >= 0 for value in left.values()], axis=1)
    assert has_words.mean() == pytest.approx(0.6, abs=0.03)
    # Of the attributes that are shown at all, a tenth is left out.
    assert has_attributes.mean() == pytest.approx(0.9 * 0.6, abs=0.03)
    assert (~has_words & ~has_attributes.any(axis=1)).mean() == pytest.approx(0.107, abs=0.02)
    assert (kept.numpy()[has_words] == 1).mean() == pytest.approx(0.1, abs=0.01)


def test_a_saved_model_draws_the_same(tmp_path):
    model = make_flow(meanings={"red": ("colour", "red")})
    model.latent_deviation.assign([0.5, 1.0, 2.0, 3.0])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.words == WORDS
    assert loaded.meanings == {"red": ("colour", "red")}
    ids = {name: tf.constant([0, 1]) for name in ATTRIBUTES}
    noise = noise_of(model, 2)
    np.testing.assert_array_equal(
        *(pixels.from_model_range(each(noise, ids), each.pixel_range).numpy() for each in (model, loaded))
    )


def test_every_weight_has_its_own_path_the_same_in_every_process():
    """A checkpoint knows weights by their paths, which must not depend on what was built before."""
    first, second = ([weight.path for weight in make_flow().weights] for _ in range(2))
    assert len(set(first)) == len(first)
    assert first == second
