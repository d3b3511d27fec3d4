"""Data sets of images that a test holds in memory."""

import dataclasses

import numpy as np
import tensorflow as tf

from training.data.data_sets import DataSet


@dataclasses.dataclass(frozen=True)
class PicturesInMemory(DataSet):
    """A data set of given images; image i has category i % 3 and colour i % 2."""

    pictures: tuple = ()

    def read(self, split):
        self.check_split(split)
        height, width, channels = self.image_shape

        def generate():
            for index, picture in enumerate(self.pictures):
                yield {"image": picture, "category": index % 3, "colour": index % 2}

        scalar = tf.TensorSpec([], "int64")
        return tf.data.Dataset.from_generator(
            generate,
            output_signature={
                "image": tf.TensorSpec([height, width, channels], "uint8"),
                "category": scalar,
                "colour": scalar,
            },
        )


def make_data_set(pictures, image_shape=None):
    return PicturesInMemory(
        name="dummy",
        attributes={"category": ("a", "b", "c"), "colour": ("red", "blue")},
        image_shape=image_shape or pictures[0].shape,
        num_images={"train": len(pictures)},
        source="",
        builder=None,
        tfds_splits={"train": "train"},
        feature_names={},
        pictures=tuple(pictures),
    )


def numbered(count, size=8, channels=1):
    """Returns images, of which image i is filled with i."""
    return make_data_set([np.full([size, size, channels], i, np.uint8) for i in range(count)])


def noise(count, height=24, width=30, channels=3):
    return list(np.random.default_rng(0).integers(0, 256, [count, height, width, channels], np.uint8))


def assert_same_batches(batches, expected):
    batches, expected = list(batches), list(expected)
    assert len(batches) == len(expected) > 0
    for batch, expected_batch in zip(batches, expected, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, batch, expected_batch)
