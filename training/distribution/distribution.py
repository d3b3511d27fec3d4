"""Trains one model on several GPUs or machines, by `tf.distribute`.

Every replica takes some rows of each batch, and all of them take the same step (`zoo/step/replicas.py`).
Only the chief writes the run; the others do all that it does in a directory of their own, which is removed,
so that they decide alike when to stop.

Sources:
    [Guide] tensorflow.org/guide/distributed_training; Keras 3.15's trainer, which is put right here for
    several workers.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from training.distribution.cluster import Cluster, read_cluster
from training.distribution.rendezvous import wait_for_peers
from zoo.errors import UnknownNameError, WrongUsageError

AGREEMENT_STEPS = 10
STRATEGIES = ("none", "mirrored", "multi_worker")


class PeerLostError(ConnectionError):
    """Another worker has gone; the message says what to do."""


class Distribution:
    """Where the replicas of a training run.

    Args:
        strategy: TensorFlow's strategy; None for one replica without any.
        cluster: The workers, where there are several.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None, cluster: Cluster | None = None):
        self.strategy = strategy
        self.cluster = cluster
        self.is_chief = cluster is None or cluster.is_chief

    @property
    def num_replicas(self) -> int:
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync

    def scope(self):
        """Returns the context in which variables are made."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def check_batch_size(self, batch_size: int) -> None:
        """Raises `WrongUsageError` unless a batch can be divided between all replicas."""
        count = self.num_replicas
        if batch_size % count:
            lower = batch_size // count * count
            sizes = " or ".join(str(size) for size in (lower, lower + count) if size)
            raise WrongUsageError(
                "A batch is what all replicas train on in one step, and each gets as many pictures of it. "
                f"Received: batch_size={batch_size} for {count} replicas. Try --batch-size {sizes}."
            )

    @property
    def max_steps_per_execution(self) -> int | None:
        """How many steps may run without Python: TensorFlow's loops cannot hold what replicas exchange."""
        return None if self.num_replicas == 1 else 1

    @property
    def steps_between_agreements(self) -> int:
        """How often workers ask each other whether one of them must stop."""
        return 1 if self.cluster is None else AGREEMENT_STEPS

    def adapt(self, model: keras.Model) -> None:
        """Makes Keras' `fit` work under the strategy, for a model that is built and was made in its scope."""
        if self.strategy is None:
            return
        # It would take a batch from the data to build what is built, and fails on what replicas share.
        model._maybe_symbolic_build = lambda **data: None
        if self.cluster is not None:
            # Keras takes the mean over workers along the first axis, which scalars do not have.
            for name in ("train_step", "test_step"):
                setattr(model, name, _with_first_axis(getattr(model, name)))

    def split_rows(self, batches: tf.data.Dataset):
        """Returns the batches with each replica's rows of them, in the order of the rows."""
        if self.strategy is None:
            return batches

        def own_rows(context):
            def take(*batch):
                return tf.nest.map_structure(lambda values: rows_of_worker(values, context), batch)

            return batches.map(take).unbatch().prefetch(tf.data.AUTOTUNE)

        return self.strategy.distribute_datasets_from_function(own_rows)

    def repeat_for_replicas(self, batches: tf.data.Dataset):
        """Returns the batches as each replica gets all of them: for evaluations, whose batches may be odd."""
        if self.strategy is None:
            return batches

        def repeat(context):
            count = context.num_replicas_in_sync // context.num_input_pipelines
            return batches.flat_map(lambda *batch: tf.data.Dataset.from_tensors(batch).repeat(count))

        return self.strategy.distribute_datasets_from_function(repeat)

    def agree(self, is_wanted: bool) -> bool:
        """Returns whether any worker wants something; all of them ask at once."""
        if self.cluster is None:
            return is_wanted
        sums = self.strategy.run(_sum_over_replicas, args=(tf.constant(float(is_wanted)),))
        return bool(self.strategy.experimental_local_results(sums)[0] > 0)

    @contextlib.contextmanager
    def private_directory(self) -> Iterator[Path | None]:
        """Gives a directory for what this worker writes until the end; None for the chief."""
        if self.is_chief:
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="zoo-worker-") as directory:
            yield Path(directory)

    @contextlib.contextmanager
    def watch_peers(self, run: Path) -> Iterator[None]:
        """Turns what TensorFlow says when a worker has gone into a `PeerLostError`.

        Args:
            run: What can be resumed then.
        """
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError) as error:
            if self.cluster is None:
                raise
            raise PeerLostError(
                f"All workers must go on until the end. Received: one of {', '.join(self.cluster.peers)} has "
                f"gone ({_reason_of(error)}). Start all of them again: zoo train --resume {run}"
            ) from error


ONE_REPLICA = Distribution()


def check_distribution(name: str) -> None:
    """Raises `UnknownNameError` unless there is such a distribution."""
    if name not in STRATEGIES:
        raise UnknownNameError("distribution", name, STRATEGIES)


def make_distribution(name: str, peer_timeout_seconds: float) -> Distribution:
    """Makes the distribution of a name of `STRATEGIES`; TensorFlow must not have done anything yet.

    Args:
        name: What the user asked for.
        peer_timeout_seconds: How long to wait for the other workers.

    Raises:
        MissingPeerError: A worker did not come up.
        UnknownNameError: There is no such distribution.
        WrongUsageError: `TF_CONFIG` is wrong.
    """
    check_distribution(name)
    if name == "none":
        return ONE_REPLICA
    if name == "mirrored":
        return Distribution(tf.distribute.MirroredStrategy())
    cluster = read_cluster(os.environ)
    if not cluster.peers:
        return Distribution(tf.distribute.MirroredStrategy())
    wait_for_peers(cluster, peer_timeout_seconds)
    return Distribution(tf.distribute.MultiWorkerMirroredStrategy(), cluster)


def rows_of_worker(values: tf.Tensor, context: tf.distribute.InputContext) -> tf.Tensor:
    """Returns `[replicas of this worker, rows of each, ...]` of the values of a whole batch."""
    count = context.num_replicas_in_sync
    own_count = count // context.num_input_pipelines
    shape = tf.concat([[count, tf.shape(values)[0] // count], tf.shape(values)[1:]], axis=0)
    first = context.input_pipeline_id * own_count
    own = tf.reshape(values, shape)[first : first + own_count]
    return tf.ensure_shape(own, [own_count, None, *values.shape[1:]])


def _reason_of(error: tf.errors.OpError) -> str:
    """Returns the line that says most: the last one, of what the connection said."""
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    said = [line for line in lines if "grpc_message" in line]
    return (said or lines or [type(error).__name__])[-1][:200]


@tf.function
def _sum_over_replicas(value):
    # A copy on the replica's device: an argument is on none.
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))


def _with_first_axis(step):
    def step_with_first_axis(data):
        return {name: tf.expand_dims(value, 0) for name, value in step(data).items()}

    return step_with_first_axis
