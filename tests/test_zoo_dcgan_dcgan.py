"""DCGAN: losses by hand, the weights that each update changes, loss scaling, the moving average."""

import re

import checks
import keras
import numpy as np
import pytest
import tensorflow as tf
from attribute_batches import ATTRIBUTES, make_batch

from zoo.dcgan.dcgan import DCGAN
from zoo.dcgan.losses import r1_penalty
from zoo.errors import UnknownNameError, WrongUsageError

LN_2 = np.log(2.0)


BATCH = make_batch()


def make_model(dtype="float32", **kwargs):
    keras.utils.set_random_seed(0)
    return DCGAN(**{"attributes": ATTRIBUTES, "latent_dim": 4, "width": 2, "dtype": dtype, **kwargs})


def build(dtype="float32", generator_rate=0.1, discriminator_rate=0.1, **kwargs):
    model = make_model(dtype, **kwargs)
    model.compile(
        generator_optimizer=keras.optimizers.SGD(generator_rate),
        discriminator_optimizer=keras.optimizers.SGD(discriminator_rate),
        jit_compile=False,
    )
    return model


@pytest.fixture(scope="module")
def model():
    return build()


def latents(num_images, seed=1):
    return tf.random.stateless_normal([num_images, 4], [seed, 0])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("image_size", [28, 32, 64, 128])
def test_sizes_and_channels(image_size, channels):
    model = build(image_size=image_size, channels=channels, width=1)
    raw_images, attribute_ids = make_batch(image_size, channels, num_images=2)
    checks.check_images(
        model(latents(2), attribute_ids), (2, image_size, image_size, channels), low=-1.0, high=1.0
    )
    logs = model.train_step((raw_images, attribute_ids))
    assert np.isfinite([float(value) for value in logs.values()]).all()


def test_a_discriminator_of_zeros_gives_the_losses_worked_out_by_hand():
    model = build()
    model.discriminator.set_weights([np.zeros(weight.shape) for weight in model.discriminator.weights])
    for step in (model.test_step, model.train_step):
        model.reset_metrics()
        logs = step(BATCH)
        assert float(logs["discriminator_loss"]) == pytest.approx(2 * LN_2)
        assert float(logs["generator_loss"]) == pytest.approx(LN_2)


def test_a_step_changes_all_three_networks():
    model = build()
    changed = [*model.generator.weights, *model.discriminator.weights, *model.ema_generator.weights]
    checks.check_step_changes(lambda: model.train_step(BATCH), changed)


def test_an_evaluation_changes_no_weight():
    model = build()
    networks = [model.generator, model.discriminator, model.ema_generator]
    weights = [weight for network in networks for weight in network.weights]
    checks.check_step_changes(lambda: model.test_step(BATCH), changed=[], unchanged=weights)


def test_evaluation_is_a_mean_over_pictures():
    model = build()
    # Which latents a picture gets depends on its place in the batch: every picture is grey.
    model.ema_generator.set_weights([np.zeros(weight.shape) for weight in model.ema_generator.weights])
    checks.check_evaluation(model, BATCH)


def test_the_loss_of_one_network_does_not_reach_the_other():
    both, generator_only, discriminator_only = (
        build(),
        build(discriminator_rate=0.0),
        build(generator_rate=0.0),
    )
    checks.check_step_changes(
        lambda: generator_only.train_step(BATCH),
        changed=generator_only.generator.trainable_variables,
        unchanged=generator_only.discriminator.weights,
    )
    checks.check_step_changes(
        lambda: discriminator_only.train_step(BATCH),
        changed=discriminator_only.discriminator.trainable_variables,
        unchanged=discriminator_only.generator.trainable_variables,
    )
    both.train_step(BATCH)
    for weight, alone in zip(both.generator.weights, generator_only.generator.weights, strict=True):
        np.testing.assert_array_equal(weight, alone)
    for weight, alone in zip(
        both.discriminator.weights, discriminator_only.discriminator.weights, strict=True
    ):
        np.testing.assert_array_equal(weight, alone)


@pytest.mark.parametrize(("num_steps_done", "momentum"), [(0, 2 / 11), (100, 0.75)])
def test_the_moving_average_follows_the_generator(num_steps_done, momentum):
    model = build(ema_momentum=0.75)
    model.generator_optimizer.iterations.assign(num_steps_done)
    for average, weight in zip(model.ema_generator.weights, model.generator.weights, strict=True):
        assert average.path == f"ema_{weight.path}"
        np.testing.assert_array_equal(average, weight)
    before = checks.values_of(model.generator.weights)
    model.train_step(BATCH)
    for average, weight in zip(model.ema_generator.weights, model.generator.weights, strict=True):
        expected = momentum * before[weight.path] + (1 - momentum) * checks.copy_of(weight)
        np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-7)


def test_pictures_come_from_the_moving_average():
    model = build()
    before = model(latents(3), make_batch(num_images=3)[1])
    model.generator.set_weights([np.zeros(weight.shape) for weight in model.generator.weights])
    np.testing.assert_array_equal(model(latents(3), make_batch(num_images=3)[1]), before)
    model.ema_generator.set_weights([np.zeros(weight.shape) for weight in model.ema_generator.weights])
    np.testing.assert_array_equal(model(latents(3), make_batch(num_images=3)[1]), tf.zeros_like(before))


def test_a_picture_does_not_depend_on_its_neighbours(model):
    attribute_ids = {"category": np.array([0, 1, 2]), "colour": np.array([1, 1, 0])}
    together = model(latents(3), attribute_ids)
    for row in range(3):
        one = {name: ids[row : row + 1] for name, ids in attribute_ids.items()}
        np.testing.assert_allclose(model(latents(3)[row : row + 1], one)[0], together[row], atol=1e-5)


def test_each_attribute_changes_the_picture(model):
    given = {"category": np.array([0]), "colour": np.array([0])}
    image = model(latents(1), given)
    for name in ATTRIBUTES:
        other = model(latents(1), {**given, name: np.array([1])})
        assert np.abs(other - image).max() > 1e-3, name


def test_the_discriminator_sees_the_attributes(model):
    images = tf.ones([1, 28, 28, 1])
    logits = [float(model.discriminator([images, tf.one_hot([place], 5)])[0, 0]) for place in range(5)]
    assert len(set(logits)) == 5


def test_a_missing_attribute_is_named(model):
    with pytest.raises(ValueError, match=re.escape("Received: ['colour']. Add: category.")):
        model(latents(1), {"colour": np.array([0])})


def test_categories_that_are_black_and_white_become_dark_and_bright():
    model = make_model(attributes={"category": ("black", "white")}, width=4, ema_momentum=0.9)
    optimizers = [keras.optimizers.Adam(2e-3, beta_1=0.5) for _ in range(2)]
    model.compile(*optimizers, jit_compile=False)
    category = np.arange(8) % 2
    raw_images = np.broadcast_to(255 * category[:, None, None, None], (8, 28, 28, 1)).astype("uint8")
    checks.fit(model, (raw_images, {"category": category}), num_steps=250)
    images = model(latents(8, seed=7), {"category": category}).numpy()
    assert images[category == 0].mean() < -0.5
    assert images[category == 1].mean() > 0.5


def test_same_seed_same_result():
    checks.check_same_seed_same_result(lambda seed: build(seed=seed), BATCH)


def test_config_round_trip():
    checks.check_config_round_trip(
        DCGAN(
            ATTRIBUTES,
            image_size=32,
            channels=3,
            latent_dim=5,
            width=3,
            ema_momentum=0.9,
            seed=7,
            dtype="mixed_bfloat16",
            name="small",
        )
    )


def test_save_and_load(tmp_path):
    model = make_model()
    model.compile(generator_optimizer="adam", discriminator_optimizer=keras.optimizers.Adam(1e-2))
    model.train_step(BATCH)
    checks.check_save_and_load(
        model, lambda loaded: loaded(latents(8), BATCH[1]).numpy(), tmp_path / "model.keras"
    )


def test_every_precision_trains_like_float32():
    checks.check_precision(
        lambda policy: build(policy, generator_rate=0.01, discriminator_rate=0.01),
        BATCH,
        last_layers=lambda model: [
            model.generator.layers[-1],
            model.discriminator.layers[-1],
            model.discriminator.get_layer("discriminator_logits"),
            model.discriminator.get_layer("discriminator_projection"),
        ],
    )


# In float16 a gradient times this is infinite.
INFINITE_SCALE = 2.0**127


@pytest.mark.parametrize(
    ("overflowing", "sane"), [("generator", "discriminator"), ("discriminator", "generator")]
)
def test_an_infinite_gradient_skips_that_step_of_that_optimizer_alone(overflowing, sane):
    model = build("mixed_float16")
    optimizers = checks.optimizers_of(model)
    scale = optimizers[f"{overflowing}_optimizer"].dynamic_scale
    scale.assign(INFINITE_SCALE)
    # Batch statistics belong to the forward pass, which has happened.
    checks.check_step_changes(
        lambda: model.train_step(BATCH),
        changed=getattr(model, sane).trainable_variables,
        unchanged=getattr(model, overflowing).trainable_variables,
    )
    assert float(scale) == INFINITE_SCALE / 2
    assert float(optimizers[f"{sane}_optimizer"].dynamic_scale) == 2.0**15

    scale.assign(2.0**10)
    checks.check_step_changes(
        lambda: model.train_step(BATCH), changed=getattr(model, overflowing).trainable_variables
    )
    num_steps = {name: int(optimizer.iterations) for name, optimizer in optimizers.items()}
    assert num_steps == {f"{overflowing}_optimizer": 1, f"{sane}_optimizer": 2}


def test_impossible_arguments_are_refused():
    with pytest.raises(
        ValueError, match=re.escape("Received: image_size=100. Nearest allowed sizes: 96, 112.")
    ):
        DCGAN(ATTRIBUTES, image_size=100)
    with pytest.raises(
        ValueError, match=re.escape("distinct and not empty, because clients select them by name.")
    ):
        DCGAN({"category": ("bag", "bag")})


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"loss": "hinge", "spectral_norm": True},
        {"loss": "wasserstein_gp", "discriminator_steps": 2},
        {"r1_weight": 1.0, "diff_augment": ("colour", "translation", "cutout")},
        {"classification_weight": 0.5, "discriminator_steps": 2},
        {"conditioning": "embedding", "depth": 1, "discriminator_depth": 1, "width": 8},
    ],
    ids=lambda options: "-".join(options),
)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_every_option_trains(options, dtype):
    model = build(dtype, generator_rate=1e-3, discriminator_rate=1e-3, **options)
    before = [weight.numpy() for weight in model.generator.trainable_variables]
    dataset = tf.data.Dataset.from_tensors(BATCH).repeat()
    history = model.fit(dataset, steps_per_epoch=2, verbose=0)
    assert np.isfinite([values[-1] for values in history.history.values()]).all()
    assert not any(
        np.array_equal(old, new) for old, new in zip(before, model.generator.trainable_variables, strict=True)
    )
    clone = DCGAN.from_config(model.get_config())
    assert clone.get_config() == model.get_config()


def test_r1_is_added_at_each_sixteenth_step_times_sixteen():
    model = build(r1_weight=2.0)
    images = tf.zeros([8, 28, 28, 1])
    conditions = tf.zeros([8, 5])
    expected = 16 * float(r1_penalty(lambda x: model.discriminator([x, conditions]), images))
    assert float(model._penalty(images, images, conditions)) == pytest.approx(expected)
    model.discriminator_optimizer.iterations.assign(1)
    assert float(model._penalty(images, images, conditions)) == 0.0


def test_classification_weighs_the_cross_entropy_of_known_attributes():
    model = build(classification_weight=2.0)
    model.discriminator.set_weights([np.zeros(weight.shape) for weight in model.discriminator.weights])
    _, judged = model._discriminate(tf.zeros([2, 28, 28, 1]), tf.zeros([2, 5]), training=False)
    ids = {"category": tf.constant([0, -1]), "colour": tf.constant([-1, -1])}
    assert float(model._classification_loss(judged, ids)) == pytest.approx(2 * np.log(3.0))


def test_classification_teaches_both_networks():
    kept = {}
    for weight in (0.0, 1.0):
        model = build(classification_weight=weight)
        model.train_step(BATCH)
        # The first convolution of one network, the last of the other.
        kept[weight] = model.discriminator.weights[0].numpy(), model.generator.weights[-2].numpy()
    for without, with_weight in zip(kept[0.0], kept[1.0], strict=True):
        assert np.abs(without - with_weight).max() > 1e-6


def test_a_discriminator_that_sees_attributes_cannot_be_asked_for_them():
    with pytest.raises(WrongUsageError, match=re.escape("Received: classification_weight=0.5")):
        make_model(conditioning="embedding", classification_weight=0.5)


def test_spectral_norms_are_one():
    model = build(loss="hinge", spectral_norm=True, discriminator_rate=0.0, generator_rate=0.0)
    model.fit(tf.data.Dataset.from_tensors(BATCH).repeat(), steps_per_epoch=60, verbose=0)
    kernels = [weight for weight in model.discriminator.weights if "kernel" in weight.name]
    assert len(kernels) >= 4
    for kernel in kernels:
        matrix = kernel.numpy().reshape(-1, kernel.shape[-1])
        assert np.linalg.norm(matrix, 2) == pytest.approx(1.0, abs=0.1)


def test_diversity_tells_a_collapse():
    model = build()
    assert float(model.test_step(BATCH)["diversity"]) > 0
    for weight in model.ema_generator.weights:
        weight.assign(tf.zeros_like(weight))
    for tracker in model.metrics:
        tracker.reset_state()
    assert float(model.test_step(BATCH)["diversity"]) == pytest.approx(0.0)


@pytest.mark.parametrize(
    "options", [{"loss": "lsgan"}, {"conditioning": "none"}, {"diff_augment": ("flip",)}]
)
def test_unknown_names_are_listed(options):
    with pytest.raises(UnknownNameError, match="non_saturating|projection|cutout"):
        make_model(**options)


def test_r1_trains_with_several_steps_in_one_call():
    """Its second derivatives lie inside of a condition inside of a loop."""
    model = make_model(r1_weight=1.0)
    model.compile(steps_per_execution=2, jit_compile=False)
    dataset = tf.data.Dataset.from_tensors(BATCH).repeat()
    history = model.fit(dataset, steps_per_epoch=4, verbose=0)
    assert np.isfinite([values[-1] for values in history.history.values()]).all()
