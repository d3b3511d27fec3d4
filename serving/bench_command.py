"""`zoo serve bench`, which measures a server under load and keeps the fastest batching setting."""

import functools
import logging
import os
from pathlib import Path

import click

from zoo.cli import ZooCommand
from zoo.command_line.numbers import Number

_COLUMNS = (
    f"{'batching':<24} {'threads':<7} {'model':<20} {'protocol':<8} {'clients':>7} "
    f"{'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'requests/s':>10} "
    f"{'pictures/s':>10} {'MiB':>6} {'failed':>6}"
)


_START_SECONDS = 8


@click.command(
    cls=ZooCommand, uses_tensorflow=True, example="zoo serve bench --models-dir models --clients 1,16"
)
@click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=Path("models"),
    show_default=True,
    help="Directory of all models, with MODEL/VERSION directories as `zoo export` writes them.",
)
@click.option(
    "--model",
    "names",
    metavar="NAME",
    multiple=True,
    help="Measure only this model; may be repeated.  [default: every model]",
)
@click.option(
    "--signature",
    metavar="NAME",
    help="Signature to request.  [default: the first warm-up request's]",
)
@click.option(
    "--protocol",
    "protocols",
    type=click.Choice(["grpc", "rest"]),
    multiple=True,
    help="Measure only this protocol.  [default: both]",
)
@click.option(
    "--clients",
    default="1,16",
    show_default=True,
    metavar="N,…",
    help="Numbers of simultaneous clients to measure with.",
)
@click.option(
    "--batching",
    "batchings",
    multiple=True,
    metavar="ROWS:MICROS:THREADS[:SIZES]",
    help="Batching setting to measure beside `off`, e.g. 32:2000:2 or 32:2000:2:8,16,32; may be repeated.",
)
@click.option("--seconds", type=Number(1.0), default=3.0, show_default=True, help="Duration of each load.")
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Number of times to measure every setting.",
)
@click.option(
    "--engine",
    default="auto",
    show_default=True,
    help="Server to start: tensorflow_model_server, docker or embedded; auto uses the first that works.",
)
@click.option("--dry-run", is_flag=True, help="List what would be measured, and exit.")
def command(models_dir, names, signature, protocols, clients, batchings, seconds, rounds, engine, dry_run):
    """Measure a server on this machine, keep the fastest batching setting and recommend threads.

    Restarts the server for each setting, sends its models' warm-up requests over gRPC and REST from more and
    more clients, and writes MODELS_DIR/batching.config: the best setting, or that batching is off.
    `zoo serve` and `zoo serve --write-config` use that file; delete it to return to their defaults.

    Then tries one thread per operation at the best setting (column threads; auto leaves their number to
    TensorFlow), which can help when many clients send requests, and prints the flag for it if it does.
    """
    from serving.bench import batching_choice
    from serving.bench import measure as bench
    from serving.bench.batching_setting import Setting
    from serving.bench.load_generator import GRPC, REST, find_k6
    from serving.launch.engine import choose_engine

    # TensorFlow's reader of warm-up files logs advice to use another reader.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    numbers = _numbers(clients)
    settings = list(dict.fromkeys([Setting(), *_settings(batchings, numbers[-1])]))
    requests = _requests(bench, models_dir, names, signature)
    protocols = protocols or (GRPC, REST)
    chosen = choose_engine(engine)
    find_k6()
    # On one CPU, TensorFlow uses a single thread anyway.
    tries_threads = (os.cpu_count() or 1) > 1
    num_starts = (len(settings) + 2 * tries_threads) * rounds
    num_loads = num_starts * len(requests) * len(protocols) * len(numbers)
    minutes = (num_loads * (seconds + 0.5) + num_starts * (_START_SECONDS + 2 * len(requests))) / 60
    click.echo(
        f"Engine: {chosen.name}; {num_starts} starts of the server, {num_loads} loads of {seconds:g} s: "
        f"about {minutes:.0f} minutes."
    )
    if dry_run:
        for setting in settings:
            click.echo(f"Would measure batching {setting}")
        if tries_threads:
            click.echo("Would measure one thread per operation at the best of these settings")
        return
    _check_writable(models_dir)
    click.echo(_COLUMNS)
    loads = {"requests": requests, "protocols": protocols, "clients": numbers, "seconds": seconds}
    measure = functools.partial(bench.measure, models_dir, chosen, **loads)
    measurements = _measured(measure, [(setting, 0) for setting in settings], rounds)
    choice = batching_choice.choose(measurements)
    _keep(models_dir, choice, measurements)
    if tries_threads:
        click.echo(_COLUMNS)
        # Measures TensorFlow's own choice again beside it, because a machine's speed varies over time.
        both = [(choice.setting, 0), (choice.setting, 1)]
        _advise([_measured(measure, both, 1) for _ in range(rounds)])


def _measured(measure, variants, rounds):
    measurements = []
    for _ in range(rounds):
        for setting, intra_op_parallelism in variants:
            for measured in measure(setting, intra_op_parallelism=intra_op_parallelism):
                click.echo(_row(measured))
                measurements.append(measured)
    return measurements


def _numbers(text) -> list[int]:
    try:
        numbers = sorted({int(number) for number in text.split(",")})
    except ValueError:
        numbers = [0]
    if numbers[0] < 1:
        raise click.UsageError(
            f"--clients must be positive numbers separated by commas. Received: {text!r}. Write, e.g., 1,16."
        )
    return numbers


def _settings(texts, num_clients):
    from serving.bench.batching_setting import Setting, default_settings

    try:
        return [Setting.parse(text) for text in texts] or default_settings(num_clients)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _requests(bench, models_dir, names, signature):
    from serving.launch.config_files import find_models
    from zoo.errors import UnknownNameError

    known = find_models(models_dir)
    for name in names:
        if name not in known:
            raise UnknownNameError("model", name, known)
    return [bench.recorded_request(models_dir, name, signature) for name in names or known]


def _check_writable(models_dir):
    if not os.access(models_dir, os.W_OK):
        raise click.ClickException(
            "The models directory must be writable, because the result is written into it. "
            f"Received: models_dir={str(models_dir)!r}. Measure a copy of it."
        )


def _row(measured) -> str:
    load = measured.load
    memory = "-" if measured.max_memory_bytes is None else f"{measured.max_memory_bytes / 2**20:.0f}"
    latencies = " ".join(f"{load.milliseconds[percent]:8.2f}" for percent in (50, 95, 99))
    row = (
        f"{measured.setting!s:<24} {measured.intra_op_parallelism or 'auto':<7} "
        f"{measured.request.model_name:<20} {measured.protocol:<8} "
        f"{measured.num_clients:>7} {latencies} {load.requests_per_second:10.1f} "
        f"{measured.rows_per_second:10.1f} {memory:>6} {load.num_failed:>6}"
    )
    return f"{row}\n  {load.error}" if load.error else row


def _keep(models_dir, choice, measurements):
    from serving.launch.config_files import BATCHING_FILE, batching_text
    from zoo.files.atomic_write import write_text

    costs = sorted(m.load.generator_microseconds for m in measurements)
    click.echo(f"The load generator spent {costs[len(costs) // 2]:.0f} µs of CPU time per request (median).")
    for setting, ratio in choice.ratios.items():
        click.echo(f"batching {setting}: {ratio:.2f} times the requests/s without batching")
    note = (
        f"# Measured by `zoo serve bench` on {os.cpu_count()} CPUs: {choice.ratio:.2f} times the requests/s "
        "without batching.\n"
    )
    path = write_text(models_dir / BATCHING_FILE, note + batching_text(choice.setting.to_proto()))
    click.echo(f"Best: batching {choice.setting}. Wrote {path}; `zoo serve` uses it from its next start.")


def _advise(rounds):
    from serving.bench.threads_choice import single_thread_gain

    gain = single_thread_gain(rounds)
    shown = ", ".join(
        f"{ratio:.2f} times the requests/s of {number} client{'s' * (number > 1)}"
        for number, ratio in gain.ratios.items()
    )
    click.echo(f"One thread per operation: {shown} with TensorFlow's choice of threads.")
    if gain.pays:
        click.echo(
            "It is faster, but no file keeps this setting. Serve with: zoo serve "
            "--tensorflow-intra-op-parallelism 1, or tensorflow_model_server "
            "--tensorflow_intra_op_parallelism=1"
        )
    elif gain.is_worthwhile:
        ratios = ", ".join(f"{ratio:.2f}" for ratio in gain.ratios_of_rounds)
        click.echo(
            f"The rounds disagree ({ratios}): measure again on an otherwise idle machine, with more --rounds "
            "or --seconds."
        )
    else:
        click.echo("It is no faster; leave --tensorflow-intra-op-parallelism at 0.")
