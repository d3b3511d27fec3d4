"""The scale on which damage to photos is expressed: one number from 0, none, to 1, JPEG at quality 5.

Sources:
    [libjpeg] `jpeg_quality_scaling`: by how much a quality from 1 to 100 multiplies the quantisation table.
"""

import math

import tensorflow as tf

WORST_QUALITY = 5
# Multiples of the quantisation table that count as no damage, quality 97.5, and as damage 1.
_LEAST_STEP, _LARGEST_STEP = 0.05, 50.0 / WORST_QUALITY
# Standard deviation of noise that does as much harm as the quantisation table itself, quality 50.
_NOISE_PER_STEP = 4.0


def damage_by_jpeg(qualities) -> tf.Tensor:
    """Returns the damage that JPEG compression does, on the scale of this module.

    Args:
        qualities: Numbers from 1 to 100, a tensor of any shape.

    Returns:
        float32 tensor of the same shape, in [0, 1]; it grows with the logarithm of the quantisation step.

    Example:

    >>> damage_by_jpeg([100, 75, 50, 5]).numpy().astype(float).round(2).tolist()
    [0.0, 0.43, 0.57, 1.0]
    """
    qualities = tf.cast(qualities, "float32")
    return _of_steps(tf.where(qualities < 50, 50.0 / qualities, 2.0 - qualities / 50.0))


def damage_by_noise(deviations) -> tf.Tensor:
    """Returns the damage that noise of a standard deviation, on the scale [0, 255], does; in [0, 1]."""
    return _of_steps(tf.cast(deviations, "float32") / _NOISE_PER_STEP)


def _of_steps(steps):
    logarithms = tf.math.log(tf.maximum(steps, _LEAST_STEP) / _LEAST_STEP)
    return tf.minimum(logarithms / math.log(_LARGEST_STEP / _LEAST_STEP), 1.0)
