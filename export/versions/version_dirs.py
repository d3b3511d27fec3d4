"""Which entries of a model's directory are versions: the one place that reads their names.

Imports nothing heavy: whoever publishes, labels, prunes, verifies or serves versions reads names by it.

Sources:
    [TFS] tensorflow/serving, `sources/storage_path/file_system_storage_path_source.cc`
"""

import re
from pathlib import Path

LARGEST_VERSION = 2**63 - 1

_OWN_NAME = re.compile("[1-9][0-9]*")
_TF_SERVING_NAME = re.compile(r"\s*[-+]?[0-9]+\s*", re.ASCII)


def version_number(name: str, as_tf_serving_reads: bool = False) -> int | None:
    """Returns the version that an entry is by its name; None for a name that is no version's.

    Args:
        name: Name of the entry, without its parents.
        as_tf_serving_reads: This project's versions are positive integers without padding. TF Serving loads
            any entry whose name parses as an integer of 64 bits [TFS], so that `"003"` is its version 3 and
            `"-1"` one below 0. The embedded server must load the same entries, an exporter must not give such
            a number again, and `zoo export verify` must look at what is loaded: these three read names so.

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
    """Returns the versions of a model by number, those of one number by name.

    Args:
        model_dir: `MODELS_DIR/<model_name>`.
        as_tf_serving_reads: As for `version_number`. TF Serving takes files for versions, too; this project's
            are directories.

    Returns:
        Numbers and paths. A number comes twice only as TF Serving reads names, which loads the last one.

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
    """Returns the versions of a model that hold a SavedModel, ascending; `[]` where there is no directory."""
    if not model_dir.is_dir():
        return []
    return [number for number, entry in find_versions(model_dir) if (entry / "saved_model.pb").is_file()]
