"""Runs a model's steps, from wherever a run stands."""

import contextlib
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras

from training.callbacks.checkpoints import Checkpoints
from training.callbacks.collapse_warning import CollapseWarning
from training.callbacks.diverged import FiniteLosses
from training.callbacks.latent_projector import LatentProjector
from training.callbacks.sample_writer import SampleWriter
from training.callbacks.step_logs import OptimizerState, Throughput
from training.callbacks.step_profiler import StepProfiler
from training.callbacks.stop_requests import StopRequests
from training.callbacks.wandb_log import WandbLog
from training.data.data_sets import DataSet
from training.distribution.distribution import Distribution
from training.recipes.latent_sheets import traversal_sheet
from training.recipes.recipes import RECIPES
from training.runs import run_directory
from training.runs.best_epoch import EarlyStop
from training.runs.config import TrainingConfig
from training.runs.metrics_log import MetricsLog, read_metrics
from training.runs.run_control import RunControl


class StopEarly(keras.callbacks.Callback):
    """Ends the training after an epoch when `EarlyStop` says so; place it after `MetricsLog`."""

    def __init__(self, early_stop: EarlyStop, metrics: Path):
        super().__init__()
        self._early_stop = early_stop
        self._metrics = metrics

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = self._early_stop.is_due(read_metrics(self._metrics))


def fit(
    run: Path,
    config: TrainingConfig,
    data_set: DataSet,
    model: keras.Model,
    checkpoints: Checkpoints,
    steps_per_epoch: int,
    control: RunControl,
    distribution: Distribution,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Trains a model from where its checkpoints stand to the last epoch.

    Args:
        run: Run directory; metrics, samples and events are written there.
        config: The run's configuration.
        data_set: What it is trained on.
        model: A compiled model with the state of the newest checkpoint, if there is one.
        checkpoints: Say where the training stands, and save it.
        steps_per_epoch: Steps of an epoch.
        control: How long it may take, and what is written for TensorBoard.
        distribution: Where its replicas run.
        callbacks: Further callbacks, which find the metrics of an epoch written at its end.

    Raises:
        DivergedError: A loss or a weight is not finite.
        StopRequest: SIGTERM came or the time is over. Nothing has happened since the last step.
        UnknownNameError: There is no such metric to stop by.
        tf.errors.ResourceExhaustedError: Memory or the disk is full.
    """
    recipe = RECIPES[config.model]
    tensorboard_dir, metrics = run / run_directory.TENSORBOARD, run / run_directory.METRICS
    stop_requests = StopRequests(
        control.max_minutes, distribution.agree, every_steps=distribution.steps_between_agreements
    )
    pictures_dir = tensorboard_dir / "samples"
    callbacks_by_wish = [*callbacks]
    if control.profile_steps:
        callbacks_by_wish.append(StepProfiler(*control.profile_steps, tensorboard_dir))
    wandb_log = WandbLog(run, config) if control.wandb and distribution.is_chief else None
    if wandb_log:
        callbacks_by_wish.append(wandb_log)
    if config.stop_rule:
        callbacks_by_wish.append(StopEarly(config.stop_rule, metrics))
    all_callbacks = [
        Throughput(config.batch_size),
        OptimizerState(),
        CollapseWarning(),
        MetricsLog(metrics, checkpoints.num_epochs_done),
        SampleWriter(
            lambda: recipe.draw_samples(model, config, data_set),
            run / run_directory.SAMPLES,
            tensorboard_dir,
            (lambda: traversal_sheet(model, config.seed)) if hasattr(model, "latent_dim") else None,
            f"```json\n{config.to_json()}```",
        ),
        LatentProjector(config, data_set, pictures_dir),
        keras.callbacks.TensorBoard(
            str(tensorboard_dir), write_graph=False, histogram_freq=int(control.histograms)
        ),
        *callbacks_by_wish,
        # An epoch counts as done only when its metrics and samples are written.
        checkpoints,
        # Last, so that what they stop stands where the checkpoints say.
        FiniteLosses(),
        stop_requests,
    ]
    checkpoints.save_initial_state()
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(stop_requests)
        if wandb_log:
            stack.enter_context(wandb_log)
        # Both are about a `tf.data` pipeline as it should be: shuffled by itself, finite for validation.
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        evaluation_batches = distribution.repeat_for_replicas(
            recipe.make_evaluation_batches(config, data_set, "validation")
        )
        model.stop_training = False
        while checkpoints.num_epochs_done < config.epochs and not model.stop_training:
            # What is left of an epoch is an epoch of its own to Keras.
            num_epochs_done, num_steps_done = checkpoints.num_epochs_done, checkpoints.num_steps_done
            model.fit(
                distribution.split_rows(
                    recipe.make_training_batches(
                        config, data_set, first_step=num_epochs_done * steps_per_epoch + num_steps_done
                    )
                ),
                initial_epoch=num_epochs_done,
                epochs=num_epochs_done + 1 if num_steps_done else config.epochs,
                steps_per_epoch=steps_per_epoch - num_steps_done,
                validation_data=evaluation_batches,
                callbacks=all_callbacks,
                verbose=(1 if sys.stdout.isatty() else 2) if distribution.is_chief else 0,
            )
