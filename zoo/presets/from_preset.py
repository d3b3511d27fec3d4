"""Builds models from the package's trained weights, and saves weights in the package's format.

Sources:
    [KerasHub] github.com/keras-team/keras-hub: `from_preset` as a class method of every model.
"""

from pathlib import Path

import keras
import numpy as np

from zoo.presets.registry import REINSTALL, list_presets, read_preset

# Prefix of sub-models that are the moving average of the sub-model without it. Only the average is saved; a
# training that starts from a preset loads it into both.
AVERAGE_PREFIX = "ema_"


class FromPreset:
    """Mixin that gives a model class `from_preset`; it stands before `keras.Model` among the bases."""

    @classmethod
    def from_preset(cls, preset: str, dtype=None):
        """Returns a model with the package's trained weights.

        Args:
            preset: Name of a preset; `zoo presets` lists them.
            dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default. The weights are
                float32 under every policy.

        Returns:
            An uncompiled model of this class.

        Raises:
            UnknownNameError: There is no such preset; the message lists the existing ones.
            TypeError: The preset belongs to another class; the message lists this class's presets.
            ValueError: The preset's files are damaged or belong to another version of the package.

        Example:

        ```python
        upscaled_images = SRCNN.from_preset("srcnn_x2").upscale(raw_images)
        ```
        """
        return load_preset(cls, preset, dtype)


def load_preset(model_class: type[keras.Model], preset: str, dtype=None) -> keras.Model:
    """Returns a model of any class with the package's trained weights, as `FromPreset.from_preset` does."""
    description = read_preset(preset)
    class_name = model_class.__name__
    if description.model_class != class_name:
        raise TypeError(
            f"The preset must belong to the class that loads it, {class_name}. Received: {preset!r}, a "
            f"preset of {description.model_class}. Presets of {class_name}: {_names_of(model_class)}."
        )
    path = description.find_weights()
    try:
        config = {**description.model_config, **({} if dtype is None else {"dtype": dtype})}
        model = model_class.from_config(config)
        load_weights(model, path)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"The preset {preset} must belong to the installed version of the package. Received: a preset "
            f"that cannot be loaded: {error} {REINSTALL}"
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
