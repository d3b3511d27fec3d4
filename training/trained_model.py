"""Finds and loads models: a run directory, a preset, or a model that learns nothing.

Keras is imported only when a model or its scores are accessed, so commands can reject a wrong name at once.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.runs import run_directory
from training.runs.config import TrainingConfig
from training.runs.model_file import load_model_file
from training.runs.run_directory import CONFIG, read_config
from training.untrained_models import UNTRAINED
from zoo.errors import UnknownNameError
from zoo.presets import registry
from zoo.presets.hub import PREFIX


@dataclasses.dataclass(frozen=True)
class Source:
    """A model, from a run or a preset, or without weights.

    Args:
        kind: `"run"`, `"preset"` or `"untrained"`.
        name: Name of the run directory, of the preset or of the untrained model.
        directory: Directory with its files.
        training_config: Configuration of its training; None if a preset's folder does not record it.
        preset: The preset's description; None for a run.

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
        """The configuration of its training.

        Raises:
            ValueError: The configuration is unknown, because `save_to_preset` wrote the preset.
        """
        if self.training_config is None:
            raise ValueError(
                "A model to evaluate or to train further must record the configuration of its training. "
                f"Received: {self.directory}, which `save_to_preset` wrote without one. Name the run "
                "directory, or a preset made from it by python -m training.make_preset."
            )
        return self.training_config

    @property
    def recipe(self):
        """The model's recipe, or its entry of `UNTRAINED`.

        Raises:
            UnknownNameError: This version does not have the model.
        """
        if self.kind == "untrained":
            return UNTRAINED[self.name]
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
        """The model, loaded on first access, under the float32 policy and not compiled."""
        return self.load_model()

    def load_model(self, precision: str = "float32"):
        """Loads the model as it answers, without what only its training needs.

        Args:
            precision: Dtype policy of the loaded model; the weights are float32 under every policy.

        Raises:
            FileNotFoundError: The run's training has not finished.
            UnknownNameError: This version does not have the model.
            ValueError: Its files are damaged or from another version.
        """
        if self.kind == "untrained":
            return self.recipe.import_model_class()(dtype=precision)
        if self.kind == "run":
            return self.recipe.to_answer(load_model(self.directory, precision))
        from zoo.presets.from_preset import load_preset

        return load_preset(self.recipe.import_model_class(), self.reference, dtype=precision)

    @property
    def reference(self) -> str:
        """The text by which `find_model` finds the model from any working directory."""
        if self.kind == "untrained":
            return self.name
        return str(self.directory.resolve()) if self.preset is None else self.preset.reference

    @property
    def scores(self) -> dict[str, float]:
        """Scores by name, from the evaluation; without one, the last epoch's validation metrics, if any.

        Raises:
            ValueError: The evaluation is damaged.
        """
        if self.kind == "untrained":
            return {}
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
        Exception: As for `find_run_or_preset` and `Source.load_model`.
    """
    source = find_run_or_preset(text)
    source.model  # noqa: B018 - loads the model here, where damaged files must be reported
    return source


def find_model(text: str) -> Source:
    """Finds a model to export or to serve: as `find_run_or_preset` does, or one of `UNTRAINED` by its name.

    Args:
        text: As for `find_run_or_preset`.

    Raises:
        Exception: As for `find_run_or_preset`.
    """
    if text in UNTRAINED and not (Path(text) / run_directory.CONFIG).exists():
        return Source("untrained", text, Path(), None)
    return find_run_or_preset(text)


def find_run_or_preset(text: str) -> Source:
    """Finds a run directory or a preset and reads its configuration, but not its weights.

    Args:
        text: Path of a run directory or of a preset's folder, the name of a preset of the package, or
            `hf://owner/name`. An existing run directory takes precedence, and `./srcnn_x2` never means a
            preset of the package.

    Raises:
        FileNotFoundError: There is no such run or preset; the message lists the presets.
        ImportError: The extra `hub` is not installed.
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
        return find_run(Path(text))  # raises an error that names the missing file
    known = ", ".join(registry.list_presets()) or "none"
    raise FileNotFoundError(
        f"A trained model must be a run directory or the name of a preset. Received: {text}, which is "
        f"neither. Presets: {known}."
    )


def find_run(run: Path) -> Source:
    """Finds a run directory.

    Raises:
        FileNotFoundError: The directory does not exist or is not a run.
        ValueError: Its configuration is damaged or from another version.
    """
    config = run_directory.read_config(run)
    return Source("run", run.resolve().name, run, config)


def find_preset(name: str | Path) -> Source:
    """Finds a preset.

    Args:
        name: As for `registry.read_preset`.

    Raises:
        FileNotFoundError: The folder is not a preset, or the hub's cache lacks it.
        ImportError: The extra `hub` is not installed.
        UnknownNameError: There is no such preset; the message lists the existing ones.
        ValueError: Its description is damaged or from another version.
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
            f"The run must have been evaluated. Received: {run}, where {path.name} is missing. Evaluate it: "
            f"zoo evaluate {run}"
        )
    try:
        evaluation = json.loads(path.read_text(encoding="utf-8"))
        return {**evaluation, "scores": dict(evaluation["scores"])}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"An evaluation must be as `zoo evaluate` wrote it. Received: {path}, which is damaged. Evaluate "
            f"the run again: zoo evaluate {run}"
        ) from error


def load_model(run: Path, precision: str = "float32"):
    """Loads a run's finished model.

    Args:
        run: Run directory.
        precision: Dtype policy of the loaded model; the weights are float32 under every policy.

    Returns:
        The Keras model, not compiled.

    Raises:
        FileNotFoundError: The training has not finished; the message says how to resume it.
        UnknownNameError: This version does not have the run's model.
        ValueError: `model.keras` is damaged or from another version.
    """
    from training.recipes.base.registry import find_recipe

    config = read_config(run)
    recipe = find_recipe(config.model, f"{run / CONFIG} names it: install the version that made the run.")
    recipe.import_model_class()
    model = load_model_file(run)
    loaded = type(model).from_config({**model.get_config(), "dtype": precision})
    loaded.set_weights(model.get_weights())
    return loaded
