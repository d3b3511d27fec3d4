"""Classifier: loss computed by hand, unknown attributes, features, and a small training."""

import re

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf
from attribute_batches import ATTRIBUTES, make_batch

from zoo.attributes.loss import smoothed_cross_entropy
from zoo.classifier import Classifier

BATCH = make_batch()


def build(dtype="float32", optimizer=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = Classifier(**{"attributes": ATTRIBUTES, "width": 2, "dtype": dtype, **kwargs})
    model.compile(optimizer=optimizer or keras.optimizers.Adam(1e-3), jit_compile=False)
    return model


def build_with_biases(biases, **kwargs):
    """Builds a model whose logits are these numbers, whatever it sees."""
    model = build(**kwargs)
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    model.attribute_head.layers[-1].bias.assign(biases)
    return model


def evaluate(model, batch):
    return {name: float(value) for name, value in model.test_step(batch).items()}


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("image_size", [8, 28, 45, 64, 128])
def test_sizes_and_channels(image_size, channels):
    model = build(image_size=image_size, channels=channels, width=1)
    batch = make_batch(image_size, channels, num_images=2)
    assert {name: values.shape for name, values in model(batch[0]).items()} == {
        "category": (2, 3),
        "colour": (2, 2),
    }
    logs = model.train_step(batch)
    assert np.isfinite([float(value) for value in logs.values()]).all()


def test_the_default_network_is_small():
    model = Classifier({"category": [str(number) for number in range(10)]})
    # 3 x 3 stem of 32 and 64 channels, 2 + 2 blocks of 64 and 128, one projection, four numbers of each
    # batch normalisation for each of 96 + 4 * 64 + 5 * 128 channels, ten outputs of 128 features.
    kernels = 9 * 32 + 9 * 32 * 64 + 4 * 9 * 64**2 + 9 * 64 * 128 + 3 * 9 * 128**2 + 64 * 128
    assert model.count_params() == kernels + 4 * (96 + 4 * 64 + 5 * 128) + 129 * 10


@pytest.mark.parametrize("dtype", checks.PRECISIONS)
def test_features_are_float32_means_of_what_is_not_negative(dtype):
    features = build(dtype=dtype, width=3).extract_features(BATCH[0])
    assert features.dtype == "float32"
    assert features.shape == (8, 12)
    assert float(tf.reduce_min(features)) >= 0.0
    assert np.std(features, axis=0).max() > 0.0


# -(0.9 + 0.1 / 2) ln p - 0.1 / 2 ln (1 - p), for p = 2/3 and p = 1/3.
@pytest.mark.parametrize(
    ("true_id", "label_smoothing", "loss"),
    [
        (1, 0.0, np.log(3 / 2)),
        (0, 0.0, np.log(3.0)),
        (1, 0.1, 0.95 * np.log(3 / 2) + 0.05 * np.log(3.0)),
        (0, 0.1, 0.95 * np.log(3.0) + 0.05 * np.log(3 / 2)),
    ],
)
def test_smoothed_cross_entropy_by_hand(true_id, label_smoothing, loss):
    logits = tf.constant([[0.0, np.log(2.0)]], "float32")
    found = smoothed_cross_entropy(tf.constant([true_id]), logits, label_smoothing)
    assert float(found[0]) == pytest.approx(loss, rel=1e-6)


def test_a_model_of_zeros_gives_the_loss_worked_out_by_hand():
    model = build_with_biases(np.zeros(5), label_smoothing=0.3)
    ids = {"category": np.array([0, 0, 0, 1, 1, 2]), "colour": np.array([0, 0, 1, 1, 1, 1])}
    logs = evaluate(model, (np.zeros([6, 28, 28, 1], "uint8"), ids))
    # Every value is as likely as the others, and the first of equals is taken.
    assert logs == {
        "loss": pytest.approx(np.log(3.0) + np.log(2.0), rel=1e-5),
        "category_accuracy": pytest.approx(3 / 6),
        "colour_accuracy": pytest.approx(2 / 6),
    }


def test_unknown_attributes_are_left_out_of_loss_and_accuracy():
    # Probabilities of 1/4, 1/2, 1/4 and 1/3, 2/3.
    model = build_with_biases([0.0, np.log(2.0), 0.0, 0.0, np.log(2.0)], label_smoothing=0.0)
    black = np.zeros([4, 28, 28, 1], "uint8")
    ids = {"category": np.array([1, -1, 0, -1]), "colour": np.array([-1, -1, -1, 0])}
    logs = evaluate(model, (black, ids))
    assert logs["loss"] == pytest.approx((np.log(2.0) + np.log(4.0)) / 2 + np.log(3.0), rel=1e-5)
    assert (logs["category_accuracy"], logs["colour_accuracy"]) == (0.5, 0.0)
    # A second batch counts for as many pictures as it knows the attribute of.
    ids = {"category": np.array([1, 1, 1, -1]), "colour": np.full(4, -1)}
    assert evaluate(model, (black, ids))["category_accuracy"] == pytest.approx(4 / 5)

    model.reset_metrics()
    nothing_known = {name: np.full(4, -1) for name in ATTRIBUTES}
    assert set(evaluate(model, (black, nothing_known)).values()) == {0.0}


def test_pictures_of_unknown_attributes_train_no_head():
    model = build(optimizer=keras.optimizers.SGD(0.1), attributes={"colour": ("red", "blue")})
    batch = BATCH[0], {"colour": tf.fill([8], -1)}
    checks.check_step_changes(
        lambda: model.train_step(batch), changed=[], unchanged=model.trainable_variables
    )


def test_judgements_are_probabilities_of_each_attribute(model):
    judged = model.judge(BATCH[0])
    for probabilities in judged.values():
        np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1.0, rtol=1e-5)
    for name, probabilities in model(BATCH[0]).items():
        np.testing.assert_array_equal(probabilities, judged[name])


def test_a_picture_does_not_depend_on_its_neighbours(model):
    judged, features = model.judge(BATCH[0]), model.extract_features(BATCH[0])
    for row in range(3):
        one = BATCH[0][row : row + 1]
        np.testing.assert_allclose(model.extract_features(one)[0], features[row], atol=1e-5)
        np.testing.assert_allclose(model.judge(one)["category"][0], judged["category"][row], atol=1e-5)


def test_a_step_changes_every_weight():
    model = build()
    checks.check_step_changes(lambda: model.train_step(BATCH), changed=model.weights)


def test_an_evaluation_changes_no_weight():
    model = build()
    checks.check_step_changes(lambda: model.test_step(BATCH), changed=[], unchanged=model.weights)


def test_evaluation_is_a_mean_over_pictures():
    checks.check_evaluation(build(), BATCH)


def test_eight_pictures_are_learned_by_heart():
    model = build(width=4, optimizer=keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True))
    checks.fit(model, BATCH, num_steps=100)
    model.reset_metrics()
    logs = evaluate(model, BATCH)
    assert (logs["category_accuracy"], logs["colour_accuracy"]) == (1.0, 1.0)
    # Smoothed labels leave it unsure: 0.9 + 0.1 / 3 and 0.9 + 0.1 / 2 is what it should say.
    judged = model.judge(BATCH[0])
    assert np.max(judged["category"], axis=-1) == pytest.approx(np.full(8, 0.9333), abs=0.05)
    assert np.max(judged["colour"], axis=-1) == pytest.approx(np.full(8, 0.95), abs=0.05)


def test_config_round_trip():
    checks.check_config_round_trip(
        Classifier(
            ATTRIBUTES,
            image_size=32,
            channels=3,
            width=3,
            label_smoothing=0.2,
            dtype="mixed_bfloat16",
            name="small",
        )
    )


def test_save_and_load(tmp_path):
    model = build()
    model.train_step(BATCH)
    path = tmp_path / "model.keras"
    checks.check_save_and_load(model, lambda loaded: loaded(BATCH[0])["category"].numpy(), path)


def test_every_precision_trains_like_float32():
    checks.check_precision(
        lambda policy: build(policy, keras.optimizers.SGD(1e-2)),
        BATCH,
        last_layers=lambda model: [model.features.layers[-1], model.attribute_head.layers[-1]],
        # bfloat16 rounds after each of a dozen layers.
        tolerance=0.2,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"image_size": 7},
            "`image_size` must be at least 8, because the network halves pictures. Received:",
        ),
        ({"label_smoothing": 1.0}, "over all values. Received: label_smoothing=1.0. A common value is 0.1."),
        ({"label_smoothing": -0.1}, "`label_smoothing` must be at least 0 and below 1"),
        ({"attributes": {"category": ()}}, "values must be a list of at least one"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Classifier(**{"attributes": ATTRIBUTES, **arguments})
