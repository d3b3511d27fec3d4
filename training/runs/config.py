"""The configuration of a training: one frozen object, stored with the results."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from training.runs.best_epoch import EarlyStop

FORMAT = 1
# The largest seed that NumPy accepts.
LARGEST_SEED = 2**32 - 1


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """All settings that `zoo train --config config.json` needs to repeat a run.

    Args:
        model: Name of the model, e.g. `"dcgan"`.
        dataset: Name of the data set.
        epochs: Passes over the training pictures.
        batch_size: Pictures per step.
        image_size: Side of the training pictures in pixels, or of the patches for super-resolution.
        learning_rate: Learning rate of every optimizer of the model; the highest one of a schedule.
        precision: Keras dtype policy, resolved (never `"auto"`).
        seed: Seed of the initial weights, the order of pictures and the latents.
        model_options: Arguments of the model's class that differ between runs, e.g. `{"width": 64}`.
        optimizer_options: Further options of the recipe's optimizers, e.g. `{"discriminator_rate": 2.0}`.
        data_dir: Directory of prepared data sets; None for the default.
        only: The attribute values to train on, for some of the attributes.
        augment: Names of augmentations of training pictures, e.g. `("flip", "colour")`.
        degrade: Names of degradations of low-res training pictures; super-resolution only.
        patches_per_image: Patches per training picture and epoch; super-resolution only.
        schedule: Schedule of the learning rate, `"constant"` or `"cosine"`.
        cache: Cache of decoded pictures, `"memory"`, `"disk"` or `"none"`; None chooses by size.
        init_from: Run directory or preset to take the initial weights from; None for random ones.
        freeze: Names of parts of the model that are not trained, e.g. `("discriminator",)`.
        early_stop: `METRIC` or `METRIC:EPOCHS`: stop when the metric has not improved for this number of
            epochs, and use the weights of the best epoch; None trains all epochs.
        deterministic: Whether results are bit-identical for the same configuration and machine.
        jit: Whether XLA compiles the steps: `"auto"`, `"on"` or `"off"`.

    Raises:
        ValueError: A value is not a number or not positive.

    Example:

    ```python
    config = TrainingConfig.read(run / "config.json")
    ```
    """

    model: str
    dataset: str
    epochs: int
    batch_size: int
    image_size: int
    learning_rate: float
    precision: str
    seed: int = 0
    model_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    optimizer_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    data_dir: str | None = None
    only: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    augment: tuple[str, ...] = ()
    degrade: tuple[str, ...] = ()
    patches_per_image: int = 1
    schedule: str = "constant"
    cache: str | None = None
    init_from: str | None = None
    freeze: tuple[str, ...] = ()
    early_stop: str | None = None
    deterministic: bool = False
    jit: str = "auto"

    def __post_init__(self) -> None:
        for name in ("augment", "degrade", "freeze"):  # JSON has lists only
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("epochs", "batch_size", "image_size", "patches_per_image", "learning_rate"):
            value = getattr(self, name)
            kinds = (int, float) if name == "learning_rate" else int
            if not isinstance(value, kinds) or not 0 < value < math.inf:
                raise ValueError(
                    f"`{name}` must be a positive number. Received: {name}={value!r}. Choose another value."
                )
        if not isinstance(self.seed, int) or not 0 <= self.seed <= LARGEST_SEED:
            raise ValueError(
                f"`seed` must be an integer from 0 to {LARGEST_SEED}. Received: seed={self.seed!r}. "
                "Choose another seed."
            )
        _ = self.stop_rule  # raises if it is invalid

    @property
    def stop_rule(self) -> EarlyStop | None:
        """The rule for stopping early; None trains all epochs."""
        return EarlyStop.parse(self.early_stop) if self.early_stop else None

    def to_json(self) -> str:
        """Returns the contents of a config file."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=2) + "\n"

    @classmethod
    def read(cls, path: Path) -> "TrainingConfig":
        """Reads a config file.

        Args:
            path: A file that `to_json` wrote.

        Returns:
            The configuration.

        Raises:
            ValueError: The file is not a config file, or belongs to another version of this project.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(_not_a_config(path)) from error
        return cls.from_values(values, path)

    @classmethod
    def from_values(cls, values: Any, path: Path) -> "TrainingConfig":
        """Returns the configuration from the parsed JSON of `to_json`; `path` is for error messages.

        Raises:
            ValueError: The values are not a configuration, or belong to another version of this project.
        """
        if not isinstance(values, dict) or "format" not in values:
            raise ValueError(_not_a_config(path))
        values = dict(values)
        file_format = values.pop("format")
        fields = {field.name for field in dataclasses.fields(cls)}
        required = {f.name for f in dataclasses.fields(cls) if f.default is f.default_factory}
        problems = [f"unknown: {name}" for name in sorted(values.keys() - fields)]
        problems += [f"missing: {name}" for name in sorted(required - values.keys())]
        if file_format != FORMAT or problems:
            raise ValueError(
                f"The config file must have format {FORMAT}, as this version writes it. Received: {path} of "
                f"format {file_format!r} ({'; '.join(problems) or 'no other difference'}). Train again, or "
                "install the version that wrote it."
            )
        return cls(**values)


def _not_a_config(path: Path) -> str:
    return f"A config file must be JSON with a `format`. Received: {path}. Choose a run's config.json."
