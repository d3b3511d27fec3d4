"""Trains one model on several GPUs or machines with `tf.distribute`.

Every replica processes some rows of each batch, and all of them take the same step (`zoo/step/replicas.py`).
Only the chief writes the run. The other workers do the same work in a temporary directory, and thereby make
the same decision about when to stop.

Sources:
    [Guide] tensorflow.org/guide/distributed_training; Keras 3.15's trainer, which this module corrects for
    several workers.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import tensorflow as tf

from training.distribution.cluster import Cluster, read_cluster
from training.distribution.rendezvous import wait_for_peers
from zoo.errors import UnknownNameError, WrongUsageError

AGREEMENT_STEPS = 10
STRATEGIES = ("none", "mirrored", "multi_worker")


class PeerLostError(ConnectionError):
    """Raised when another worker has disappeared; the message says what to do."""


class Distribution:
    """The placement of a training's replicas.

    Args:
        strategy: TensorFlow's strategy; None for a single replica.
        cluster: The workers, if there are several.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None, cluster: Cluster | None = None):
        self.strategy = strategy
        self.cluster = cluster
        self.is_chief = cluster is None or cluster.is_chief

    @property
    def num_replicas(self) -> int:
        return 1 if self.strategy is None else self.strategy.num_replicas_in_sync

    def scope(self):
        """Returns the context in which variables must be created."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def check_batch_size(self, batch_size: int) -> None:
        """Raises `WrongUsageError` unless a batch can be divided equally among all replicas."""
        count = self.num_replicas
        if batch_size % count:
            lower = batch_size // count * count
            sizes = " or ".join(str(size) for size in (lower, lower + count) if size)
            raise WrongUsageError(
                "The batch size must be a multiple of the number of replicas, which share each batch "
                f"equally. Received: batch_size={batch_size} for {count} replicas. Try --batch-size {sizes}."
            )

    @property
    def max_steps_per_execution(self) -> int | None:
        """The largest `steps_per_execution`: TensorFlow's loops cannot contain exchanges between replicas."""
        return None if self.num_replicas == 1 else 1

    @property
    def steps_between_agreements(self) -> int:
        """The number of steps after which workers agree on whether one of them must stop."""
        return 1 if self.cluster is None else AGREEMENT_STEPS

    def adapt(self, model: keras.Model) -> None:
        """Makes Keras' `fit` work under the strategy, for a built model that was created in its scope."""
        if self.strategy is None:
            return
        # Keras would read a batch to build the already built model, which fails on distributed data.
        model._maybe_symbolic_build = lambda **data: None
        if self.cluster is not None:
            # Keras averages over workers along the first axis, which scalars lack.
            for name in ("train_step", "test_step"):
                setattr(model, name, _with_first_axis(getattr(model, name)))

    def split_rows(self, batches: tf.data.Dataset):
        """Gives each replica its rows of every batch, in the order of the rows."""
        if self.strategy is None:
            return batches

        def own_rows(context):
            def take(*batch):
                return tf.nest.map_structure(lambda values: rows_of_worker(values, context), batch)

            return batches.map(take).unbatch().prefetch(tf.data.AUTOTUNE)

        return self.strategy.distribute_datasets_from_function(own_rows)

    def repeat_for_replicas(self, batches: tf.data.Dataset):
        """Gives every replica all batches, for evaluations, whose last batch may not be divisible."""
        if self.strategy is None:
            return batches

        def repeat(context):
            count = context.num_replicas_in_sync // context.num_input_pipelines
            return batches.flat_map(lambda *batch: tf.data.Dataset.from_tensors(batch).repeat(count))

        return self.strategy.distribute_datasets_from_function(repeat)

    def agree(self, is_wanted: bool) -> bool:
        """Returns whether the flag is set on any worker; all workers must call this together."""
        if self.cluster is None:
            return is_wanted
        return self._sum(float(is_wanted)) > 0

    def on_chief(self, compute: Callable[[], float]) -> float:
        """Computes a number on the chief and returns it on every worker; all workers call this together."""
        if self.cluster is None:
            return compute()
        own_replicas = self.num_replicas // len(self.cluster.addresses)
        value = compute() / own_replicas if self.is_chief else 0.0
        return self._sum(value)

    def _sum(self, value: float) -> float:
        """Adds up every replica's value; all workers call this together."""
        if self.strategy is None:
            return value
        sums = self.strategy.run(_sum_over_replicas, args=(tf.constant(value, "float32"),))
        return float(self.strategy.experimental_local_results(sums)[0])

    @contextlib.contextmanager
    def private_directory(self) -> Iterator[Path | None]:
        """Yields a temporary directory for this worker's files; None for the chief."""
        if self.is_chief:
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="zoo-worker-") as directory:
            yield Path(directory)

    @contextlib.contextmanager
    def watch_peers(self, run: Path) -> Iterator[None]:
        """Turns TensorFlow's errors about a lost worker into a `PeerLostError`.

        Args:
            run: The run directory, which the message says how to resume.
        """
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError) as error:
            if self.cluster is None:
                raise
            raise PeerLostError(
                f"All workers must run to the end. Received: lost one of {', '.join(self.cluster.peers)} "
                f"({_reason_of(error)}). Start all workers again: zoo train --resume {run}"
            ) from error


ONE_REPLICA = Distribution()


def check_distribution(name: str) -> None:
    """Raises `UnknownNameError` unless the distribution exists."""
    if name not in STRATEGIES:
        raise UnknownNameError("distribution", name, STRATEGIES)


def make_distribution(name: str, peer_timeout_seconds: float) -> Distribution:
    """Makes a distribution by name, before TensorFlow has been used for anything else.

    Args:
        name: One of `STRATEGIES`.
        peer_timeout_seconds: How long to wait for the other workers.

    Raises:
        MissingPeerError: A worker did not start in time.
        UnknownNameError: The name is not one of `STRATEGIES`.
        WrongUsageError: `TF_CONFIG` is missing or invalid.
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
    """Returns this worker's part `[replicas, rows of each, ...]` of a whole batch's values."""
    count = context.num_replicas_in_sync
    own_count = count // context.num_input_pipelines
    shape = tf.concat([[count, tf.shape(values)[0] // count], tf.shape(values)[1:]], axis=0)
    first = context.input_pipeline_id * own_count
    own = tf.reshape(values, shape)[first : first + own_count]
    return tf.ensure_shape(own, [own_count, None, *values.shape[1:]])


def _reason_of(error: tf.errors.OpError) -> str:
    """Returns the most informative line of the message: the last one from gRPC, else the last one."""
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    said = [line for line in lines if "grpc_message" in line]
    return (said or lines or [type(error).__name__])[-1][:200]


@tf.function
def _sum_over_replicas(value):
    # The identity places a copy on the replica's device, which arguments do not have.
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(value))


def _with_first_axis(step):
    def step_with_first_axis(data):
        return {name: tf.expand_dims(value, 0) for name, value in step(data).items()}

    return step_with_first_axis
