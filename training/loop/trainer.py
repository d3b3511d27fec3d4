"""Trains a model with its recipe: takes a configuration and a data set, and writes a run directory."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import click
import keras

from training.callbacks.checkpoints import Checkpoints
from training.data.data_sets import DataSet
from training.data.selection import open_data_set
from training.distribution.distribution import ONE_REPLICA, Distribution
from training.loop.built_model import build_model
from training.loop.failures import explained_failures
from training.loop.fit import fit
from training.loop.new_config import check_config, with_chosen_cache
from training.loop.session import Session
from training.recipes.base.registry import RECIPES
from training.runs import run_control, run_directory
from training.runs.best_epoch import best_epoch
from training.runs.config import TrainingConfig
from training.runs.data_identity import write_identity
from training.runs.metrics_log import read_metrics
from training.runs.model_card import write_model_card
from training.runs.run_control import RunControl
from training.runs.run_lock import locked_run
from zoo.files.atomic_write import atomic_path


def check_training(
    config: TrainingConfig, is_new: bool = True, data_set: DataSet | None = None
) -> TrainingConfig:
    """Checks a configuration without training: opens the data set and builds the model.

    Args:
        config: The configuration to check.
        is_new: Whether to load the weights to start from, if any; a resumed run does not.
        data_set: The configuration's data set, if it is already open.

    Returns:
        The configuration as the run would record it.

    Raises:
        UnknownNameError: As for `start_training`.
        ValueError: As for `start_training`.
    """
    data_set = data_set or open_data_set(config.dataset, config.data_dir, config.only)
    check_config(config, data_set)
    build_model(config, data_set, ONE_REPLICA, is_new)
    return with_chosen_cache(config, data_set)


def start_training(
    config: TrainingConfig,
    runs_dir: Path,
    run_name: str | None = None,
    control: RunControl = run_control.DEFAULT,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    distribution: Distribution = ONE_REPLICA,
    data_set: DataSet | None = None,
) -> Path | None:
    """Trains a new run.

    Args:
        config: The configuration, which names the model and the data set.
        runs_dir: Directory in which to create the run directory, once the model is known to fit the data set.
        run_name: Name of the run directory; time, model and data set by default.
        control: Time limit and frequency of checkpoints.
        callbacks: Additional callbacks; at the end of an epoch they find its metrics written.
        distribution: Where the replicas run; must be made before any other use of TensorFlow.
        data_set: The configuration's data set, if it is already open.

    Returns:
        The complete run directory; None in a worker that is not the chief.

    Raises:
        DivergedError: A loss or a weight became NaN or infinite.
        MemoryError: The network or a step does not fit into memory; the message names a batch size that fits.
        TrainingInterrupted: The user pressed Ctrl-C.
        TrainingTerminated: SIGTERM arrived.
        UnknownNameError: The model, the data set or a part to freeze does not exist.
        ValueError: The configuration does not fit the data set, or the weights to start from do not fit.
    """
    data_set = data_set or open_data_set(config.dataset, config.data_dir, config.only)
    check_config(config, data_set)
    distribution.check_batch_size(config.batch_size)
    with distribution.scope():
        model = build_model(config, data_set, distribution, is_new=True)
    config = with_chosen_cache(config, data_set)
    with distribution.private_directory() as private:
        run = run_directory.create_run_directory(private or runs_dir, config, run_name)
        with locked_run(run):
            write_identity(run, data_set)
            checkpoints = make_checkpoints(run, config, model, control)
            session = Session(run, config, data_set, model, checkpoints, control, distribution, callbacks)
            try:
                return run_training(session)
            except ValueError:
                if checkpoints.num_epochs_done == checkpoints.num_steps_done == 0:
                    shutil.rmtree(run)  # holds nothing, and would keep its name from the next try
                raise


def make_checkpoints(
    run: Path, config: TrainingConfig, model: keras.Model, control: RunControl
) -> Checkpoints:
    """Makes a run's checkpoints, which keep the best epoch by the early-stopping metric or the recipe's."""
    metric = config.stop_rule.metric if config.stop_rule else RECIPES[config.model].objective

    def is_best(num_epochs, kept):
        if metric is None:
            return False
        # Only the kept epoch and the newest one have weights, and another metric may have chosen the former.
        epochs = enumerate(read_metrics(run / run_directory.METRICS)[:num_epochs], 1)
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


def run_training(session: Session) -> Path | None:
    """Trains a session to its end and writes the finished model; returns the same as `start_training`."""
    with explained_failures(session) as limit, session.distribution.watch_peers(session.shown_run):
        fit(session)
    stop_rule = session.config.stop_rule
    if stop_rule and not limit.message:
        _take_best_epoch(session, stop_rule.metric)
    with atomic_path(session.run / run_directory.MODEL) as path:
        session.model.save(path)
    write_model_card(session.run, session.config, session.data_set, session.model)
    if limit.message:
        click.echo(limit.message, err=True)
    return session.run if session.distribution.is_chief else None


def _take_best_epoch(session: Session, metric: str) -> None:
    """Restores the weights of the best epoch that was kept, and prints which one it is."""
    num_epochs, kept = session.checkpoints.num_epochs_done, session.checkpoints.restore_best()
    best = best_epoch(read_metrics(session.metrics), metric)
    lost = (
        "" if kept == best else f" among those kept; epoch {best} was better, but its weights were not kept"
    )
    click.echo(
        f"Trained {num_epochs} of at most {session.config.epochs} epochs. The model has the weights of epoch "
        f"{kept or num_epochs}, the best by {metric}{lost}.",
        err=True,
    )
