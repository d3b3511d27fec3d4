"""Measures the time and memory that the embedded server adds to its models, each figure beside its target.

    python tests/benchmarks/serving.py                # a few minutes
    python tests/benchmarks/serving.py --only dcgan --rounds 5
    python tests/benchmarks/serving.py --soak 10      # minutes under load while versions come and go

References are measured in the same run, in turns with the figures they are compared to: the same SavedModel
called in process, and servers that do nothing, for the generator's own cost. The best of several rounds
counts.
"""

import argparse
import contextlib
import io
import logging
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel(logging.ERROR)
sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import numpy as np  # noqa: E402 - after the path is set
import serving_soak  # noqa: E402
import tensorflow as tf  # noqa: E402
from idle_servers import idle_servers  # noqa: E402
from PIL import Image  # noqa: E402

from export.saved_model.exporter import export_run  # noqa: E402
from export.saved_model.warmup import write_warmup_requests  # noqa: E402
from serving.bench.batching_choice import choose  # noqa: E402
from serving.bench.batching_setting import Setting, default_settings  # noqa: E402
from serving.bench.load_generator import GRPC, REST, LoadRequest, drive  # noqa: E402
from serving.bench.measure import measure, recorded_request, started_server  # noqa: E402
from serving.launch.engine import choose_engine  # noqa: E402

PRESETS = ("dcgan_fashion_mnist", "cvae_fashion_mnist", "fsrcnn_x3", "classifier_fashion_mnist")
EMBEDDED = choose_engine("embedded")
OFF = Setting()
# `zoo serve`'s setting without a measured one.
DEFAULT = Setting(32, 2000, os.cpu_count() or 1)
BATCH_SIZES = (1, 8, 16, 32, 64, 128)
NUM_CLIENTS = 16


class Doubling(tf.Module):
    """A model that takes almost no time, so that the server's own time remains."""

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def double(self, x):
        return {"y": 2.0 * x}


def report(name: str, value: float, unit: str, target: float, is_at_most: bool = True) -> None:
    reached = value <= target if is_at_most else value >= target
    sign = "<=" if is_at_most else ">="
    print(
        f"{name:<62} {value:9.2f} {unit:<12} {sign} {target:<7g} {'ok' if reached else 'MISSED'}", flush=True
    )


def trivial(options) -> None:
    models_dir = options.directory / "trivial"
    path = models_dir / "doubling" / "1"
    module = Doubling()
    tf.saved_model.save(module, str(path), signatures=module.double)
    inputs = {"x": np.ones((1, 4), np.float32)}
    write_warmup_requests(path, "doubling", {"serving_default": [inputs]})
    request = LoadRequest("doubling", "serving_default", inputs)
    kinds = [(protocol, num_clients) for protocol in (GRPC, REST) for num_clients in (1, 8)]
    loads, floors = {kind: [] for kind in kinds}, {kind: [] for kind in kinds}
    with started_server(models_dir, EMBEDDED, OFF) as server, idle_servers() as idle:
        addresses = {GRPC: server.grpc_address, REST: server.rest_address}
        for _ in range(options.rounds):
            for protocol, num_clients in kinds:
                arguments = (protocol, request, num_clients, options.seconds)
                floors[protocol, num_clients].append(drive(idle[protocol], *arguments))
                loads[protocol, num_clients].append(drive(addresses[protocol], *arguments))
    p50 = {kind: min(load.milliseconds[50] for load in of_kind) for kind, of_kind in loads.items()}
    rates = {kind: max(load.requests_per_second for load in of_kind) for kind, of_kind in loads.items()}
    report("trivial model, gRPC, 1 client: p50", p50[GRPC, 1], "ms", 1.5)
    report("trivial model, REST, 1 client: p50", p50[REST, 1], "ms", 2.5)
    report("trivial model, gRPC, 8 clients", rates[GRPC, 8], "requests/s", 1500, is_at_most=False)
    print(f"  REST, 8 clients: {rates[REST, 8]:.0f} requests/s")
    for (protocol, num_clients), of_kind in floors.items():
        best = max(of_kind, key=lambda load: load.requests_per_second)
        print(
            f"  the generator against a server that does nothing, {protocol}, {num_clients} clients: "
            f"{best.milliseconds[50]:.2f} ms, {best.requests_per_second:.0f} requests/s, "
            f"{best.generator_microseconds:.0f} µs of CPU time a request"
        )


def dcgan(options) -> None:
    models_dir = exported(options, "dcgan_fashion_mnist")
    name = next(models_dir.iterdir()).name
    request = recorded_request(models_dir, name, "generate_png")
    function = tf.saved_model.load(str(models_dir / name / "1")).signatures["generate_png"]
    in_process, measurements, shares = {size: [] for size in BATCH_SIZES}, [], []
    for _ in range(options.rounds):
        for setting in default_settings(NUM_CLIENTS):
            for size in BATCH_SIZES:
                in_process[size].append(rows_per_second(function, request, size))
            loads = list(
                measure(models_dir, EMBEDDED, setting, [request], [GRPC], [1, NUM_CLIENTS], options.seconds)
            )
            measurements += loads
            now = max(rates[-1] for rates in in_process.values())
            shares.append((setting, loads[-1].rows_per_second / now))
    size = max(BATCH_SIZES, key=lambda size: statistics.median(in_process[size]))
    print(f"  in process: {statistics.median(in_process[size]):.0f} pictures/s in batches of {size} (median)")
    choice = choose(measurements)
    for setting, ratio in choice.ratios.items():
        of_setting = [share for other, share in shares if other == setting]
        rates = [m.rows_per_second for m in measurements if m.setting == setting and m.num_clients > 1]
        print(
            f"  batching {setting!s:<24} {max(rates):7.0f} pictures/s (best), {ratio:.2f} times those "
            f"without batching, {statistics.median(of_setting):.2f} of in process at the same time (median)"
        )
    share = statistics.median(share for setting, share in shares if setting == choice.setting)
    label = f"DCGAN PNG, {NUM_CLIENTS} clients, batching {choice.setting}: of in process"
    report(label, 100 * share, "%", 85, is_at_most=False)
    if choice.setting == OFF:
        print("  batching does not pay on this machine: `zoo serve bench` switches it off")
    else:
        report("DCGAN PNG: batching against none", choice.ratio, "times", 1.5, is_at_most=False)


def rows_per_second(function, request, num_rows: int, seconds: float = 0.5) -> float:
    inputs = {name: tf.constant(np.repeat(array, num_rows, 0)) for name, array in request.inputs.items()}
    function(**inputs)
    begin, num_runs = time.perf_counter(), 0
    while time.perf_counter() < begin + seconds:
        function(**inputs)["image_bytes"].numpy()
        num_runs += 1
    return num_runs * num_rows / (time.perf_counter() - begin)


def fsrcnn(options) -> None:
    models_dir = exported(options, "fsrcnn_x3")
    request = LoadRequest("fsrcnn_x3", "upscale_png", {"image_bytes": np.array([photo(256)], object)})
    function = tf.saved_model.load(str(models_dir / "fsrcnn_x3" / "1")).signatures["upscale_png"]
    own, served = [], []
    with started_server(models_dir, EMBEDDED, OFF) as server:
        for _ in range(2 * options.rounds):
            own.append(median_milliseconds(function, request))
            load = drive(server.rest_address, REST, request, 1, max(options.seconds, 4))
            served.append(load.milliseconds[50])
    overheads = [100 * (one / other - 1) for one, other in zip(served, own, strict=True)]
    print(f"  256 x 256: in process {min(own):.1f} ms, REST {min(served):.1f} ms (best p50 of both)")
    print("  overhead of each round:", ", ".join(f"{overhead:.0f} %" for overhead in overheads))
    overhead = 100 * (min(served) / min(own) - 1)
    report("FSRCNN x3, 256 x 256, REST bytes: over the model's own time", overhead, "%", 10)


def median_milliseconds(function, request, num_runs: int = 20) -> float:
    milliseconds = []
    for _ in range(num_runs):
        begin = time.perf_counter()
        function(**{name: tf.constant(array) for name, array in request.inputs.items()})[
            "image_bytes"
        ].numpy()
        milliseconds.append(1000 * (time.perf_counter() - begin))
    return statistics.median(milliseconds)


def photo(size: int) -> bytes:
    """Makes a PNG with as much detail as a photo: noise at several scales."""
    random = np.random.default_rng(0)
    pixels = np.zeros((size, size, 3))
    for side in (4, 16, 64):
        noise = Image.fromarray(random.integers(0, 256, (side, side, 3), dtype="uint8"))
        pixels += np.asarray(noise.resize((size, size), Image.Resampling.BICUBIC)) / 3
    file = io.BytesIO()
    Image.fromarray(pixels.astype("uint8")).save(file, "PNG")
    return file.getvalue()


def start(options) -> None:
    models_dir = exported(options, *PRESETS)
    seconds = []
    for _ in range(options.rounds):
        begin = time.perf_counter()
        with started_server(models_dir, EMBEDDED, DEFAULT):
            seconds.append(time.perf_counter() - begin)
    print("  starts:", ", ".join(f"{each:.1f} s" for each in seconds))
    report("start with four models: ports open", min(seconds), "s", 8)


def exported(options, *presets: str) -> Path:
    """Exports presets into a directory of their own, unless this was done before."""
    models_dir = options.directory / "-".join(presets)
    if not models_dir.exists():
        for preset in presets:
            with contextlib.redirect_stderr(io.StringIO()):
                export_run(preset, models_dir)
    return models_dir


PARTS = {"trivial": trivial, "dcgan": dcgan, "fsrcnn": fsrcnn, "start": start}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; repeat for several")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="soak instead")
    options = parser.parse_args()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} processors, load average before: {load} (1 or more: others work here too)")
    with tempfile.TemporaryDirectory(prefix="serving-benchmark-") as directory:
        options.directory = Path(directory)
        if options.soak:
            serving_soak.soak(exported(options, "dcgan_fashion_mnist"), options.soak, report)
            return
        for part in options.only or PARTS:
            PARTS[part](options)


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
