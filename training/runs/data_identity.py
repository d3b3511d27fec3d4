"""Remembers which data a run learns from, so that it is not resumed on other data of the same name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.data.data_sets import DataSet
from training.runs.run_directory import CHECKPOINTS
from zoo.files.atomic_write import write_text

# Beside the checkpoints, which are worth nothing without it.
FILE = "data_set.json"


def identity_of(data_set: DataSet) -> dict[str, Any]:
    """Returns what tells a data set from others of its name, ready for JSON.

    Returns:
        The values of each attribute in the order of their class ids, the number of pictures in each split
        and, for a catalogue, its bytes; those of public data depend on the library that has written them.
    """
    splits = data_set.builder.info.splits if data_set.report else {}
    return {
        "attributes": {name: list(values) for name, values in data_set.attributes.items()},
        "num_images": dict(data_set.num_images),
        "num_bytes": {name: int(split.num_bytes) for name, split in splits.items()},
    }


def write_identity(run: Path, data_set: DataSet) -> None:
    """Writes the identity of a new run's data set."""
    (run / CHECKPOINTS).mkdir(exist_ok=True)
    write_text(run / CHECKPOINTS / FILE, json.dumps(identity_of(data_set), indent=2) + "\n")


def check_identity(run: Path, data_set: DataSet) -> None:
    """Checks that a run is resumed on the data that it has learned from.

    Runs of versions that wrote no identity pass.

    Raises:
        ValueError: The data set has other values, pictures or bytes; the message names the first difference.
    """
    path = run / CHECKPOINTS / FILE
    if not path.exists():
        return
    learned, found = json.loads(path.read_text(encoding="utf-8")), identity_of(data_set)
    for what, name, before, after in _differences(learned, found):
        raise ValueError(
            "A run must be resumed on the data that it has learned from, because otherwise its classes and "
            f"its steps mean something else. Received: {data_set.name} with {what} {name} of {after}, "
            f"formerly {before}. Build the former data set again, or start a new run from these weights: "
            f"--init-from {run}"
        )


def _differences(learned: dict[str, Any], found: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    words = {"attributes": "values of", "num_images": "pictures in", "num_bytes": "bytes in"}
    for key, what in words.items():
        for name in {**learned[key], **found[key]}:
            before, after = learned[key].get(name, "none"), found[key].get(name, "none")
            if before != after:
                yield what, name, _listed(before), _listed(after)


def _listed(value: list[str] | int | str) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
