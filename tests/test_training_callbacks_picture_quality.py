"""`val_kernel_distance` in trainings: its place in the logs, its use, and its resumption."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from run_states import assert_same_training
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from training.callbacks import picture_quality
from training.data.data_sets import DataSet
from training.distribution.distribution import ONE_REPLICA
from training.evaluation.quality.distance_to_real import DistanceToReal
from training.loop.built_model import build_model
from training.loop.resume import resume_training
from training.loop.trainer import start_training
from training.recipes.base.registry import RECIPES
from training.runs.best_epoch import best_epoch
from training.runs.metrics_log import read_metrics
from training.trained_model import load_model
from zoo.errors import UnknownNameError

NAME = "val_kernel_distance"


def values_of(run):
    return [line.get(NAME) for line in read_metrics(run / "metrics.jsonl")]


@pytest.fixture
def let_distances_be(monkeypatch):
    """Puts given numbers in the place of what is measured after each epoch."""

    def let(*values):
        values = iter(values)
        monkeypatch.setattr(DistanceToReal, "measure", lambda self, model: next(values))

    return let


def test_every_epoch_has_it_in_the_log_and_in_tensorboard(finished_run):
    values = values_of(finished_run)
    assert len(values) == 4
    assert np.isfinite(values).all()
    events = EventAccumulator(str(finished_run / "tensorboard" / "validation"))
    events.Reload()
    shown = [float(make_ndarray(event.tensor_proto)) for event in events.Tensors("epoch_kernel_distance")]
    assert shown == pytest.approx(values)


def test_it_is_that_of_the_finished_model(finished_run, make_small_config, small_data_set, capsys):
    """The last epoch's value, measured again by the run's judge on the model as it was saved."""
    model = load_model(finished_run)
    config = make_small_config("dcgan")
    (callback,) = picture_quality.measure_picture_quality(
        RECIPES["dcgan"],
        config,
        small_data_set,
        model,
        finished_run / "checkpoints",
        on_chief=lambda compute: compute(),
        is_chief=True,
    )
    logs = {}
    callback.set_model(model)
    callback.on_epoch_end(3, logs)
    assert logs[NAME] == pytest.approx(values_of(finished_run)[-1], rel=1e-6)
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_the_progress_line_shows_it_and_a_vae_has_it_beside_its_own(make_small_config, tmp_path, capsys):
    run = start_training(make_small_config("conditional_vae", epochs=2), tmp_path, "vae")
    values = values_of(run)
    assert None not in values
    assert f"{NAME}: {values[-1]:.4f}" in capsys.readouterr().out
    assert RECIPES["conditional_vae"].objective == "val_psnr"


@pytest.mark.slow
def test_models_that_generate_nothing_do_without(make_small_config, tmp_path, capsys):
    run = start_training(make_small_config("srcnn", epochs=1), tmp_path, "srcnn")
    assert values_of(run) == [None]
    assert not (run / "checkpoints" / "judge.json").exists()
    assert NAME not in capsys.readouterr().err
    with pytest.raises(UnknownNameError, match=f"metric to stop by. Received: '{NAME}'. Known: val_loss"):
        start_training(make_small_config("srcnn", early_stop=NAME), tmp_path)


def test_the_best_epoch_is_that_of_the_smallest_distance_also_below_zero(
    make_small_config, tmp_path, let_distances_be
):
    let_distances_be(0.5, -0.001, -0.0005)
    run = start_training(make_small_config("dcgan", epochs=3), tmp_path, "run")
    assert values_of(run) == [0.5, -0.001, -0.0005]
    assert best_epoch(read_metrics(run / "metrics.jsonl"), RECIPES["dcgan"].objective) == 2
    assert tf.train.latest_checkpoint(run / "checkpoints" / "best").endswith("ckpt-2")


@pytest.mark.slow
def test_early_stop_by_it_takes_the_best_epoch(make_small_config, tmp_path, let_distances_be, capsys):
    let_distances_be(0.2, 0.1, 0.11, 0.12)
    run = start_training(make_small_config("dcgan", epochs=9, early_stop=f"{NAME}:2"), tmp_path, "run")
    assert len(values_of(run)) == 4
    assert f"weights of epoch 2, the best by {NAME}." in capsys.readouterr().err
    best = tf.train.load_checkpoint(run / "checkpoints" / "best")
    weight = load_model(run).ema_generator.weights[0]
    name = "state/" + weight.path.replace("/", ".S") + "/.ATTRIBUTES/VARIABLE_VALUE"
    np.testing.assert_array_equal(best.get_tensor(name), weight)


@pytest.mark.slow
def test_a_resumed_run_has_the_values_of_one_that_was_not_stopped(
    finished_run, make_small_config, small_data_set, tmp_path
):
    run = start_training(make_small_config("dcgan", epochs=2), tmp_path, "resumed")
    # As on a machine with another judge of the data set: the run keeps its own.
    others = list((small_data_set.builder.data_path / "judges").glob("*/judge.json"))
    contents = [other.read_text(encoding="utf-8") for other in others]
    assert others
    for other in others:
        other.write_text("damaged", encoding="utf-8")
    try:
        resume_training(run, {"epochs": 4})
    finally:
        for other, content in zip(others, contents, strict=True):
            other.write_text(content, encoding="utf-8")
    assert values_of(run) == values_of(finished_run)
    assert_same_training(run, finished_run)
    best, best_of_other = (
        tf.train.latest_checkpoint(path / "checkpoints" / "best") for path in (run, finished_run)
    )
    assert best.rpartition("-")[2] == best_of_other.rpartition("-")[2]


@pytest.mark.slow
def test_a_run_whose_judge_is_damaged_is_not_resumed(finished_run, make_small_config, tmp_path):
    run = start_training(make_small_config("dcgan", epochs=1), tmp_path, "run")
    (run / "checkpoints" / "judge.npz").write_bytes(b"")
    with pytest.raises(ValueError, match="The judge of a run must be as it was"):
        resume_training(run, {"epochs": 2})
    assert len(values_of(run)) == 1
    for name in ("judge.json", "judge.npz"):
        (run / "checkpoints" / name).unlink()
    resume_training(run, {"epochs": 2})
    assert None not in values_of(run)


def test_where_there_is_nothing_to_compare_with_it_is_left_out(
    make_small_config, small_data_set, tmp_path, capsys
):
    num_images = {**small_data_set.num_images, "validation": 1}
    data_set = dataclasses.replace(small_data_set, num_images=num_images)
    recipe, config = RECIPES["dcgan"], make_small_config("dcgan")
    assert picture_quality.quality_metrics(recipe, config, small_data_set) == (NAME,)
    assert picture_quality.quality_metrics(recipe, config, data_set) == ()
    assert picture_quality.measure_picture_quality(recipe, config, data_set, None, tmp_path, None, True) == []
    left_out = "is left out: it needs 2 validation pictures, rendered_catalog has 1."
    assert capsys.readouterr().err == f"{NAME} {left_out}\n"
    config = dataclasses.replace(config, early_stop=NAME)
    with pytest.raises(UnknownNameError, match=f"stop by. Received: '{NAME}'. Known: val_loss, val_"):
        build_model(config, data_set, ONE_REPLICA, is_new=True)


def test_only_the_chief_judges(make_small_config, small_data_set: DataSet, tmp_path):
    """Another worker needs no judge: it takes what the chief found."""
    (callback,) = picture_quality.measure_picture_quality(
        RECIPES["dcgan"],
        make_small_config("dcgan"),
        small_data_set,
        None,
        tmp_path,
        on_chief=lambda compute: 0.25,
        is_chief=False,
    )
    logs = {}
    callback.on_epoch_end(0, logs)
    assert logs == {NAME: 0.25}
    assert list(tmp_path.iterdir()) == []


def test_what_judged_is_in_the_run(finished_run):
    judge = json.loads((finished_run / "checkpoints" / "judge.json").read_text(encoding="utf-8"))
    assert judge["name"] == "classifier of rendered_catalog"
    card = (finished_run / "model_card.md").read_text(encoding="utf-8")
    assert (
        "`val_kernel_distance` is measured on features of `classifier of rendered_catalog`, whose accuracy "
        "on 4 validation pictures is category "
    ) in card
    assert f"validation pictures is category {100 * judge['accuracy']['category']:.0f} %, " in card
