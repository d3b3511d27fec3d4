"""A judge of pictures on disk: its weights, and a description that tells whether they are whole."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from training.evaluation.feature_extractor import FeatureExtractor
from training.runs import run_directory
from zoo.classifier import Classifier
from zoo.files.atomic_write import write_bytes, write_text
from zoo.presets.from_preset import load_weights
from zoo.presets.registry import file_sha256

DESCRIPTION, WEIGHTS = run_directory.JUDGE, "judge.npz"
FORMAT = 1
# The judge that was loaded last, by what it is made of: the trials of a study have the same one.
_LOADED: dict[str, tuple[Classifier, FeatureExtractor]] = {}


@dataclasses.dataclass(frozen=True)
class JudgeFiles:
    """A classifier on whose features pictures are compared, in a directory.

    Args:
        directory: Where `judge.json` and `judge.npz` are.
        name: What it is called: that of a preset, or `classifier of DATA_SET`.
        model_config: Arguments of `Classifier`.
        weights_sha256: Checksum of `judge.npz`.
        accuracy: For each attribute the share of validation pictures that it judges right.
        chance: For each attribute the share of the most frequent value, which guessing gets right.
        num_judged: Validation pictures that both are of.
    """

    directory: Path
    name: str
    model_config: Mapping[str, Any]
    weights_sha256: str
    accuracy: Mapping[str, float] = dataclasses.field(default_factory=dict)
    chance: Mapping[str, float] = dataclasses.field(default_factory=dict)
    num_judged: int = 0

    @property
    def classifier(self) -> Classifier:
        """The network, float32."""
        return self._load()[0]

    @property
    def extractor(self) -> FeatureExtractor:
        """Its features."""
        return self._load()[1]

    def write(self) -> None:
        """Writes `judge.json` beside the weights."""
        values = {key: value for key, value in dataclasses.asdict(self).items() if key != "directory"}
        write_text(self.directory / DESCRIPTION, json.dumps({"format": FORMAT, **values}, indent=2) + "\n")

    def copy_to(self, directory: Path) -> "JudgeFiles":
        """Writes both files to another directory, the description last, and returns what is there."""
        copy_weights(self.directory / WEIGHTS, directory)
        copy = dataclasses.replace(self, directory=directory)
        copy.write()
        return copy

    def _load(self) -> tuple[Classifier, FeatureExtractor]:
        key = json.dumps([self.weights_sha256, self.model_config])
        if key not in _LOADED:
            model = Classifier.from_config({**self.model_config, "dtype": "float32"})
            load_weights(model, self.directory / WEIGHTS)
            _LOADED.clear()
            extract = tf.function(model.extract_features, autograph=False)
            _LOADED[key] = model, FeatureExtractor(self.name, extract)
        return _LOADED[key]


def read_judge(directory: Path) -> JudgeFiles | None:
    """Reads a judge; None where there is none.

    Raises:
        ValueError: It is damaged or from another version; says what is wrong.
    """
    path, weights = directory / DESCRIPTION, directory / WEIGHTS
    if not path.exists():
        return None
    try:
        values = dict(json.loads(path.read_text(encoding="utf-8")))
        file_format = values.pop("format", None)
        judge = JudgeFiles(directory=directory, **values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} does not describe a judge") from error
    if file_format != FORMAT:
        raise ValueError(f"{path} is of format {file_format!r} instead of {FORMAT}")
    if not weights.exists():
        raise ValueError(f"{weights} is missing")
    if file_sha256(weights) != judge.weights_sha256:
        raise ValueError(f"{weights} is not what was written")
    try:
        _ = judge.classifier
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{weights} does not fit its description: {error}") from error
    return judge


def copy_weights(source: Path, directory: Path) -> None:
    """Copies a file of weights to `judge.npz`, whole or not at all."""
    write_bytes(directory / WEIGHTS, source.read_bytes())
