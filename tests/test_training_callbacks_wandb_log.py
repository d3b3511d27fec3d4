"""Logging to Weights & Biases in offline mode."""

import contextlib
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from training.callbacks.diverged import DivergedError
from training.callbacks.stop_requests import StopRequest
from training.callbacks.wandb_log import ID_FILE, WandbLog, import_wandb
from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.runs.run_control import RunControl
from zoo.errors import WrongUsageError

wandb = pytest.importorskip("wandb", reason="pip install 'product-image-zoo[wandb]'")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_PROJECT", "shop")


@pytest.mark.slow
def test_metrics_samples_and_configuration_are_kept_offline_and_a_resumed_run_is_the_same(
    make_small_config, tmp_path
):
    config = make_small_config("srcnn", epochs=1)
    run = start_training(config, tmp_path, "small", RunControl(wandb=True))
    resume_training(run, {"epochs": 2}, RunControl(wandb=True))
    run_id = (run / ID_FILE).read_text(encoding="utf-8")
    directories = sorted((run / "wandb").glob("offline-run-*"))
    assert [path.name.rpartition("-")[2] for path in directories] == [run_id] * 2
    for directory in directories:
        content = (directory / f"run-{run_id}.wandb").read_bytes()
        for word in (b"shop", b"small", b"val_psnr", b"gradient_norm", b"upscale_factor"):
            assert word in content, word
        (sheet,) = (directory / "files").rglob("samples_*.png")
        assert Image.open(sheet).size[0] > 100


@pytest.mark.parametrize(
    ("error", "exit_code"), [(None, 0), (StopRequest("time is over"), 0), (DivergedError("loss"), 1)]
)
def test_a_run_that_fails_is_marked_as_failed_and_a_stopped_one_is_not(
    monkeypatch, make_small_config, tmp_path, error, exit_code
):
    exit_codes = []
    remote = SimpleNamespace(id="1", finish=lambda exit_code: exit_codes.append(exit_code))
    monkeypatch.setattr(wandb, "init", lambda **arguments: remote)
    with (
        contextlib.suppress(StopRequest, DivergedError),
        WandbLog(tmp_path, make_small_config("srcnn")) as log,
    ):
        log.on_train_begin()
        if error is not None:
            raise error
    assert exit_codes == [exit_code]


def test_nothing_is_sent_unless_it_is_asked_for(make_small_config, tmp_path):
    run = start_training(make_small_config("srcnn", epochs=1), tmp_path, "small")
    assert not (run / "wandb").exists()
    assert not (run / ID_FILE).exists()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(WrongUsageError, match=r"pip install 'product-image-zoo\[wandb\]'"):
        import_wandb()
