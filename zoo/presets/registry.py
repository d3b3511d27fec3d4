"""Lists the package's presets, and reads descriptions of presets in the package or elsewhere.

Imports neither TensorFlow nor NumPy, which makes listing presets instant.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo.errors import UnknownNameError
from zoo.presets.hub import PREFIX, find_on_hub

DIRECTORY = Path(__file__).parents[1] / "preset_files"
DESCRIPTION = "preset.json"
WEIGHTS = "weights.npz"
FORMAT = 1
REINSTALL = "Install the package again: pip install --force-reinstall --no-deps product-image-zoo"
SAVE_AGAIN = "Write the folder again with `save_to_preset`, or copy or download it again."
# The fields that follow from a model. All others come from its training, and a folder may lack them.
MODEL_FIELDS = ("model_class", "model_config", "weights")
# Fields that complete descriptions have only where there is something to say.
OPTIONAL_FIELDS = ("weak_at",)


@dataclasses.dataclass(frozen=True)
class Preset:
    """The description of a trained model.

    The descriptions of the package's presets are complete. A folder written by `save_to_preset` has only
    `MODEL_FIELDS`; the other fields are None.

    Args:
        name: Name of the preset, e.g. `"srcnn_x2"`, or of its folder.
        directory: Directory of the preset's two files.
        model_class: Name of the model's class, e.g. `"SRCNN"`.
        model_config: Arguments of the model's class, including `attributes` where it has any.
        weights: `sha256`, `dtype` and `num_values` of the weights file.
        model: Name of the model in `zoo train`.
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
        weak_at: Why not to use the model, by what it is not good at; `zoo generate` obeys `"generate"`.

    Example:

    ```python
    read_preset("srcnn_x2").evaluation["scores"]["psnr"]
    ```
    """

    name: str
    directory: Path
    model_class: str
    model_config: dict[str, Any]
    weights: dict[str, Any]
    model: str | None = None
    training_config: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    licence: str | None = None
    command: str | None = None
    minutes: float | None = None
    hardware: str | None = None
    git_commit: str | None = None
    versions: dict[str, str] | None = None
    evaluation: dict[str, Any] | None = None
    headline_scores: list[str] | None = None
    weak_at: dict[str, str] | None = None

    @property
    def is_shipped(self) -> bool:
        """Whether the preset belongs to the package."""
        return self.directory.parent == DIRECTORY

    @property
    def reference(self) -> str:
        """The argument with which `read_preset` finds the preset from any working directory."""
        return self.name if self.is_shipped else str(self.directory.resolve())

    @property
    def remedy(self) -> str:
        """The advice for a preset whose files are damaged or belong to another version."""
        return REINSTALL if self.is_shipped else SAVE_AGAIN

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
                f"cannot be read ({error.strerror}). {self.remedy}"
            ) from error

    def to_json(self) -> str:
        """Returns the contents of `preset.json`, with only the model's fields if the training is unknown."""
        fields = MODEL_FIELDS if self.training_config is None else _all_fields()
        values = {name: getattr(self, name) for name in fields}
        values |= {name: getattr(self, name) for name in OPTIONAL_FIELDS if getattr(self, name)}
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
                f"sha256={sha256}, expected sha256={self.weights['sha256']}. {self.remedy}"
            )
        return path


def list_presets() -> list[str]:
    """Returns the sorted names of the package's presets."""
    return sorted(path.parent.name for path in DIRECTORY.glob(f"[!.]*/{DESCRIPTION}"))


def read_preset(preset: str | Path, allow_download: bool = False) -> Preset:
    """Reads a preset's description, but not its weights.

    Args:
        preset: One of `list_presets`; a folder, as a path with a slash (`"./folder"`) or a `pathlib.Path`; or
            a repository of the Hugging Face Hub, `"hf://owner/name"` or `"hf://owner/name@revision"`.
        allow_download: As for `find_on_hub`.

    Raises:
        FileNotFoundError: The folder contains no preset, or the hub's cache lacks it.
        ImportError: The extra `hub` is not installed.
        UnknownNameError: There is no such preset; the message lists the existing ones.
        ValueError: The description is damaged or belongs to another version of the package.
    """
    if isinstance(preset, str) and preset.startswith(PREFIX):
        repository = preset.removeprefix(PREFIX).partition("@")[0]
        directory = find_on_hub(preset, (DESCRIPTION, WEIGHTS), allow_download)
        return _read_folder(directory, repository.rpartition("/")[2])
    if isinstance(preset, Path) or any(separator in preset for separator in {"/", os.sep}):
        directory = Path(preset)
        return _read_folder(directory, directory.resolve().name)
    if preset not in list_presets():
        is_folder = preset and (Path(preset) / DESCRIPTION).is_file()
        advice = f"To use the folder, write a slash: ./{preset}." if is_folder else ""
        raise UnknownNameError("preset", preset, list_presets(), advice)
    values = _read_values(DIRECTORY / preset, _all_fields(), REINSTALL)
    return Preset(name=preset, directory=DIRECTORY / preset, **values)


def _read_folder(directory: Path, name: str) -> Preset:
    path = directory / DESCRIPTION
    if not path.is_file():
        raise FileNotFoundError(
            f"A preset's folder must contain {DESCRIPTION} and {WEIGHTS}. Received: {directory}, where "
            f"{DESCRIPTION} is missing. Presets of the package are named without a slash: "
            f"{', '.join(list_presets()) or 'none'}."
        )
    values = _read_values(directory, MODEL_FIELDS, SAVE_AGAIN)
    parts = values["model_config"], values["weights"]
    if not all(isinstance(part, dict) for part in parts) or "sha256" not in values["weights"]:
        raise ValueError(
            "A preset's description must have the model's arguments and the weights' checksum. "
            f"Received: {path}. {SAVE_AGAIN}"
        )
    return Preset(name=name, directory=directory, **values)


def _read_values(directory: Path, required: Iterable[str], remedy: str) -> dict[str, Any]:
    """Reads a description and checks that it has all `required` fields and no unknown ones."""
    path = directory / DESCRIPTION
    try:
        values = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"A preset's description must be JSON. Received: {path}. {remedy}") from error
    file_format = values.pop("format", None)
    fields = (values.keys() - {*_all_fields(), *OPTIONAL_FIELDS}) | (set(required) - values.keys())
    if file_format != FORMAT or fields:
        different = ", ".join(sorted(fields)) or "none"
        raise ValueError(
            f"A preset's description must have format {FORMAT}, the only one that this version reads. "
            f"Received: {path} of format {file_format!r}, differing fields: {different}. {remedy}"
        )
    return values


def _all_fields() -> list[str]:
    """Returns the fields of a complete description; name and directory follow from the file's location."""
    others = ("name", "directory", *OPTIONAL_FIELDS)
    return [field.name for field in dataclasses.fields(Preset) if field.name not in others]


def file_sha256(path: Path) -> str:
    """Returns a file's SHA-256 checksum, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def score_value(score: Any) -> float:
    """Returns a score as a number; a score with a confidence interval has it in its `value`."""
    return float(score["value"] if isinstance(score, dict) else getattr(score, "value", score))
