"""Runs a model's training steps, from its newest checkpoint to the last epoch."""

import contextlib
import sys
import warnings

from training.callbacks.stop_requests import StopRequests
from training.callbacks.wandb_log import WandbLog
from training.loop.run_callbacks import make_callbacks
from training.loop.session import Session


def fit(session: Session) -> None:
    """Trains a session's model and writes metrics, samples and events into its run directory.

    Raises:
        DivergedError: A loss or a weight is not finite.
        StopRequest: SIGTERM arrived or the time limit expired. The model is as the last step left it.
        UnknownNameError: The early-stopping metric does not exist.
        tf.errors.ResourceExhaustedError: Memory or the disk is full.
    """
    config, recipe, model = session.config, session.recipe, session.model
    control, distribution, checkpoints = session.control, session.distribution, session.checkpoints
    stop_requests = StopRequests(
        control.max_minutes, distribution.agree, every_steps=distribution.steps_between_agreements
    )
    wandb_log = WandbLog(session.run, config) if control.wandb and distribution.is_chief else None
    # Saved first: a training that is killed while its callbacks are made must be resumable.
    checkpoints.save_initial_state()
    callbacks = make_callbacks(session, stop_requests, wandb_log)
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(stop_requests)
        if wandb_log:
            stack.enter_context(wandb_log)
        # Keras warns of pipelines that shuffle by themselves and of validation batches that end, as ours do.
        warnings.filterwarnings("ignore", message="`shuffle=True` was passed")
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        evaluation_batches = distribution.repeat_for_replicas(
            recipe.make_evaluation_batches(config, session.data_set, "validation")
        )
        model.stop_training = False
        while checkpoints.num_epochs_done < config.epochs and not model.stop_training:
            # After a resume, Keras runs the rest of the epoch as an epoch of its own.
            num_epochs_done, num_steps_done = checkpoints.num_epochs_done, checkpoints.num_steps_done
            first_step = num_epochs_done * session.steps_per_epoch + num_steps_done
            batches = recipe.make_training_batches(config, session.data_set, first_step=first_step)
            model.fit(
                distribution.split_rows(batches),
                initial_epoch=num_epochs_done,
                epochs=num_epochs_done + 1 if num_steps_done else config.epochs,
                steps_per_epoch=session.steps_per_epoch - num_steps_done,
                validation_data=evaluation_batches,
                callbacks=callbacks,
                verbose=(1 if sys.stdout.isatty() else 2) if distribution.is_chief else 0,
            )
