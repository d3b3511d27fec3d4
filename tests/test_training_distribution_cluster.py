"""TF_CONFIG, and waiting for the workers that it names."""

import json
import socket
import threading
import time

import pytest
from workers import cluster_environments

from training.distribution.cluster import Cluster, read_cluster
from training.distribution.rendezvous import MissingPeerError, wait_for_peers
from zoo.errors import WrongUsageError


def make_config(cluster=None, task=None):
    cluster = {"worker": ["a:1", "b:2"]} if cluster is None else cluster
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task or {"type": "worker", "index": 0}})}


def test_workers_are_in_the_order_of_the_cluster():
    cluster = read_cluster(make_config(task={"type": "worker", "index": 1}))
    assert (cluster.own_address, cluster.peers, cluster.is_chief) == ("b:2", ("a:1",), False)


def test_a_chief_comes_before_workers():
    hosts = {"chief": ["c:3"], "worker": ["a:1", "b:2"]}
    chief = read_cluster(make_config(hosts, {"type": "chief", "index": 0}))
    worker = read_cluster(make_config(hosts, {"type": "worker", "index": 0}))
    assert (chief.own_address, chief.is_chief, chief.index) == ("c:3", True, 0)
    assert (worker.own_address, worker.is_chief, worker.index) == ("a:1", False, 1)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "Received: no value. Set it"),
        ({"TF_CONFIG": "{cluster"}, "a value that is not JSON"),
        ({"TF_CONFIG": "[]"}, "a value without cluster, task, type or index"),
        ({"TF_CONFIG": '{"cluster": {"worker": ["a:1"]}}'}, "a value without cluster, task"),
        (make_config({"worker": ["a:1"], "ps": ["b:2"]}), "ps, where only chief and worker are supported"),
        (make_config(task={"type": "worker", "index": 2}), "does not say which of its workers"),
        (make_config(task={"type": "worker", "index": "0"}), "does not say which of its workers"),
        (make_config(task={"type": "chief", "index": 0}), "does not say which of its workers"),
        (make_config({"chief": ["a:1", "b:2"], "worker": []}, {"type": "chief", "index": 0}), "which of its"),
        (make_config({"worker": ["a:1", "b"]}), "'b', which is not a unique"),
        (make_config({"worker": ["a:1", "b:99999"]}), "'b:99999', which is not a unique"),
        (make_config({"worker": ["a:1", "a:1"]}), "'a:1', which is not a unique"),
    ],
)
def test_a_malformed_cluster_is_refused_with_an_example(environment, message):
    with pytest.raises(WrongUsageError, match=message) as error:
        read_cluster(environment)
    assert "Set it as in TF_CONFIG=" in str(error.value)


def test_workers_find_each_other_and_leave_their_ports():
    environments = cluster_environments(3)
    clusters = [read_cluster(environment) for environment in environments]
    threads = [threading.Thread(target=wait_for_peers, args=(cluster, 30)) for cluster in clusters]
    threads[0].start()
    time.sleep(0.5)  # the others come later
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    for cluster in clusters:
        socket.create_server(("127.0.0.1", int(cluster.own_address.rpartition(":")[2]))).close()


def test_a_worker_that_never_comes_is_named():
    first, second, third = (read_cluster(environment) for environment in cluster_environments(3))
    cluster = Cluster((first.addresses[0], second.addresses[1]), 0)
    with pytest.raises(MissingPeerError, match=f"within 0.5 seconds.*nothing from {cluster.addresses[1]}"):
        wait_for_peers(cluster, 0.5)


def test_who_is_no_worker_is_not_listened_to():
    cluster = read_cluster(cluster_environments(2)[0])
    errors = []

    def wait():
        try:
            wait_for_peers(cluster, 3)
        except MissingPeerError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)
    port = int(cluster.own_address.rpartition(":")[2])
    for greeting in (b"GET / HTTP/1.1\r\n\r\n", b"zoo worker many\n", b""):
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(greeting)
    thread.join(timeout=30)
    assert len(errors) == 1


def test_a_port_that_is_taken_is_named():
    cluster = read_cluster(cluster_environments(2)[0])
    with (
        socket.create_server(("", int(cluster.own_address.rpartition(":")[2]))),
        pytest.raises(OSError, match=f"own port must be free. Received: {cluster.own_address}"),
    ):
        wait_for_peers(cluster, 1)
