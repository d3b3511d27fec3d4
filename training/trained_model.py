"""A trained model by what the user calls it: a run directory, or a preset.

Nothing here imports Keras until a model or its scores are asked for, so that a wrong name is told at once.
"""

import dataclasses
import functools
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.runs import run_directory
from training.runs.config import TrainingConfig
from training.runs.run_directory import CONFIG, MODEL, read_config
from zoo.errors import UnknownNameError
from zoo.presets import registry
from zoo.presets.hub import PREFIX


@dataclasses.dataclass(frozen=True)
class Source:
    """A trained model, whoever trained it.

    Args:
        kind: `"run"` or `"preset"`.
        name: Name of the run directory, or of the preset.
        directory: Where its files are.
        training_config: What it was trained with; None where a preset's folder does not say.
        preset: What is known about a preset; None of a run.

    Example:

    ```python
    source = load_run_or_preset("srcnn_x2")
    source.model.upscale(raw_images)
    ```
    """

    kind: str
    name: str
    directory: Path
    training_config: TrainingConfig | None
    preset: registry.Preset | None = None

    @property
    def config(self) -> TrainingConfig:
        """What it was trained with.

        Raises:
            ValueError: Nobody knows, because `save_to_preset` wrote it.
        """
        if self.training_config is None:
            raise ValueError(
                "What is evaluated or trained on must say what it was trained with. Received: "
                f"{self.directory}, which `save_to_preset` wrote: it holds the model alone. Name the run "
                "directory, or a preset that python -m training.make_preset made from it."
            )
        return self.training_config

    @property
    def recipe(self):
        """The recipe of its kind of model.

        Raises:
            UnknownNameError: This version does not have that kind of model.
        """
        from training.recipes.base.registry import RECIPES, find_recipe

        if self.preset is not None and self.training_config is None:
            by_class = {recipe.import_model_class().__name__: recipe for recipe in RECIPES.values()}
            if self.preset.model_class not in by_class:
                raise UnknownNameError("model's class", self.preset.model_class, by_class)
            return by_class[self.preset.model_class]
        if self.preset is not None:
            return find_recipe(self.config.model, self.preset.remedy)
        advice = f"{self.directory / run_directory.CONFIG} names it: install the version that made the run."
        return find_recipe(self.config.model, advice)

    @functools.cached_property
    def model(self):
        """The model, loaded when it is asked for, under the float32 policy and not compiled."""
        return self.load_model()

    def load_model(self, precision: str = "float32"):
        """Loads the model.

        Args:
            precision: Dtype policy of the loaded model; the weights are float32 under every one.

        Raises:
            FileNotFoundError: The training of the run has not finished.
            UnknownNameError: It is of a model that this version does not have.
            ValueError: Its files are damaged or from another version.
        """
        if self.kind == "run":
            return load_model(self.directory, precision)
        from zoo.presets.from_preset import load_preset

        return load_preset(self.recipe.import_model_class(), self.reference, dtype=precision)

    @property
    def reference(self) -> str:
        """What `find_run_or_preset` finds it by, in whatever directory."""
        return str(self.directory.resolve()) if self.preset is None else self.preset.reference

    @property
    def scores(self) -> dict[str, float]:
        """Scores by name: of the evaluation, or the validation metrics of the last epoch, or none.

        Raises:
            ValueError: The evaluation is damaged.
        """
        if self.preset is not None:
            return _to_numbers(self.preset.evaluation or {"scores": {}})
        if (self.directory / run_directory.EVALUATION).exists():
            return _to_numbers(read_evaluation(self.directory))
        from training.runs.metrics_log import read_metrics

        metrics = self.directory / run_directory.METRICS
        epochs = read_metrics(metrics) if metrics.exists() else []
        last = epochs[-1] if epochs else {}
        return {name: value for name, value in last.items() if name.startswith("val_")}


def load_run_or_preset(text: str) -> Source:
    """Finds a run directory or a preset and loads its model.

    Args:
        text: As for `find_run_or_preset`.

    Raises:
        Exception: As `find_run_or_preset` and `Source.load_model`.
    """
    source = find_run_or_preset(text)
    source.model  # noqa: B018 - loads it, so that what is damaged is said here
    return source


def find_run_or_preset(text: str) -> Source:
    """Finds a run directory or a preset; reads its configuration and leaves its weights alone.

    Args:
        text: Path of a run directory or of a preset's folder, the name of a preset of the package, or
            `hf://owner/name`. A run directory that exists comes first; so `./srcnn_x2` is never a preset of
            the package.

    Raises:
        FileNotFoundError: It is none; the message lists the presets.
        ImportError: The extra `hub` is needed.
        ValueError: It is damaged or from another version.
    """
    if (Path(text) / run_directory.CONFIG).exists():
        return find_run(Path(text))
    if text in registry.list_presets():
        return find_preset(text)
    if text.startswith(PREFIX):
        return find_preset(text)
    if (Path(text) / registry.DESCRIPTION).exists():
        return find_preset(Path(text))
    if Path(text).is_dir():
        return find_run(Path(text))  # which says what it lacks
    known = ", ".join(registry.list_presets()) or "none"
    raise FileNotFoundError(
        f"A run directory or the name of a preset is needed. Received: {text}, which is neither. "
        f"Presets: {known}."
    )


def find_run(run: Path) -> Source:
    """Finds a run directory.

    Raises:
        FileNotFoundError: There is none, or it is no run.
        ValueError: Its configuration is damaged or from another version.
    """
    config = run_directory.read_config(run)
    return Source("run", run.resolve().name, run, config)


def find_preset(name: str | Path) -> Source:
    """Finds a preset.

    Args:
        name: As for `registry.read_preset`.

    Raises:
        FileNotFoundError: The folder holds no preset, or the hub's cache lacks it.
        ImportError: The extra `hub` is needed.
        UnknownNameError: There is no such preset; lists those that exist.
        ValueError: Its description is damaged or of another version.
    """
    preset = registry.read_preset(name)
    config = None
    if preset.training_config is not None:
        path = preset.directory / registry.DESCRIPTION
        config = TrainingConfig.from_values(preset.training_config, path)
    return Source("preset", preset.name, preset.directory, config, preset)


def _to_numbers(evaluation: Mapping[str, Any]) -> dict[str, float]:
    return {name: registry.score_value(score) for name, score in evaluation["scores"].items()}


def read_evaluation(run: Path) -> dict[str, Any]:
    """Reads a run's `evaluation.json`.

    Raises:
        FileNotFoundError: The run has not been evaluated.
        ValueError: The file is damaged.
    """
    path = run / run_directory.EVALUATION
    if not path.exists():
        raise FileNotFoundError(
            f"The run must have been evaluated. Received: {run}, where {path.name} is missing. Write it: "
            f"zoo evaluate {run}"
        )
    try:
        evaluation = json.loads(path.read_text(encoding="utf-8"))
        return {**evaluation, "scores": dict(evaluation["scores"])}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must be as `zoo evaluate` wrote it. Write it again: zoo evaluate {run}"
        ) from error


def load_model(run: Path, precision: str = "float32"):
    """Loads the finished model of a run.

    Args:
        run: Run directory.
        precision: Dtype policy of the loaded model; the weights are float32 under every one.

    Returns:
        The Keras model, not compiled.

    Raises:
        FileNotFoundError: The training has not finished; the message says how to resume it.
        UnknownNameError: The run is of a model that this version does not have.
        ValueError: `model.keras` is damaged or from another version.
    """
    import keras

    from training.recipes.base.registry import find_recipe

    config = read_config(run)
    recipe = find_recipe(config.model, f"{run / CONFIG} names it: install the version that made the run.")
    path = run / MODEL
    if not path.exists():
        raise FileNotFoundError(
            f"The run must have finished. Received: {run}, where {MODEL} is missing. "
            f"Finish it: zoo train --resume {run}"
        )
    recipe.import_model_class()
    try:
        model = keras.saving.load_model(path, compile=False)
        loaded = type(model).from_config({**model.get_config(), "dtype": precision})
        loaded.set_weights(model.get_weights())
    except Exception as error:
        raise ValueError(
            f"{path} must be a whole model of this version. Loading it failed: {_reason_of(error, path)}. "
            f"Restore the file, or train again: zoo train --config {run / CONFIG}"
        ) from error
    return loaded


def _reason_of(error: Exception, path: Path) -> str:
    # Keras says of what is no archive that it was not found.
    return str(error).rstrip(". \n") if zipfile.is_zipfile(path) else "it is no whole zip archive"
