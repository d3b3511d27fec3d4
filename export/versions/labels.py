"""Which version each label of a model names: `MODELS_DIR/<model_name>/labels.json`.

TF Serving reads directories whose names are numbers as versions, so it passes this file over. Imports no
TensorFlow.
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
    """Reads the labels that were given to versions of a model.

    Args:
        model_dir: `MODELS_DIR/<model_name>`.

    Returns:
        Label to version; `{}` where none was given.

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
            f"Write it again, e.g.: {json.dumps({STABLE: 1})}"
        )
    return labels


def served_labels(model_dir: Path, versions: Sequence[int]) -> dict[str, int]:
    """Returns every label a server should know, `stable` and `canary` among them.

    Without a file both name the highest version. A missing `canary` is where `stable` is, so that clients of
    either name are answered before there is a canary.

    Args:
        model_dir: `MODELS_DIR/<model_name>`.
        versions: The versions that can be served, lowest first; at least one.

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
    """Gives a label to a version, and takes it from the version that had it.

    The first label of a model that is not `stable` gives `stable` to the highest other version, too: that is
    what clients of `stable` have been served until then, and a canary must not become theirs.

    Args:
        models_dir: Directory of all models.
        model_name: Name that the model is served by.
        version: A version of the model, whose files are as they were exported.
        label: `"stable"`, `"canary"` or another word.
        dry_run: Whether to check everything and write nothing.

    Returns:
        Label to version, as it is now.

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
    """Raises `ValueError` unless `label` can be a part of a URL."""
    if not _LABEL.fullmatch(label):
        raise ValueError(
            "`--label` must consist of letters, digits, '_', '-' and '.' and not begin with '-' or '.', "
            f"because it becomes a part of a URL. Received: label={label!r}. E.g. stable or canary."
        )


def find_model_dir(models_dir: Path | str, model_name: str) -> Path:
    """Returns the directory of a model that has a version.

    Raises:
        FileNotFoundError: There is none; lists the models there are.
        ValueError: No model can have that name.
    """
    check_model_name(model_name)
    models_dir = Path(models_dir)
    if servable_versions(models_dir / model_name):
        return models_dir / model_name
    entries = sorted(models_dir.iterdir()) if models_dir.is_dir() else []
    known = ", ".join(entry.name for entry in entries if servable_versions(entry)) or "none"
    raise FileNotFoundError(
        f"A model of `--models-dir` must be named. Received: {model_name!r}, which has no version in "
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
    # A model of another origin has no manifest, and nothing to be compared with.
    if (version_dir / MANIFEST).exists():
        check_manifest(version_dir)


def _write(model_dir: Path, labels: dict[str, int]) -> None:
    # Under the lock, whatever is unfinished is of a process that was killed.
    remove_unfinished(model_dir, LABELS)
    write_text(model_dir / LABELS, json.dumps(labels, indent=2, sort_keys=True) + "\n")
