"""Finds the weights that belong to each of a model's attribute values."""

import dataclasses
from typing import Any

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class AttributeAxes:
    """The axes along which a model's weights grow with its attributes.

    Args:
        axes: The growing axis of each such weight, by the weight's path; None if there is no single axis.
        values: For the same paths, the attribute and value behind each of the last entries along the axis.
    """

    axes: dict[str, int | None]
    values: dict[str, list[tuple[str, str]]]


def find_attribute_axes(model: keras.Model) -> AttributeAxes:
    """Finds the weights that grow with the attributes, by building the model with one more value for each.

    The entries of attribute values are assumed to be the last ones along an axis, in the order of the model's
    attributes, because conditions are concatenated after the layer's other inputs.

    Args:
        model: A model whose configuration has `attributes`; others have no such weights.

    Example:

    ```python
    find_attribute_axes(ConditionalVAE({"category": ["bag", "hat"]})).axes["attributes/kernel"]  # 1
    ```
    """
    config = model.get_config()
    shapes = {weight.path: tuple(weight.shape) for weight in model.weights}
    axes: dict[str, int | None] = {}
    values: dict[str, list[tuple[str, str]]] = {}
    for name, known in config.get("attributes", {}).items():
        one_more = {**config["attributes"], name: [*known, "".join(known) + "+"]}
        for weight in type(model).from_config({**config, "attributes": one_more}).weights:
            shape = shapes.get(weight.path)
            if shape == tuple(weight.shape):
                continue
            axis = _grown_axis(shape, tuple(weight.shape))
            axes[weight.path] = axis if axes.get(weight.path, axis) == axis else None
            values.setdefault(weight.path, []).extend((name, value) for value in known)
    return AttributeAxes(axes, values)


def take_values(
    source: keras.Variable, weight: keras.Variable, source_axes: AttributeAxes, axes: AttributeAxes
) -> Any:
    """Returns a weight's new value after taking over the values of another model's weight.

    Args:
        source: The other model's weight.
        weight: This model's weight, which is not changed here.
        source_axes: The other model's axes that grow with its attributes.
        axes: This model's axes that grow with its attributes.

    Returns:
        Array with the shape of `weight`, which keeps its own entries for attribute values that only this
        model has; None if the shapes are incompatible.
    """
    found, own = (keras.ops.convert_to_numpy(each) for each in (source, weight))
    if source.path not in source_axes.axes and weight.path not in axes.axes:
        return found if found.shape == own.shape else None
    axis = axes.axes.get(weight.path)
    if axis is None or source_axes.axes.get(source.path) != axis:
        return None
    found, taken = np.moveaxis(found, axis, 0), np.moveaxis(own, axis, 0).copy()
    values, own_values = source_axes.values[source.path], axes.values[weight.path]
    num_others = len(found) - len(values)
    if num_others != len(taken) - len(own_values) or found.shape[1:] != taken.shape[1:]:
        return None
    taken[:num_others] = found[:num_others]
    for row, value in enumerate(own_values):
        if value in values:
            taken[num_others + row] = found[num_others + values.index(value)]
    return np.moveaxis(taken, 0, axis)


def _grown_axis(shape, grown_shape) -> int | None:
    """Returns the axis that is longer by one, or None if this is not the only difference."""
    if shape is None or len(shape) != len(grown_shape):
        return None
    different = [axis for axis, length in enumerate(shape) if grown_shape[axis] != length]
    is_one_more = len(different) == 1 and grown_shape[different[0]] == shape[different[0]] + 1
    return different[0] if is_one_more else None
