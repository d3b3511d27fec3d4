"""A run's Keras callbacks, in the order in which they must be called."""

import keras

from training.callbacks.collapse_warning import CollapseWarning
from training.callbacks.diverged import FiniteLosses
from training.callbacks.latent_projector import LatentProjector
from training.callbacks.picture_quality import PictureQuality, measure_picture_quality
from training.callbacks.sample_writer import SampleWriter
from training.callbacks.step_logs import OptimizerState, Throughput
from training.callbacks.step_profiler import StepProfiler
from training.callbacks.stop_requests import StopRequests
from training.callbacks.wandb_log import WandbLog
from training.loop.session import Session
from training.runs import run_directory
from training.runs.best_epoch import EarlyStop
from training.runs.metrics_log import MetricsLog, read_metrics


class StopEarly(keras.callbacks.Callback):
    """Stops the training at the end of an epoch once `EarlyStop` is due; place it after `MetricsLog`."""

    def __init__(self, early_stop: EarlyStop, metrics):
        super().__init__()
        self._early_stop = early_stop
        self._metrics = metrics

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = self._early_stop.is_due(read_metrics(self._metrics))


def make_callbacks(
    session: Session, stop_requests: StopRequests, wandb_log: WandbLog | None
) -> list[keras.callbacks.Callback]:
    """Makes a session's callbacks: first those that add logs, then those that read them, save and stop.

    Args:
        session: The training.
        stop_requests: Callback that stops it on SIGTERM or at the time limit.
        wandb_log: Callback that logs to Weights & Biases; None without `--wandb`.
    """
    config, recipe, model = session.config, session.recipe, session.model
    tensorboard_dir = session.run / run_directory.TENSORBOARD
    callbacks = [
        Throughput(config.batch_size),
        OptimizerState(),
        *_measure_quality(session),
        CollapseWarning(),
        MetricsLog(session.metrics, session.checkpoints.num_epochs_done),
        SampleWriter(
            lambda: recipe.draw_samples(model, config, session.data_set),
            session.run / run_directory.SAMPLES,
            tensorboard_dir,
            lambda: recipe.draw_traversals(model, config),
            f"```json\n{config.to_json()}```",
        ),
    ]
    if recipe.has_encoder:
        callbacks.append(LatentProjector(config, session.data_set, tensorboard_dir / "samples"))
    callbacks.append(
        keras.callbacks.TensorBoard(
            str(tensorboard_dir), write_graph=False, histogram_freq=int(session.control.histograms)
        )
    )
    callbacks.extend(session.callbacks)
    if session.control.profile_steps:
        callbacks.append(StepProfiler(*session.control.profile_steps, tensorboard_dir))
    if wandb_log:
        callbacks.append(wandb_log)
    if config.stop_rule:
        callbacks.append(StopEarly(config.stop_rule, session.metrics))
    # An epoch counts as done only once its metrics and samples are written. Requests to stop come last, after
    # the checkpoints have counted the step.
    return [*callbacks, session.checkpoints, FiniteLosses(), stop_requests]


def _measure_quality(session: Session) -> list[PictureQuality]:
    distribution = session.distribution
    return measure_picture_quality(
        session.recipe,
        session.config,
        session.data_set,
        session.model,
        session.checkpoints.directory,
        distribution.on_chief,
        distribution.is_chief,
    )
