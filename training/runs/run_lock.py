"""Lock that allows only one process at a time to train a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.runs.run_directory import LOCK
from zoo.files.file_lock import file_lock


class RunInUseError(RuntimeError):
    """Raised when another process is training the run; the message says which one and what to do."""


@contextmanager
def locked_run(run: Path) -> Iterator[None]:
    """Holds the lock of a run directory; the lock file names its holder and is removed at the end.

    Args:
        run: An existing run directory.

    Raises:
        OSError: The directory cannot be written.
        RunInUseError: Another process holds the lock.
    """

    def refuse(holder: str) -> None:
        raise RunInUseError(
            f"A run must be trained by only one process at a time. Received: {run}, which is being trained "
            f"by {holder}. Wait for it to end, or stop it with SIGTERM, which saves; "
            f"then: zoo train --resume {run}"
        )

    with file_lock(run / LOCK, on_held=refuse):
        try:
            yield
        finally:
            (run / LOCK).unlink(missing_ok=True)
