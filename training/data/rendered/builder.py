"""Rendered catalogue: drawn products with exact attributes, for tests and experiments without photos."""

import io
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tqdm import tqdm

from training.data import preparation
from training.data.rendered.drawing import MAX_SIZE, PATTERNS, draw_product
from training.data.rendered.shapes import SHAPES
from zoo.colour.basic_colours import COLOURS
from zoo.errors import UnknownNameError

NAME = "rendered_catalog"
ATTRIBUTES = {"category": tuple(SHAPES), "colour": tuple(COLOURS), "pattern": PATTERNS}
NUM_COMBINATIONS = int(np.prod([len(values) for values in ATTRIBUTES.values()]))

MIN_SIZE = 8
DEFAULT_SIZE = 64
DEFAULT_COUNT = 10 * NUM_COMBINATIONS
MIN_COUNT = 10


def render(category: str, colour: str, pattern: str, size: int = DEFAULT_SIZE, seed: int = 0) -> np.ndarray:
    """Draws one product.

    Args:
        category: One of `ATTRIBUTES["category"]`.
        colour: One of `ATTRIBUTES["colour"]`.
        pattern: One of `ATTRIBUTES["pattern"]`.
        size: Side of the picture in pixels, from 8 to 256.
        seed: Seed of the proportions, pose and background. The same arguments give the same picture.

    Returns:
        uint8 array `[size, size, 3]`, range [0, 255].

    Raises:
        UnknownNameError: If an attribute value does not exist.
        ValueError: If `size` is out of range.

    Example:

    >>> render("bag", "red", "plain", size=32)[20, 16].argmax()
    np.int64(0)
    """
    for name, value in (("category", category), ("colour", colour), ("pattern", pattern)):
        if value not in ATTRIBUTES[name]:
            raise UnknownNameError(name, value, ATTRIBUTES[name])
    check_size(size)
    return draw_product(category, colour, pattern, size, np.random.default_rng(seed))


def check_size(size: int) -> None:
    """Raises `ValueError` unless pictures of this size can be drawn."""
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ValueError(
            f"`size` must be from {MIN_SIZE} to {MAX_SIZE} pixels: smaller pictures show nothing, larger "
            f"ones no more detail. Received: size={size}. "
            f"Nearest allowed: {MIN_SIZE if size < MIN_SIZE else MAX_SIZE}."
        )


def check_count(count: int) -> None:
    """Raises `ValueError` unless this number of pictures can be divided into three splits."""
    if count < MIN_COUNT:
        raise ValueError(
            f"`count` must be at least {MIN_COUNT}, because train, validation and test need a picture each. "
            f"Received: count={count}. The default is {DEFAULT_COUNT}: 10 of each combination."
        )


def describe(category: str, colour: str, pattern: str) -> str:
    """Describes a picture in one sentence.

    Example:

    >>> describe("trouser", "red", "striped")
    'A pair of striped red trousers.'
    """
    if category == "trouser":
        return f"A pair of {pattern} {colour} trousers."
    return f"A {pattern} {colour} {category}."


# TFDS has no types, so mypy does not know its argument.
class RenderedCatalog(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """TFDS builder for drawn products with `category`, `colour`, `pattern` and a `description`.

    Every combination of attributes occurs equally often, give or take one. The last tenth of the pictures is
    the test split, the tenth before it validation.

    Args:
        size: Side of the pictures in pixels, from 8 to 256.
        count: Total number of pictures in all splits, at least 10.
        seed: Seed of the pictures; the same seed gives the same pictures.
        **kwargs: As for `tfds.core.GeneratorBasedBuilder`, e.g. `data_dir`.

    Raises:
        ValueError: If `size` or `count` is out of range.

    Example:

    ```python
    RenderedCatalog(size=32, count=1_000, data_dir="data").download_and_prepare()
    ```
    """

    name = NAME
    VERSION = tfds.core.Version("1.0.0")
    url_infos: Mapping = {}  # nothing is downloaded

    def __init__(self, *, size: int = DEFAULT_SIZE, count: int = DEFAULT_COUNT, seed: int = 0, **kwargs):
        check_size(size)
        check_count(count)
        self._size = size
        self._count = count
        self._seed = seed
        super().__init__(**kwargs)

    def _info(self):
        labels = {name: tfds.features.ClassLabel(names=values) for name, values in ATTRIBUTES.items()}
        image = tfds.features.Image(shape=(self._size, self._size, 3), dtype=np.uint8, encoding_format="png")
        return tfds.core.DatasetInfo(
            builder=self,
            description="Drawn product pictures with exact attributes.",
            features=tfds.features.FeaturesDict(
                {"image": image, **labels, "description": tfds.features.Text()}
            ),
            supervised_keys=("image", "category"),
            license="Apache-2.0",
            metadata=tfds.core.MetadataDict(
                source=f"drawings, not photos ({self._count:,} of {self._size} pixels, seed {self._seed})",
                attributes=list(ATTRIBUTES),
            ),
        )

    def _split_generators(self, dl_manager):
        held_out = self._count // 10
        borders = [0, self._count - 2 * held_out, self._count - held_out, self._count]
        return {
            split: self._generate_examples(split, begin, end)
            for split, begin, end in zip(("train", "validation", "test"), borders, borders[1:], strict=False)
        }

    def _generate_examples(self, split, begin, end):
        for index in tqdm(
            range(begin, end), desc=f"Drawing {self.name} {split}", unit=" images", leave=False, disable=None
        ):
            values = _draw_attributes(self._seed, index)
            random = np.random.default_rng([self._seed, index])
            buffer = io.BytesIO()
            Image.fromarray(draw_product(**values, size=self._size, random=random)).save(buffer, "PNG")
            yield index, {"image": buffer.getvalue(), **values, "description": describe(**values)}


def prepare(
    data_dir: str | os.PathLike,
    size: int = DEFAULT_SIZE,
    count: int = DEFAULT_COUNT,
    seed: int = 0,
    overwrite: bool = False,
) -> Path:
    """Prepares the rendered catalogue.

    Args:
        data_dir: Directory of prepared data sets.
        size: As for `RenderedCatalog`.
        count: As for `RenderedCatalog`.
        seed: As for `RenderedCatalog`.
        overwrite: Whether to replace an already prepared one.

    Returns:
        The directory of the prepared data set.

    Raises:
        OSError: If `data_dir` cannot be written, or the disk is full.
        ValueError: If `size` or `count` is out of range.

    Example:

    ```python
    version_dir = prepare("data", size=32, count=1_000)
    ```
    """
    return preparation.prepare(
        NAME,
        lambda staging_dir: RenderedCatalog(size=size, count=count, seed=seed, data_dir=staging_dir),
        data_dir,
        overwrite=overwrite,
    )


def _draw_attributes(seed: int, index: int) -> dict[str, str]:
    """Draws the attributes of picture `index`: all combinations in a random order before any is repeated."""
    turn, place = divmod(index, NUM_COMBINATIONS)
    order = np.random.default_rng([seed, turn, NUM_COMBINATIONS]).permutation(NUM_COMBINATIONS)
    ids = np.unravel_index(order[place], [len(values) for values in ATTRIBUTES.values()])
    return {name: values[id_] for (name, values), id_ in zip(ATTRIBUTES.items(), ids, strict=True)}
