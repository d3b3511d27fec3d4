"""Reads and moves a model's version labels, stored in `MODELS_DIR/<model_name>/labels.json`.

TF Serving ignores this file, because only directories with a number as their name are versions to it. Imports
no TensorFlow.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from export.versions.manifest import MANIFEST, check_manifest
from export.versions.publish import check_model_name
from export.versions.version_dirs import servable_versions
from zoo.files.atomic_write import remove_unfinished, write_text
from zoo.files.file_lock import directory_lock

LABELS = "labels.json"
STABLE, CANARY = "stable", "canary"

_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def read_labels(model_dir: Path) -> dict[str, int]:
    """Reads a model's labels.

    Args:
        model_dir: `MODELS_DIR/<model_name>`.

    Returns:
        Label to version; `{}` for a model without labels.

    Raises:
        ValueError: The file cannot be read.
    """
    path = model_dir / LABELS
    try:
        labels = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        labels = None
    if not isinstance(labels, dict) or not all(type(version) is int for version in labels.values()):
        raise ValueError(
            f"{LABELS} must map labels to versions, as `zoo export promote` writes it. Received: {path}. "
            f"Correct the file, e.g. to: {json.dumps({STABLE: 1})}"
        )
    return labels


def served_labels(model_dir: Path, versions: Sequence[int]) -> dict[str, int]:
    """Returns every label that a server should know, always including `stable` and `canary`.

    Without a labels file both name the highest version. A missing `canary` names the same version as
    `stable`, so clients can use either label before there is a canary.

    Args:
        model_dir: `MODELS_DIR/<model_name>`.
        versions: The servable versions, ascending; at least one.

    Raises:
        ValueError: The file cannot be read, or names a version that is not among `versions`.
    """
    labels = read_labels(model_dir)
    for label, version in labels.items():
        if version not in versions:
            raise ValueError(
                f"A label must name a version that exists. Received: '{label}' names {version} in "
                f"{model_dir / LABELS}, existing: {', '.join(map(str, versions))}. Move the label: "
                f"zoo export promote {model_dir.name} {versions[-1]} --label {label}"
            )
    stable = labels.get(STABLE, versions[-1])
    return {STABLE: stable, CANARY: stable, **labels}


def promote(
    models_dir: Path | str, model_name: str, version: int, label: str, dry_run: bool = False
) -> dict[str, int]:
    """Moves a label to a version.

    If a model's first label is not `stable`, `stable` is given to the highest other version as well: clients
    of `stable` were served that version so far, and must not get the canary.

    Args:
        models_dir: Directory of all models.
        model_name: Name that the model is served by.
        version: A version of the model, with unchanged files.
        label: `"stable"`, `"canary"` or another word.
        dry_run: Whether to check everything and write nothing.

    Returns:
        Label to version, after the change.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: There is no such version or it is damaged, or the label is not allowed.
        OSError: The file cannot be written.

    Example:

    ```python
    promote("models", "srcnn_x2", 3, "stable")  # back to version 3
    ```
    """
    check_label(label)
    model_dir = find_model_dir(models_dir, model_name)
    with directory_lock(model_dir):
        versions = servable_versions(model_dir)
        _check_servable(model_dir, version, versions)
        labels = read_labels(model_dir)
        if label != STABLE and STABLE not in labels:
            others = [other for other in versions if other != version]
            labels[STABLE] = max(others, default=version)
        labels[label] = version
        if not dry_run:
            _write(model_dir, labels)
    return labels


def check_label(label: str) -> None:
    """Raises `ValueError` unless `label` can be part of a URL."""
    if not _LABEL.fullmatch(label):
        raise ValueError(
            "`--label` must consist of letters, digits, '_', '-' and '.' and not begin with '-' or '.', "
            f"because it becomes part of a URL. Received: label={label!r}. Use, e.g., stable or canary."
        )


def find_model_dir(models_dir: Path | str, model_name: str) -> Path:
    """Returns the directory of a model that has at least one version.

    Raises:
        FileNotFoundError: There is no such model; the message lists the existing ones.
        ValueError: No model can have this name.
    """
    check_model_name(model_name)
    models_dir = Path(models_dir)
    if servable_versions(models_dir / model_name):
        return models_dir / model_name
    entries = sorted(models_dir.iterdir()) if models_dir.is_dir() else []
    known = ", ".join(entry.name for entry in entries if servable_versions(entry)) or "none"
    raise FileNotFoundError(
        f"The model must have a version in `--models-dir`. Received: {model_name!r}, which has none in "
        f"'{models_dir}'. Models there: {known}."
    )


def _check_servable(model_dir: Path, version: int, versions: Sequence[int]) -> None:
    version_dir = model_dir / str(version)
    if version not in versions:
        raise ValueError(
            "A label must name a version that exists and holds a saved_model.pb. Received: "
            f"version={version}, existing: {', '.join(map(str, versions))}. Name one of them, or export it: "
            f"zoo export RUN_OR_PRESET --models-dir {model_dir.parent}"
        )
    # A model that was not exported by `zoo` has no manifest to check its files against.
    if (version_dir / MANIFEST).exists():
        check_manifest(version_dir)


def _write(model_dir: Path, labels: dict[str, int]) -> None:
    # Under the lock, any unfinished file is a killed process's leftover.
    remove_unfinished(model_dir, LABELS)
    write_text(model_dir / LABELS, json.dumps(labels, indent=2, sort_keys=True) + "\n")
