"""Training end to end: the files of a run, and stopped runs that resume bit for bit."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from run_states import assert_same_training, last_state_of
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.callbacks.diverged import DivergedError
from training.loop import run_callbacks
from training.loop.failures import TrainingInterrupted
from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.pages.picture_sheet import NOTE_INK
from training.runs.best_epoch import best_epoch
from training.runs.metrics_log import read_metrics
from training.runs.run_control import RunControl
from training.runs.run_directory import read_config
from training.trained_model import load_model
from zoo.errors import UnknownNameError
from zoo.super_resolution.srcnn import SRCNN

UNFINISHED_NAMES = {"config.json", "metrics.jsonl", "tensorboard", "samples", "checkpoints"}
NAMES = UNFINISHED_NAMES | {"model.keras", "model_card.md"}


@pytest.fixture(scope="module")
def finished_srcnn_run(make_small_config, tmp_path_factory):
    """The run directory of an SRCNN that was trained for 2 epochs without a stop."""
    return start_training(make_small_config("srcnn", epochs=2), tmp_path_factory.mktemp("runs"))


def stop_in_epoch(monkeypatch, epoch):
    """Presses Ctrl-C after a step of this epoch, counted from 1."""

    class Stopping(run_callbacks.Throughput):
        def on_epoch_begin(self, index, logs=None):
            self.is_stopping = index + 1 == epoch
            super().on_epoch_begin(index, logs)

        def on_train_batch_end(self, batch, logs=None):
            if self.is_stopping:
                raise KeyboardInterrupt
            super().on_train_batch_end(batch, logs)

    monkeypatch.setattr(run_callbacks, "Throughput", Stopping)


def fail_at_checkpoint(monkeypatch, number, message):
    """Lets TensorFlow raise what it raises when memory or the disk is exhausted."""
    save = tf.train.CheckpointManager.save

    def save_or_fail(self, checkpoint_number):
        if checkpoint_number == number:
            raise tf.errors.ResourceExhaustedError(None, None, message)
        return save(self, checkpoint_number)

    monkeypatch.setattr(tf.train.CheckpointManager, "save", save_or_fail)


def events_of(run, part) -> EventAccumulator:
    events = EventAccumulator(str(run / "tensorboard" / part))
    events.Reload()
    return events


def test_a_run_leaves_the_files_of_the_contract_and_nothing_else(finished_run):
    assert set(os.listdir(finished_run)) == NAMES
    assert [path for path in finished_run.rglob("*") if path.name.startswith((".", "tmp"))] == []


def test_every_epoch_has_its_metrics(finished_run):
    lines = read_metrics(finished_run / "metrics.jsonl")
    losses = {"discriminator_loss", "generator_loss", "val_discriminator_loss", "val_generator_loss"}
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    for line in lines:
        assert losses | {"seconds"} <= line.keys()
        assert np.isfinite(list(line.values())).all()
    # An epoch is one execution here, and the first one compiles.
    assert ["images_per_second" in line for line in lines] == [False, True, True, True]


def test_sample_sheets_show_progress_and_that_they_are_drawn(finished_run):
    names = [f"epoch-{number:04d}.png" for number in range(5)]
    assert sorted(os.listdir(finished_run / "samples")) == names
    sheets = [np.asarray(Image.open(finished_run / "samples" / name)) for name in names]
    assert len({sheet.tobytes() for sheet in sheets}) == 5
    assert (np.abs(sheets[0][-18:].astype("int32") - NOTE_INK).sum(axis=-1) < 30).any()


def test_tensorboard_has_scalars_of_both_splits_and_the_sheets(finished_run):
    for part in ("train", "validation"):
        losses = events_of(finished_run, part).Tensors("epoch_generator_loss")
        assert [event.step for event in losses] == [0, 1, 2, 3]
    assert [event.step for event in events_of(finished_run, "samples").Tensors("samples")] == [0, 1, 2, 3, 4]


def test_the_model_card_says_how_to_repeat_the_run(finished_run):
    card = (finished_run / "model_card.md").read_text(encoding="utf-8")
    last = read_metrics(finished_run / "metrics.jsonl")[-1]
    num_parameters = load_model(finished_run).count_params()
    for text in (
        "# dcgan on rendered_catalog",
        "for 4 epochs in",
        f"precision\nfloat32, seed 0, {num_parameters:,} parameters.",
        "`zoo train --config config.json`",
        "drawings, not photos",
        "32 training pictures of 8 pixels.",
        "- pattern: plain, striped, dotted, checked",
        f"| generator_loss | {last['generator_loss']:.4g} |",
    ):
        assert text in card


def test_the_saved_model_is_that_of_the_last_checkpoint(finished_run):
    state = last_state_of(finished_run)
    weights = load_model(finished_run).weights
    assert len(weights) == 19
    for weight in weights:
        name = "state/" + weight.path.replace("/", ".S") + "/.ATTRIBUTES/VARIABLE_VALUE"
        np.testing.assert_array_equal(state[name], weight)


@pytest.mark.parametrize(
    ("optimizer", "weight"),
    [
        ("generator_optimizer", "generator_dense_kernel"),
        ("discriminator_optimizer", "discriminator_conv_0_kernel"),
    ],
)
def test_the_checkpoint_has_the_state_of_both_optimizers(finished_run, optimizer, weight):
    state = {name.split("/.ATTRIBUTES")[0]: value for name, value in last_state_of(finished_run).items()}
    prefix = f"state/{optimizer}.Sadam.S"
    assert state[f"{prefix}iteration"] == 16
    for slot in ("momentum", "velocity"):
        assert np.any(state[f"{prefix}{weight}_{slot}"])


@pytest.mark.slow
def test_a_run_that_was_stopped_by_ctrl_c_goes_on_as_if_it_had_not(
    finished_run, make_small_config, tmp_path, monkeypatch
):
    run = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 3)
        message = f"interrupted in epoch 3 of 4. Resume it: zoo train --resume {run}"
        with pytest.raises(TrainingInterrupted, match=re.escape(message)):
            start_training(make_small_config("dcgan"), tmp_path, "stopped")
    assert set(os.listdir(run)) == UNFINISHED_NAMES
    assert resume_training(run) == run
    assert set(os.listdir(run)) == NAMES
    assert_same_training(run, finished_run)


@pytest.mark.slow
def test_changed_pictures_from_a_cache_on_disk_go_on_where_they_stopped(
    finished_srcnn_run, make_small_config, tmp_path
):
    changes = {"augment": ["flip", "colour"], "degrade": ["jpeg", "blur"], "cache": "disk"}
    whole = start_training(make_small_config("srcnn", epochs=2, **changes), tmp_path, "whole")
    first = start_training(make_small_config("srcnn", epochs=1, **changes), tmp_path, "first")
    resume_training(first, {"epochs": 2})
    assert_same_training(first, whole)
    assert read_config(first).augment == ("flip", "colour")
    card = (whole / "model_card.md").read_text(encoding="utf-8")
    assert "Augmentations: flip, colour. Degradations of low-res pictures: jpeg, blur." in card
    # The other one chose its cache by size.
    assert read_config(finished_srcnn_run).cache == "memory"
    runs = (whole, finished_srcnn_run)
    changed, unchanged = (read_metrics(run / "metrics.jsonl")[0]["loss"] for run in runs)
    assert changed != unchanged


@pytest.mark.slow
def test_the_classifier_goes_on_along_its_schedule_as_if_it_had_not_stopped(
    make_small_config, tmp_path, monkeypatch
):
    config = make_small_config("classifier", epochs=3, schedule="cosine", augment=["flip", "crop"])
    whole = start_training(config, tmp_path, "whole")
    with monkeypatch.context() as patch:
        stop_in_epoch(patch, 2)
        with pytest.raises(TrainingInterrupted):
            start_training(config, tmp_path, "stopped")
    assert_same_training(resume_training(tmp_path / "stopped"), whole)
    assert {"category_accuracy", "val_colour_accuracy"} <= read_metrics(whole / "metrics.jsonl")[0].keys()


@pytest.mark.slow
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(
    finished_srcnn_run, make_small_config, tmp_path, monkeypatch
):
    run = tmp_path / "full"
    with monkeypatch.context() as patch:
        fail_at_checkpoint(patch, 2, "ckpt-2.tempstate; No space left on device [Op:SaveV2]")
        message = (
            f"The disk must have space for checkpoints. Received: {run}, with no space left on its disk."
        )
        with pytest.raises(OSError, match=re.escape(message)):
            start_training(make_small_config("srcnn", epochs=2), tmp_path, "full")
    assert set(os.listdir(run)) == UNFINISHED_NAMES
    # An epoch counts when its checkpoint is written: the metrics of the second one are there already.
    assert len(read_metrics(run / "metrics.jsonl")) == 2
    resume_training(run)
    assert_same_training(run, finished_srcnn_run)


def let_batches_exhaust_memory(monkeypatch, num_pictures):
    """Lets steps of so many pictures, or of more, allocate what no machine has."""
    step = SRCNN.train_step

    def hungry_step(self, data):
        is_too_large = tf.shape(tf.nest.flatten(data)[0])[0] >= num_pictures
        zeros = tf.zeros(tf.where(is_too_large, tf.constant([2**46]), tf.constant([1], "int64")))
        return step(self, tf.nest.map_structure(lambda part: part + tf.cast(zeros[0], part.dtype), data))

    monkeypatch.setattr(SRCNN, "train_step", hungry_step)


@pytest.mark.slow
def test_a_step_that_does_not_fit_into_memory_finds_a_batch_size_that_does(
    make_small_config, tmp_path, monkeypatch
):
    let_batches_exhaust_memory(monkeypatch, 4)
    message = (
        "A training step must fit into memory. Received: batch_size=4. A batch of 2 fits. "
        f"Start again: zoo train --config {tmp_path / 'run' / 'config.json'} --batch-size 2"
    )
    with pytest.raises(MemoryError, match=re.escape(message)):
        start_training(make_small_config("srcnn", batch_size=4), tmp_path, "run")


@pytest.mark.slow
def test_a_network_that_fits_with_no_batch_is_said(make_small_config, tmp_path, monkeypatch):
    let_batches_exhaust_memory(monkeypatch, 1)
    with pytest.raises(MemoryError, match="batch_size=1. Not even a batch of 1 fits. Choose a smaller"):
        start_training(make_small_config("srcnn", batch_size=1), tmp_path)


@pytest.mark.slow
def test_a_network_that_does_not_fit_into_memory_is_said(make_small_config, tmp_path):
    config = make_small_config("dcgan", model_options={"latent_dim": 10**11})
    with pytest.raises(MemoryError, match="must fit into memory. Received: dcgan with {'latent_dim': 10"):
        start_training(config, tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_a_finished_run_can_be_trained_longer(finished_srcnn_run, make_small_config, tmp_path):
    run = start_training(make_small_config("srcnn", epochs=1), tmp_path, "longer")
    message = (
        f"A run to resume must be unfinished. Received: {run}, which has finished 1 epochs. "
        f"Train it longer: zoo train --resume {run} --epochs 2"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        resume_training(run)
    resume_training(run, {"epochs": 2})
    assert read_config(run).epochs == 2
    assert_same_training(run, finished_srcnn_run)


def test_a_run_that_was_stopped_after_its_last_epoch_gets_its_model(finished_run, tmp_path):
    run = tmp_path / "stopped"
    shutil.copytree(finished_run, run)
    (run / "model.keras").unlink()
    (run / "model_card.md").unlink()
    resume_training(run)
    assert set(os.listdir(run)) == NAMES
    assert_same_training(run, finished_run)


def test_a_run_whose_newest_checkpoint_is_damaged_goes_on_from_the_one_before(
    finished_srcnn_run, tmp_path, capfd
):
    run = tmp_path / "damaged"
    shutil.copytree(finished_srcnn_run, run)
    os.truncate(run / "checkpoints" / "ckpt-2.data-00000-of-00001", 1000)
    resume_training(run)
    err = capfd.readouterr().err
    assert "Checkpoint ckpt-2 is damaged (" in err
    assert "unrestored values" not in err
    assert [line["epoch"] for line in read_metrics(run / "metrics.jsonl")] == [1, 2]
    assert_same_training(run, finished_srcnn_run)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_cause(make_small_config, tmp_path):
    config = make_small_config("srcnn", epochs=1, learning_rate=1e30)
    message = "The training diverged: .* after step 4, epoch 1[.]"
    with pytest.raises(DivergedError, match=message) as caught:
        start_training(config, tmp_path, "diverged")
    assert "metric_" not in str(caught.value)
    cause = "the learning rate of 1e+30 is above the default of 0.001. Train again with"
    saved = f"The last good checkpoint is in {tmp_path / 'diverged' / 'checkpoints'}."
    assert f"{saved} Likely cause: {cause} --learning-rate 0.001." in str(caught.value)
    # What is kept is whole and finite.
    state = last_state_of(tmp_path / "diverged")
    assert all(np.isfinite(value).all() for value in state.values())
    assert not (tmp_path / "diverged" / "model.keras").exists()


@pytest.mark.slow
def test_a_run_whose_time_is_up_has_a_model_and_goes_on(make_small_config, tmp_path, capsys):
    config = make_small_config("srcnn", epochs=2, batch_size=1)
    whole = start_training(config, tmp_path, "whole")
    run = start_training(config, tmp_path, "short", RunControl(max_minutes=1e-9))
    advice = f"The time limit of 1e-09 minutes expired in epoch 1 of 2. Resume it: zoo train --resume {run}"
    assert capsys.readouterr().err.splitlines()[-1] == advice
    assert set(os.listdir(run)) == NAMES
    assert last_state_of(run)["position/.ATTRIBUTES/VARIABLE_VALUE"].tolist() == [0, 20]
    # Each time it gets as far as the end of an execution: 20 steps, half of an epoch.
    resume_training(run, control=RunControl(max_minutes=1e-9))
    assert_same_training(resume_training(run), whole)


@pytest.mark.slow
def test_early_stop_takes_the_best_epoch(make_small_config, tmp_path, capsys):
    # So high a rate that no epoch is better than the first ones.
    config = make_small_config("srcnn", epochs=12, learning_rate=0.3, early_stop="val_psnr:2")
    run = start_training(config, tmp_path, "stopped")
    metrics = read_metrics(run / "metrics.jsonl")
    best = best_epoch(metrics, "val_psnr")
    assert len(metrics) == best + 2 < 12
    assert f"weights of epoch {best}, the best by val_psnr" in capsys.readouterr().err
    best_state = tf.train.load_checkpoint(run / "checkpoints" / "best")
    weight = load_model(run).weights[0]
    name = "state/" + weight.path.replace("/", ".S") + "/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(best_state.get_tensor(name), weight)
    with pytest.raises(ValueError, match=f"--resume {run} --early-stop none"):
        resume_training(run)


@pytest.mark.slow
def test_the_best_epoch_by_another_metric_is_one_that_has_weights(make_small_config, tmp_path, capsys):
    run = start_training(make_small_config("srcnn", epochs=2), tmp_path, "run")
    metrics = run / "metrics.jsonl"
    first, second = read_metrics(metrics)
    # As if the second epoch had been the better one by PSNR, and the first one by the loss.
    assert second["val_psnr"] > first["val_psnr"]
    first["val_loss"], second["val_loss"] = -1.0, 9.0
    metrics.write_text("".join(f"{json.dumps(line)}\n" for line in (first, second)))
    resume_training(run, {"epochs": 3, "early_stop": "val_loss:9"})
    lost = "among those kept; epoch 1 was better, but its weights were not kept."
    assert f"weights of epoch 3, the best by val_loss {lost}" in capsys.readouterr().err


def test_an_unknown_metric_to_stop_by_is_told_with_the_known_ones(make_small_config, tmp_path):
    with pytest.raises(
        UnknownNameError, match="metric to stop by. Received: 'val_psn'. Known: .*val_psnr"
    ) as error:
        start_training(make_small_config("srcnn", early_stop="val_psn"), tmp_path)
    assert str(error.value).count("val_loss") == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_new_learning_rate_holds_for_what_is_resumed(make_small_config, tmp_path, precision):
    options = {"optimizer_options": {"discriminator_rate": 4.0}, "precision": precision}
    run = start_training(make_small_config("dcgan", epochs=1, **options), tmp_path, "slower")
    resume_training(run, {"epochs": 2, "learning_rate": 1e-4})
    assert read_config(run).learning_rate == 1e-4
    rates = [
        {name: line[f"{name}_learning_rate"] for name in ("generator", "discriminator")}
        for line in read_metrics(run / "metrics.jsonl")
    ]
    assert rates[0] == pytest.approx({"generator": 1e-3, "discriminator": 4e-3})
    assert rates[1] == pytest.approx({"generator": 1e-4, "discriminator": 4e-4})
