"""Initialises a model with another model's weights: matching layers are taken over, others stay new.

Sources:
    [Transfer] Yosinski et al. 2014, arXiv 1411.1792: features transfer between tasks.
    [GAN] Wang et al. 2018, arXiv 1805.01677: a GAN for few pictures starts from a trained one.
"""

import dataclasses

import keras
import numpy as np

from training.weights.attribute_weights import AttributeAxes, find_attribute_axes, take_values

# Options that may differ between the two models; `TASK` is the part of them that changes shapes.
TASK = ("attributes", "image_size", "upscale_factor")
NOT_OF_THE_NETWORK = ("name", "trainable", "dtype", "seed", *TASK)


@dataclasses.dataclass(frozen=True)
class Transfer:
    """The result of a transfer for a new model's layers.

    Args:
        taken: Names of layers that have the other model's weights.
        taken_in_part: Names of layers that have the other model's weights except for new attribute values.
        new: Names of layers that keep their new weights.
    """

    taken: list[str]
    taken_in_part: list[str]
    new: list[str]

    def __str__(self):
        lists = {"taken over in part": self.taken_in_part, "new": self.new}
        details = [f"{kind}: {', '.join(names)}" for kind, names in lists.items() if names]
        return "; ".join([f"{len(self.taken)} layers taken over", *details])


def transfer_weights(source: keras.Model, model: keras.Model) -> Transfer:
    """Copies a trained model's weights into a new model.

    Both must have the same network except for their attributes, picture size and factor of enlargement.
    Layers that depend on attribute values take over the weights of the values that both models know. For
    another picture size, layers are matched by name, or by their position counted from the picture: a
    generator with one more level starts from the other's last levels. For another factor, layers that depend
    on it stay new.

    Args:
        source: A trained model.
        model: A new model with the same network; changed in place. Which models have the same one, their
            recipes say (`same_networks`).

    Returns:
        The layers taken over and the others.

    Raises:
        ValueError: The models have different networks; the message says what differs.
    """
    _check_same_network(source, model)
    same_attributes = _with_options_of(source, model, ("attributes",))
    names = _match_layers(_layers(source), _layers(same_attributes), _parts(source, model))
    axes = source_axes = AttributeAxes({}, {})
    if _option(source, "attributes") != _option(model, "attributes"):
        axes, source_axes = find_attribute_axes(model), find_attribute_axes(source)

    source_layers, transfer = _layers(source), Transfer([], [], [])
    for name, weights in _layers(model).items():
        found = source_layers[names[name]] if name in names else {}
        values = {
            leaf: take_values(found[leaf], weight, source_axes, axes)
            for leaf, weight in weights.items()
            if leaf in found
        }
        if values.keys() != weights.keys() or any(value is None for value in values.values()):
            transfer.new.append(name)
            continue
        for leaf, weight in weights.items():
            weight.assign(values[leaf])
        depends_on_attributes = any(weight.path in axes.axes for weight in weights.values())
        (transfer.taken_in_part if depends_on_attributes else transfer.taken).append(name)
    return transfer


def _check_same_network(source: keras.Model, model: keras.Model) -> None:
    same_task = _with_options_of(source, model, TASK)
    shapes, own_shapes = (
        {weight.path: tuple(weight.shape) for weight in each.weights} for each in (source, same_task)
    )
    for path in [*shapes, *own_shapes]:
        if shapes.get(path) != own_shapes.get(path):
            raise ValueError(
                "The network must be that of the initial weights, except for attributes, picture size and "
                "factor. "
                f"Received: `{path}` of shape {shapes.get(path, 'none')} there and "
                f"{own_shapes.get(path, 'none')} here. Options that differ: "
                f"{different_options(source, model) or 'none'}. Make them equal, or train without "
                "`--init-from`."
            )


def different_options(source: keras.Model, model: keras.Model) -> str:
    """Returns the options in which two networks differ, e.g. `"width (64 there, 32 here)"`."""
    config, own_config = source.get_config(), model.get_config()
    return ", ".join(
        f"{name} ({config.get(name)} there, {own_config[name]} here)"
        for name in own_config
        if name not in NOT_OF_THE_NETWORK and config.get(name) != own_config[name]
    )


def _option(model: keras.Model, name: str):
    return model.get_config().get(name)


def _with_options_of(source: keras.Model, model: keras.Model, names) -> keras.Model:
    """Returns `model`, rebuilt with some of the options of `source` if they differ."""
    config, own_config = source.get_config(), model.get_config()
    shared = [name for name in names if name in config and name in own_config]
    changed = {name: config[name] for name in shared if config[name] != own_config[name]}
    return type(model).from_config({**own_config, **changed}) if changed else model


def _layers(model: keras.Model) -> dict[str, dict[str, keras.Variable]]:
    """Groups a model's weights by layer, in order: from the layer to the path's last part to the weight."""
    layers: dict[str, dict[str, keras.Variable]] = {}
    for weight in model.weights:
        layer, _, leaf = weight.path.rpartition("/")
        layers.setdefault(layer, {})[leaf] = weight
    return layers


def _parts(source: keras.Model, model: keras.Model) -> list[tuple[list[str], list[str]]]:
    """Pairs the networks of both models; each is given as the ordered names of its layers."""
    return [
        (list(_layers(part)), list(_layers(vars(model)[name])))
        for name, part in vars(source).items()
        if isinstance(part, keras.Model)
    ]


def _match_layers(source_layers, layers, parts) -> dict[str, str]:
    """Maps the new model's layers to the other model's layers of the same position and shapes."""
    shapes, own_shapes = (
        {name: {leaf: np.shape(weight) for leaf, weight in weights.items()} for name, weights in each.items()}
        for each in (source_layers, layers)
    )
    names = {}
    for part, own_part in parts:
        for name, own_name in zip(reversed(part), reversed(own_part), strict=False):
            if shapes[name] != own_shapes.get(own_name):
                break
            names[own_name] = name
    used = set(names.values())
    for name in own_shapes:
        if name not in used and shapes.get(name) == own_shapes[name]:
            names.setdefault(name, name)
    return names
