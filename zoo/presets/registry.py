"""Lists and describes the package's trained weights.

Imports neither TensorFlow nor NumPy, which makes listing presets instant.
"""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from zoo.errors import UnknownNameError

DIRECTORY = Path(__file__).parents[1] / "preset_files"
DESCRIPTION = "preset.json"
WEIGHTS = "weights.npz"
FORMAT = 1
REINSTALL = "Install the package again: pip install --force-reinstall --no-deps product-image-zoo"


@dataclasses.dataclass(frozen=True)
class Preset:
    """The description of one of the package's trained models.

    Args:
        name: Name of the preset, e.g. `"srcnn_x2"`.
        model: Name of the model in `zoo train`.
        model_class: Name of the model's class, e.g. `"SRCNN"`.
        model_config: Arguments of the model's class, including `attributes` where it has any.
        training_config: All settings of the training, as in a run's `config.json`.
        data: `name`, `licence` and `num_training_images` of the data set.
        licence: Licence of the weights.
        command: Command that repeats the training.
        minutes: Duration of the training in minutes.
        hardware: Hardware that the training ran on.
        git_commit: Commit of the code that made the preset; None outside a checkout.
        versions: Versions of the libraries that affect results.
        evaluation: Contents of the run's `evaluation.json`: the scores, the data and the number of pictures.
        headline_scores: Names of the scores that `zoo presets` shows.
        weights: `sha256`, `dtype` and `num_values` of the weights file.
        directory: Directory of the preset's two files.

    Example:

    ```python
    read_preset("srcnn_x2").evaluation["scores"]["psnr"]
    ```
    """

    name: str
    model: str
    model_class: str
    model_config: dict[str, Any]
    training_config: dict[str, Any]
    data: dict[str, Any]
    licence: str
    command: str
    minutes: float
    hardware: str
    git_commit: str | None
    versions: dict[str, str]
    evaluation: dict[str, Any]
    headline_scores: list[str]
    weights: dict[str, Any]
    directory: Path

    @property
    def attributes(self) -> dict[str, list[str]]:
        """The values of each of the model's attributes; empty if it has none."""
        return self.model_config.get("attributes", {})

    @property
    def num_bytes(self) -> int:
        """Total size of the preset's two files.

        Raises:
            ValueError: One of them is missing.
        """
        try:
            return sum((self.directory / name).stat().st_size for name in (DESCRIPTION, WEIGHTS))
        except OSError as error:
            raise ValueError(
                f"Both files of the preset {self.name} must be readable. Received: {error.filename}, which "
                f"cannot be read ({error.strerror}). {REINSTALL}"
            ) from error

    def to_json(self) -> str:
        """Returns the contents of the preset's `preset.json`."""
        values = dataclasses.asdict(self)
        del values["name"], values["directory"]  # the file's location implies both
        return json.dumps({"format": FORMAT, **values}, indent=2) + "\n"

    def find_weights(self) -> Path:
        """Returns the path of the weights file after verifying its checksum.

        Raises:
            ValueError: The file is missing or damaged.
        """
        path = self.directory / WEIGHTS
        sha256 = file_sha256(path) if path.is_file() else "no such file"
        if sha256 != self.weights["sha256"]:
            raise ValueError(
                f"The weights of the preset {self.name} must match their checksum. Received: {path} with "
                f"sha256={sha256}, expected sha256={self.weights['sha256']}. {REINSTALL}"
            )
        return path


def list_presets() -> list[str]:
    """Returns the names of all presets, sorted."""
    return sorted(path.parent.name for path in DIRECTORY.glob(f"[!.]*/{DESCRIPTION}"))


def read_preset(name: str) -> Preset:
    """Reads a preset's description, but not its weights.

    Args:
        name: One of `list_presets`.

    Raises:
        UnknownNameError: There is no such preset; the message lists the existing ones.
        ValueError: The description is damaged or belongs to another version of the package.
    """
    if name not in list_presets():
        raise UnknownNameError("preset", name, list_presets())
    directory = DIRECTORY / name
    path = directory / DESCRIPTION
    try:
        values = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"A preset's description must be JSON. Received: {path}. {REINSTALL}") from error
    file_format = values.pop("format", None)
    fields = {field.name for field in dataclasses.fields(Preset)} - {"name", "directory"}
    if file_format != FORMAT or values.keys() != fields:
        different = ", ".join(sorted(values.keys() ^ fields)) or "none"
        raise ValueError(
            f"A preset's description must have format {FORMAT}, the only one that this version reads. "
            f"Received: {path} of format {file_format!r}, differing fields: {different}. {REINSTALL}"
        )
    return Preset(name=name, directory=directory, **values)


def file_sha256(path: Path) -> str:
    """Returns a file's SHA-256 checksum, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def score_value(score: Any) -> float:
    """Returns the number of a score: itself, or the `value` beside which its interval stands."""
    return float(score["value"] if isinstance(score, dict) else getattr(score, "value", score))
