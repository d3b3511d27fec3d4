"""Trains a model by its recipe: data set in, run directory out."""

import dataclasses
import sys
import warnings
from pathlib import Path

import click
import keras
import tensorflow as tf

from training import run_directory
from training.atomic_write import atomic_path
from training.checkpoints import Checkpoints
from training.collapse_warning import CollapseWarning
from training.config import TrainingConfig
from training.data_selection import open_data_set
from training.data_sets import DataSet
from training.freezing import freeze_parts
from training.metrics_log import MetricsLog
from training.model_card import write_model_card
from training.picture_cache import check_cache
from training.recipes import RECIPES, find_recipe
from training.run_or_preset import load_run_or_preset
from training.sample_writer import SampleWriter
from training.throughput import Throughput
from training.transfer import different_options, transfer_weights

# Steps that run in one call of the compiled function: enough to hide what Python costs a call.
MAX_STEPS_PER_EXECUTION = 20


class TrainingInterrupted(RuntimeError):
    """The user stopped the training; the message says how to resume it."""


def start_training(config: TrainingConfig, runs_dir: Path, run_name: str | None = None) -> Path:
    """Trains a new run.

    Args:
        config: What to train on what.
        runs_dir: Where the run directory is made. Nothing is made before data set and model are known to fit.
        run_name: Name of the run directory; time, model and data set by default.

    Returns:
        The run directory, with everything in it that the contract of run directories names.

    Raises:
        TrainingInterrupted: The user pressed Ctrl-C.
        UnknownNameError: The model, the data set or a part to freeze does not exist.
        ValueError: The configuration does not fit the data set, or the weights to begin with do not fit.
    """
    data_set = open_data_set(config)
    model = _build(config, data_set, is_new=True)
    config = with_chosen_cache(config, data_set)
    batches = RECIPES[config.model].make_training_batches(config, data_set, first_step=0)
    run = run_directory.create_run_directory(runs_dir, config, run_name)
    return _train(run, config, data_set, model, batches)


def resume_training(run: Path, epochs: int | None = None) -> Path:
    """Continues a run after its last finished epoch.

    Args:
        run: Run directory.
        epochs: New total number of epochs; that of the run by default.

    Returns:
        The run directory.

    Raises:
        FileNotFoundError: There is no such run or no checkpoint in it.
        TrainingInterrupted: The user pressed Ctrl-C.
        ValueError: The run is finished, damaged or from another version.
    """
    config = run_directory.read_config(run)
    if epochs is not None and epochs != config.epochs:
        config = TrainingConfig(**{**vars(config), "epochs": epochs})
    data_set = open_data_set(config)
    model = _build(config, data_set, is_new=False)
    num_epochs_done = Checkpoints(run / run_directory.CHECKPOINTS, model).restore()
    is_finished = num_epochs_done == config.epochs and (run / run_directory.MODEL).exists()
    if is_finished or num_epochs_done > config.epochs:
        raise ValueError(
            f"Only an unfinished run can be resumed. Received: {run}, which has finished {num_epochs_done} "
            f"epochs. Train it longer: zoo train --resume {run} --epochs {num_epochs_done + config.epochs}"
        )
    first_step = num_epochs_done * _steps_per_epoch(config, data_set)
    batches = RECIPES[config.model].make_training_batches(config, data_set, first_step)
    run_directory.write_config(run, config)
    return _train(run, config, data_set, model, batches, num_epochs_done)


def with_chosen_cache(config: TrainingConfig, data_set: DataSet) -> TrainingConfig:
    """Returns the configuration with its cache chosen by size, unless the user chose one.

    What is chosen is recorded, so that a run goes on in the same order on a machine with less memory.
    """
    check_cache(config.cache)
    if config.cache is not None:
        return config
    return dataclasses.replace(config, cache=find_recipe(config.model).choose_cache(config, data_set))


def _build(config: TrainingConfig, data_set: DataSet, is_new: bool) -> keras.Model:
    recipe = find_recipe(config.model)
    recipe.check_changes(config)
    recipe.check_data_set(data_set)
    keras.utils.set_random_seed(config.seed)
    model = recipe.build_model(config, data_set)
    if is_new and config.init_from is not None:
        _take_over_weights(config.init_from, model)
    freeze_parts(model, config.freeze)
    steps_per_execution = min(MAX_STEPS_PER_EXECUTION, _steps_per_epoch(config, data_set))
    # XLA makes these convolutions slower on CPUs, and has no antialiased resize.
    recipe.compile_model(
        model,
        config,
        num_steps=config.epochs * _steps_per_epoch(config, data_set),
        jit_compile=False,
        steps_per_execution=steps_per_execution,
    )
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


def _train(run: Path, config: TrainingConfig, data_set: DataSet, model, batches, num_epochs_done=0) -> Path:
    recipe = RECIPES[config.model]
    tensorboard_dir = run / run_directory.TENSORBOARD
    checkpoints = Checkpoints(run / run_directory.CHECKPOINTS, model)
    callbacks = [
        Throughput(config.batch_size),
        CollapseWarning(),
        MetricsLog(run / run_directory.METRICS, num_epochs_done),
        SampleWriter(
            lambda: recipe.draw_samples(model, config, data_set), run / run_directory.SAMPLES, tensorboard_dir
        ),
        keras.callbacks.TensorBoard(str(tensorboard_dir), write_graph=False),
        # Last, so that an epoch counts as done only when its metrics and samples are written.
        checkpoints,
    ]
    with warnings.catch_warnings():
        # Both are about a `tf.data` pipeline as it should be: shuffled by itself, finite for validation.
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        try:
            checkpoints.save_initial_state()
            model.fit(
                batches,
                initial_epoch=num_epochs_done,
                epochs=config.epochs,
                steps_per_epoch=_steps_per_epoch(config, data_set),
                validation_data=recipe.make_evaluation_batches(config, data_set, "validation"),
                callbacks=callbacks,
                verbose=1 if sys.stdout.isatty() else 2,
            )
        except KeyboardInterrupt as error:
            raise TrainingInterrupted(
                f"The training was interrupted in epoch {int(checkpoints.num_epochs_done) + 1} of "
                f"{config.epochs}. Continue it: zoo train --resume {run}"
            ) from error
        except tf.errors.ResourceExhaustedError as error:
            # TensorFlow raises the same error for a full disk.
            if "No space left" in error.message:
                raise OSError(
                    f"The run directory must have room for checkpoints. Received: {run}, no space left. Free "
                    f"some and continue: zoo train --resume {run}"
                ) from error
            raise MemoryError(
                f"The step does not fit into memory. Received: batch_size={config.batch_size}. "
                f"Try --batch-size {max(config.batch_size // 2, 1)}."
            ) from error
    with atomic_path(run / run_directory.MODEL) as path:
        model.save(path)
    write_model_card(run, config, data_set, model)
    return run
