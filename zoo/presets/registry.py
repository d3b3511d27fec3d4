"""Trained weights in the package: which there are, and what is known about each.

Imports neither TensorFlow nor NumPy, so that presets are listed in a moment.
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
    """What is known about a trained model of the package, besides its weights.

    Args:
        name: What it is asked for by, e.g. `"srcnn_x2"`.
        model: Name of the model, as `zoo train` knows it.
        model_class: Name of its class, e.g. `"SRCNN"`.
        model_config: Arguments of the model's class; `attributes` among them where it has any.
        training_config: Everything that decided the training, as in a run's `config.json`.
        data: `name`, `licence` and `num_training_images` of the data set.
        licence: Licence of the weights.
        command: Command that repeats the training.
        minutes: Minutes that the training took.
        hardware: What it took them on.
        git_commit: Commit of the code that made the preset; None outside a checkout.
        versions: Version of each library that matters.
        evaluation: Contents of the run's `evaluation.json`: scores, on what and on how many pictures.
        headline_scores: Names of the scores that `zoo presets` shows.
        weights: `sha256`, `dtype` and `num_values` of the weights file.
        directory: Where its two files are.

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
        """The values of each attribute that the model knows; empty where it has none."""
        return self.model_config.get("attributes", {})

    @property
    def num_bytes(self) -> int:
        """Size of both files.

        Raises:
            ValueError: One of them is missing.
        """
        try:
            return sum((self.directory / name).stat().st_size for name in (DESCRIPTION, WEIGHTS))
        except OSError as error:
            raise ValueError(
                f"Both files of the preset {self.name} must be there. Received: {error.filename}, which "
                f"cannot be read ({error.strerror}). {REINSTALL}"
            ) from error

    def to_json(self) -> str:
        """Returns the text of its `preset.json`."""
        values = dataclasses.asdict(self)
        del values["name"], values["directory"]  # they are where the file is
        return json.dumps({"format": FORMAT, **values}, indent=2) + "\n"

    def find_weights(self) -> Path:
        """Returns the path of the weights, which are as they were shipped.

        Raises:
            ValueError: They are missing or damaged.
        """
        path = self.directory / WEIGHTS
        sha256 = file_sha256(path) if path.is_file() else "no such file"
        if sha256 != self.weights["sha256"]:
            raise ValueError(
                f"The weights of the preset {self.name} must be as they were shipped. Received: {path} with "
                f"sha256={sha256}, expected sha256={self.weights['sha256']}. {REINSTALL}"
            )
        return path


def list_presets() -> list[str]:
    """Returns the names of all presets, sorted."""
    return sorted(path.parent.name for path in DIRECTORY.glob(f"[!.]*/{DESCRIPTION}"))


def read_preset(name: str) -> Preset:
    """Reads what is known about a preset; its weights are left alone.

    Args:
        name: One of `list_presets`.

    Raises:
        UnknownNameError: There is no such preset; lists those that exist.
        ValueError: Its description is damaged or of another version.
    """
    if name not in list_presets():
        raise UnknownNameError("preset", name, list_presets())
    directory = DIRECTORY / name
    path = directory / DESCRIPTION
    try:
        values = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(
            f"The description of a preset must be JSON. Received: {path}. {REINSTALL}"
        ) from error
    file_format = values.pop("format", None)
    fields = {field.name for field in dataclasses.fields(Preset)} - {"name", "directory"}
    if file_format != FORMAT or values.keys() != fields:
        different = ", ".join(sorted(values.keys() ^ fields)) or "none"
        raise ValueError(
            f"The description of a preset must be of format {FORMAT}, which this version reads. Received: "
            f"{path} of format {file_format!r}, fields that differ: {different}. {REINSTALL}"
        )
    return Preset(name=name, directory=directory, **values)


def file_sha256(path: Path) -> str:
    """Returns the checksum of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def score_value(score: Any) -> float:
    """Returns the number of a score: itself, or the `value` beside which its interval stands."""
    return float(score["value"] if isinstance(score, dict) else getattr(score, "value", score))
