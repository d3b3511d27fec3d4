"""Writes and checks a version directory's manifest: its origin, and the SHA-256 of every file.

Imports no TensorFlow, so a server or a script can check a directory quickly.
"""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from training.runs.git_commit import git_commit
from training.runs.library_versions import library_versions

MANIFEST = "assets.extra/manifest.json"

_READ_BYTES = 1 << 20


def write_manifest(
    version_dir: Path,
    model: str,
    source: Mapping[str, str],
    signatures: Mapping[str, Any],
    scores: Mapping[str, float],
    options: Mapping[str, Any] | None = None,
    interface: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Writes the manifest; every other file of the directory must be in its final state.

    Args:
        version_dir: The version directory.
        model: Kind of model, e.g. `"dcgan"`.
        source: The export's source, `{"run": name}` or `{"preset": name}`.
        signatures: Signature name to its inputs and outputs, as `read_signatures` returns them.
        scores: Score name to value from the evaluation; may be empty.
        options: Options of the export, under the exporter's own names.
        interface: What clients see of the model beside its signatures, such as its attributes.

    Returns:
        The manifest.

    Example:

    ```python
    write_manifest(version_dir, "dcgan", {"run": run_dir.name}, read_signatures(version_dir), scores)
    ```
    """
    manifest = {
        "model": model,
        **source,
        "git_commit": git_commit(),
        "versions": {"python": platform.python_version()} | library_versions(),
        "signatures": dict(signatures),
        "interface": dict(interface or {}),
        "scores": dict(scores),
        "options": dict(options or {}),
        "sha256": {name: _sha256(version_dir / name) for name in _files(version_dir)},
    }
    path = version_dir / MANIFEST
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def read_manifest(version_dir: Path) -> dict[str, Any]:
    """Reads the manifest without checking the files.

    Args:
        version_dir: The version directory.

    Returns:
        The manifest, as `write_manifest` returned it.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it cannot be read.
    """
    path = version_dir / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"A version directory must hold {MANIFEST}. Received: version_dir='{version_dir}' without one. "
            "Export the model with `zoo export`."
        )
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(_unreadable(path, str(error))) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("sha256"), dict):
        raise ValueError(_unreadable(path, "no object `sha256` in it"))
    return manifest


def check_manifest(version_dir: Path) -> dict[str, Any]:
    """Checks that a version directory's files are unchanged since the export.

    Args:
        version_dir: The version directory.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: If there is no manifest.
        ValueError: If the manifest cannot be read, or a file is damaged, missing or not in the manifest.

    Example:

    ```python
    check_manifest(Path("models/dcgan/1"))
    ```
    """
    manifest = read_manifest(version_dir)
    for name, found, expected in _differences(version_dir, manifest):
        raise ValueError(
            "Every file of a version directory must be as it was exported. "
            f"Received: {version_dir / name} with sha256={found or 'no such file'}, "
            f"expected sha256={expected or 'no such file'}. Copy or export the version again."
        )
    return manifest


class FileProblems(NamedTuple):
    """Names of a version directory's files that changed since the export.

    Args:
        damaged: Files whose contents differ.
        missing: Files that the manifest names and the directory does not hold.
        extra: Files that the directory holds and the manifest does not name.
    """

    damaged: list[str]
    missing: list[str]
    extra: list[str]


def find_file_problems(version_dir: Path) -> FileProblems:
    """Compares every file of a version directory with its manifest and collects all problems.

    Args:
        version_dir: The version directory.

    Returns:
        The problems; three empty lists if there are none.

    Raises:
        FileNotFoundError: If there is no manifest.
        ValueError: If the manifest cannot be read.
        OSError: If a file cannot be read.
    """
    problems = FileProblems([], [], [])
    for name, found, expected in _differences(version_dir, read_manifest(version_dir)):
        kind = problems.missing if found is None else problems.extra if expected is None else problems.damaged
        kind.append(name)
    return problems


def read_signatures(version_dir: Path) -> dict[str, Any]:
    """Reads the signatures' names, dtypes and shapes from a SavedModel, for its manifest.

    Args:
        version_dir: Directory with a `saved_model.pb`.

    Returns:
        Signature name to `{"inputs": {name: {"dtype": ..., "shape": ...}}, "outputs": ...}`. `None` stands
        for an open dimension and for a shape of unknown rank.
    """
    # Deferred: everything else in this file works without TensorFlow.
    from tensorflow import dtypes
    from tensorflow.core.protobuf import saved_model_pb2

    def described(tensors: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: {
                "dtype": dtypes.as_dtype(tensors[name].dtype).name,
                "shape": None
                if tensors[name].tensor_shape.unknown_rank
                else [None if dim.size < 0 else dim.size for dim in tensors[name].tensor_shape.dim],
            }
            for name in sorted(tensors)
        }

    saved_model = saved_model_pb2.SavedModel.FromString((version_dir / "saved_model.pb").read_bytes())
    signatures = saved_model.meta_graphs[0].signature_def
    return {
        name: {"inputs": described(signatures[name].inputs), "outputs": described(signatures[name].outputs)}
        for name in sorted(signatures)
        if not name.startswith("__")  # TensorFlow's own, `__saved_model_init_op`
    }


def _differences(
    version_dir: Path, manifest: Mapping[str, Any]
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yields the name, actual and expected sha256 of every file for which they differ."""
    expected, names = manifest["sha256"], set(_files(version_dir))
    for name in sorted(expected.keys() | names):
        found = _sha256(version_dir / name) if name in names else None
        if found != expected.get(name):
            yield name, found, expected.get(name)


def _files(version_dir: Path) -> list[str]:
    names = (path.relative_to(version_dir).as_posix() for path in version_dir.rglob("*") if path.is_file())
    return sorted(name for name in names if name != MANIFEST)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _unreadable(path: Path, reason: str) -> str:
    return f"{MANIFEST} must be as `zoo export` wrote it. Received: {path}: {reason}. Export the model again."
