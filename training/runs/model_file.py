"""Loads the model that a run saved."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from training.runs.run_directory import CONFIG, MODEL

if TYPE_CHECKING:
    import keras


def load_model_file(run: Path) -> "keras.Model":
    """Loads a run's model as it was saved.

    The model's class must be imported by then.

    Args:
        run: Run directory.

    Returns:
        The Keras model, not compiled.

    Raises:
        FileNotFoundError: The training has not finished; the message says how to resume it.
        ValueError: `model.keras` is damaged or from another version.
    """
    import keras

    path = run / MODEL
    if not path.exists():
        raise FileNotFoundError(
            f"The run must have finished. Received: {run}, where {MODEL} is missing. "
            f"Finish it: zoo train --resume {run}"
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(
            f"A run's model must be undamaged and saved by this version. Received: {path}, which cannot be "
            f"loaded: {_reason_of(error, path)}. Restore the file, or train again: zoo train --config "
            f"{run / CONFIG}"
        ) from error


def _reason_of(error: Exception, path: Path) -> str:
    # Keras reports a file that is not a zip archive as not found.
    return str(error).rstrip(". \n") if zipfile.is_zipfile(path) else "it is not a complete zip archive"
