"""Builds models from presets of the package, of folders or of the Hugging Face Hub, and saves presets.

Sources:
    [KerasHub] github.com/keras-team/keras-hub: `from_preset` as a class method of every model.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from zoo.files.atomic_write import atomic_directory
from zoo.presets.registry import (
    DESCRIPTION,
    WEIGHTS,
    Preset,
    file_sha256,
    list_presets,
    read_preset,
)

# Prefix of sub-models that are the moving average of the sub-model without it. Only the average is saved; a
# training that starts from a preset loads it into both.
AVERAGE_PREFIX = "ema_"
# Arguments that every Keras model has, and that a preset does not record.
GENERIC_ARGUMENTS = ("name", "trainable", "dtype")


class FromPreset:
    """Mixin that gives a model class `from_preset` and `save_to_preset`; stands before `keras.Model`."""

    get_config: Callable[[], dict[str, Any]]  # of `keras.Model`

    @classmethod
    def from_preset(cls, preset: str | Path, dtype=None, allow_download: bool = False) -> Self:
        """Returns a model with trained weights.

        Args:
            preset: Name of a preset of the package, which `zoo presets` lists; a folder that `save_to_preset`
                wrote, as a path with a slash (`"./folder"`) or a `pathlib.Path`; or such a folder on the
                Hugging Face Hub, `"hf://owner/name"` or `"hf://owner/name@revision"` (extra `hub`).
            dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default. The weights are
                float32 under every policy.
            allow_download: Whether to download files missing from the hub's cache, as `ZOO_ALLOW_DOWNLOAD=1`
                also allows.

        Returns:
            An uncompiled model of this class.

        Raises:
            FileNotFoundError: The folder contains no preset, or the hub's cache lacks it.
            ImportError: The extra `hub` is not installed.
            OSError: The download failed.
            UnknownNameError: There is no such preset; the message lists the existing ones.
            TypeError: The preset belongs to another class; the message lists this class's presets.
            ValueError: The preset's files are damaged or belong to another version of the package.

        Example:

        ```python
        upscaled_images = SRCNN.from_preset("srcnn_x2").upscale(raw_images)
        ```
        """
        return load_preset(cls, preset, dtype, allow_download)

    def save_to_preset(self, folder: str | Path) -> None:
        """Writes the model as a preset of two files, `preset.json` and `weights.npz`, atomically.

        They contain the model and its weights in float32, but no optimizers and no facts about the training,
        such as its data and scores.

        Args:
            folder: The folder to write. It must not exist, be empty, or contain a preset, which is replaced.

        Raises:
            FileExistsError: The folder contains something else.
            OSError: The folder cannot be written.
            ValueError: A weight is not finite.

        Example:

        ```python
        model.save_to_preset("./shop_dcgan")
        model = DCGAN.from_preset("./shop_dcgan")
        ```
        """
        save_preset(self, Path(folder))


def save_preset(model: keras.Model, folder: Path) -> None:
    """Writes a model of any class as a preset, as `FromPreset.save_to_preset` does."""
    _check_folder(folder)
    with atomic_directory(folder) as directory:
        num_values = save_weights(model, directory / WEIGHTS)
        sha256 = file_sha256(directory / WEIGHTS)
        config = model.get_config()
        preset = Preset(
            name=folder.name,
            directory=folder,
            model_class=type(model).__name__,
            model_config={name: config[name] for name in config if name not in GENERIC_ARGUMENTS},
            weights={"sha256": sha256, "dtype": "float32", "num_values": num_values},
        )
        (directory / DESCRIPTION).write_text(preset.to_json(), encoding="utf-8")


def _check_folder(folder: Path) -> None:
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    others = sorted(found - {DESCRIPTION, WEIGHTS})
    if others or (folder.exists() and not folder.is_dir()):
        raise FileExistsError(
            "A preset's folder must be new, empty or a preset, because it is replaced. Received: "
            f"{folder}, which {'contains ' + others[0] if others else 'is a file'}. Choose another folder."
        )


def load_preset(
    model_class: type[keras.Model], preset: str | Path, dtype=None, allow_download: bool = False
) -> keras.Model:
    """Returns a model of any class with trained weights, as `FromPreset.from_preset` does."""
    description = read_preset(preset, allow_download)
    class_name = model_class.__name__
    if description.model_class != class_name:
        raise TypeError(
            f"The preset must belong to the class that loads it, {class_name}. Received: {str(preset)!r}, a "
            f"preset of {description.model_class}. Presets of {class_name}: {_names_of(model_class)}."
        )
    path = description.find_weights()
    try:
        config = {**description.model_config, **({} if dtype is None else {"dtype": dtype})}
        model = model_class.from_config(config)
        load_weights(model, path)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"The preset {description.name} must belong to the installed version of the package. Received: a "
            f"preset that cannot be loaded: {error} {description.remedy}"
        ) from error
    return model


def save_weights(model: keras.Model, path: Path, dtype: str = "float32") -> int:
    """Writes a model's weights as NumPy arrays, keyed by the paths of their variables.

    Args:
        model: A built model. Sub-models that have a moving average are left out, e.g. `generator` where there
            is an `ema_generator`.
        path: File to write, ending in `.npz`.
        dtype: `"float32"` or `"float16"`, which halves the file.

    Returns:
        The number of values in the file.

    Raises:
        ValueError: A weight is not finite in `dtype`.
    """
    averaged = {id(variable) for _, variable in _averages(model)}
    arrays = {}
    for variable in model.weights:
        if id(variable) in averaged:
            continue
        with np.errstate(over="ignore"):  # reported below
            array = keras.ops.convert_to_numpy(variable).astype(dtype)
        if not np.isfinite(array).all():
            raise ValueError(
                f"Every weight must be finite in {dtype}. Received: {variable.path}, which is not. "
                "Save in float32, or train again if it is not finite there either."
            )
        arrays[variable.path] = array
    np.savez_compressed(path, **arrays)
    return sum(array.size for array in arrays.values())


def load_weights(model: keras.Model, path: Path) -> None:
    """Loads a model's weights from a file that `save_weights` wrote.

    Raises:
        ValueError: The file's weights are not exactly the model's.
    """
    averages = _averages(model)
    averaged = {id(variable) for _, variable in averages}
    variables = {variable.path: variable for variable in model.weights if id(variable) not in averaged}
    with np.load(path, allow_pickle=False) as arrays:
        different = sorted(variables.keys() ^ set(arrays.files))
        if different:
            raise ValueError(
                f"Weights found only in the model or only in {path.name}: {', '.join(different)}."
            )
        for name, variable in variables.items():
            variable.assign(arrays[name].astype("float32"))
    for average, variable in averages:
        variable.assign(average)


def _averages(model: keras.Model) -> list[tuple[keras.Variable, keras.Variable]]:
    """Returns pairs of variables: a moving average, and the variable that it follows."""
    parts = {name: part for name, part in vars(model).items() if isinstance(part, keras.Model)}
    return [
        pair
        for name, part in parts.items()
        if name.startswith(AVERAGE_PREFIX) and name.removeprefix(AVERAGE_PREFIX) in parts
        for pair in zip(part.weights, parts[name.removeprefix(AVERAGE_PREFIX)].weights, strict=True)
    ]


def _names_of(model_class: type) -> str:
    names = [name for name in list_presets() if read_preset(name).model_class == model_class.__name__]
    return ", ".join(names) or "none"
