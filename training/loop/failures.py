"""How a training that does not reach its last epoch ends: saved where it can be, and said in words."""

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
    """A scheduler stopped the training, which has been saved; the message says how to resume it."""

    # What a shell, Kubernetes and Slurm report of a process that SIGTERM ended: 128 + 15.
    exit_code = 128 + signal.SIGTERM


class TimeLimit:
    """Whether the time limit ended a training.

    Attributes:
        message: What to tell the user; `""` while the limit has not ended it.
    """

    message = ""


@contextlib.contextmanager
def explained_failures(session: Session) -> Iterator[TimeLimit]:
    """Turns what ends a training early into errors that say what happened and how to resume.

    Yields:
        Whether the time limit ended the block: the training is saved then, and no error is raised.

    Raises:
        DivergedError: A loss or a weight is not finite.
        MemoryError: A step does not fit into memory; says which batch size fits.
        OSError: The disk is full.
        TrainingInterrupted: The user pressed Ctrl-C.
        TrainingTerminated: SIGTERM came.
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
        limit.message = f"The {session.control.max_minutes:g} minutes are over {_where(session)}"
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
        f"{checkpoints.directory} has the last good checkpoint. Likely cause: {cause}"
    )


def _describe_exhaustion(session: Session, error: tf.errors.ResourceExhaustedError) -> OSError | MemoryError:
    # TensorFlow raises the same error for a full disk.
    if "No space left" in error.message:
        return OSError(
            f"The run directory must have room for checkpoints. Received: {session.shown_run}, no space "
            f"left. Free some and continue: zoo train --resume {session.shown_run}"
        )
    return MemoryError(
        f"The step does not fit into memory. Received: batch_size={session.config.batch_size}. "
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

    click.echo(
        f"A step of {config.batch_size} pictures does not fit into memory. Trying halves of it.", err=True
    )
    fitting = find_fitting_batch_size(session.model, make_batches, config.batch_size)
    if fitting is None:
        return (
            "Not even one picture fits. Take smaller pictures (--image-size) or a smaller network (--width)."
        )
    return f"{fitting} pictures fit. Start anew: {anew} {fitting}"


def _where(session: Session) -> str:
    epoch = min(session.checkpoints.num_epochs_done + 1, session.config.epochs)
    return f"in epoch {epoch} of {session.config.epochs}. Continue it: zoo train --resume {session.shown_run}"


def _save(checkpoints: Checkpoints) -> None:
    checkpoints.save()
    checkpoints.wait()
