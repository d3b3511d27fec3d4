"""Models that take whatever is darker than the middle for the product, so that their masks are known."""

import numpy as np
import tensorflow as tf

from zoo.cutout.cutout import Cutout


def make_dark(model_class, **arguments) -> Cutout:
    """Builds a `Cutout`, or a subclass, with this rule in place of its network's opinion."""
    model = model_class(**arguments)

    def call(raw_images):
        lightness = tf.reduce_mean(model.squeeze(raw_images), axis=-1, keepdims=True) / 255.0
        return tf.sigmoid(40.0 * (0.5 - lightness))

    model.call = call
    return model


def dark_square(height=80, width=60, colour=(20, 60, 110), ground=(240, 238, 230)) -> np.ndarray:
    """Returns a photo, uint8 `[height, width, 3]`, of a folded dark cloth in its middle half."""
    photo = np.empty([height, width, 3], "uint8")
    photo[:] = ground
    inside = (slice(height // 4, 3 * height // 4), slice(width // 4, 3 * width // 4))
    folds = 1.0 + 0.08 * np.sin(np.arange(photo[inside].shape[1]) / 2.0)[None, :, None]
    photo[inside] = np.round(np.array(colour) * folds)
    return photo


def inside_of(photo: np.ndarray, margin: int = 3) -> tuple[slice, slice]:
    """Returns the part of `dark_square` that is cloth, without a margin."""
    height, width = photo.shape[:2]
    return (
        slice(height // 4 + margin, 3 * height // 4 - margin),
        slice(width // 4 + margin, 3 * width // 4 - margin),
    )
