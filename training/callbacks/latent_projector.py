"""Exports latents to TensorBoard's projector, with their pictures as thumbnails."""

import math
from pathlib import Path

import keras
import numpy as np
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins import projector

from training.data.data_sets import DataSet
from training.input.labelled_pictures import read_pictures
from training.runs.config import TrainingConfig
from zoo.files.atomic_write import atomic_path, write_text
from zoo.pictures import pixels

MAX_IMAGES = 1000
# TensorBoard accepts sprites of at most 8192 pixels per side.
MAX_THUMBNAIL_PIXELS = 8192 // math.isqrt(MAX_IMAGES - 1) - 8
CONFIG, LATENTS, LABELS, SPRITE = "projector_config.pbtxt", "latents.tsv", "labels.tsv", "sprite.png"


class LatentProjector(keras.callbacks.Callback):
    """Writes the latents of validation pictures at the end of the training, for models with `encode`.

    Args:
        config: The run's configuration.
        data_set: The data set of the pictures.
        directory: A directory of TensorBoard events.
    """

    def __init__(self, config: TrainingConfig, data_set: DataSet, directory: Path):
        super().__init__()
        self._config = config
        self._data_set = data_set
        self._directory = directory

    def on_train_end(self, logs=None):
        pictures = read_pictures(
            self._data_set,
            "validation",
            self.model.image_size,
            self.model.channels,
            MAX_IMAGES,
            self._config.seed,
        )
        latents = self.model.encode(pictures.raw_images, pictures.attribute_ids).numpy()
        rows = ["\t".join(f"{value:.5g}" for value in row) for row in latents]
        write_text(self._directory / LATENTS, "\n".join(rows) + "\n")
        write_text(self._directory / LABELS, _label_table(self.model.attributes, pictures.attribute_ids))
        with atomic_path(self._directory / SPRITE) as path:
            make_sprite(pictures.raw_images).save(path, format="PNG")
        side = min(self.model.image_size, MAX_THUMBNAIL_PIXELS)
        write_text(self._directory / CONFIG, _projector_config(side))


def make_sprite(raw_images: np.ndarray) -> Image.Image:
    """Arranges thumbnails row by row in a square, as the projector requires.

    Args:
        raw_images: uint8 array `[N, S, S, 1 or 3]`.

    Example:

    >>> make_sprite(np.zeros([5, 28, 28, 1], "uint8")).size
    (84, 84)
    """
    side = min(raw_images.shape[1], MAX_THUMBNAIL_PIXELS)
    num_columns = math.isqrt(len(raw_images) - 1) + 1
    sprite = Image.new("RGB", (num_columns * side, num_columns * side), "white")
    for number, image in enumerate(pixels.match_channels(raw_images, 3).numpy()):
        row, column = divmod(number, num_columns)
        sprite.paste(Image.fromarray(image).resize((side, side)), (column * side, row * side))
    return sprite


def _label_table(attributes, attribute_ids) -> str:
    columns = [
        [values[value_id] if value_id >= 0 else "" for value_id in attribute_ids[name]]
        for name, values in attributes.items()
    ]
    # The projector expects no header line in a table of one column.
    lines = ["\t".join(attributes)] if len(attributes) > 1 else []
    return "\n".join(lines + ["\t".join(row) for row in zip(*columns, strict=True)]) + "\n"


def _projector_config(side: int) -> str:
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add(
        tensor_name="latents of validation pictures", tensor_path=LATENTS, metadata_path=LABELS
    )
    embedding.sprite.image_path = SPRITE
    embedding.sprite.single_image_dim.extend([side, side])
    return text_format.MessageToString(config)
