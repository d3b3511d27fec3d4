"""Weights of one model as the beginning of another: what fits is taken over, the rest begins anew.

Sources:
    [Transfer] Yosinski et al. 2014, arXiv 1411.1792: features transfer between tasks.
    [GAN] Wang et al. 2018, arXiv 1805.01677: a GAN for few pictures begins with a trained one.
"""

import dataclasses

import keras
import numpy as np

from training.weights.attribute_weights import AttributeAxes, find_attribute_axes, take_values

# What may differ between the two networks besides what leaves all shapes as they are.
TASK = ("attributes", "image_size")
NOT_OF_THE_NETWORK = ("name", "trainable", "dtype", "seed", *TASK)


@dataclasses.dataclass(frozen=True)
class Transfer:
    """What became of a new model's layers.

    Args:
        taken: Names of layers that begin with the weights of the other model.
        taken_in_part: Names of layers whose weights for new attribute values begin anew.
        new: Names of layers that begin anew.
    """

    taken: list[str]
    taken_in_part: list[str]
    new: list[str]

    def __str__(self):
        lists = {"taken over in part": self.taken_in_part, "new": self.new}
        details = [f"{kind}: {', '.join(names)}" for kind, names in lists.items() if names]
        return "; ".join([f"{len(self.taken)} layers taken over", *details])


def transfer_weights(source: keras.Model, model: keras.Model) -> Transfer:
    """Takes over the weights of a trained model into a new one.

    Both must have the same network but for their attributes and the size of their pictures. Of layers that
    depend on attribute values, the weights of the values that both know are taken over. At another size,
    layers are taken over by name, or counted from the picture: a generator that has one more step begins with
    the other's last steps.

    Args:
        source: A trained model.
        model: A new model of the same class; changed.

    Returns:
        What was taken over.

    Raises:
        ValueError: The models are of two classes or networks; says what differs.
    """
    _check_same_network(source, model)
    same_attributes = _with_options_of(source, model, ("attributes",))
    names = _match_layers(_layers(source), _layers(same_attributes), _parts(source, model))
    axes = source_axes = AttributeAxes({}, {})
    if _option(source, "attributes") != _option(model, "attributes"):
        axes, source_axes = find_attribute_axes(model), find_attribute_axes(source)

    source_layers, taken, in_part, new = _layers(source), [], [], []
    for name, weights in _layers(model).items():
        found = source_layers.get(names.get(name), {})
        values = {
            leaf: take_values(found[leaf], weight, source_axes, axes)
            for leaf, weight in weights.items()
            if leaf in found
        }
        if values.keys() != weights.keys() or any(value is None for value in values.values()):
            new.append(name)
            continue
        for leaf, weight in weights.items():
            weight.assign(values[leaf])
        depends_on_attributes = any(weight.path in axes.axes for weight in weights.values())
        (in_part if depends_on_attributes else taken).append(name)
    return Transfer(taken, in_part, new)


def _check_same_network(source: keras.Model, model: keras.Model) -> None:
    if type(source) is not type(model):
        raise ValueError(
            "A training must begin with weights of its own model. "
            f"Received: weights of a {type(source).__name__} for a {type(model).__name__}. "
            "Name another preset or run, or train without `--init-from`."
        )
    same_task = _with_options_of(source, model, TASK)
    shapes, own_shapes = (
        {weight.path: tuple(weight.shape) for weight in each.weights} for each in (source, same_task)
    )
    for path in [*shapes, *own_shapes]:
        if shapes.get(path) != own_shapes.get(path):
            raise ValueError(
                "The network must be that of the weights to begin with, but for attributes and picture size. "
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
    """Returns `model` as it were with some options of `source`."""
    config, own_config = source.get_config(), model.get_config()
    changed = {name: config[name] for name in names if name in config and config[name] != own_config[name]}
    return type(model).from_config({**own_config, **changed}) if changed else model


def _layers(model: keras.Model) -> dict[str, dict[str, keras.Variable]]:
    """Groups a model's weights by layer, in their order: layer to last part of the path to weight."""
    layers: dict[str, dict[str, keras.Variable]] = {}
    for weight in model.weights:
        layer, _, leaf = weight.path.rpartition("/")
        layers.setdefault(layer, {})[leaf] = weight
    return layers


def _parts(source: keras.Model, model: keras.Model) -> list[tuple[list[str], list[str]]]:
    """Pairs the networks that both models consist of; of each the names of its layers in their order."""
    return [
        (list(_layers(part)), list(_layers(vars(model)[name])))
        for name, part in vars(source).items()
        if isinstance(part, keras.Model)
    ]


def _match_layers(source_layers, layers, parts) -> dict[str, str]:
    """Returns for layers of the new model the layer of the other that has the same place and shapes."""
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
