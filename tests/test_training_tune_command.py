"""`zoo tune`: studies end to end, resumed after a stop, shared by workers, and its errors."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from free_ports import free_port
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from training.loop.trainer import start_training
from training.runs.config import TrainingConfig
from training.runs.metrics_log import read_metrics
from training.trained_model import load_model
from training.tuning.study import Study
from zoo import cli

REPOSITORY = Path(__file__).parent.parent
SMALL = ("--epochs", "2", "--batch-size", "8", "--image-size", "8", "--precision", "float32")
NUM_TRIALS = 4


@pytest.fixture
def tune(tmp_path, small_data_dir, capsys, monkeypatch):
    """Runs `zoo tune` in an empty directory; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        data = () if "--resume" in words else ("--dataset", "rendered_catalog", "--data-dir", small_data_dir)
        with pytest.raises(SystemExit) as caught:
            cli.main(["tune", *map(str, words), *map(str, data)])
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return run


def read_results(study):
    with (study / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_refused(result, code, message):
    assert result[0] == code
    assert message in result[2].splitlines()[-1]


@pytest.mark.slow
def test_a_study_finds_trains_and_ranks(tune, tmp_path):
    code, out, err = tune("srcnn", *SMALL, "--trials", NUM_TRIALS, "--study-name", "s", "--kernels", "9-1-5")
    assert code == 0, err
    study = tmp_path / "studies" / "s"
    assert "Repeat it: zoo train --config studies/s/best/config.json" in out
    rows = read_results(study)
    assert len(rows) == NUM_TRIALS
    scores = [float(row["val_psnr"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    # What the user says is not tried.
    assert "kernels" not in rows[0]
    assert {"learning_rate", "is_residual", "schedule", "augment"} <= rows[0].keys()
    for row in rows:
        run = study / "trials" / row["trial"]
        config = TrainingConfig.read(run / "config.json")
        assert f"{config.learning_rate}" == row["learning_rate"]
        assert f"{config.model_options['is_residual']}" == row["is_residual"]
        assert config.model_options["kernels"] == "9-1-5"
        best = max(line["val_psnr"] for line in read_metrics(run / "metrics.jsonl"))
        assert float(row["val_psnr"]) == best
    best_config = study / "best" / "config.json"
    assert best_config.read_text() == (study / "trials" / rows[0]["trial"] / "config.json").read_text()
    assert load_model(study / "best").upscale_factor == 2
    # The best configuration trains again, to the same score.
    again = start_training(TrainingConfig.read(best_config), tmp_path, "again")
    assert max(line["val_psnr"] for line in read_metrics(again / "metrics.jsonl")) == scores[0]
    assert f"| {rows[0]['trial']} | completed |" in (study / "results.md").read_text()


def test_tensorboard_has_the_values_and_the_score(tune, tmp_path):
    assert tune("srcnn", *SMALL, "--trials", 1, "--study-name", "s")[0] == 0
    study = tmp_path / "studies" / "s"
    (row,) = read_results(study)
    events = EventAccumulator(str(study / "trials" / "0" / "tensorboard" / "hparams"))
    events.Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert values["learning_rate"].number_value == pytest.approx(float(row["learning_rate"]))
    assert values["schedule"].string_value == row["schedule"]
    assert [event.step for event in events.Tensors("val_psnr")] == [0]


@pytest.mark.slow(minutes=1)
def test_a_study_that_was_stopped_goes_on_and_can_be_made_longer(tune, tmp_path, monkeypatch):
    words = ("srcnn", *SMALL, "--study-name", "s")
    whole = tmp_path / "whole"
    assert tune(*words, "--trials", NUM_TRIALS, "--studies-dir", whole)[0] == 0

    from training.loop import run_callbacks

    class Stopping(run_callbacks.Throughput):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1 and (tmp_path / "studies" / "s" / "trials" / "1").exists():
                raise KeyboardInterrupt
            super().on_epoch_begin(epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(run_callbacks, "Throughput", Stopping)
        result = tune(*words, "--trials", 2)
    assert_refused(result, 1, "The study stopped in trial 1: The training was interrupted in epoch 2 of 2.")
    assert "Resume the study: zoo tune --resume studies/s" in result[2]
    assert tune("--resume", "studies/s", "--trials", NUM_TRIALS)[0] == 0
    # The second trial was resumed, and the search went on as it would have.
    left_out = ("minutes",)
    results, whole_results = (
        [{name: value for name, value in row.items() if name not in left_out} for row in read_results(study)]
        for study in (tmp_path / "studies" / "s", whole / "s")
    )
    assert results == whole_results


@pytest.mark.slow
def test_a_trial_that_diverges_is_no_end(tune, tmp_path):
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"learning_rate": {"values": [1e-3, 1e30]}}))
    code, _, err = tune("srcnn", *SMALL, "--trials", 2, "--space", space, "--study-name", "s", "--epochs", 4)
    assert code == 0, err
    rows = read_results(tmp_path / "studies" / "s")
    assert [(row["status"], row["learning_rate"]) for row in rows] == [
        ("completed", "0.001"),
        ("failed", "1e+30"),
    ]
    assert "failed: The training diverged" in err


@pytest.mark.slow
def test_a_search_in_which_every_trial_diverges_says_so(tune, tmp_path):
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"learning_rate": {"values": [1e30, 1e31]}}))
    code, _, err = tune("srcnn", *SMALL, "--trials", 1, "--space", space, "--study-name", "s", "--epochs", 4)
    assert code == 1
    assert "A search needs a trial that ends with a score. Received: 1 trials, all of which failed;" in err


@pytest.mark.slow
def test_generators_are_searched_by_the_frechet_distance_of_a_judge(tune, tmp_path, make_small_config):
    classifier = start_training(make_small_config("classifier", epochs=1), tmp_path, "judge")
    words = ("dcgan", *SMALL, "--width", 2, "--trials", 2, "--study-name", "s", "--judge", classifier)
    code, _, err = tune(*words)
    assert code == 0, err
    rows = read_results(tmp_path / "studies" / "s")
    scores = [float(row["frechet_distance"]) for row in rows]
    assert scores == sorted(scores)
    assert scores[0] > 0
    assert Study.read(tmp_path / "studies" / "s").judge == str(classifier)


@pytest.mark.slow
def test_generators_are_searched_by_their_distance_to_real_pictures_without_a_judge_of_the_user(
    tune, tmp_path
):
    words = ("dcgan", *SMALL, "--width", 2, "--latent-dim", 3, "--trials", 2, "--study-name", "s")
    code, _, err = tune(*words)
    assert code == 0, err
    rows = read_results(tmp_path / "studies" / "s")
    scores = [float(row["val_kernel_distance"]) for row in rows]
    assert scores == sorted(scores)
    trials = [tmp_path / "studies" / "s" / "trials" / row["trial"] for row in rows]
    assert scores == [
        min(line["val_kernel_distance"] for line in read_metrics(trial / "metrics.jsonl")) for trial in trials
    ]
    # All trials have the same judge.
    first, second = ((trial / "checkpoints" / "judge.json").read_bytes() for trial in trials)
    assert first == second


def test_a_dry_run_shows_the_study_and_makes_none(tune, tmp_path):
    code, out, _ = tune("srcnn", *SMALL, "--dry-run")
    assert code == 0
    assert out.startswith(
        "20 trials for val_psnr: {'learning_rate': {'low': 0.0001, 'high': 0.01, 'log': True}"
    )
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "Name a MODEL or a study to `--resume`."),
        (["srcn"], 2, "Unknown model. Received: 'srcn'."),
        (["srcnn", "--objective", "val_psn"], 2, "Unknown objective. Received: 'val_psn'. Known: val_loss,"),
        (
            ["srcnn", "--objective", "frechet_distance"],
            2,
            "because it compares generated pictures. Received: srcnn.",
        ),
        (["dcgan", "--objective", "frechet_distance"], 2, "Received: no --judge. Train one"),
        (
            ["srcnn", "--objective", "val_kernel_distance"],
            2,
            "Received: 'val_kernel_distance'. Known: val_loss,",
        ),
        (["srcnn", "--judge", "nowhere"], 2, "because it compares generated pictures. Received: srcnn."),
        (["dcgan", "--judge", "nowhere"], 1, "Received: nowhere, which is neither."),
        (["srcnn", "--width", "3"], 2, "Unknown option of srcnn. Received: '--width'."),
        (["srcnn", "--space", "nowhere.json"], 2, "nowhere.json"),
        (["--resume", "nowhere"], 1, "A study directory must hold study.json. Received: nowhere"),
    ],
)
def test_what_is_refused(tune, tmp_path, words, code, message):
    assert_refused(tune(*words), code, message)
    assert not (tmp_path / "studies").exists()


def test_what_exists_is_left_alone_and_a_resumed_study_keeps_its_settings(tune, tmp_path):
    study = tmp_path / "studies" / "s"
    study.mkdir(parents=True)
    assert_refused(tune("srcnn", *SMALL, "--study-name", "s"), 1, "Received: studies/s, which exists.")
    message = "Only --trials can change when a study is resumed. Received also: --epochs, --objective"
    assert_refused(tune("--resume", study, "--epochs", 3, "--objective", "val_loss"), 2, message)
    (study / "study.json").write_text('{"format": 7}')
    assert_refused(
        tune("--resume", study),
        1,
        f"A study must be whole and of format 1, the format of this version. Received: {study}",
    )


def start_zoo(tmp_path, *words, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "zoo", "tune", *map(str, words)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_workers_share_a_study(tmp_path, small_data_dir):
    service = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(free_port())}
    words = ("srcnn", *SMALL, "--trials", "4", "--dataset", "rendered_catalog", "--data-dir", small_data_dir)
    chief = start_zoo(tmp_path, *words, "--study-name", "s", KERASTUNER_TUNER_ID="chief", **service)
    study = tmp_path / "studies" / "s"
    workers = []
    try:
        for _ in range(600):
            if (study / "tuner" / "oracle.json").exists():
                break
            time.sleep(0.1)
        for name in ("one", "other"):
            workers.append(start_zoo(tmp_path, "--resume", study, KERASTUNER_TUNER_ID=name, **service))
        errors = [process.communicate(timeout=300)[1] for process in (*workers, chief)]
    finally:
        for process in (*workers, chief):
            process.send_signal(signal.SIGKILL)
    assert [process.returncode for process in (*workers, chief)] == [0, 0, 0], errors
    rows = read_results(study)
    assert sorted(row["trial"] for row in rows) == ["0", "1", "2", "3"]
    by_worker = [len(re.findall("^Trial", text, re.MULTILINE)) for text in errors[:2]]
    assert sum(by_worker) == 4
    assert min(by_worker) >= 1
