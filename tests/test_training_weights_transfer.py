"""Training from another model's weights: those loaded, those initialised, and errors."""

import re

import numpy as np
import pytest
import tensorflow as tf

from training.weights.transfer import transfer_weights
from zoo.attributes.vocabulary import one_hot_conditions
from zoo.classifier import Classifier
from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.dcgan.dcgan import DCGAN
from zoo.super_resolution.ecbsr import ECBSR
from zoo.super_resolution.srcnn import SRCNN

SHOES = {"category": ["boot", "sandal", "sneaker"]}
SHOP = {"season": ["winter", "summer"], "category": ["hat", "sneaker", "boot"]}
SMALL = {"image_size": 16, "channels": 1, "latent_dim": 3, "width": 2}
GENERATORS = ("generator_dense", "ema_generator_dense")
VARIANTS = {
    "dcgan": (DCGAN, {}),
    "dcgan_embedding": (DCGAN, {"conditioning": "embedding", "depth": 1, "discriminator_depth": 1}),
    "dcgan_spectral": (DCGAN, {"spectral_norm": True}),
    "conditional_vae": (ConditionalVAE, {}),
    "conditional_vae_gaussian": (ConditionalVAE, {"likelihood": "gaussian", "depth": 1}),
}


def with_random_weights(model, seed=0):
    """Gives every weight a value that no initialiser gives; averages are those of what they average."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        low = 0.5 if weight.path.endswith("variance") else -1.0
        weight.assign(random.uniform(low, 1.0, weight.shape))
    return model


def build(name, attributes=SHOES, seed=0, **options):
    model_class, variant = VARIANTS[name]
    return with_random_weights(model_class(attributes, **{**SMALL, **variant, **options}), seed)


def answer(model, **values):
    """Asks a model for attribute values by name; an attribute that it lacks is left out."""
    ids = {key: tf.constant([model.attributes[key].index(value)]) for key, value in values.items()}
    ids |= {key: tf.constant([-1]) for key in model.attributes if key not in ids}  # conditions nothing
    latents = tf.ones([1, 3])
    if isinstance(model, DCGAN):
        images = model(latents, ids)
        conditions = one_hot_conditions(model.attributes, ids)
        return images.numpy(), model.discriminator([images, conditions]).numpy()
    raw_images = tf.fill([1, model.image_size, model.image_size, 1], tf.constant(99, "uint8"))
    return model.decode(latents, ids).numpy(), model.encode(raw_images, ids).numpy()


@pytest.mark.parametrize("name", VARIANTS)
def test_equal_networks_become_equal(name):
    source, model = build(name), build(name, seed=1)
    transfer = transfer_weights(source, model)
    for weight, other in zip(model.weights, source.weights, strict=True):
        np.testing.assert_array_equal(weight, other)
    assert (transfer.taken_in_part, transfer.new) == ([], [])
    assert str(transfer) == f"{len(transfer.taken)} layers taken over"


@pytest.mark.parametrize("name", VARIANTS)
def test_values_that_both_know_keep_what_they_mean(name):
    """Whatever their order, and whatever values and attributes are beside them."""
    source, model = build(name), build(name, SHOP, seed=1)
    transfer = transfer_weights(source, model)
    for value in ("boot", "sneaker"):
        for own, expected in zip(answer(model, category=value), answer(source, category=value), strict=True):
            np.testing.assert_allclose(own, expected, atol=1e-5)
    before = answer(build(name, SHOP, seed=1), category="hat")
    assert not np.allclose(answer(model, category="hat")[0], before[0], atol=1e-3)
    assert transfer.new == []
    in_part = {
        "dcgan": [*GENERATORS, "discriminator_projection"],
        "dcgan_embedding": [*GENERATORS, "embedding"],
        "dcgan_spectral": [*GENERATORS, "discriminator_projection_sn/discriminator_projection"],
    }
    of_vae = ["latent_mean", "latent_log_variance", "attributes", "decoder_features"]
    assert transfer.taken_in_part == in_part.get(name, of_vae)


def test_new_values_begin_as_they_would_without():
    source, model = build("conditional_vae"), build("conditional_vae", SHOP, seed=1)
    kernels = {weight.path: weight.numpy() for weight in model.weights}
    transfer_weights(source, model)
    head = {weight.path: weight for weight in model.weights}["attributes/kernel"].numpy()
    of_source = {weight.path: weight for weight in source.weights}["attributes/kernel"].numpy()
    # season: winter, summer; category: hat, then sneaker and boot, which were third and first.
    np.testing.assert_array_equal(head[:, :3], kernels["attributes/kernel"][:, :3])
    np.testing.assert_array_equal(head[:, 3:], of_source[:, [2, 0]])


def test_judging_keeps_what_it_knows():
    source, model = build("conditional_vae"), build("conditional_vae", SHOP, seed=1)
    transfer_weights(source, model)
    raw_images = tf.cast(tf.random.stateless_uniform([4, 16, 16, 1], [0, 0], 0, 256, "int32"), "uint8")
    boot, _, sneaker = source.attribute_head(source.extract_features(raw_images)).numpy().T
    *_, own_sneaker, own_boot = model.attribute_head(model.extract_features(raw_images)).numpy().T
    np.testing.assert_allclose((own_boot, own_sneaker), (boot, sneaker), rtol=1e-4)


def test_networks_of_another_size_are_matched_from_the_picture():
    source, model = build("dcgan"), build("dcgan", seed=1, image_size=32)
    transfer = transfer_weights(source, model)
    weights, others = ({w.path: w.numpy() for w in each.weights} for each in (model, source))
    pairs = {
        # The steps before the picture: one further up.
        "ema_generator_conv_3/kernel": "ema_generator_conv_2/kernel",
        "generator_norm_2/moving_mean": "generator_norm_1/moving_mean",
        "generator_conv_2/kernel": "generator_conv_1/kernel",
        # The steps after it: the same.
        "discriminator_conv_1/kernel": "discriminator_conv_1/kernel",
    }
    for path, other in pairs.items():
        np.testing.assert_array_equal(weights[path], others[other])
    of_generator = ["dense", "norm_0", "conv_1", "norm_1"]
    assert set(transfer.new) == {
        *(f"{network}_{layer}" for network in ("generator", "ema_generator") for layer in of_generator),
        *(f"discriminator_{layer}" for layer in ("conv_2", "projection", "logits")),
    }
    assert str(transfer).startswith(f"{len(transfer.taken)} layers taken over; new: generator_dense, ")


def test_a_classifier_keeps_the_values_that_both_know():
    source, model = (with_random_weights(Classifier(each, 16, 1, width=2)) for each in (SHOES, SHOP))
    transfer = transfer_weights(source, model)
    raw_images = tf.cast(tf.random.stateless_uniform([4, 16, 16, 1], [0, 0], 0, 256, "int32"), "uint8")
    boot, _, sneaker = source.attribute_head(source.extract_features(raw_images)).numpy().T
    *_, own_sneaker, own_boot = model.attribute_head(model.extract_features(raw_images)).numpy().T
    np.testing.assert_allclose((own_boot, own_sneaker), (boot, sneaker), rtol=1e-4)
    assert (len(transfer.taken_in_part), transfer.new) == (1, [])


def test_size_and_attributes_may_change_together():
    source, model = build("conditional_vae"), build("conditional_vae", SHOP, seed=1, image_size=32)
    transfer = transfer_weights(source, model)
    assert "encoder_conv_0" in transfer.taken
    assert "latent_mean" in transfer.taken_in_part
    assert "encoder_features" in transfer.new


def test_srcnn_of_another_factor_begins_with_the_weights():
    source, model = with_random_weights(SRCNN(2)), SRCNN(3)
    assert transfer_weights(source, model).taken == [
        "patch_extraction",
        "non_linear_mapping",
        "reconstruction",
    ]
    np.testing.assert_array_equal(model.weights[0], source.weights[0])


REFUSED = {
    "another class": (
        lambda: (SRCNN(2), build("dcgan")),
        "Received: `patch_extraction/kernel` of shape (9, 9, 1, 64) there and none here.",
    ),
    "another kernel": (
        lambda: (SRCNN(2), SRCNN(2, kernels="9-5-5")),
        (
            "`non_linear_mapping/kernel` of shape (1, 1, 64, 32) there and (5, 5, 64, 32) here. Options that "
            "differ: kernels (9-1-5 there, 9-5-5 here). Make them equal, or train without `--init-from`."
        ),
    ),
    "another width": (lambda: (build("dcgan"), build("dcgan", width=3)), "width (2 there, 3 here)."),
    "colour": (
        lambda: (build("conditional_vae"), build("conditional_vae", channels=3)),
        (
            "`encoder_conv_0/kernel` of shape (4, 4, 1, 2) there and (4, 4, 3, 2) here. "
            "Options that differ: channels (1 there, 3 here)."
        ),
    ),
    "other latents": (
        lambda: (build("dcgan"), build("dcgan", SHOP, latent_dim=4)),
        "latent_dim (3 there, 4 here).",
    ),
}


@pytest.mark.parametrize("key", REFUSED)
def test_another_network_is_refused_with_what_differs(key):
    make, message = REFUSED[key]
    source, model = make()
    before = model.get_weights()
    with pytest.raises(ValueError, match=re.escape(message)):
        transfer_weights(source, model)
    assert all(map(np.array_equal, model.get_weights(), before))


def test_ecbsr_of_another_factor_begins_with_all_but_the_last_layer():
    source, model = ECBSR(upscale_factor=2, depth=2, width=4), ECBSR(upscale_factor=3, depth=2, width=4)
    transfer = transfer_weights(source, model)
    assert [name.rpartition("/")[2] for name in transfer.new] == ["subpixels"]
    hidden, other = (each.network.get_layer("convolution_1") for each in (source, model))
    np.testing.assert_array_equal(hidden.merged_kernel(), other.merged_kernel())
