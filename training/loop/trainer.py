"""Trains a model by its recipe: data set in, run directory out."""

import dataclasses
import signal
from collections.abc import Sequence
from pathlib import Path

import click
import keras
import tensorflow as tf

from training.callbacks.checkpoints import Checkpoints
from training.callbacks.diverged import DivergedError, likely_cause
from training.callbacks.stop_requests import TerminationRequest, TimeIsUp
from training.data.data_sets import DataSet
from training.data.selection import open_data_set
from training.distribution.distribution import ONE_REPLICA, Distribution
from training.loop.fit import fit
from training.loop.fitting_batch_size import find_fitting_batch_size
from training.loop.new_config import check_config, with_chosen_cache
from training.loop.precision import resolve_jit
from training.recipes.recipes import RECIPES, find_recipe
from training.runs import run_control, run_directory
from training.runs.best_epoch import best_epoch
from training.runs.config import TrainingConfig
from training.runs.metrics_log import read_metrics
from training.runs.model_card import write_model_card
from training.runs.run_control import RunControl
from training.runs.run_lock import locked_run
from training.trained_model import load_run_or_preset
from training.weights.freezing import freeze_parts
from training.weights.transfer import different_options, transfer_weights
from zoo.files.atomic_write import atomic_path

# Steps that run in one call of the compiled function: enough to hide what Python costs a call.
MAX_STEPS_PER_EXECUTION = 20


class TrainingInterrupted(RuntimeError):
    """The user stopped the training; the message says how to resume it."""


class TrainingTerminated(RuntimeError):
    """A scheduler stopped the training, which has been saved; the message says how to resume it."""

    # What a shell, Kubernetes and Slurm report of a process that SIGTERM ended: 128 + 15.
    exit_code = 128 + signal.SIGTERM


def check_training(config: TrainingConfig, is_new: bool = True) -> None:
    """Finds what `start_training` would refuse: opens the data set, builds the model and trains nothing.

    Args:
        config: What to train on what.
        is_new: Whether the weights to begin with, if any, are taken over, too, as a resumed run does not.

    Raises:
        UnknownNameError: As for `start_training`.
        ValueError: As for `start_training`.
    """
    data_set = open_data_set(config.dataset, config.data_dir, config.only)
    check_config(config, data_set)
    build_model(config, data_set, ONE_REPLICA, is_new)


def start_training(
    config: TrainingConfig,
    runs_dir: Path,
    run_name: str | None = None,
    control: RunControl = run_control.DEFAULT,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    distribution: Distribution = ONE_REPLICA,
) -> Path | None:
    """Trains a new run.

    Args:
        config: What to train on what.
        runs_dir: Where the run directory is made. Nothing is made before data set and model are known to fit.
        run_name: Name of the run directory; time, model and data set by default.
        control: How long it may take and how often it is saved.
        callbacks: Further callbacks, which find the metrics of an epoch written at its end.
        distribution: Where its replicas run; made before anything else is done with TensorFlow.

    Returns:
        The run directory, with everything in it that the contract of run directories names; None where the
        chief of several workers has it.

    Raises:
        DivergedError: A loss or a weight became NaN or infinite.
        MemoryError: The network or a step does not fit into memory; it says which batch size fits.
        TrainingInterrupted: The user pressed Ctrl-C.
        TrainingTerminated: SIGTERM came.
        UnknownNameError: The model, the data set or a part to freeze does not exist.
        ValueError: The configuration does not fit the data set, or the weights to begin with do not fit.
    """
    data_set = open_data_set(config.dataset, config.data_dir, config.only)
    check_config(config, data_set)
    distribution.check_batch_size(config.batch_size)
    with distribution.scope():
        model = build_model(config, data_set, distribution, is_new=True)
    config = with_chosen_cache(config, data_set)
    with distribution.private_directory() as private:
        run = run_directory.create_run_directory(private or runs_dir, config, run_name)
        with locked_run(run):
            checkpoints = make_checkpoints(run, config, model, control)
            return run_training(run, config, data_set, model, checkpoints, control, distribution, callbacks)


def make_checkpoints(run: Path, config: TrainingConfig, model, control: RunControl) -> Checkpoints:
    metrics, metric = run / run_directory.METRICS, RECIPES[config.model].objective
    if config.stop_rule:
        metric = config.stop_rule.metric

    def is_best(num_epochs, kept):
        if metric is None:
            return False
        # Of other epochs there are no weights: another metric may have chosen the one that is kept.
        epochs = enumerate(read_metrics(metrics)[:num_epochs], 1)
        candidates = [epoch if number in (kept, num_epochs) else {} for number, epoch in epochs]
        return best_epoch(candidates, metric) == num_epochs

    return Checkpoints(
        run / run_directory.CHECKPOINTS,
        model,
        control.num_checkpoints,
        control.checkpoint_steps,
        control.checkpoint_minutes,
        is_best,
    )


def build_model(config, data_set: DataSet, distribution: Distribution, is_new: bool) -> keras.Model:
    recipe = find_recipe(config.model)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    try:
        model = recipe.build_model(config, data_set)
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(
            f"The network must fit into memory. Received: {config.model} with {config.model_options}. "
            "Make it smaller."
        ) from error
    if is_new and config.init_from is not None:
        _take_over_weights(config.init_from, model)
    freeze_parts(model, config.freeze)
    steps_per_execution = min(
        distribution.max_steps_per_execution or MAX_STEPS_PER_EXECUTION, _steps_per_epoch(config, data_set)
    )
    distribution.adapt(model)
    recipe.compile_model(
        model,
        config,
        num_steps=config.epochs * _steps_per_epoch(config, data_set),
        jit_compile=resolve_jit(config.jit, is_distributed=distribution.strategy is not None),
        steps_per_execution=steps_per_execution,
    )
    if config.stop_rule:
        config.stop_rule.check(dict.fromkeys(f"val_{metric.name}" for metric in model.metrics))
    if model.optimizer is not None:
        # Keras makes its slots in the first step, which is too late to restore them.
        model.optimizer.build(model.trainable_variables)
    return model


def _take_over_weights(init_from: str, model: keras.Model) -> None:
    source = load_run_or_preset(init_from).model
    transfer = transfer_weights(source, model)
    click.echo(f"Weights of {init_from}: {transfer}", err=True)
    different = different_options(source, model)
    if different:
        click.echo(f"Options that differ: {different}", err=True)


def _steps_per_epoch(config: TrainingConfig, data_set: DataSet) -> int:
    """Returns the steps nearest to one pass that whole executions can make."""
    num_images = data_set.num_images["train"]
    if config.batch_size > num_images:
        raise ValueError(
            f"`batch_size` must be at most the number of training pictures. Received: "
            f"batch_size={config.batch_size}, {num_images} pictures in {config.dataset}."
        )
    steps = num_images * config.patches_per_image // config.batch_size
    steps_per_execution = min(MAX_STEPS_PER_EXECUTION, steps)
    return round(steps / steps_per_execution) * steps_per_execution


def run_training(
    run: Path,
    config,
    data_set,
    model,
    checkpoints,
    control: RunControl,
    distribution: Distribution,
    callbacks,
) -> Path | None:
    stopped = None
    # What other workers write is gone when they end.
    shown_run = run if distribution.is_chief else Path("RUN")
    try:
        steps_per_epoch = _steps_per_epoch(config, data_set)
        with distribution.watch_peers(shown_run):
            fit(run, config, data_set, model, checkpoints, steps_per_epoch, control, distribution, callbacks)
    except KeyboardInterrupt as error:
        raise TrainingInterrupted(
            f"The training was interrupted {_where(shown_run, config, checkpoints)}"
        ) from error
    except TerminationRequest as request:
        _save(checkpoints)
        raise TrainingTerminated(
            f"The training was terminated and saved {_where(shown_run, config, checkpoints)}"
        ) from request
    except TimeIsUp:
        _save(checkpoints)
        stopped = f"The {control.max_minutes:g} minutes are over {_where(shown_run, config, checkpoints)}"
    except DivergedError as error:
        step = checkpoints.num_epochs_done * _steps_per_epoch(config, data_set) + checkpoints.num_steps_done
        epoch = max(1, checkpoints.num_epochs_done + (checkpoints.num_steps_done > 0))
        cause = likely_cause(config, RECIPES[config.model].learning_rate)
        raise DivergedError(
            f"The training diverged: {error} after step {step:,}, epoch {epoch}. "
            f"{checkpoints.directory} has the last good checkpoint. Likely cause: {cause}"
        ) from error
    except tf.errors.ResourceExhaustedError as error:
        # TensorFlow raises the same error for a full disk.
        if "No space left" in error.message:
            raise OSError(
                f"The run directory must have room for checkpoints. Received: {shown_run}, no space left. "
                f"Free some and continue: zoo train --resume {shown_run}"
            ) from error
        advice = _advise_batch_size(shown_run, config, data_set, model, distribution)
        raise MemoryError(
            f"The step does not fit into memory. Received: batch_size={config.batch_size}. {advice}"
        ) from error
    if config.stop_rule and not stopped:
        num_epochs, kept = checkpoints.num_epochs_done, checkpoints.restore_best()
        best = best_epoch(read_metrics(run / run_directory.METRICS), config.stop_rule.metric)
        lost = (
            "" if kept == best else f" of those kept; the weights of epoch {best}, which was better, were not"
        )
        click.echo(
            f"Trained {num_epochs} of at most {config.epochs} epochs. The model has the weights of epoch "
            f"{kept or num_epochs}, the best by {config.stop_rule.metric}{lost}.",
            err=True,
        )
    with atomic_path(run / run_directory.MODEL) as path:
        model.save(path)
    write_model_card(run, config, data_set, model)
    if stopped:
        click.echo(stopped, err=True)
    return run if distribution.is_chief else None


def _where(run: Path, config: TrainingConfig, checkpoints: Checkpoints) -> str:
    return (
        f"in epoch {min(checkpoints.num_epochs_done + 1, config.epochs)} of {config.epochs}. "
        f"Continue it: zoo train --resume {run}"
    )


def _save(checkpoints: Checkpoints) -> None:
    checkpoints.save()
    checkpoints.wait()


def _advise_batch_size(run: Path, config: TrainingConfig, data_set: DataSet, model, distribution) -> str:
    anew = f"zoo train --config {run / run_directory.CONFIG} --batch-size"
    if distribution.strategy is not None:
        return f"Try half of it: {anew} {max(config.batch_size // 2, 1)}"
    recipe = RECIPES[config.model]

    def make_batches(batch_size):
        smaller = dataclasses.replace(config, batch_size=batch_size)
        return recipe.make_training_batches(smaller, data_set, first_step=0)

    click.echo(
        f"A step of {config.batch_size} pictures does not fit into memory. Trying halves of it.", err=True
    )
    fitting = find_fitting_batch_size(model, make_batches, config.batch_size)
    if fitting is None:
        return (
            "Not even one picture fits. Take smaller pictures (--image-size) or a smaller network (--width)."
        )
    return f"{fitting} pictures fit. Start anew: {anew} {fitting}"
