"""Two variants of Adam: one with a fused update, one in the frequency domain of convolution kernels.

Sources:
    [Adam] Kingma & Ba 2014, arXiv 1412.6980, with epsilon as in the paragraph before its section 2.1.
    [SOAP] Vyas et al. 2024, arXiv 2409.11321: Adam in the eigenbasis of the gradients' covariance.
    [DCT] Ahmed et al. 1974, "Discrete Cosine Transform": close to the covariance's eigenbasis where
        neighbours resemble each other, as a picture's pixels do.
"""

import functools

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("zoo")
class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` with one operation per variable instead of a dozen.

    Use it where a model has many weights and its steps are short. Its state has the same names as that of
    Keras' Adam, and each can resume from the other's checkpoint; results differ by rounding.

    Args:
        learning_rate: As for `keras.optimizers.Adam`.
        **kwargs: As for `keras.optimizers.Adam`.

    Example:

    >>> optimizer, weight = FusedAdam(0.1), keras.Variable([1.0, 2.0])
    >>> optimizer.apply([keras.ops.convert_to_tensor([3.0, -0.5])], [weight])
    >>> weight.numpy().astype(float).round(3).tolist()
    [0.9, 2.1]
    """

    def __init__(self, learning_rate=0.001, name: str = "adam", **kwargs):
        super().__init__(learning_rate, name=name, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        if self.amsgrad or isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        momentum, velocity = self._moments_of(variable)
        target = variable.value if isinstance(variable, keras.Variable) else variable
        dtype = target.dtype
        tf.raw_ops.ResourceApplyAdam(
            var=target.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=self._power_of(self.beta_1, dtype),
            beta2_power=self._power_of(self.beta_2, dtype),
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.cast(self.beta_1, dtype),
            beta2=tf.cast(self.beta_2, dtype),
            epsilon=tf.cast(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )

    def _moments_of(self, variable):
        index = self._get_variable_index(variable)
        return self._momentums[index].value, self._velocities[index].value

    def _power_of(self, beta: float, dtype):
        return tf.pow(tf.cast(beta, dtype), tf.cast(self.iterations + 1, dtype))


@keras.saving.register_keras_serializable("zoo")
class FrequencyAdam(FusedAdam):
    """Adam that treats convolution kernels as sums of cosines instead of pixels.

    Use it for networks that apply large kernels to pictures. Neighbouring pixels are nearly equal, which
    makes the loss thousands of times as steep along smooth kernels as along rough ones. Adam's per-weight
    scale cannot tell the two apart, because every weight contributes to both; in the cosine basis it can
    [SOAP] [DCT]. Variables other than convolution kernels are updated as by `FusedAdam`.

    Args:
        learning_rate: As for `keras.optimizers.Adam`.
        **kwargs: As for `keras.optimizers.Adam`.

    Example:

    >>> optimizer, kernel = FrequencyAdam(0.1), keras.Variable(np.zeros([3, 3, 1, 1]))
    >>> optimizer.apply([keras.ops.ones([3, 3, 1, 1])], [kernel])  # one frequency: the kernel's mean
    >>> kernel.numpy().astype(float).round(3).ravel().tolist()
    [-0.033, -0.033, -0.033, -0.033, -0.033, -0.033, -0.033, -0.033, -0.033]
    """

    def __init__(self, learning_rate=0.001, name: str = "frequency_adam", **kwargs):
        super().__init__(learning_rate, name=name, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        if len(variable.shape) != 4 or self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        momentum, velocity = self._moments_of(variable)
        target = variable.value if isinstance(variable, keras.Variable) else variable
        dtype = target.dtype
        rows, columns = (tf.cast(cosines(size), dtype) for size in variable.shape[:2])
        gradient = tf.einsum("ur,vc,rcio->uvio", rows, columns, tf.cast(gradient, dtype))
        momentum.assign_add((gradient - momentum) * (1.0 - self.beta_1))
        velocity.assign_add((tf.square(gradient) - velocity) * (1.0 - self.beta_2))
        correction = tf.sqrt(1.0 - self._power_of(self.beta_2, dtype)) / (
            1.0 - self._power_of(self.beta_1, dtype)
        )
        change = momentum / (tf.sqrt(velocity) + self.epsilon)
        change = tf.einsum("ur,vc,uvio->rcio", rows, columns, change)
        target.assign_sub(tf.cast(learning_rate, dtype) * correction * change)


@functools.cache
def cosines(size: int) -> np.ndarray:
    """Returns the orthonormal cosine transform [DCT], float32 `[frequency, position]`.

    Example:

    >>> cosines(2).astype(float).round(3).tolist()
    [[0.707, 0.707], [0.707, -0.707]]
    """
    frequencies, positions = np.arange(size)[:, None], np.arange(size)[None, :]
    basis = np.cos(np.pi * frequencies * (2 * positions + 1) / (2 * size)) * np.sqrt(2.0 / size)
    basis[0] /= np.sqrt(2.0)
    return basis.astype("float32")
