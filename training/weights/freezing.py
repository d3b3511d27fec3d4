"""Freezes parts of a model."""

import types
from collections.abc import Sequence

import keras

from training.recipes.base.registry import recipe_of
from zoo.errors import UnknownNameError


def model_parts(model: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """Returns a model's freezable parts by name: its networks, groups of networks, and layers.

    Example:

    ```python
    list(model_parts(SRCNN()))  # network, patch_extraction, non_linear_mapping, reconstruction
    ```
    """
    networks = {
        name: part
        for name, part in vars(model).items()
        if isinstance(part, keras.Model) and part.trainable_weights
    }
    parts = {name: [network] for name, network in networks.items()}
    for name, members in recipe_of(model).part_groups.items():
        if all(member in networks for member in members):
            parts[name] = [networks[member] for member in members]
    for network in networks.values():
        for layer in network.layers:
            if layer.trainable_weights:
                parts.setdefault(layer.name, [layer])
    return parts


def freeze_parts(model: keras.Model, names: Sequence[str]) -> None:
    """Freezes parts of a model, whose normalisation then behaves as at inference.

    Args:
        model: A model that is not compiled yet.
        names: Names from `model_parts`.

    Raises:
        UnknownNameError: A part does not exist; the message lists the existing ones.
        ValueError: No part would be left to train.

    Example:

    ```python
    freeze_parts(model, ["patch_extraction"])
    ```
    """
    parts = model_parts(model)
    for name in names:
        if name not in parts:
            raise UnknownNameError(f"part of {model.name}", name, parts)
    for name in names:
        for part in parts[name]:
            part.trainable = False
            for layer in (part, *getattr(part, "layers", ())):
                # Unlike batch normalisation, it updates its weights in training even if it is not trainable.
                if isinstance(layer, keras.layers.SpectralNormalization):
                    layer.call = types.MethodType(_call_for_inference, layer)
    if names and not model.trainable_weights:
        raise ValueError(
            f"At least one part must remain trainable. Received: freeze={','.join(names)}. "
            f"Freeze fewer of these parts: {', '.join(parts)}."
        )


def _call_for_inference(layer, inputs, training=False):
    return type(layer).call(layer, inputs, training=False)
