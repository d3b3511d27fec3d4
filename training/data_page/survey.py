"""Surveys a prepared data set in one pass over its pictures."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from training.data.data_sets import DataSet

UNKNOWN = "(unknown)"
SAMPLES_PER_VALUE = 16
NUM_DESCRIPTIONS = 8
THUMBNAIL_PIXELS = 96


@dataclasses.dataclass
class NumberSummary:
    """Summary of a numeric column."""

    num_values: int = 0
    num_missing: int = 0
    smallest: float = np.inf
    largest: float = -np.inf
    total: float = 0.0

    def add(self, value: float) -> None:
        """Adds one value; NaN counts as missing."""
        if np.isnan(value):
            self.num_missing += 1
            return
        self.num_values += 1
        self.smallest, self.largest = min(self.smallest, value), max(self.largest, value)
        self.total += value


@dataclasses.dataclass
class DataSurvey:
    """Counts and samples of a data set.

    Args:
        counts: Number of pictures in each split, by attribute and value.
        sizes: Number of pictures by height and width in pixels.
        samples: Some thumbnails, uint8 `[h, w, 1 or 3]`, for each value of the requested attributes.
        confidences: The colour's confidence for each of these thumbnails; empty without derived colours.
        pictures: Thumbnails of the requested files.
        texts: Some pairs of file and description.
        numbers: Summaries of the numeric columns.
    """

    counts: dict[str, dict[str, Counter]]
    sizes: Counter = dataclasses.field(default_factory=Counter)
    samples: dict[tuple[str, str], list[np.ndarray]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    confidences: dict[tuple[str, str], list[float]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    pictures: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    texts: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    numbers: dict[str, NumberSummary] = dataclasses.field(default_factory=lambda: defaultdict(NumberSummary))


def survey_data_set(
    data_set: DataSet, sampled_attributes: Collection[str], files: Collection[str] = ()
) -> DataSurvey:
    """Reads every picture of a data set once, counts all and keeps thumbnails of a few.

    Args:
        data_set: A prepared data set.
        sampled_attributes: Attributes for whose values to keep thumbnails.
        files: Catalogue files of which to keep thumbnails.

    Returns:
        The survey.

    Example:

    ```python
    survey = survey_data_set(load_data_set("fashion_mnist"), ["category"])
    survey.counts["category"]["bag"]["train"]  # 5511
    ```
    """
    values = {name: (*values, UNKNOWN) for name, values in data_set.attributes.items()}
    survey = DataSurvey({name: {value: Counter() for value in known} for name, known in values.items()})
    with tqdm(
        total=sum(data_set.num_images.values()),
        desc=f"Looking at {data_set.name}",
        unit=" images",
        delay=2,
        leave=False,
        disable=None,
    ) as progress:
        for split in data_set.num_images:
            elements = data_set.read(split, with_texts=True).prefetch(tf.data.AUTOTUNE)
            for element in elements.as_numpy_iterator():
                # The id -1 indexes the last value: unknown.
                named = {name: known[element[name]] for name, known in values.items()}
                _count(survey, element, named, split)
                _sample(survey, element, named, sampled_attributes, files)
                progress.update()
    for known in survey.counts.values():
        if not known[UNKNOWN]:
            del known[UNKNOWN]
    return survey


def to_thumbnail(image: np.ndarray) -> np.ndarray:
    """Returns a picture for a sheet: small ones enlarged by pixel repetition, others resized.

    Args:
        image: uint8 array `[h, w, 1 or 3]`.

    Returns:
        uint8 array `[h', w', 1 or 3]`, the longer side at most 96 pixels.

    Example:

    >>> [to_thumbnail(np.zeros(shape, "uint8")).shape for shape in ([28, 28, 1], [200, 400, 3])]
    [(84, 84, 1), (48, 96, 3)]
    """
    longer = max(image.shape[:2])
    if longer <= THUMBNAIL_PIXELS // 2:
        times = THUMBNAIL_PIXELS // longer
        return image.repeat(times, axis=0).repeat(times, axis=1)
    size = [max(1, round(side * THUMBNAIL_PIXELS / longer)) for side in image.shape[:2]]
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    resized = np.asarray(picture.resize(size[::-1], Image.Resampling.LANCZOS))
    return resized.reshape(*size, image.shape[-1])


def _count(survey: DataSurvey, element: Mapping, named: Mapping[str, str], split: str) -> None:
    for name, value in named.items():
        survey.counts[name][value][split] += 1
    survey.sizes[element["image"].shape[:2]] += 1
    for key, value in element.items():
        if key not in named and isinstance(value, np.floating):
            survey.numbers[key].add(float(value))


def _sample(survey: DataSurvey, element, named, sampled_attributes, files) -> None:
    for name in sampled_attributes:
        sample = survey.samples[name, named[name]]
        if len(sample) < SAMPLES_PER_VALUE:
            sample.append(to_thumbnail(element["image"]))
            if f"{name}_confidence" in element:
                survey.confidences[name, named[name]].append(float(element[f"{name}_confidence"]))
    file = element.get("file", b"").decode("utf-8", "replace")
    if file in files:
        survey.pictures[file] = to_thumbnail(element["image"])
    text = element.get("description", b"").decode("utf-8", "replace")
    if text and len(survey.texts) < NUM_DESCRIPTIONS:
        survey.texts.append((file, text))
