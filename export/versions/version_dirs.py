"""Finds the versions among the entries of a model's directory; no other module reads their names.

Imports nothing heavy, because publishing, labelling, pruning, verifying and serving all use it.

Sources:
    [TFS] tensorflow/serving, `sources/storage_path/file_system_storage_path_source.cc`
"""

import re
from pathlib import Path

LARGEST_VERSION = 2**63 - 1

_OWN_NAME = re.compile("[1-9][0-9]*")
_TF_SERVING_NAME = re.compile(r"\s*[-+]?[0-9]+\s*", re.ASCII)


def version_number(name: str, as_tf_serving_reads: bool = False) -> int | None:
    """Parses an entry's name as a version number; returns None for any other name.

    Args:
        name: Name of the entry, without its parents.
        as_tf_serving_reads: Whether to accept any name that TF Serving parses as a 64-bit integer [TFS], such
            as `"003"` for version 3 and `"-1"`, instead of only this project's positive integers without
            padding. The embedded server needs it to load the same entries, exporters to avoid such numbers,
            and `zoo export verify` to check every loaded version.

    Example:

    >>> version_number("3"), version_number("003"), version_number("003", as_tf_serving_reads=True)
    (3, None, 3)
    """
    pattern = _TF_SERVING_NAME if as_tf_serving_reads else _OWN_NAME
    if not pattern.fullmatch(name):
        return None
    number = int(name)
    return number if -LARGEST_VERSION - 1 <= number <= LARGEST_VERSION else None


def find_versions(model_dir: Path, as_tf_serving_reads: bool = False) -> list[tuple[int, Path]]:
    """Returns a model's versions sorted by number, and entries of the same number by name.

    Args:
        model_dir: `MODELS_DIR/<model_name>`.
        as_tf_serving_reads: As for `version_number`. If true, files count as versions, too, as in TF Serving;
            otherwise only directories do.

    Returns:
        Numbers and paths. Only TF Serving's reading can give a number twice; it loads the last entry.

    Raises:
        OSError: The directory is missing or cannot be read.
    """
    numbered = ((version_number(entry.name, as_tf_serving_reads), entry) for entry in model_dir.iterdir())
    return sorted(
        (number, entry)
        for number, entry in numbered
        if number is not None and (as_tf_serving_reads or entry.is_dir())
    )


def servable_versions(model_dir: Path) -> list[int]:
    """Returns a model's versions that hold a SavedModel, ascending; `[]` if the directory does not exist."""
    if not model_dir.is_dir():
        return []
    return [number for number, entry in find_versions(model_dir) if (entry / "saved_model.pb").is_file()]
