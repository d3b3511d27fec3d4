"""Measures failures and memory of a server under minutes of load while its model's versions come and go."""

import itertools
import os
import shutil
import statistics
import threading
import time
from pathlib import Path

from serving.bench.batching_setting import Setting
from serving.bench.load_generator import GRPC, drive
from serving.bench.measure import memory_bytes, recorded_request, started_server
from serving.launch.engine import choose_engine

NUM_CLIENTS = 16
SETTING = Setting(32, 2000, os.cpu_count() or 1)
SHARE_OF_MAXIMUM = 0.8
SECONDS_OF_A_VERSION = 10.0
SAMPLE_SECONDS = 5.0


def soak(models_dir: Path, minutes: float, report) -> None:
    """Loads one model at 80 % of its largest request rate and prints the figures.

    Args:
        models_dir: Models directory with a single model.
        minutes: Duration of the load.
        report: Prints a figure beside its target.
    """
    model_dir = next(models_dir.iterdir())
    request = recorded_request(models_dir, model_dir.name)
    with started_server(models_dir, choose_engine("embedded"), SETTING) as server:
        address = server.grpc_address
        drive(address, GRPC, request, NUM_CLIENTS, 3)
        most = drive(address, GRPC, request, NUM_CLIENTS, 20).requests_per_second
        rate = SHARE_OF_MAXIMUM * most
        print(f"  at most {most:.0f} requests/s; {minutes:g} minutes at {rate:.0f} requests/s", flush=True)
        stop, memory, versions = threading.Event(), [], []
        threads = [
            threading.Thread(target=_swap, args=(model_dir, stop, versions)),
            threading.Thread(target=_watch, args=(server.process_id, stop, memory)),
        ]
        for thread in threads:
            thread.start()
        # Enough clients to send every request in time while a version loads.
        load = drive(address, GRPC, request, 8 * NUM_CLIENTS, 60 * minutes, rate)
        stop.set()
        for thread in threads:
            thread.join()
    _print(load, versions, memory, report)


def _swap(model_dir, stop, versions):
    """Publishes version after version, as `zoo export` does, and removes the older one."""
    for version in itertools.count(2):
        if stop.wait(SECONDS_OF_A_VERSION):
            return
        unfinished = model_dir / f".{version}"
        shutil.copytree(model_dir / str(version - 1), unfinished)
        unfinished.rename(model_dir / str(version))
        versions.append(version)
        # The server polls once per second, and the older version answers until the newer one has loaded.
        if stop.wait(SECONDS_OF_A_VERSION):
            return
        old = model_dir / f".{version - 1}.old"
        os.rename(model_dir / str(version - 1), old)
        shutil.rmtree(old)


def _watch(process_id, stop, memory):
    begin = time.monotonic()
    while not stop.wait(SAMPLE_SECONDS):
        memory.append((time.monotonic() - begin, memory_bytes(process_id) / 2**20))


def _print(load, versions, memory, report):
    print(
        f"  {load.num_requests} requests, p50 {load.milliseconds[50]:.1f} ms, "
        f"p99 {load.milliseconds[99]:.1f} ms, longest {load.milliseconds[100]:.0f} ms, "
        f"{load.num_dropped} not sent in time, "
        f"{len(versions)} versions published"
    )
    if load.error:
        print(f"  first error: {load.error}")
    by_minute = [
        [size for seconds, size in memory if seconds // 60 == minute]
        for minute in range(int(memory[-1][0] // 60) + 1)
    ]
    # Uses each minute's median, because memory is higher while two versions are loaded at once.
    medians = [statistics.median(sizes) for sizes in by_minute if len(sizes) > 1]
    for minute, sizes in enumerate(by_minute, start=1):
        if sizes:
            print(f"  minute {minute}: {min(sizes):.0f} to {max(sizes):.0f} MiB resident")
    report("soak: failed requests", load.num_failed, "", 0)
    if len(medians) > 2:
        change = max(abs(median / medians[1] - 1) for median in medians[2:])
        report("soak: memory of a minute (median) against the second's", 100 * change, "%", 5)
