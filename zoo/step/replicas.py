"""Operations that make a step on several `tf.distribute` replicas equal to one on the whole batch.

Each replica sees some rows of the batch. Random numbers are drawn per row of the whole batch, means are those
of the whole batch, and weights stay equal on all replicas. Outside a strategy there is one replica, and these
functions add no cost.

Sources:
    [Replicas] tensorflow.org/guide/distributed_training: replicas run the same step on different rows.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf


def num_replicas() -> int:
    """Returns how many replicas run this step together; 1 outside a strategy."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def uniform(shape, seed) -> tf.Tensor:
    """Draws numbers in [0, 1), as `keras.random.uniform` does; a row gets the same ones on any replica.

    Args:
        shape: Shape of this replica's float32 result; its first dimension counts rows.
        seed: A `keras.random.SeedGenerator`, or an integer, which gives the same numbers at every call.
    """
    return _own_rows(keras.random.uniform, shape, seed)


def normal(shape, seed) -> tf.Tensor:
    """Draws standard normal numbers, by the rules of `uniform`."""
    return _own_rows(keras.random.normal, shape, seed)


def mean(value) -> tf.Tensor:
    """Returns the mean of a tensor over replicas; no gradient flows through it."""
    if num_replicas() == 1:
        return value
    return _context().all_reduce(tf.distribute.ReduceOp.MEAN, tf.stop_gradient(value))


def sums(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the sums of float32 scalars over replicas, in one exchange; no gradients flow through them."""
    if num_replicas() == 1:
        return list(values)
    packed = tf.stack([tf.cast(tf.stop_gradient(value), "float32") for value in values])
    return tf.unstack(_context().all_reduce(tf.distribute.ReduceOp.SUM, packed))


def gather_rows(values) -> tf.Tensor:
    """Returns the rows of all replicas in the batch's order; integers must not exceed 2^24.

    The mean over replicas of a loss computed from them has the same gradient as in one process with all rows.
    """
    count = num_replicas()
    if count == 1:
        return values
    # A sum of tensors with zeros in place of the other replicas' rows: `all_gather` does not work for a
    # worker with one replica.
    own = tf.one_hot(_context().replica_id_in_sync_group, count)
    rows = tf.cast(values, "float32")
    placed = tf.tensordot(own, rows, axes=0)
    placed = tf.reshape(placed, tf.concat([[-1], tf.shape(rows)[1:]], axis=0))
    return tf.cast(_context().all_reduce(tf.distribute.ReduceOp.SUM, placed), values.dtype)


def apply_gradients(optimizer: keras.optimizers.Optimizer, gradients, variables, norm=None) -> None:
    """Averages gradients over replicas and applies them: the gradients of the whole batch's mean loss.

    Keras' optimizers add up the gradients of all replicas. That would be a second exchange, and with loss
    scaling it comes too late: each replica would check only its own gradients for infinities.

    Args:
        optimizer: Keras optimizer.
        gradients: Gradients of this replica's mean loss, scaled by `optimizer.scale_loss`; None for a
            variable without one.
        variables: The variables to update, in the same order.
        norm: `GradientNorm` to update, or None.
    """
    if num_replicas() > 1:
        known = [gradient for gradient in gradients if gradient is not None]
        means = iter(_context().all_reduce(tf.distribute.ReduceOp.MEAN, known))
        gradients = [None if gradient is None else next(means) for gradient in gradients]
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        inner._all_reduce_sum_gradients = list
    if norm is not None:
        norm.update_state(gradients, optimizer)
    optimizer.apply(gradients, variables)


def _own_rows(draw, shape, seed):
    count = num_replicas()
    if count == 1:
        return draw(shape, seed=seed)
    num_rows, *rest = tf.unstack(shape)
    begin = tf.cast(_context().replica_id_in_sync_group, "int32") * num_rows
    return draw([count * num_rows, *rest], seed=seed)[begin : begin + num_rows]


def _context():
    return tf.distribute.get_replica_context()
