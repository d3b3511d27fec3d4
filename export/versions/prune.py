"""Removes a model's old versions, each atomically, except labelled ones and the highest."""

import os
import shutil
import uuid
from pathlib import Path
from typing import NamedTuple

from export.versions.labels import find_model_dir, read_labels
from export.versions.publish import REMOVED_PREFIX, remove_leftovers
from export.versions.version_dirs import servable_versions
from zoo.files.atomic_write import sync
from zoo.files.file_lock import directory_lock


class Removal(NamedTuple):
    """One removed version.

    Args:
        version_dir: Its former directory.
        num_bytes: Total size of its files.
    """

    version_dir: Path
    num_bytes: int


def prune(models_dir: Path | str, model_name: str, keep: int, dry_run: bool = False) -> list[Removal]:
    """Removes all of a model's versions except the highest ones and those that a label names.

    Renames each directory before deleting its files, so no server ever finds an incomplete version. A killed
    process leaves directories without a number, which the next export or prune removes.

    Args:
        models_dir: Directory of all models.
        model_name: Name that the model is served by.
        keep: Number of the highest versions to keep, at least 1; labelled ones are kept as well.
        dry_run: Whether to remove nothing.

    Returns:
        The removed versions, lowest first.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: `keep` is less than 1, or the labels cannot be read.
        OSError: A version cannot be removed.

    Example:

    ```python
    freed_bytes = sum(removal.num_bytes for removal in prune("models", "srcnn_x2", keep=3))
    ```
    """
    if keep < 1:
        raise ValueError(
            "`--keep` must be at least 1, because the highest version is never removed. "
            f"Received: keep={keep}. To remove a model, delete its directory."
        )
    model_dir = find_model_dir(models_dir, model_name)
    with directory_lock(model_dir):
        versions = servable_versions(model_dir)
        kept = {*versions[-keep:], *read_labels(model_dir).values()}
        removals = [
            Removal(model_dir / str(version), _num_bytes(model_dir / str(version)))
            for version in versions
            if version not in kept
        ]
        if dry_run:
            return removals
        unnumbered = [_take_number(removal.version_dir) for removal in removals]
        sync(model_dir)
    for directory in unnumbered:
        shutil.rmtree(directory, ignore_errors=True)
        if directory.exists():
            raise OSError(
                f"A removed version's files must be deletable. Received: {directory}, which cannot be "
                "deleted. No server reads it; delete it by hand."
            )
    remove_leftovers(model_dir)
    return removals


def _take_number(version_dir: Path) -> Path:
    return version_dir.rename(version_dir.with_name(f"{REMOVED_PREFIX}{uuid.uuid4().hex}"))


def _num_bytes(version_dir: Path) -> int:
    paths = (Path(parent, name) for parent, _, names in os.walk(version_dir) for name in names)
    return sum(path.lstat().st_size for path in paths)
