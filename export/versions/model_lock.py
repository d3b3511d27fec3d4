"""One writer of a model's directory at a time: whoever adds or removes versions, or moves labels."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def locked_model(model_dir: Path) -> Iterator[None]:
    """Waits until nobody else holds the lock of a model's directory, and holds it.

    The kernel releases it however the process ends. A file system without locks is used without one.

    Args:
        model_dir: `MODELS_DIR/<model_name>`, which exists.

    Raises:
        OSError: The directory is missing or cannot be read.
    """
    descriptor = os.open(model_dir, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
