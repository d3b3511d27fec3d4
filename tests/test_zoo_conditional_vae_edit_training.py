"""Conditional VAE: edits, paths and directions in latent space, and training on edits."""

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf
from attribute_batches import make_batch
from small_conditional_vaes import GROUNDS, build, make_dark_and_bright, train_on_dark_and_bright

from zoo.conditional_vae.edits import disturb, focus_changes
from zoo.conditional_vae.guided_filter import GuidedFilter
from zoo.conditional_vae.networks import VariationalNetworks
from zoo.errors import UnknownNameError
from zoo.pictures import pixels

pytestmark = pytest.mark.slow

BATCH = make_batch()


@pytest.fixture(scope="module")
def trained_on_dark_and_bright():
    return train_on_dark_and_bright(), make_dark_and_bright()


def measure_after_training(name, **options):
    """Learns dark and bright with latents that cost hardly anything, so that they carry the ground, too."""
    batch = make_dark_and_bright()
    optimizer = keras.optimizers.Adam(1e-2)
    model = build(attributes=GROUNDS, width=4, kl_weight=1e-3, optimizer=optimizer, **options)
    checks.fit(model, batch, num_steps=150)
    return float(model.test_step(batch)[name])


def test_an_edit_gives_pictures_the_attribute_that_is_wanted(trained_on_dark_and_bright):
    model, (raw_images, attribute_ids) = trained_on_dark_and_bright
    latents = model.encode(raw_images, attribute_ids)
    wanted = {"ground": 1 - attribute_ids["ground"]}
    edited = pixels.from_model_range(model.decode(latents, wanted), model.pixel_range).numpy()
    brightness = edited.mean(axis=(1, 2, 3))
    assert brightness[wanted["ground"] == 0].max() < 100
    assert brightness[wanted["ground"] == 1].min() > 150


def test_edits_are_judged_by_an_average_that_does_not_learn_from_them():
    model = build(edit_weight=1.0, optimizer=keras.optimizers.SGD(0.1))
    with tf.GradientTape() as tape:
        losses = model._objective(*BATCH, tf.zeros([8, 4]), training=True)
    gradients = tape.gradient(losses["edit_loss"], model.trainable_variables)
    taught = {
        variable.path
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
        if gradient is not None
    }
    assert {variable.path for variable in model.decoder.trainable_variables} <= taught
    assert not {variable.path for variable in model.edit_judge.weights} & taught
    checks.check_step_changes(
        lambda: model.train_step(BATCH),
        changed=[*model.edit_judge.trainable_variables, *model.ema_edit_judge.weights],
    )


def test_the_judge_of_edits_learns_what_disturbed_pictures_show():
    raw_images, ids = make_dark_and_bright()
    model = build(attributes=GROUNDS, width=4, edit_weight=1.0, optimizer=keras.optimizers.Adam(1e-2))
    checks.fit(model, (raw_images, ids), num_steps=100)
    images = pixels.to_model_range(np.tile(raw_images, [10, 1, 1, 1]), model.pixel_range)
    logits = model.ema_edit_judge(disturb(images, seed=1), training=False)
    assert (np.argmax(logits, axis=1) == np.tile(ids["ground"], 10)).mean() > 0.9


@pytest.mark.slow
def test_what_edits_are_judged_as_reaches_the_decoder():
    losses = {weight: measure_after_training("edit_loss", edit_weight=weight) for weight in (30.0, 1e-6)}
    assert losses[30.0] < 0.75 * losses[1e-6]


def test_edits_are_what_is_decoded_or_keep_the_detail(trained_on_dark_and_bright):
    plain, (raw_images, ids) = trained_on_dark_and_bright
    model = build(attributes=plain.attributes, width=4, keep_detail=True)
    for part in ("features", "posterior", "decoder"):
        getattr(model, part).set_weights(getattr(plain, part).get_weights())
    latents = plain.encode(raw_images, ids)
    wanted = {"ground": 1 - ids["ground"]}
    decoded = plain.decode(latents, wanted).numpy()
    np.testing.assert_array_equal(plain.edit(raw_images, ids, wanted), decoded)

    # Before it has learned, the painter changes the picture as much as the decodings differ, along its edges.
    images = (raw_images / 255.0).astype("float32")
    change = GuidedFilter(28)([images, decoded - plain.decode(latents, ids)])
    for bias in (0.0, 0.25):
        model.painter.get_layer("painter_detail").bias.assign([bias])
        expected = np.clip(images + focus_changes(change + bias), 0, 1)
        np.testing.assert_allclose(model.edit(raw_images, ids, wanted), expected, atol=1e-5)
    np.testing.assert_allclose(model.edit(raw_images, ids, ids), images, atol=1e-5)


@pytest.mark.parametrize(("image_size", "channels"), [(4 * 2, 3), (5 * 4, 1), (64, 3)])
def test_the_painter_takes_every_size_of_picture(image_size, channels):
    networks = VariationalNetworks(3, image_size, channels, 4, 4, 0, keras.DTypePolicy("mixed_bfloat16"))
    images = np.random.default_rng(0).uniform(size=(3, 2, image_size, image_size, channels)).astype("float32")
    changes = networks.build_painter()(list(images))
    assert changes.dtype == "float32"
    expected = GuidedFilter(image_size)([images[0], images[2] - images[1]])
    np.testing.assert_allclose(changes, expected, atol=1e-6)


def test_attributes_to_edit_must_exist():
    with pytest.raises(
        UnknownNameError, match="attribute to edit. Received: 'size'. Known: category, colour."
    ):
        build(edit_weight=1.0, edited_attributes=["size"])


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_edits_that_keep_detail_train(dtype):
    model = build(dtype, edit_weight=1.0, keep_detail=True)
    changed = [*model.decoder.trainable_variables, model.painter.get_layer("painter_detail").kernel]
    before = [variable.numpy() for variable in changed]
    logs = model.train_step(BATCH)
    assert np.isfinite([float(value) for value in logs.values()]).all()
    assert all(np.abs(old - new).max() > 0 for old, new in zip(before, changed, strict=True))


@pytest.mark.slow
def test_independent_latents_do_not_tell_the_ground():
    told = {
        weight: measure_after_training("dependence", independence_weight=weight) for weight in (1e-6, 1e4)
    }
    assert told[1e4] < 0.25 * told[1e-6]


def test_evaluation_sees_what_training_has_seen_where_edits_are_learned(trained_on_dark_and_bright):
    # Own and wanted values go through the decoder's normalisation together, as its averages count them.
    plain, (raw_images, ids) = trained_on_dark_and_bright
    model = build(attributes=plain.attributes, width=4, edit_weight=1.0)
    seen = []
    decoder = model.decoder
    model.decoder = lambda inputs, training: (
        seen.append(inputs[1].numpy()) or decoder(inputs, training=training)
    )
    model._objective(raw_images, ids, tf.zeros([8, 4]), training=True)
    (conditions,) = seen
    np.testing.assert_array_equal(conditions[:8].argmax(axis=1), ids["ground"])
    np.testing.assert_array_equal(conditions[8:].argmax(axis=1), 1 - ids["ground"])
