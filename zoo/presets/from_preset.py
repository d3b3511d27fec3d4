"""Models from the package's trained weights, and weights into the form that the package keeps.

Sources:
    [KerasHub] github.com/keras-team/keras-hub: `from_preset` as a class method of every model.
"""

from pathlib import Path

import keras
import numpy as np

from zoo.presets.registry import REINSTALL, list_presets, read_preset

# A part of this prefix is the moving average of the part without it. Only the average is kept; a training
# that begins with it begins with both.
AVERAGE_PREFIX = "ema_"


class FromPreset:
    """Gives a model class `from_preset`; named before `keras.Model` among its bases."""

    @classmethod
    def from_preset(cls, preset: str, dtype=None):
        """Returns a model with the package's trained weights.

        Args:
            preset: Name of a preset; `zoo presets` lists them.
            dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default. The weights are
                float32 under every one.

        Returns:
            A model of this class, not compiled.

        Raises:
            UnknownNameError: There is no such preset; lists those that exist.
            TypeError: The preset is of another class; names those of this class.
            ValueError: Its files are damaged or of another version.

        Example:

        ```python
        upscaled_images = SRCNN.from_preset("srcnn_x2").upscale(raw_images)
        ```
        """
        return load_preset(cls, preset, dtype)


def load_preset(model_class: type[keras.Model], preset: str, dtype=None) -> keras.Model:
    """Returns a model of any class with the package's trained weights; as `FromPreset.from_preset`."""
    description = read_preset(preset)
    class_name = model_class.__name__
    if description.model_class != class_name:
        raise TypeError(
            f"The preset must be of the class that loads it, {class_name}. Received: {preset!r}, which is of "
            f"{description.model_class}. Presets of {class_name}: {_names_of(model_class)}."
        )
    path = description.find_weights()
    try:
        config = {**description.model_config, **({} if dtype is None else {"dtype": dtype})}
        model = model_class.from_config(config)
        load_weights(model, path)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"The preset {preset} must be of the version that loads it. Loading it failed: {error} "
            f"{REINSTALL}"
        ) from error
    return model


def save_weights(model: keras.Model, path: Path, dtype: str = "float32") -> int:
    """Writes a model's weights as NumPy arrays by the paths of their variables.

    Args:
        model: A built model. Parts of which it has a moving average are left out: `generator` where there is
            an `ema_generator`.
        path: File to write, ending in `.npz`.
        dtype: `"float32"` or `"float16"`, which halves the file.

    Returns:
        How many numbers the file holds.

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
                "Keep float32, or train again if it is not finite there either."
            )
        arrays[variable.path] = array
    np.savez_compressed(path, **arrays)
    return sum(array.size for array in arrays.values())


def load_weights(model: keras.Model, path: Path) -> None:
    """Sets a model's weights from a file that `save_weights` wrote.

    Raises:
        ValueError: The file has not exactly the weights of the model.
    """
    averages = _averages(model)
    averaged = {id(variable) for _, variable in averages}
    variables = {variable.path: variable for variable in model.weights if id(variable) not in averaged}
    with np.load(path, allow_pickle=False) as arrays:
        different = sorted(variables.keys() ^ set(arrays.files))
        if different:
            raise ValueError(f"Weights that only the model or only {path.name} has: {', '.join(different)}.")
        for name, variable in variables.items():
            variable.assign(arrays[name].astype("float32"))
    for average, variable in averages:
        variable.assign(average)


def _averages(model: keras.Model) -> list[tuple[keras.Variable, keras.Variable]]:
    """Returns each variable that is a moving average of another, with that other one."""
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
