"""Frozen parts of a model: they stay unchanged while the rest is trained."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from checks import check_step_changes, optimizers_of

from training.weights.freezing import freeze_parts, model_parts
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.dcgan.dcgan import DCGAN
from zoo.errors import UnknownNameError
from zoo.super_resolution.srcnn import SRCNN

ATTRIBUTES = {"category": ["boot", "sandal"]}
SMALL = {"image_size": 16, "channels": 1, "latent_dim": 3, "width": 2}


def batch_of(model):
    """Returns a batch of noise, as the model's `train_step` takes it."""
    images = tf.cast(tf.random.stateless_uniform([4, 16, 16, 1], [0, 0], 0, 256, "int32"), "uint8")
    if isinstance(model, SRCNN):
        return images[:, :8, :8], images
    return images, {"category": tf.constant([0, 1, 0, 1])}


def build(model_class, dtype="float32"):
    keras.utils.set_random_seed(0)
    return SRCNN(2, dtype=dtype) if model_class is SRCNN else model_class(ATTRIBUTES, dtype=dtype, **SMALL)


def lower_loss_scales(model):
    """Sets what dynamic scaling comes down to after a few skipped steps."""
    for optimizer in optimizers_of(model).values():
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            if not optimizer.built:
                optimizer.build(model.trainable_variables)
            optimizer.dynamic_scale.assign(2.0**8)


CASES = {
    "generator": (DCGAN, ["generator"], "generator_"),
    "discriminator": (DCGAN, ["discriminator"], "discriminator_"),
    "a layer": (DCGAN, ["discriminator_conv_0"], "discriminator_conv_0/"),
    "encoder": (ConditionalVAE, ["encoder"], "(encoder_|latent_)"),
    "features": (ConditionalVAE, ["features"], "encoder_"),
    "decoder and head": (ConditionalVAE, ["decoder", "attribute_head"], "(decoder_|attributes/)"),
    "patch extraction": (SRCNN, ["patch_extraction"], "patch_extraction/"),
}


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
@pytest.mark.parametrize("key", CASES)
def test_frozen_parts_do_not_change_and_the_others_do(key, dtype):
    """Averages of batch normalisation included: it works as in inference."""
    model_class, names, pattern = CASES[key]
    model = build(model_class, dtype)
    freeze_parts(model, names)
    model.compile(jit_compile=False)
    lower_loss_scales(model)
    frozen = [weight for weight in model.weights if re.match(pattern, weight.path)]
    assert len(frozen) >= 2
    trained = [weight for weight in model.trainable_weights if "norm" not in weight.path]
    assert not {id(weight) for weight in frozen} & {id(weight) for weight in trained}
    check_step_changes(lambda: model.train_step(batch_of(model)), trained, frozen)


def test_spectral_normalisation_of_a_frozen_part_leaves_its_weights_alone():
    layer = keras.layers.SpectralNormalization(keras.layers.Dense(3), name="normalised")
    inputs = keras.Input((2,))
    model = DCGAN(ATTRIBUTES, **SMALL)
    model.discriminator = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    check_step_changes(
        lambda: model.discriminator(tf.ones([1, 2]), training=True), [layer.kernel, layer.vector_u]
    )
    freeze_parts(model, ["discriminator"])
    check_step_changes(
        lambda: model.discriminator(tf.ones([1, 2]), training=True), [], [layer.kernel, layer.vector_u]
    )


def test_parts_are_networks_and_layers():
    assert list(model_parts(SRCNN(2))) == [
        "network",
        "patch_extraction",
        "non_linear_mapping",
        "reconstruction",
    ]
    parts = list(model_parts(build(ConditionalVAE)))
    assert parts[:5] == ["features", "posterior", "attribute_head", "decoder", "encoder"]
    assert {"encoder_conv_0", "decoder_norm_0"} <= set(parts)
    assert "ema_generator" not in model_parts(build(DCGAN))


def test_an_unknown_part_is_answered_with_those_that_exist():
    message = (
        "Unknown part of srcnn. Received: 'encoder'. "
        "Known: network, patch_extraction, non_linear_mapping, reconstruction."
    )
    model = SRCNN(2)
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        freeze_parts(model, ["patch_extraction", "encoder"])
    assert len(model.trainable_weights) == 6


def test_something_must_be_left_to_train():
    message = "At least one part must remain trainable. Received: freeze=generator,discriminator."
    with pytest.raises(ValueError, match=re.escape(message)):
        freeze_parts(build(DCGAN), ["generator", "discriminator"])


def test_freezing_nothing_changes_nothing():
    model = build(DCGAN)
    expected = [weight.path for weight in model.trainable_weights]
    freeze_parts(model, [])
    assert [weight.path for weight in model.trainable_weights] == expected


def test_a_frozen_model_computes_what_it_computed():
    model, frozen = build(ConditionalVAE), build(ConditionalVAE)
    freeze_parts(frozen, ["encoder"])
    raw_images, ids = batch_of(model)
    np.testing.assert_array_equal(model(raw_images, ids), frozen(raw_images, ids))
