"""Degrades low-res pictures as real small photos are, by blur and JPEG, to train super-resolution."""

from collections.abc import Sequence

import tensorflow as tf

from training.input.augmentation import blur, make_blur
from training.input.stateless_seeds import StatelessSeeds
from zoo.errors import UnknownNameError
from zoo.pictures import pixels

# In the order of application.
DEGRADATIONS = ("blur", "jpeg")
JPEG_QUALITIES = (50, 95)


class Degradation:
    """Degrades each low-res picture by its own random amounts.

    | name | change |
    |---|---|
    | `blur` | Gaussian blur of up to 1 low-res pixel, with probability 1/2 |
    | `jpeg` | JPEG compression with quality 50 to 95 |

    Args:
        names: Names from the table, in any order.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 1 or 3]`, static h and w.
        seed: Integer tensor `[2]`, which alone determines the amounts.

    Returns:
        uint8 tensor of the same shape.

    Raises:
        UnknownNameError: If a degradation does not exist.

    Example:

    >>> Degradation(["jpeg"])(tf.zeros([2, 8, 8, 3], "uint8"), seed=[0, 7]).shape.as_list()
    [2, 8, 8, 3]
    """

    def __init__(self, names: Sequence[str]):
        for name in names:
            if name not in DEGRADATIONS:
                raise UnknownNameError("degradation", name, DEGRADATIONS)
        self._has_jpeg = "jpeg" in names
        self._blur_layer = make_blur() if "blur" in names else None

    def __call__(self, raw_images, seed) -> tf.Tensor:
        if self._blur_layer is not None:
            images = tf.cast(raw_images, "float32")
            raw_images = pixels.round_to_uint8(blur(self._blur_layer, images, StatelessSeeds(seed, 0)))
        return _save_as_jpeg(raw_images, StatelessSeeds(seed, 1)) if self._has_jpeg else raw_images


def _save_as_jpeg(raw_images: tf.Tensor, seeds: StatelessSeeds) -> tf.Tensor:
    lowest, highest = JPEG_QUALITIES
    qualities = tf.random.stateless_uniform(
        [tf.shape(raw_images)[0]], seeds.next(), lowest, highest + 1, dtype="int32"
    )

    def save_one(image_and_quality):
        return tf.image.adjust_jpeg_quality(*image_and_quality)

    return tf.map_fn(
        save_one,
        (raw_images, qualities),
        fn_output_signature=tf.TensorSpec(raw_images.shape[1:], "uint8"),
    )
