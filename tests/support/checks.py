"""Checks that every model of the zoo must pass; a model's test declares arguments, a batch and facts."""

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def optimizers_of(model) -> dict[str, keras.optimizers.Optimizer]:
    """Returns the optimizers that the model's `compile` set, by attribute."""
    return {
        name: value for name, value in vars(model).items() if isinstance(value, keras.optimizers.Optimizer)
    }


def copy_of(variable) -> np.ndarray:
    return keras.ops.convert_to_numpy(variable).copy()


def values_of(variables) -> dict[str, np.ndarray]:
    """Copies variables, by path."""
    return {variable.path: copy_of(variable) for variable in variables}


def optimizer_values_of(model) -> dict[str, list[np.ndarray]]:
    """Copies the state of every optimizer, by attribute."""
    return {
        name: [copy_of(variable) for variable in optimizer.variables]
        for name, optimizer in optimizers_of(model).items()
    }


def fit(model, batch, num_steps: int) -> None:
    """Trains repeatedly on one batch."""
    batches = tf.data.Dataset.from_tensors(batch).repeat(num_steps)
    model.fit(batches, verbose=0, shuffle=False)


def with_gradients(layer, features, upstream, **kwargs):
    """Returns a layer's result, and the gradients with respect to features and weights."""
    with tf.GradientTape() as tape:
        tape.watch(features)
        result = layer(features, **kwargs)
    sources = [features, *(variable.value for variable in layer.trainable_variables)]
    return result, tape.gradient(result, sources, output_gradients=tf.cast(upstream, result.dtype))


def check_gradients_have_gradients(layer, reference, features) -> None:
    """Second gradients, which R1 and the gradient penalty need, equal the reference's."""
    penalties = []
    for convolution, kwargs in ((layer, {"training": True}), (reference, {})):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(features)
                energy = tf.reduce_sum(convolution(features, **kwargs) ** 2)
            penalty = tf.reduce_sum(inner.gradient(energy, features) ** 2)
        penalties.append(outer.gradient(penalty, convolution.kernel.value))
    np.testing.assert_allclose(*penalties, rtol=1e-3, atol=1e-3 * np.abs(penalties[1]).max())


def check_config_round_trip(model) -> None:
    """The configuration survives JSON, holds every argument and builds an equal network."""
    config = json.loads(json.dumps(model.get_config()))
    arguments = inspect.signature(type(model).__init__).parameters.values()
    named = {argument.name for argument in arguments if argument.kind is argument.POSITIONAL_OR_KEYWORD}
    assert named - {"self"} <= config.keys()

    copy = type(model).from_config(config)
    assert json.loads(json.dumps(copy.get_config())) == config
    assert [weight.shape for weight in copy.weights] == [weight.shape for weight in model.weights]
    assert copy.dtype_policy == model.dtype_policy


def check_images(images, shape, low: float, high: float) -> None:
    """Images have this shape, are float32, and lie in this range without all being equal."""
    assert images.dtype == "float32"
    assert images.shape == shape
    images = np.array(images)
    assert np.isfinite(images).all()
    assert low <= images.min() < images.max() <= high


def check_step_changes(step, changed, unchanged=()) -> None:
    """One call of `step` changes every variable of the first list and none of the second."""
    before, kept = values_of(changed), values_of(unchanged)
    step()
    stuck = [path for path, value in values_of(changed).items() if np.array_equal(value, before[path])]
    touched = [path for path, value in values_of(unchanged).items() if not np.array_equal(value, kept[path])]
    assert (stuck, touched) == ([], [])


def check_same_seed_same_result(build, batch) -> None:
    """Two steps of two models are equal bit for bit if and only if the models' seeds are equal.

    Args:
        build: Given the model's seed, returns a compiled model. Initial weights must not depend on it.
        batch: A batch for `train_step`.
    """

    def train(seed):
        keras.utils.set_random_seed(0)
        model = build(seed)
        initial = model.get_weights()
        for _ in range(2):
            model.train_step(batch)
        return initial, model.get_weights()

    (initial, first), (_, second), (other_initial, other) = train(seed=1), train(seed=1), train(seed=2)
    assert all(map(np.array_equal, initial, other_initial))
    assert all(map(np.array_equal, first, second))
    assert not all(map(np.array_equal, first, other))


def check_save_and_load(model, call, path) -> None:
    """A trained model comes back from a `.keras` file with its weights, outputs and optimizers.

    Args:
        model: A compiled model that has been trained a little.
        call: Given a model, returns its output for a fixed input.
        path: Where to save it.
    """
    model.save(path)
    loaded = keras.saving.load_model(path)
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(call(loaded), call(model))
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))

    saved_optimizers, loaded_optimizers = optimizer_values_of(model), optimizer_values_of(loaded)
    assert saved_optimizers.keys() == loaded_optimizers.keys()
    for name, values in saved_optimizers.items():
        assert int(values[0]) > 0, "the optimizer has taken no step"
        assert all(map(np.array_equal, loaded_optimizers[name], values))


def check_evaluation(model, batch) -> None:
    """Evaluation gives means over images, independent of the batch size and of steps per execution.

    Args:
        model: A compiled model whose losses of an image do not depend on the rest of its batch.
        batch: Eight images, as a batch for `test_step`.
    """
    model.reset_metrics()
    expected = {name: float(value) for name, value in model.test_step(batch).items()}
    # Batches of five and three images, and an execution that runs into the end of the data.
    model.steps_per_execution = 4
    batches = tf.data.Dataset.from_tensor_slices(batch).batch(5)
    evaluated = model.evaluate(batches, verbose=0, return_dict=True)
    assert evaluated == {name: pytest.approx(value, rel=1e-4, abs=1e-6) for name, value in expected.items()}


def check_precision(build, batch, last_layers, tolerance: float = 0.1) -> None:
    """Every policy trains as float32 does, with the last layers and the losses in float32.

    Args:
        build: Given a policy, returns a model with the same initial weights, compiled with SGD, which unlike
            Adam reveals a gradient that was scaled and not scaled back.
        batch: A batch for `train_step`.
        last_layers: Given a model, returns the layers that the losses are computed from.
        tolerance: Largest difference of an update from float32's, as a share of its length.
    """
    updates = {}
    for policy in PRECISIONS:
        model = build(policy)
        compute_dtype = policy.removeprefix("mixed_")
        assert {layer.compute_dtype for layer in last_layers(model)} == {"float32"}
        assert compute_dtype in {layer.compute_dtype for network in model.layers for layer in network.layers}
        assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
        for optimizer in optimizers_of(model).values():
            is_scaled = isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)
            assert is_scaled == (policy == "mixed_float16")
            if is_scaled:
                if not optimizer.built:
                    optimizer.build(model.trainable_variables)
                # The scale that dynamic scaling settles at for every model here, after a few skipped steps.
                optimizer.dynamic_scale.assign(2.0**8)

        losses = _record_losses(model)
        before = values_of(model.trainable_variables)
        model.train_step(batch)
        assert {name: loss.dtype for name, loss in losses.items()} == dict.fromkeys(losses, "float32")
        assert losses.keys() == optimizers_of(model).keys()
        updates[policy] = np.concatenate(
            [(copy_of(weight) - before[weight.path]).ravel() for weight in model.trainable_variables]
        )
    length = np.linalg.norm(updates["float32"])
    for policy in PRECISIONS[1:]:
        assert np.linalg.norm(updates[policy] - updates["float32"]) < tolerance * length, policy


def _record_losses(model) -> dict[str, tf.Tensor]:
    losses = {}
    for name, optimizer in optimizers_of(model).items():

        def record(loss, name=name, scale_loss=optimizer.scale_loss):
            losses[name] = loss
            return scale_loss(loss)

        optimizer.scale_loss = record
    return losses
