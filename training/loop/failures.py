"""Handles trainings that end early: saves them if possible, and explains how to resume."""

import contextlib
import dataclasses
import signal
from collections.abc import Iterator

import click
import tensorflow as tf

from training.callbacks.checkpoints import Checkpoints
from training.callbacks.diverged import DivergedError, likely_cause
from training.callbacks.stop_requests import TerminationRequest, TimeIsUp
from training.loop.fitting_batch_size import find_fitting_batch_size
from training.loop.session import Session
from training.runs import run_directory


class TrainingInterrupted(RuntimeError):
    """The user stopped the training; the message says how to resume it."""


class TrainingTerminated(RuntimeError):
    """SIGTERM stopped the training, which has been saved; the message says how to resume it."""

    # The exit code that shells, Kubernetes and Slurm report for a process ended by SIGTERM: 128 + 15.
    exit_code = 128 + signal.SIGTERM


class TimeLimit:
    """Records whether the time limit ended a training.

    Attributes:
        message: The message for the user; `""` unless the limit ended the training.
    """

    message = ""


@contextlib.contextmanager
def explained_failures(session: Session) -> Iterator[TimeLimit]:
    """Turns exceptions that end a training early into errors that say what happened and how to resume.

    Yields:
        A `TimeLimit`, with a message if the time limit ended the block: the training is then saved, and no
        error is raised.

    Raises:
        DivergedError: A loss or a weight is not finite.
        MemoryError: A step does not fit into memory; the message names a batch size that fits.
        OSError: The disk is full.
        TrainingInterrupted: The user pressed Ctrl-C.
        TrainingTerminated: SIGTERM arrived.
    """
    limit = TimeLimit()
    try:
        yield limit
    except KeyboardInterrupt as error:
        raise TrainingInterrupted(f"The training was interrupted {_where(session)}") from error
    except TerminationRequest as request:
        _save(session.checkpoints)
        raise TrainingTerminated(f"The training was terminated and saved {_where(session)}") from request
    except TimeIsUp:
        _save(session.checkpoints)
        limit.message = f"The time limit of {session.control.max_minutes:g} minutes expired {_where(session)}"
    except DivergedError as error:
        raise _describe_divergence(session, error) from error
    except tf.errors.ResourceExhaustedError as error:
        raise _describe_exhaustion(session, error) from error


def _describe_divergence(session: Session, error: DivergedError) -> DivergedError:
    checkpoints = session.checkpoints
    step = checkpoints.num_epochs_done * session.steps_per_epoch + checkpoints.num_steps_done
    epoch = max(1, checkpoints.num_epochs_done + (checkpoints.num_steps_done > 0))
    cause = likely_cause(session.config, session.recipe.learning_rate)
    return DivergedError(
        f"The training diverged: {error} after step {step:,}, epoch {epoch}. "
        f"The last good checkpoint is in {checkpoints.directory}. Likely cause: {cause}"
    )


def _describe_exhaustion(session: Session, error: tf.errors.ResourceExhaustedError) -> OSError | MemoryError:
    # TensorFlow raises the same error for a full disk.
    if "No space left" in error.message:
        return OSError(
            f"The disk must have space for checkpoints. Received: {session.shown_run}, with no space left on "
            f"its disk. Free some space and resume: zoo train --resume {session.shown_run}"
        )
    return MemoryError(
        f"A training step must fit into memory. Received: batch_size={session.config.batch_size}. "
        f"{_advise_batch_size(session)}"
    )


def _advise_batch_size(session: Session) -> str:
    config = session.config
    anew = f"zoo train --config {session.shown_run / run_directory.CONFIG} --batch-size"
    if session.distribution.strategy is not None:
        return f"Try half of it: {anew} {max(config.batch_size // 2, 1)}"

    def make_batches(batch_size):
        smaller = dataclasses.replace(config, batch_size=batch_size)
        return session.recipe.make_training_batches(smaller, session.data_set, first_step=0)

    click.echo(f"A batch of {config.batch_size} does not fit into memory. Trying smaller batches.", err=True)
    fitting = find_fitting_batch_size(session.model, make_batches, config.batch_size)
    if fitting is None:
        return "Not even a batch of 1 fits. Choose a smaller --image-size or a smaller network (--width)."
    return f"A batch of {fitting} fits. Start again: {anew} {fitting}"


def _where(session: Session) -> str:
    epoch = min(session.checkpoints.num_epochs_done + 1, session.config.epochs)
    return f"in epoch {epoch} of {session.config.epochs}. Resume it: zoo train --resume {session.shown_run}"


def _save(checkpoints: Checkpoints) -> None:
    checkpoints.save()
    checkpoints.wait()
