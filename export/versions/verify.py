"""What is wrong with the files of versions, in words; imports no TensorFlow."""

from pathlib import Path

from export.versions.manifest import MANIFEST, find_file_problems


def find_version_dirs(models_dir: Path) -> list[Path]:
    """Returns everything below the models of a directory that TF Serving would take for a version.

    Args:
        models_dir: Directory of all models.

    Returns:
        The paths by model, lowest version first, at least one.

    Raises:
        FileNotFoundError: The directory is missing or holds no version.
    """
    model_dirs = (entry for entry in models_dir.iterdir()) if models_dir.is_dir() else ()
    found = [
        (model_dir.name, int(entry.name), entry)
        for model_dir in model_dirs
        if model_dir.is_dir()
        for entry in model_dir.iterdir()
        if entry.name.isascii() and entry.name.isdigit()
    ]
    if not found:
        raise FileNotFoundError(
            "The models directory must hold at least one MODEL/VERSION. "
            f"Received: models_dir='{models_dir}'. Name one with --models-dir, or name versions."
        )
    return [entry for _, _, entry in sorted(found)]


def version_problem(version_dir: Path) -> str:
    """Returns what is wrong with a version directory, in one line; `""` where nothing is."""
    if not version_dir.is_dir():
        return "not a directory"
    if not (version_dir / MANIFEST).exists():
        return f"no {MANIFEST}, so nothing says what its files must be"
    try:
        problems = find_file_problems(version_dir)
    except (OSError, ValueError) as error:
        return str(error)
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in problems._asdict().items() if names)
