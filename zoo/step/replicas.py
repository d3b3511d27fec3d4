"""A step's part of a batch, where `tf.distribute` gives each replica of a model some rows of it.

Every replica then does the same as one process with the whole batch would: random numbers belong to rows,
means are those of the whole batch, and weights stay equal everywhere. Outside of a strategy there is one
replica, and nothing here costs anything.

Sources:
    [Replicas] tensorflow.org/guide/distributed_training: replicas that run the same step on other rows.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf


def num_replicas() -> int:
    """Returns how many replicas run this step together; 1 outside of a strategy."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def uniform(shape, seed) -> tf.Tensor:
    """Draws numbers in [0, 1) for rows, as `keras.random.uniform`, whichever replica they are on.

    Args:
        shape: Shape of what this replica needs, float32; its first dimension counts rows.
        seed: A `keras.random.SeedGenerator`, or an integer: the same numbers at every call.
    """
    return _own_rows(keras.random.uniform, shape, seed)


def normal(shape, seed) -> tf.Tensor:
    """Draws standard normal numbers for rows, as `uniform` does."""
    return _own_rows(keras.random.normal, shape, seed)


def mean(value) -> tf.Tensor:
    """Returns the mean over replicas of a tensor without a gradient."""
    if num_replicas() == 1:
        return value
    return _context().all_reduce(tf.distribute.ReduceOp.MEAN, tf.stop_gradient(value))


def sums(values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the sums over replicas of float32 scalars without gradients, all at once."""
    if num_replicas() == 1:
        return list(values)
    packed = tf.stack([tf.cast(tf.stop_gradient(value), "float32") for value in values])
    return tf.unstack(_context().all_reduce(tf.distribute.ReduceOp.SUM, packed))


def gather_rows(values) -> tf.Tensor:
    """Returns the rows, numbers up to 2^24, of all replicas in the order of the batch.

    The mean over replicas of what is computed from them has the gradient of one process with all rows.
    """
    count = num_replicas()
    if count == 1:
        return values
    # A sum of what has zeros in the place of the others' rows: `all_gather` does not work for a worker with
    # one replica.
    own = tf.one_hot(_context().replica_id_in_sync_group, count)
    rows = tf.cast(values, "float32")
    placed = tf.tensordot(own, rows, axes=0)
    placed = tf.reshape(placed, tf.concat([[-1], tf.shape(rows)[1:]], axis=0))
    return tf.cast(_context().all_reduce(tf.distribute.ReduceOp.SUM, placed), values.dtype)


def apply_gradients(optimizer: keras.optimizers.Optimizer, gradients, variables, norm=None) -> None:
    """Applies the means over replicas of gradients: those of the mean loss of the whole batch.

    Keras' optimizers add the gradients of all replicas up. That would be a second exchange of them, and with
    loss scaling comes too late: each replica would judge by its own whether they are finite.

    Args:
        optimizer: Keras optimizer.
        gradients: Gradients of this replica's mean loss, as `optimizer.scale_loss` gave it; None where there
            is none.
        variables: What they are for.
        norm: `GradientNorm` that counts the step; None for none.
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
