"""Pictures in memory with their attributes, read from a data set or made by a model."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.data_sets import DataSet
from training.input.pipeline import make_image_batches
from zoo.pictures import pixels

BATCH_SIZE = 256


@dataclasses.dataclass(frozen=True)
class LabelledPictures:
    """Pictures and their attributes.

    Args:
        raw_images: uint8 array `[N, S, S, C]`.
        attribute_ids: For each attribute an int32 array `[N]`; -1 where it is unknown.

    Example:

    >>> pictures = LabelledPictures(np.zeros((3, 8, 8, 1), "uint8"), {"category": np.array([0, 1, 1])})
    >>> len(pictures), len(pictures.take([0, 2]))
    (3, 2)
    """

    raw_images: np.ndarray
    attribute_ids: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.raw_images)

    def take(self, rows) -> "LabelledPictures":
        """Selects rows."""
        return LabelledPictures(
            self.raw_images[rows], {name: ids[rows] for name, ids in self.attribute_ids.items()}
        )


def read_pictures(
    data_set: DataSet, split: str, image_size: int, channels: int, num_images: int, seed: int
) -> LabelledPictures:
    """Reads a random sample of a split's pictures, or all of them in random order.

    Args:
        data_set: A prepared data set.
        split: Name of the split.
        image_size: Side S in pixels to which pictures are cropped and resized.
        channels: Number of channels C.
        num_images: Largest number of pictures.
        seed: Seed of the selection and the order.

    Returns:
        The pictures.
    """
    num_images = min(num_images, data_set.num_images[split])
    batches = make_image_batches(
        data_set,
        split,
        image_size=image_size,
        channels=channels,
        batch_size=BATCH_SIZE,
        shuffle=True,
        seed=seed,
    )
    images, ids = [], []
    for raw_images, attribute_ids in batches.take(-(-num_images // BATCH_SIZE)).as_numpy_iterator():
        images.append(raw_images)
        ids.append(attribute_ids)
    return LabelledPictures(
        np.concatenate(images)[:num_images],
        {name: np.concatenate([batch[name] for batch in ids])[:num_images] for name in data_set.attributes},
    )


def generate_pictures(model, wanted: LabelledPictures, num_images: int, seed: int) -> LabelledPictures:
    """Generates pictures with the attributes of other pictures, which are repeated if there are too few.

    Args:
        model: A generative model.
        wanted: Pictures with the target attributes; unknown ones are drawn at random.
        num_images: Number of pictures to generate.
        seed: Seed of the latents and of randomly drawn attributes.

    Returns:
        The pictures, at the model's size, with the model's attributes.
    """
    random = np.random.default_rng(seed)
    rows = np.arange(num_images) % len(wanted)
    attribute_ids = {}
    for name, values in model.attributes.items():
        ids = wanted.attribute_ids[name][rows]
        attribute_ids[name] = np.where(ids < 0, random.integers(0, len(values), num_images), ids).astype(
            "int32"
        )
    latents = random.normal(size=(num_images, model.latent_dim)).astype("float32")
    return LabelledPictures(decode_latents(model, latents, attribute_ids), attribute_ids)


def decode_latents(model, latents, attribute_ids) -> np.ndarray:
    """Returns a generator's pictures, uint8 `[N, S, S, C]`, for given latents and attributes."""
    images = []
    for start in range(0, len(latents), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        ids = {name: tf.constant(attribute_ids[name][rows]) for name in model.attributes}
        batch = model.decode(tf.constant(latents[rows], "float32"), ids)
        images.append(pixels.from_model_range(batch, model.pixel_range).numpy())
    return np.concatenate(images)


def reconstruct(model, pictures: LabelledPictures) -> np.ndarray:
    """Returns a model's reconstructions of pictures, uint8 `[N, S, S, C]`."""
    return decode_latents(model, encode_pictures(model, pictures), pictures.attribute_ids)


def encode_pictures(model, pictures: LabelledPictures) -> np.ndarray:
    """Returns pictures' mean latents, float32 `[N, D]`."""
    latents = []
    for start in range(0, len(pictures), BATCH_SIZE):
        part = pictures.take(slice(start, start + BATCH_SIZE))
        ids = {name: part.attribute_ids[name] for name in model.attributes}
        latents.append(model.encode(part.raw_images, ids).numpy())
    return np.concatenate(latents)
