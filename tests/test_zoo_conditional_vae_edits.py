"""Conditional VAE: edits, ways and directions, and what is learned from edits."""

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf
from attribute_batches import make_batch
from small_conditional_vaes import GROUNDS, build, make_dark_and_bright, train_on_dark_and_bright

from zoo import pixels
from zoo.attribute_edits import with_detail

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
    model = build(edit_weight=1.0, attribute_weight=0.0, kl_weight=0.0, optimizer=keras.optimizers.SGD(0.1))
    head = model.attribute_head.get_weights()
    logs = model.train_step(BATCH)
    assert float(logs["edit_loss"]) > 0
    for before, after in zip(head, model.attribute_head.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    # 0.99 of what it was, 0.01 of what was learned.
    model.features.set_weights([np.ones(weight.shape) for weight in model.features.weights])
    model.average_features.set_weights([np.zeros(weight.shape) for weight in model.average_features.weights])
    model._update_averages(0.99)
    np.testing.assert_allclose(model.average_features.get_weights()[0], 0.01, rtol=1e-5)


def test_what_edits_are_judged_as_reaches_the_decoder():
    losses = {weight: measure_after_training("edit_loss", edit_weight=weight) for weight in (30.0, 1e-6)}
    assert losses[30.0] < 0.75 * losses[1e-6]


def test_edits_are_what_is_decoded_or_keep_the_detail(trained_on_dark_and_bright):
    plain, (raw_images, ids) = trained_on_dark_and_bright
    model = build(attributes=plain.attributes, width=4, keep_detail=True)
    model.set_weights(plain.get_weights())
    latents = plain.encode(raw_images, ids)
    wanted = {"ground": 1 - ids["ground"]}
    decoded = plain.decode(latents, wanted).numpy()
    np.testing.assert_array_equal(plain.edit(raw_images, ids, wanted), decoded)

    images = raw_images / 255.0
    np.testing.assert_allclose(model.edit(raw_images, ids, ids), images, atol=1e-6)
    # Where ground and bar are decoded quite differently, nothing is kept of the picture.
    changed = np.abs(decoded - plain.decode(latents, ids)) > 0.3
    assert changed.mean() > 0.5
    edited = model.edit(raw_images, ids, wanted).numpy()
    np.testing.assert_allclose(edited[changed], decoded[changed], atol=1e-3)
    expected = with_detail(decoded, images.astype("float32"), plain.decode(latents, ids))
    np.testing.assert_allclose(edited, expected, atol=1e-6)


def test_ways_lead_from_one_reconstruction_to_another(trained_on_dark_and_bright):
    model, (raw_images, ids) = trained_on_dark_and_bright
    ends, end_ids = raw_images[::-1], {"ground": ids["ground"][::-1]}
    ways = model.interpolate(raw_images, ids, ends, end_ids, num_steps=5).numpy()
    assert ways.shape == (8, 5, 28, 28, 1)
    np.testing.assert_allclose(ways[:, 0], model(raw_images, ids), atol=1e-5)
    np.testing.assert_allclose(ways[:, -1], model(ends, end_ids), atol=1e-5)
    # From a dark ground to a bright one the corners get brighter all the way.
    corners = ways[ids["ground"] == 0, :, 0, 0, 0]
    assert (np.diff(corners, axis=1) > -0.01).all()
    assert ((corners[:, 2] > corners[:, 0] + 0.05) & (corners[:, 2] < corners[:, -1] - 0.05)).all()


def test_a_direction_leads_to_what_is_no_attribute(trained_on_dark_and_bright):
    model, (raw_images, ids) = trained_on_dark_and_bright
    is_low = np.arange(8) // 2 >= 2  # the bar's height is none of the model's attributes
    direction = model.latent_direction(raw_images, ids, is_low)
    latents = model.encode(raw_images, ids).numpy()
    np.testing.assert_allclose(direction, latents[is_low].mean(0) - latents[~is_low].mean(0), atol=1e-6)
    with pytest.raises(ValueError, match="Received: 0 of 8 pictures with it"):
        model.latent_direction(raw_images, ids, np.zeros(8, bool))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_edits_that_keep_detail_train(dtype):
    model = build(dtype, edit_weight=1.0, keep_detail=True)
    before = [weight.numpy() for weight in model.decoder.trainable_variables]
    logs = model.train_step(BATCH)
    assert np.isfinite([float(value) for value in logs.values()]).all()
    assert any(
        np.abs(old - new).max() > 0
        for old, new in zip(before, model.decoder.trainable_variables, strict=True)
    )


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
