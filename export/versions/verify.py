"""Describes the problems of versions whose files changed since the export; imports no TensorFlow."""

from pathlib import Path

from export.versions.manifest import MANIFEST, find_file_problems
from export.versions.version_dirs import find_versions, version_number


def find_version_dirs(models_dir: Path) -> list[Path]:
    """Returns every entry of a models directory that TF Serving would load as a version.

    Args:
        models_dir: Directory of all models.

    Returns:
        At least one path, sorted by model and version.

    Raises:
        FileNotFoundError: The directory is missing or holds no version.
    """
    entries = sorted(models_dir.iterdir()) if models_dir.is_dir() else []
    found = [
        version_dir
        for model_dir in entries
        if model_dir.is_dir()
        for _, version_dir in find_versions(model_dir, as_tf_serving_reads=True)
    ]
    if not found:
        raise FileNotFoundError(
            "The models directory must hold at least one MODEL/VERSION directory. "
            f"Received: models_dir='{models_dir}'. Name another with --models-dir, or name VERSION_DIRs."
        )
    return found


def version_problem(version_dir: Path) -> str:
    """Describes a version directory's problems in one line; `""` if there are none."""
    if not version_dir.is_dir():
        return "not a directory"
    if not (version_dir / MANIFEST).exists():
        return f"no {MANIFEST}, so its files cannot be checked"
    try:
        problems = find_file_problems(version_dir)
    except (OSError, ValueError) as error:
        return str(error)
    texts = [f"{kind}: {', '.join(names)}" for kind, names in problems._asdict().items() if names]
    return "; ".join([*texts, *_name_problems(version_dir.name)])


def _name_problems(name: str) -> list[str]:
    number = version_number(name, as_tf_serving_reads=True)
    if number is None or version_number(name) is not None:
        return []
    advice = f"rename it to {number}" if number > 0 else "give it a positive number"
    return [f"its name: TF Serving loads it as version {number}, but `zoo` ignores it; {advice}"]
