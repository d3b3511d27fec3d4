"""Says how sure a mask is, without knowing the truth.

Where the probabilities are right, they say what overlap with the truth is to be expected: a network that
hesitates over a tenth of the product will be wrong about half of that.

Source:
    [Calibration] Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv 1706.04599.
"""

import tensorflow as tf

# What the expected overlap is raised to, so that confidences spread over the range: 0.945 becomes 0.8, above
# which a mask is not doubtful (`zoo/pictures/doubt.py`).
POWER = 4.0


def mask_confidence(probabilities) -> tf.Tensor:
    """Returns the confidence in masks: a power of the intersection over union that is to be expected.

    Args:
        probabilities: float32 tensor `[..., S, S, 1]`, range [0, 1]: of each pixel to be product.

    Returns:
        float32 tensor `[...]`, range [0, 1]; 0 where nothing is product.

    Example:

    >>> sure, unsure = tf.constant([1.0, 1.0, 0.0, 0.0]), tf.constant([0.9, 0.6, 0.4, 0.0])
    >>> masks = tf.reshape(tf.stack([sure, unsure, 0.0 * sure]), [3, 2, 2, 1])
    >>> [round(float(confidence), 2) for confidence in mask_confidence(masks)]
    [1.0, 0.15, 0.0]
    """
    inside = tf.cast(probabilities > 0.5, "float32")
    axes = [-3, -2, -1]
    both = tf.reduce_sum(inside * probabilities, axes)
    either = tf.reduce_sum(inside + (1.0 - inside) * probabilities, axes)
    return tf.pow(tf.math.divide_no_nan(both, either), POWER)
