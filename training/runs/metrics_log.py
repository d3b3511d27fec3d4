"""Logs the run's metrics as JSON Lines, one object per epoch."""

import json
import time
from pathlib import Path
from typing import Any

import keras

from zoo.files.atomic_write import write_text


class MetricsLog(keras.callbacks.Callback):
    """Appends each epoch's logs to `metrics.jsonl`, with its number `epoch` (from 1) and duration `seconds`.

    Args:
        path: The file. Lines of epochs after `num_epochs_done` are removed: a resumed run repeats them.
        num_epochs_done: Number of epochs that the run had already finished.
    """

    def __init__(self, path: Path, num_epochs_done: int = 0):
        super().__init__()
        self._path = path
        kept = read_metrics(path)[:num_epochs_done] if path.exists() else []
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._start_seconds = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = round(time.perf_counter() - self._start_seconds, 3)
        values = {name: float(value) for name, value in (logs or {}).items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch + 1, "seconds": seconds, **values}) + "\n")


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Reads a `metrics.jsonl` up to the first incomplete line, which a crash may have left."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines
