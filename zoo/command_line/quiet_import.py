"""Imports TensorFlow without the log messages that its C++ code writes to standard error."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any


def import_tensorflow(with_keras: bool = True) -> None:
    """Imports TensorFlow and lists its devices with standard error redirected to nowhere.

    Until its logging is initialised, which Python cannot do, TensorFlow writes half a dozen lines about CPU
    features and missing GPUs whatever `TF_CPP_MIN_LOG_LEVEL` says. Python exceptions are raised as usual.

    Args:
        with_keras: Whether TensorFlow may import Keras too. Without it, which TensorFlow supports, the import
            takes two thirds of the time; Keras can still be imported later.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    hides_keras = not with_keras and "keras" not in sys.modules
    modules: dict[str, Any] = sys.modules
    if hides_keras:
        modules["keras"] = None
    try:
        with _closed_stderr():
            import tensorflow as tf

            tf.config.list_physical_devices()
    finally:
        if hides_keras:
            del modules["keras"]


@contextlib.contextmanager
def _closed_stderr() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
