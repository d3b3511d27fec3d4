"""Processes that train together on this machine."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def find_free_ports(count):
    """Returns ports that were free a moment ago, each another one."""
    listeners = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def cluster_environments(num_workers):
    """Returns the environment of each worker of a cluster on free ports."""
    addresses = [f"127.0.0.1:{port}" for port in find_free_ports(num_workers)]
    return [
        {
            "TF_CONFIG": json.dumps(
                {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            )
        }
        for index in range(num_workers)
    ]


def start(arguments, log, environment=None):
    """Starts Python with its output in a file."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": paths, **(environment or {})},
    )
