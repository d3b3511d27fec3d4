"""Conditional VAE: terms of the bound computed by hand, reconstruction and judging."""

import re

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf
from attribute_batches import ATTRIBUTES, make_batch
from small_conditional_vaes import build, make_dark_and_bright, train_on_dark_and_bright

from zoo.conditional_vae.conditional_vae import ConditionalVAE
from zoo.errors import UnknownNameError

BATCH = make_batch()


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def trained_on_dark_and_bright():
    return train_on_dark_and_bright(), make_dark_and_bright()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("image_size", [28, 32, 64, 128])
def test_sizes_and_channels(image_size, channels):
    model = build(image_size=image_size, channels=channels, width=1)
    raw_images, attribute_ids = make_batch(image_size, channels, num_images=2)
    checks.check_images(
        model(raw_images, attribute_ids), (2, image_size, image_size, channels), low=0.0, high=1.0
    )
    latents = model.encode(raw_images, attribute_ids)
    assert latents.dtype == "float32"
    assert latents.shape == (2, 4)
    logs = model.train_step((raw_images, attribute_ids))
    assert np.isfinite([float(value) for value in logs.values()]).all()


def test_a_model_of_zeros_gives_the_loss_worked_out_by_hand():
    model = build(kl_weight=2.0, attribute_weight=10.0)
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    black = np.zeros([6, 28, 28, 1], "uint8")
    ids = {"category": np.array([0, 0, 0, 1, 1, 2]), "colour": np.array([0, 0, 1, 1, 1, 1])}
    logs = {name: float(value) for name, value in model.test_step((black, ids)).items()}
    # Every pixel is a fair coin, the latents are the prior, every attribute value is as likely as the others.
    reconstruction_loss = 28 * 28 * np.log(2.0)
    attribute_loss = np.log(3.0) + np.log(2.0)
    assert logs["reconstruction_loss"] == pytest.approx(reconstruction_loss, rel=1e-5)
    assert logs["kl_loss"] == 0.0
    assert logs["attribute_loss"] == pytest.approx(attribute_loss, rel=1e-5)
    assert logs["loss"] == pytest.approx(reconstruction_loss + 10.0 * attribute_loss, rel=1e-5)
    # The first of equal values is taken: right for 3 of 6 categories and 2 of 6 colours.
    assert logs["attribute_accuracy"] == pytest.approx(5 / 12)
    # 0.5 is 128 of 255.
    assert logs["psnr"] == pytest.approx(20 * np.log10(255 / 128), rel=1e-4)


def test_unknown_attributes_are_left_out_of_loss_and_accuracy():
    model = build()
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    # Logits of (0, ln 2, 0, 0, ln 2): probabilities of 1/4, 1/2, 1/4 and 1/3, 2/3.
    model.attribute_head.layers[-1].bias.assign([0.0, np.log(2.0), 0.0, 0.0, np.log(2.0)])
    black = np.zeros([4, 28, 28, 1], "uint8")
    ids = {"category": np.array([1, -1, 0, -1]), "colour": np.array([-1, -1, -1, 0])}
    logs = {name: float(value) for name, value in model.test_step((black, ids)).items()}
    assert logs["attribute_loss"] == pytest.approx((np.log(2.0) + np.log(4.0)) / 2 + np.log(3.0), rel=1e-5)
    assert logs["attribute_accuracy"] == pytest.approx(1 / 3)

    model.reset_metrics()
    nothing_known = {name: np.full(4, -1) for name in ATTRIBUTES}
    logs = {name: float(value) for name, value in model.test_step((black, nothing_known)).items()}
    assert (logs["attribute_loss"], logs["attribute_accuracy"]) == (0.0, 0.0)


def test_kl_is_summed_over_the_latents_and_weighted():
    model = build(kl_weight=3.0, attribute_weight=0.0)
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    model.posterior.get_layer("latent_mean").bias.assign([1.0, 1.0, 2.0, 0.0])
    logs = {name: float(value) for name, value in model.test_step(BATCH).items()}
    assert logs["kl_loss"] == pytest.approx(0.5 + 0.5 + 2.0)
    assert logs["loss"] == pytest.approx(logs["reconstruction_loss"] + 3.0 * 3.0, rel=1e-6)


def test_a_step_changes_every_weight():
    model = build()
    checks.check_step_changes(lambda: model.train_step(BATCH), changed=model.weights)


def test_an_evaluation_changes_no_weight_and_gives_the_same_twice():
    model = build()
    results = []

    def evaluate_twice():
        for _ in range(2):
            model.reset_metrics()
            results.append({name: float(value) for name, value in model.test_step(BATCH).items()})

    checks.check_step_changes(evaluate_twice, changed=[], unchanged=model.weights)
    assert results[0] == results[1]


def test_evaluation_is_a_mean_over_pictures():
    model = build()
    # Which noise a picture gets depends on its place in the batch: the decoder ignores it.
    model.decoder.get_layer("decoder_features").set_weights([np.zeros([9, 256]), np.ones(256)])
    checks.check_evaluation(model, BATCH)


def test_an_attribute_head_without_weight_does_not_learn():
    model = build(attribute_weight=0.0, optimizer=keras.optimizers.SGD(1e-3))
    checks.check_step_changes(
        lambda: model.train_step(BATCH),
        changed=[*model.features.trainable_variables, *model.decoder.trainable_variables],
        unchanged=model.attribute_head.weights,
    )


def test_a_picture_does_not_depend_on_its_neighbours(model):
    raw_images, attribute_ids = make_batch(num_images=3)
    together = model(raw_images, attribute_ids)
    judged = model.judge(raw_images)
    for row in range(3):
        one = {name: ids[row : row + 1] for name, ids in attribute_ids.items()}
        np.testing.assert_allclose(model(raw_images[row : row + 1], one)[0], together[row], atol=1e-5)
        for name, probabilities in model.judge(raw_images[row : row + 1]).items():
            np.testing.assert_allclose(probabilities[0], judged[name][row], atol=1e-5)


def test_judgements_are_probabilities_of_each_attribute(model):
    judged = model.judge(BATCH[0])
    assert {name: probabilities.shape for name, probabilities in judged.items()} == {
        "category": (8, 3),
        "colour": (8, 2),
    }
    for probabilities in judged.values():
        np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1.0, rtol=1e-5)


def test_encoder_and_decoder_see_every_attribute(model):
    raw_images, attribute_ids = BATCH
    latents = model.encode(raw_images, attribute_ids)
    images = model.decode(latents, attribute_ids)
    for name, values in ATTRIBUTES.items():
        other_ids = {**attribute_ids, name: (attribute_ids[name] + 1) % len(values)}
        assert np.abs(model.encode(raw_images, other_ids) - latents).max() > 1e-3, name
        assert np.abs(model.decode(latents, other_ids) - images).max() > 1e-3, name


def test_a_missing_attribute_is_named(model):
    with pytest.raises(ValueError, match=re.escape("Received: ['category']. Add: colour.")):
        model.encode(BATCH[0], {"category": BATCH[1]["category"]})


def test_eight_pictures_are_learned_by_heart(trained_on_dark_and_bright):
    model, batch = trained_on_dark_and_bright
    model.reset_metrics()
    logs = {name: float(value) for name, value in model.test_step(batch).items()}
    assert logs["psnr"] > 20.0
    assert logs["attribute_accuracy"] == 1.0
    judged = model.judge(batch[0])["ground"]
    np.testing.assert_array_equal(np.argmax(judged, axis=-1), batch[1]["ground"])


def test_same_seed_same_result():
    checks.check_same_seed_same_result(lambda seed: build(seed=seed), BATCH)


def test_config_round_trip():
    checks.check_config_round_trip(
        ConditionalVAE(
            ATTRIBUTES,
            image_size=32,
            channels=3,
            latent_dim=5,
            width=3,
            kl_weight=0.5,
            attribute_weight=2.0,
            seed=7,
            dtype="mixed_bfloat16",
            name="small",
        )
    )


def test_save_and_load(tmp_path):
    model = build()
    model.train_step(BATCH)
    checks.check_save_and_load(model, lambda loaded: loaded(*BATCH).numpy(), tmp_path / "model.keras")


def test_every_precision_trains_like_float32():
    checks.check_precision(
        lambda policy: build(policy, keras.optimizers.SGD(1e-4)),
        BATCH,
        last_layers=lambda model: [
            model.decoder.layers[-1],
            model.attribute_head.layers[-1],
            model.posterior.get_layer("latent_mean"),
            model.posterior.get_layer("latent_log_variance"),
        ],
    )


def test_impossible_arguments_are_refused():
    with pytest.raises(
        ValueError, match=re.escape("Received: image_size=100. Nearest allowed sizes: 96, 112.")
    ):
        ConditionalVAE(ATTRIBUTES, image_size=100)
    with pytest.raises(ValueError, match=re.escape("values must be a list of at least one")):
        ConditionalVAE({"category": ()})


def test_gaussian_likelihood_by_hand():
    model = build(likelihood="gaussian", attribute_weight=0.0)
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    # Variance 1 and every pixel 0.5 away from the mean of 0.5: 0.5 (0.25 + ln 2 pi) nats each.
    black = np.zeros([4, 28, 28, 1], "uint8")
    ids = {name: np.zeros(4, "int32") for name in ATTRIBUTES}
    loss = float(model.test_step((black, ids))["reconstruction_loss"])
    assert loss == pytest.approx(28 * 28 * 0.5 * (0.25 + np.log(2 * np.pi)), rel=1e-5)


@pytest.mark.slow
def test_the_learned_variance_follows_the_error():
    model = build(likelihood="gaussian", optimizer=keras.optimizers.Adam(0.02))
    checks.fit(model, BATCH, num_steps=200)
    reconstruction = model(*BATCH).numpy()
    error = np.mean((reconstruction - BATCH[0].numpy() / 255.0) ** 2)
    assert float(tf.exp(model.pixel_log_variance)) == pytest.approx(error, rel=0.5)


def test_kl_rises_while_it_warms_up():
    model = build(kl_weight=2.0, kl_warm_up_steps=4, optimizer=keras.optimizers.SGD(1e-6))
    weights = []
    for _ in range(6):
        weights.append(float(model._kl_weight_now(training=True)))
        model.train_step(BATCH)
    assert weights == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert model._kl_weight_now(training=False) == 2.0


def test_options_survive_a_config_round_trip():
    options = {
        "likelihood": "gaussian",
        "kl_warm_up_steps": 3,
        "edit_weight": 0.5,
        "independence_weight": 0.5,
        "keep_detail": True,
        "edited_attributes": ["colour"],
        "depth": 1,
    }
    model = build(**options)
    config = ConditionalVAE.from_config(model.get_config()).get_config()
    assert {name: config[name] for name in options} == options


def test_unknown_likelihood():
    with pytest.raises(UnknownNameError, match="likelihood.*laplace.*bernoulli, gaussian"):
        build(likelihood="laplace")


def test_every_weight_has_a_path_of_its_own():
    model = build(likelihood="gaussian", edit_weight=1.0, independence_weight=1.0, depth=1)
    paths = [weight.path for weight in model.weights]
    assert len(set(paths)) == len(paths)
