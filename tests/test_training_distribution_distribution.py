"""Training on several replicas gives the same result as on one."""

import json

import numpy as np
import pytest
import tensorflow as tf
from replica_training import MODELS, NUM_STEPS
from workers import ROOT, cluster_environments, start

from training.distribution.cluster import Cluster
from training.distribution.distribution import Distribution, make_distribution, rows_of_worker
from zoo.errors import UnknownNameError, WrongUsageError

SCRIPT = ROOT / "tests" / "support" / "replica_training.py"


class ThreeReplicas:
    num_replicas_in_sync = 3


def train(tmp_path, where, names, environments=({},)):
    """Trains in as many processes as there are environments, and returns what each found."""
    files = [tmp_path / f"{where}-{index}.json" for index in range(len(environments))]
    processes = [
        start([SCRIPT, where, file, *names], file.with_suffix(".log"), environment)
        for file, environment in zip(files, environments, strict=True)
    ]
    for process, file in zip(processes, files, strict=True):
        assert process.wait(timeout=1500) == 0, file.with_suffix(".log").read_text()[-3000:]
    return [json.loads(file.read_text()) for file in files]


def check_equal(one, several):
    assert several["num_replicas"] == 2
    assert len(one["losses"]) == len(several["losses"]) == NUM_STEPS
    for logs, other_logs in zip(one["losses"], several["losses"], strict=True):
        for name in {"loss", "generator_loss", "discriminator_loss"} & logs.keys():
            np.testing.assert_allclose(other_logs[name], logs[name], rtol=1e-4, err_msg=name)
        for name, value in logs.items():
            np.testing.assert_allclose(other_logs[name], value, rtol=2e-2, atol=2e-3, err_msg=name)
    np.testing.assert_allclose(several["weights"], one["weights"], rtol=3e-3, atol=1e-3)
    for name, value in one["scores"].items():
        # Latents and pairs of an evaluation are others on every replica.
        np.testing.assert_allclose(several["scores"][name], value, rtol=5e-2, atol=2e-2, err_msg=name)


@pytest.mark.slow(minutes=5)
def test_every_model_does_on_two_workers_and_on_two_devices_what_it_does_on_one(tmp_path):
    names = list(MODELS)
    (one,) = train(tmp_path, "none", names)
    chief, worker = train(tmp_path, "multi_worker", names, cluster_environments(2))
    # The models' steps know of replicas alone; where these are is the strategy's, so two kinds of steps do.
    (mirrored,) = train(tmp_path, "mirrored", ["classifier", "dcgan"])
    for name, found in [*chief.items(), *mirrored.items()]:
        check_equal(one[name], found)
    assert chief == worker


def test_workers_get_their_rows_in_the_order_of_the_batch():
    rows = tf.reshape(tf.range(12), [6, 2])
    workers = []
    for index in range(3):
        context = tf.distribute.InputContext(3, index, 3)
        workers.append(rows_of_worker(rows, context).numpy())
        assert workers[-1].shape == (1, 2, 2)
    np.testing.assert_array_equal(np.concatenate(workers)[:, 0, 0], [0, 4, 8])
    one_worker = rows_of_worker(rows, tf.distribute.InputContext(1, 0, 3))
    np.testing.assert_array_equal(one_worker, tf.reshape(rows, [3, 2, 2]))


class SumOfReplicas:
    """Two workers of two replicas each, of which the others hold what is given."""

    num_replicas_in_sync = 4

    def __init__(self, others):
        self.others = others

    def run(self, function, args):
        return 2 * args[0] + self.others

    def experimental_local_results(self, value):
        return [value, value]


def test_what_the_chief_computes_every_worker_has():
    assert Distribution().on_chief(lambda: 0.1) == 0.1
    addresses = ("a:1", "b:1")
    chief = Distribution(SumOfReplicas(0.0), Cluster(addresses, 0))
    # The chief's two replicas hold half of the number each.
    worker = Distribution(SumOfReplicas(2 * 0.375), Cluster(addresses, 1))
    assert chief.on_chief(lambda: 0.75) == 0.75
    assert worker.on_chief(lambda: pytest.fail("only the chief computes")) == 0.75


def test_a_batch_must_be_divisible():
    distribution = Distribution(ThreeReplicas())
    distribution.check_batch_size(9)
    with pytest.raises(WrongUsageError, match=r"batch_size=10 for 3 replicas. Try --batch-size 9 or 12"):
        distribution.check_batch_size(10)
    with pytest.raises(WrongUsageError, match=r"batch_size=2 for 3 replicas. Try --batch-size 3\."):
        distribution.check_batch_size(2)


def test_an_unknown_distribution_is_refused():
    with pytest.raises(UnknownNameError, match="distribution. Received: 'tpu'. Known: none, mirrored, multi"):
        make_distribution("tpu", 1)


def test_one_replica_changes_nothing():
    distribution = make_distribution("none", 1)
    batches = tf.data.Dataset.range(3)
    assert distribution.split_rows(batches) is distribution.repeat_for_replicas(batches) is batches
    assert distribution.num_replicas == 1
    assert distribution.agree(True)
    assert not distribution.agree(False)
    with distribution.private_directory() as directory:
        assert directory is None
