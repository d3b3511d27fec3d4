"""Resumes a run from its newest checkpoint, with those changes that a resumed run allows."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from training.data.selection import open_data_set
from training.distribution.distribution import ONE_REPLICA, Distribution
from training.loop.built_model import build_model
from training.loop.new_config import check_config
from training.loop.session import Session
from training.loop.trainer import make_checkpoints, run_training
from training.runs import run_control, run_directory
from training.runs.config import TrainingConfig
from training.runs.data_identity import check_identity
from training.runs.metrics_log import read_metrics
from training.runs.run_control import RunControl
from training.runs.run_lock import locked_run
from zoo.errors import WrongUsageError

# A change of any other value would have changed the steps already trained.
CHANGEABLE = ("epochs", "learning_rate", "early_stop", "data_dir", "deterministic", "jit")
_GROUPS = ("model_options", "optimizer_options")


def changed_config(config: TrainingConfig, wanted: Mapping[str, Any]) -> TrainingConfig:
    """Returns a resumed run's configuration.

    Args:
        config: The run's own configuration.
        wanted: Requested values by name, of the configuration or of its options; values equal to the run's
            own are ignored.

    Returns:
        The run's configuration with the requested values.

    Raises:
        WrongUsageError: Some of the changes are not allowed; the message lists them.

    Example:

    >>> config = TrainingConfig("srcnn", "t91", 20, 16, 48, learning_rate=0.001, precision="float32")
    >>> changed_config(config, {"batch_size": 16, "epochs": 30}).epochs
    30
    """
    own = {
        **vars(config),
        **{name: value for group in _GROUPS for name, value in vars(config)[group].items()},
    }
    different = {name: value for name, value in wanted.items() if name not in own or own[name] != value}
    refused = [name for name in different if name not in CHANGEABLE]
    if refused:
        listed = ", ".join(f"{name} {different[name]!r} instead of {own.get(name)!r}" for name in refused)
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in CHANGEABLE)
        raise WrongUsageError(
            f"Only {flags} can change when a run is resumed, because the others determine the steps already "
            f"trained. Received: {listed}. Omit them, or start a new run from its weights with --init-from."
        )
    return dataclasses.replace(config, **different)


def resume_training(
    run: Path,
    changes: Mapping[str, Any] | None = None,
    control: RunControl = run_control.DEFAULT,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    distribution: Distribution = ONE_REPLICA,
) -> Path | None:
    """Resumes a run from its newest checkpoint.

    Args:
        run: Run directory.
        changes: Changes to the run's configuration; only the names in `CHANGEABLE` may differ.
        control: Time limit, counted from the resume, and frequency of checkpoints.
        callbacks: As for `start_training`.
        distribution: As for `start_training`.

    Returns:
        The run directory, or None.

    Raises:
        DivergedError: A loss or a weight became NaN or infinite.
        FileNotFoundError: There is no such run, or it has no checkpoint.
        RunInUseError: Another process is training it.
        TrainingInterrupted: The user pressed Ctrl-C.
        TrainingTerminated: SIGTERM arrived.
        ValueError: The run is finished, damaged or from another version, or its data set has been replaced.
        WrongUsageError: Some of the changes are not allowed.
    """
    config = changed_config(run_directory.read_config(run), changes or {})
    # Locked before the model is built, which takes a while; other workers train copies of the run.
    with locked_run(run) if distribution.is_chief else contextlib.nullcontext():
        return _resume(run, config, control, callbacks, distribution)


def _resume(run: Path, config: TrainingConfig, control: RunControl, callbacks, distribution) -> Path | None:
    data_set = open_data_set(config.dataset, config.data_dir, config.only)
    check_identity(run, data_set)
    check_config(config, data_set)
    distribution.check_batch_size(config.batch_size)
    with distribution.scope():
        model = build_model(config, data_set, distribution, is_new=False)
    with distribution.private_directory() as private:
        if private is not None:
            run = run_directory.copy_for_resuming(run, private)
        with distribution.watch_peers(run):
            # The chief must not change the run before the others have copied it, or they would choose other
            # checkpoints.
            distribution.agree(False)
        checkpoints = make_checkpoints(run, config, model, control)
        configured_rates = _constant_rates(model)
        num_epochs_done, num_steps_done = checkpoints.restore()
        _check_unfinished(run, config, num_epochs_done, num_steps_done)
        for optimizer, rate in configured_rates:  # the checkpoint has restored the former rates
            optimizer.learning_rate = rate
        run_directory.write_config(run, config)
        session = Session(run, config, data_set, model, checkpoints, control, distribution, callbacks)
        return run_training(session)


def _check_unfinished(run: Path, config: TrainingConfig, num_epochs_done: int, num_steps_done: int) -> None:
    """Raises `ValueError` if the run is already finished."""
    epochs = read_metrics(run / run_directory.METRICS)[:num_epochs_done] if num_epochs_done else []
    is_stopped_early = config.stop_rule is not None and config.stop_rule.is_due(epochs)
    is_finished = (num_epochs_done == config.epochs or is_stopped_early) and (
        run / run_directory.MODEL
    ).exists()
    if is_finished or num_epochs_done + (num_steps_done > 0) > config.epochs:
        flag = "--early-stop none" if is_stopped_early else f"--epochs {num_epochs_done + config.epochs}"
        raise ValueError(
            f"A run to resume must be unfinished. Received: {run}, which has finished {num_epochs_done} "
            f"epochs. Train it longer: zoo train --resume {run} {flag}"
        )


def _constant_rates(model) -> list[tuple[keras.optimizers.Optimizer, float]]:
    """Returns the optimizers whose learning rate is a variable, hence in checkpoints, each with its rate."""
    optimizers = [value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer)]
    inner = [getattr(optimizer, "inner_optimizer", optimizer) for optimizer in optimizers]
    return [
        (optimizer, float(keras.ops.convert_to_numpy(optimizer.learning_rate)))
        for optimizer in inner
        if isinstance(optimizer.learning_rate, keras.Variable)
    ]
