"""Starts processes that train together on this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

from free_ports import free_ports

ROOT = Path(__file__).parents[2]


def cluster_environments(num_workers):
    """Returns the environment of each worker of a cluster on free ports."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(num_workers)]
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
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": paths, **(environment or {})},
    )
