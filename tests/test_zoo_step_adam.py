"""Adam in a single pass over the weights, and in the frequency domain of kernels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.step.adam import FrequencyAdam, FusedAdam, cosines

SHAPES = ((3, 3, 2, 4), (5, 2), (4,), ())


def random_arrays(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(size=shape).astype("float32") for shape in SHAPES]


def train(optimizer, weights, gradients, num_steps: int = 20):
    """Applies gradients by turns, inside a compiled function; returns the weights afterwards."""
    variables = [keras.Variable(weight) for weight in weights]
    optimizer.build(variables)

    @tf.function
    def step(*values):
        optimizer.apply(list(values), variables)

    for index in range(num_steps):
        step(*map(tf.constant, gradients[index % len(gradients)]))
    return [variable.numpy() for variable in variables]


@pytest.mark.parametrize("options", [{}, {"beta_1": 0.5, "epsilon": 1e-3}, {"amsgrad": True}])
def test_one_operation_does_as_keras(options):
    weights, gradients = random_arrays(0), [random_arrays(1), random_arrays(2)]
    ours = train(FusedAdam(0.02, **options), weights, gradients)
    theirs = train(keras.optimizers.Adam(0.02, **options), weights, gradients)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=2e-5)


def test_a_schedule_and_clipping_do_as_in_keras():
    weights, gradients = random_arrays(0), [random_arrays(1)]
    results = [
        train(cls(keras.optimizers.schedules.CosineDecay(0.1, 15), global_clipnorm=0.5), weights, gradients)
        for cls in (FusedAdam, keras.optimizers.Adam)
    ]
    for own, other in zip(*results, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=2e-5)


def test_sparse_gradients_of_embeddings_do_as_in_keras():
    gradient = tf.IndexedSlices(tf.constant([[1.0, -2.0]]), tf.constant([1]), tf.constant([3, 2]))
    rows = []
    for cls in (FusedAdam, keras.optimizers.Adam):
        table = keras.Variable(np.ones([3, 2], "float32"))
        cls(0.1).apply([gradient], [table])
        rows.append(table.numpy())
    np.testing.assert_allclose(*rows, rtol=1e-6)


@pytest.mark.parametrize("cls", [FusedAdam, FrequencyAdam])
def test_float16_skips_a_step_that_overflows(cls):
    weights = [np.ones([3, 3, 1, 1], "float32")]
    optimizer = keras.optimizers.LossScaleOptimizer(cls(0.1), initial_scale=4.0)
    overflow, finite = [[np.full([3, 3, 1, 1], value, "float32")] for value in (np.inf, 4.0)]
    np.testing.assert_array_equal(train(optimizer, weights, [overflow], num_steps=1)[0], weights[0])
    assert float(optimizer.dynamic_scale) == 2.0
    after = train(optimizer.__class__(cls(0.1), initial_scale=4.0), weights, [finite], num_steps=1)[0]
    assert (after < 1.0).all()


def test_kernels_take_the_step_of_adam_in_the_basis_of_cosines():
    weights, gradients = random_arrays(0)[:1], [random_arrays(1)[:1], random_arrays(2)[:1]]
    basis = np.kron(cosines(3), cosines(3))  # of flattened kernels

    def rotate(kernels, matrix):
        return np.einsum("fp,pio->fio", matrix, kernels.reshape(9, 2, 4)).reshape(3, 3, 2, 4)

    ours = train(FrequencyAdam(0.02), weights, gradients)[0]
    rotated = [[rotate(values[0], basis)] for values in gradients]
    theirs = train(keras.optimizers.Adam(0.02), [rotate(weights[0], basis)], rotated)[0]
    np.testing.assert_allclose(ours, rotate(theirs, basis.T), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 2), (4,)])
def test_other_weights_take_the_step_of_adam(shape):
    weights, gradients = [np.ones(shape, "float32")], [[np.full(shape, 0.3, "float32")]]
    np.testing.assert_array_equal(
        train(FrequencyAdam(0.02), weights, gradients), train(FusedAdam(0.02), weights, gradients)
    )


def test_smooth_pictures_are_learned_in_fewer_steps():
    # Rows of pixels that resemble their neighbours: random walks; the kernel to be found is rough.
    random = np.random.default_rng(0)
    pictures = random.normal(size=[64, 16, 16, 1]).cumsum(axis=1).cumsum(axis=2).astype("float32")
    pictures = tf.constant((pictures - pictures.mean(axis=(1, 2), keepdims=True)) / pictures.std())
    wanted = tf.nn.conv2d(pictures, random.normal(size=[5, 5, 1, 1]).astype("float32"), 1, "VALID")

    def loss_after(optimizer) -> float:
        kernel = keras.Variable(np.zeros([5, 5, 1, 1], "float32"))
        optimizer.build([kernel])

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                errors = tf.nn.conv2d(pictures, kernel.value, 1, "VALID") - wanted
                loss = tf.reduce_mean(tf.square(errors))
            optimizer.apply([tape.gradient(loss, kernel.value)], [kernel])
            return loss

        return [float(step()) for _ in range(100)][-1]

    plain, ours = (loss_after(cls(0.1)) for cls in (keras.optimizers.Adam, FrequencyAdam))
    assert ours < 0.1 * plain  # measured: a hundredth


def test_cosines_are_orthonormal():
    for size in (1, 2, 5, 9):
        np.testing.assert_allclose(cosines(size) @ cosines(size).T, np.eye(size), atol=1e-6)


@pytest.mark.parametrize("cls", [FusedAdam, FrequencyAdam])
def test_an_optimizer_comes_back_from_its_configuration(cls):
    optimizer = cls(0.01, beta_1=0.5)
    restored = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(restored) is cls
    assert restored.get_config() == optimizer.get_config()
