"""The loss of masks: every pixel, every picture's overlap, and edges above all.

Sources:
    [BASNet] Qin et al. 2019, "BASNet: Boundary-Aware Salient Object Detection", section 3.4: cross-entropy
        for pixels plus intersection over union for the whole.
    [F3Net] Wei et al. 2020, arXiv 1911.11445, eq. 7: pixels near an edge weigh more.
"""

import tensorflow as tf

# Window around a pixel, as a share of the picture's side, and the weight of a pixel right at an edge, less 1.
EDGE_WINDOW_SHARE = 0.05
EDGE_WEIGHT = 4.0


def edge_weights(masks) -> tf.Tensor:
    """Weights pixels by how much of their neighbourhood differs from them [F3Net].

    Args:
        masks: float32 tensor `[N, S, S, 1]`, range [0, 1].

    Returns:
        float32 tensor of the same shape: 1 inside and outside, up to `1 + EDGE_WEIGHT` at corners.

    Example:

    >>> float(edge_weights(tf.ones([1, 40, 40, 1]))[0, 20, 20, 0])
    1.0
    """
    window = 2 * max(1, round(EDGE_WINDOW_SHARE * masks.shape[1] / 2)) + 1
    return 1.0 + EDGE_WEIGHT * tf.abs(tf.nn.avg_pool2d(masks, window, 1, "SAME") - masks)


def mask_loss(masks, logits) -> tf.Tensor:
    """Returns the mean over pictures of the cross-entropy and of one minus the overlap.

    Args:
        masks: float32 tensor `[N, S, S, 1]`, range [0, 1].
        logits: float32 tensor of the same shape.

    Returns:
        float32 scalar.

    Example:

    >>> masks = tf.ones([1, 8, 8, 1])
    >>> round(float(mask_loss(masks, 20.0 * masks)), 3)
    0.0
    """
    weights = edge_weights(masks)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=masks, logits=logits)
    cross_entropy = tf.reduce_sum(weights * entropy, [1, 2, 3]) / tf.reduce_sum(weights, [1, 2, 3])
    found = tf.sigmoid(logits)
    both = tf.reduce_sum(weights * found * masks, [1, 2, 3])
    either = tf.reduce_sum(weights * (found + masks - found * masks), [1, 2, 3])
    return tf.reduce_mean(cross_entropy + 1.0 - (both + 1.0) / (either + 1.0))
