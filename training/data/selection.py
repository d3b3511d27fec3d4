"""Selects the part of a data set whose pictures have given attribute values."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from training.data.data_sets import DataSet, load_data_set
from zoo.errors import UnknownNameError


@dataclasses.dataclass(frozen=True)
class SelectedDataSet(DataSet):
    """A data set reduced to some attribute values, without any other pictures or values.

    Args:
        only: The values to keep, for some of the attributes.
        whole: The data set that this is a part of.

    All other arguments are those of `DataSet`.
    """

    only: Mapping[str, tuple[str, ...]] = dataclasses.field(kw_only=True)
    whole: DataSet = dataclasses.field(repr=False, kw_only=True)

    @property
    def selection(self) -> dict:
        return {name: list(values) for name, values in self.only.items()}

    def read(self, split: str, with_texts: bool = False) -> tf.data.Dataset:
        new_ids = {name: tf.constant(ids) for name, ids in _new_ids(self.whole, self.only).items()}

        def renumber(element):
            return {**element, **{name: tf.gather(ids, element[name]) for name, ids in new_ids.items()}}

        elements = self.whole.read(split, with_texts)
        elements = elements.filter(lambda element: _is_selected(element, new_ids))
        return elements.map(renumber, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def open_data_set(
    name: str, data_dir: str | Path | None = None, only: Mapping[str, Sequence[str]] | None = None
) -> DataSet:
    """Opens a prepared data set, or a part of one.

    Args:
        name: Name of the data set.
        data_dir: Directory of prepared data sets; None for the default.
        only: The values to keep, for some of the attributes, as for `select`.

    Raises:
        UnknownNameError: If the data set, an attribute or a value does not exist.
        ValueError: If no picture of a split has the requested values.
    """
    data_set = load_data_set(name, data_dir)
    return select(data_set, only) if only else data_set


def select(data_set: DataSet, only: Mapping[str, Sequence[str]]) -> DataSet:
    """Selects the pictures with given attribute values.

    Args:
        data_set: A prepared data set.
        only: The values to keep, for some of the attributes. Pictures with an unknown value are left out.

    Returns:
        The selected part, with its own class ids.

    Raises:
        UnknownNameError: If an attribute or a value does not exist.
        ValueError: If a split has no picture left.

    Example:

    ```python
    shoes = select(load_data_set("fashion_mnist"), {"category": ["sneaker", "ankle boot"]})
    shoes.attributes  # {'category': ('sneaker', 'ankle boot')}
    ```
    """
    for name, values in only.items():
        if name not in data_set.attributes:
            raise UnknownNameError(f"attribute of {data_set.name}", name, data_set.attributes)
        for value in values:
            if value not in data_set.attributes[name]:
                raise UnknownNameError(f"{name} of {data_set.name}", value, data_set.attributes[name])
    kept = {name: tuple(dict.fromkeys(values)) for name, values in only.items()}
    num_images = {split: _count(data_set, kept, split) for split in data_set.num_images}
    empty = [split for split, number in num_images.items() if not number]
    if empty:
        wanted = "; ".join(f"{name}={','.join(values)}" for name, values in kept.items())
        raise ValueError(
            "Every split must have at least one selected picture. "
            f"Received: {wanted}, which leaves {' and '.join(empty)} of {data_set.name} empty. "
            "Select more values."
        )
    fields = {field.name: getattr(data_set, field.name) for field in dataclasses.fields(DataSet)}
    attributes = {name: kept.get(name, values) for name, values in data_set.attributes.items()}
    changed = {"attributes": attributes, "num_images": num_images}
    return SelectedDataSet(**{**fields, **changed}, only=kept, whole=data_set)


def _new_ids(data_set: DataSet, only: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Returns, for each attribute, the new id of each old one; -1 for values left out."""
    new_ids = {}
    for name, values in only.items():
        new_ids[name] = np.full(len(data_set.attributes[name]), -1, "int64")
        for new_id, value in enumerate(values):
            new_ids[name][data_set.attributes[name].index(value)] = new_id
    return new_ids


def _is_selected(element: Mapping[str, tf.Tensor], new_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
    kept = [
        (element[name] >= 0) & (tf.gather(ids, tf.maximum(element[name], 0)) >= 0)
        for name, ids in new_ids.items()
    ]
    return tf.reduce_all(tf.stack(kept))


def _count(data_set: DataSet, only: Mapping[str, Sequence[str]], split: str) -> int:
    new_ids = _new_ids(data_set, only)
    # Pictures are not decoded.
    labels = data_set.builder.as_dataset(
        split=data_set.tfds_splits[split],
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    columns = labels.map(lambda features: {name: features[data_set.feature_names[name]] for name in only})
    number = 0
    for batch in columns.batch(4096).as_numpy_iterator():
        kept = [(ids >= 0) & (new_ids[name][np.maximum(ids, 0)] >= 0) for name, ids in batch.items()]
        number += int(np.all(kept, axis=0).sum())
    return number
