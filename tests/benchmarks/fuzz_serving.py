"""Sends tens of thousands of hostile inputs to the embedded server, with good requests in between.

    python tests/benchmarks/fuzz_serving.py --inputs 20000 --seed 0
    python tests/benchmarks/fuzz_serving.py --inputs 20000 --seed 0 --enable-batching
    python tests/benchmarks/fuzz_serving.py --replay fuzz-findings/input-17.json

The server runs in its own process with the presets below, taken from `--models-dir` if they were exported
before, and with the tests' small models, one of them without `tf.ensure_shape`. Prints the answers by status,
the slowest input and the server's memory. An answer to a hostile input is wrong if the server dies, stays
silent, or responds with INTERNAL, UNKNOWN or a 5xx other than 501, 503 and 504; an answer to a good request
is wrong if it differs from the expected one. Each wrongly answered input is saved to a file for `--replay`,
and the exit code is 1 if there are any.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS / "support"), str(TESTS / "support" / "fuzz")]

from fuzz_good import picture_good_requests, small_good_requests  # noqa: E402 - after the path is set
from fuzz_run import Fuzzer, Report, Sender, read_finding, save_findings  # noqa: E402
from fuzz_server import Server, running_process  # noqa: E402
from serving_models import models_dir  # noqa: E402

from export.saved_model.exporter import export_run  # noqa: E402

# Kind of model -> preset and name of the exported model.
PRESETS = {
    "fsrcnn": ("fsrcnn_x3", "fsrcnn_x3"),
    "classifier": ("classifier_fashion_mnist", "classifier"),
    "dcgan": ("dcgan_fashion_mnist", "dcgan"),
    "conditional_vae": ("cvae_fashion_mnist", "conditional_vae"),
}
SMALL = ("linear", "echo", "pictures", "convolution", "scores", "examples")
BATCHING = (
    "max_batch_size { value: 64 } batch_timeout_micros { value: 3000 } max_enqueued_batches { value: 1000 }\n"
)


def collect_models(directory: Path, presets_dir: Path) -> Path:
    """Links the small models and the presets into one directory; exports missing presets first."""
    for preset, name in PRESETS.values():
        if not (presets_dir / name).exists():
            print(f"Exporting {preset}", flush=True)
            export_run(preset, presets_dir, name, 1)
        (directory / name).symlink_to((presets_dir / name).resolve())
    for name in SMALL:
        (directory / name).symlink_to(models_dir() / name)
    return directory


def flags_of(directory: Path, enable_batching: bool) -> list[str]:
    if not enable_batching:
        return []
    (directory / "batching.config").write_text(BATCHING)
    return ["--enable_batching=true", f"--batching_parameters_file={directory / 'batching.config'}"]


def fuzz(server: Server, options: argparse.Namespace) -> int:
    names = {kind: name for kind, (_, name) in PRESETS.items()}
    good = [*small_good_requests(server), *picture_good_requests(server, names)]
    targets = server.targets([*SMALL, *names.values()])
    fuzzer = Fuzzer(server, targets, good, options.seed, options.good_every)
    begin = time.perf_counter()
    report = fuzzer.run(options.inputs, options.threads)
    print_report(report, time.perf_counter() - begin)
    for file in save_findings(report, options.findings_dir):
        print(f"Replay: python {sys.argv[0]} --replay {file}")
    return 1 if report.findings else 0


def print_report(report: Report, seconds: float) -> None:
    total = sum(report.counts.values())
    print(
        f"{total} inputs in {seconds:.0f} s, {total / seconds:.0f} a second; {report.num_good} good answers"
    )
    for (protocol, status), count in sorted(report.counts.items()):
        print(f"{protocol:16s} {status:24s} {count:7d}")
    slowest, number, sent = report.slowest
    print(f"slowest: input {number}, {sent.protocol} {sent.target[:100]}, {slowest:.2f} s")
    print("resident MiB by tenths: " + " ".join(f"{size / 2**20:.0f}" for size in report.resident_bytes))
    for number, _, complaint in report.findings[:100]:
        print(f"WRONG input {number}: {complaint[:600]}")
    print(f"{len(report.findings)} wrong")


def replay(server: Server, file: Path) -> int:
    sender = Sender(server)
    status, complaint = sender.send(read_finding(file))
    print(f"{status} {complaint}")
    died = server.process.poll() is not None
    if died:
        print(f"The server died with {server.process.returncode}.")
    return 1 if died or complaint else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--good-every", type=int, default=50)
    parser.add_argument("--enable-batching", action="store_true")
    parser.add_argument("--models-dir", type=Path, help="Presets exported before, or where to put them.")
    parser.add_argument("--findings-dir", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--replay", type=Path, metavar="FILE")
    parser.add_argument("--log", type=Path, help="Where to keep what the server writes.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        directory = Path(temporary)
        (directory / "models").mkdir()
        models = collect_models(directory / "models", options.models_dir or directory / "presets")
        with running_process(models, directory, *flags_of(directory, options.enable_batching)) as server:
            try:
                return replay(server, options.replay) if options.replay else fuzz(server, options)
            finally:
                if options.log:
                    options.log.write_bytes(server.log.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
