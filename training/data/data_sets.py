"""Opens data sets by name: those that `zoo data build` prepared, and the built-in ones."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds

from training.data import preparation
from training.data.fashion_mnist import builder as fashion_mnist
from training.data.rendered import builder as rendered_catalog
from zoo.attributes.vocabulary import Attributes
from zoo.errors import UnknownNameError

DEFAULT_DATASET = "fashion_mnist"
# The feature with the products' masks, in data sets that have them.
MASK = "mask"
SPLITS = ("train", "validation", "test")
# Without a validation split in TFDS, the last twelfth of the train split is used: 5,000 of Fashion-MNIST.
TRAIN_IMAGES_PER_VALIDATION_IMAGE = 12


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A prepared data set: pictures with attributes, in three splits.

    `train` is for fitting, `validation` for choosing settings, `test` for the final scores.

    Args:
        name: Name of the data set.
        attributes: The values of each attribute, in the order of their class ids.
        image_shape: Height, width and channels of the pictures; None where they vary.
        num_images: Number of pictures in each split.
        source: A sentence that says where the pictures come from.
        builder: The TFDS builder that reads the records.
        tfds_splits: The TFDS split, or slice of one, behind each split.
        feature_names: The TFDS feature behind each attribute.

    Example:

    ```python
    data_set = load_data_set("fashion_mnist")
    for element in data_set.read("validation").take(1):
        print(element["image"].shape, data_set.attributes["category"][element["category"]])
    ```
    """

    name: str
    attributes: Attributes
    image_shape: tuple[int | None, int | None, int]
    num_images: Mapping[str, int]
    source: str
    builder: tfds.core.DatasetBuilder = dataclasses.field(repr=False)
    tfds_splits: Mapping[str, str] = dataclasses.field(repr=False)
    feature_names: Mapping[str, str] = dataclasses.field(repr=False)

    @property
    def selection(self) -> dict:
        """The attribute values that select this part, ready for JSON; empty for a whole data set."""
        return {}

    @property
    def has_masks(self) -> bool:
        """Whether each picture has a mask of its product."""
        return MASK in self.builder.info.features

    @property
    def report(self) -> dict:
        """The report from building a catalogue; empty for other data sets."""
        return (self.builder.info.metadata or {}).get("report", {})

    @property
    def shows_cutouts(self) -> bool:
        """Whether the pictures are products cut out and centred on white."""
        return bool(self.report.get("cuts_out"))

    def read(self, split: str, with_texts: bool = False) -> tf.data.Dataset:
        """Reads a split in its fixed order.

        Args:
            split: `train`, `validation` or `test`.
            with_texts: Whether to add a catalogue's other columns where they exist: `file` and `description`
                (strings), `price`, `rating` and `colour_confidence` (float32).

        Returns:
            Data set of dicts: `image` uint8 `[h, w, c]` and, for each attribute, an int64 class id; -1 where
            it is unknown. Where the data set has masks, also `mask` uint8 `[h, w, 1]`: 255 on the product.

        Raises:
            UnknownNameError: If the split does not exist.

        Example:

        ```python
        first = next(iter(load_data_set("fashion_mnist").read("train")))
        ```
        """
        self.check_split(split)
        elements = self.builder.as_dataset(
            split=self.tfds_splits[split],
            shuffle_files=False,
            read_config=tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1),
        )

        def rename(features):
            named = {name: features[feature] for name, feature in self.feature_names.items()}
            rest = {key: value for key, value in features.items() if key not in self.feature_names.values()}
            pictures = {key: features[key] for key in ("image", MASK) if key in features}
            return {**rest, **named} if with_texts else {**pictures, **named}

        return elements.map(rename, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)

    def check_split(self, split: str) -> None:
        """Raises `UnknownNameError` unless the data set has the split."""
        if split not in self.tfds_splits:
            raise UnknownNameError(f"split of {self.name}", split, self.tfds_splits)


def load_data_set(name: str, data_dir: str | os.PathLike | None = None) -> DataSet:
    """Opens a data set by name; a built-in one is prepared first if necessary.

    The network is not used if the data is already on disk.

    Args:
        name: A built-in name (`fashion_mnist`, `rendered_catalog`) or one prepared in the data directory.
        data_dir: Directory of prepared data sets; `data` under `ZOO_HOME` by default.

    Returns:
        The data set.

    Raises:
        UnknownNameError: If the name is neither; the message lists the existing names.

    Example:

    ```python
    data_set = load_data_set("fashion_mnist")
    data_set.attributes["category"]  # ('t-shirt/top', 'trouser', ...)
    ```
    """
    data_dir = Path(data_dir) if data_dir is not None else preparation.default_data_dir()
    prepared = find_prepared(name, data_dir)
    if prepared is not None:
        return prepared
    if name not in BUILT_IN:
        raise UnknownNameError("data set", name, list_names(data_dir))
    return _open(name, BUILT_IN[name](data_dir))


def find_prepared(name: str, data_dir: str | os.PathLike) -> DataSet | None:
    """Opens a prepared data set, or returns None.

    Args:
        name: Name of the data set.
        data_dir: Directory of prepared data sets. Fashion-MNIST is also looked up where TFDS keeps data.

    Returns:
        The data set, or None if it is not prepared.

    Example:

    >>> find_prepared("fashion", "/nowhere") is None
    True
    """
    versions = preparation.find_prepared_versions(data_dir, name)
    if name == fashion_mnist.NAME and not versions:
        versions = fashion_mnist.find_prepared_by_tfds()
    return _open(name, versions[0]) if versions else None


def list_names(data_dir: str | os.PathLike) -> list[str]:
    """Lists the built-in names, followed by the other names prepared in a directory.

    Example:

    >>> list_names("/nowhere")
    ['fashion_mnist', 'rendered_catalog']
    """
    prepared = preparation.find_prepared_names(data_dir)
    return [*BUILT_IN, *(name for name in prepared if name not in BUILT_IN)]


def _open(name: str, version_dir: Path) -> DataSet:
    builder = tfds.builder_from_directory(version_dir)
    features = builder.info.features
    _check_readable(name, version_dir, builder.info)
    metadata = builder.info.metadata or {}
    labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    # TFDS returns features in arbitrary order; the first attribute is the main one.
    feature_names = {key: key for key in metadata.get("attributes", sorted(labels))}
    attributes = {key: tuple(features[key].names) for key in feature_names}
    if name == fashion_mnist.NAME and "category" not in attributes:  # TFDS's own
        feature_names = {"category": "label"}
        attributes = {"category": fashion_mnist.CATEGORIES}
    origin = metadata.get("source", "a preparation by TFDS itself")
    tfds_splits = _tfds_splits(builder.info.splits)
    return DataSet(
        name=name,
        attributes=attributes,
        image_shape=tuple(features["image"].shape),
        num_images={split: builder.info.splits[part].num_examples for split, part in tfds_splits.items()},
        source=f"Pictures from {origin}, prepared in {version_dir}.",
        builder=builder,
        tfds_splits=tfds_splits,
        feature_names=feature_names,
    )


def _check_readable(name: str, version_dir: Path, info: tfds.core.DatasetInfo) -> None:
    features = dict(info.features)
    has_images = isinstance(features.get("image"), tfds.features.Image)
    if not has_images or not {"train", "test"} <= set(info.splits):
        raise ValueError(
            "A data set must have a feature `image` and splits `train` and `test`. "
            f"Received: {name} in {version_dir} with {', '.join([*features, *sorted(info.splits)])}. "
            "Choose another data set or data directory."
        )


def _tfds_splits(splits: Mapping[str, tfds.core.SplitInfo]) -> dict[str, str]:
    if "validation" in splits:
        return {split: split for split in SPLITS}
    num_train = splits["train"].num_examples
    num_kept = num_train - num_train // TRAIN_IMAGES_PER_VALIDATION_IMAGE
    return {"train": f"train[:{num_kept}]", "validation": f"train[{num_kept}:]", "test": "test"}


# Functions that prepare the built-in data sets with their default options.
BUILT_IN: dict[str, Callable[..., Path]] = {
    fashion_mnist.NAME: fashion_mnist.prepare,
    rendered_catalog.NAME: rendered_catalog.prepare,
}


def rendered_note(data_set: DataSet) -> str:
    """Returns the note for sheets of rendered pictures, `""` for other data sets."""
    return "Rendered catalogue: drawn by code, no photos." if data_set.name == rendered_catalog.NAME else ""
