"""Finds the product in a photo, with the preset of the cut-out network.

TensorFlow is imported with the first photo, because worker processes that do not need it start without.
"""

import dataclasses
import functools
import multiprocessing

import numpy as np
from PIL import Image

from training.data.catalog.quarantine import UnreadableRowError
from zoo.command_line.quiet_import import import_tensorflow
from zoo.pictures import grounds

# Larger photos are reduced to this longer side, unless the result needs more.
LONGEST_SIDE = 1024


@dataclasses.dataclass(frozen=True)
class Product:
    """A product without its ground.

    Args:
        picture: uint8 array `[h, w, 4]`: colours and opacity.
        confidence: How sure the mask is, range [0, 1].
    """

    picture: np.ndarray
    confidence: float

    def on_white(self, size: int | None = None) -> np.ndarray:
        """Returns the product centred in a white square, uint8 `[size, size, 3]`.

        Args:
            size: Side in pixels; by default the product keeps its scale.
        """
        if size is None:
            left, top, right, bottom = grounds.outline_of(self.picture)
            size = max(1, round(max(right - left, bottom - top) / grounds.MARKET_FILL))
        placed = grounds.Placing((size, size), grounds.MARKET_FILL).apply(self.picture)
        return grounds.lay_on_colour(placed, (255, 255, 255))


def find_product(photo: np.ndarray, size: int | None = None) -> Product:
    """Finds the product in a photo.

    Args:
        photo: uint8 array `[h, w, 3]`, upright; or `[h, w, 4]`, whose transparent pixels are then not the
            product.
        size: Side in pixels that the product is wanted at; None keeps its scale.

    Returns:
        The product.

    Raises:
        UnreadableRowError: No product was found.
    """
    if photo.shape[-1] == 4:
        return Product(photo, 1.0)
    if size is not None:
        small = Image.fromarray(photo)
        small.thumbnail((max(LONGEST_SIDE, 2 * size),) * 2, Image.Resampling.BICUBIC, reducing_gap=2.0)
        photo = np.asarray(small)
    colours, opacity, confidence, is_found = _cut_out()(photo)
    if not bool(is_found):
        raise UnreadableRowError("no product found", "less than 0.3 % of the photo looks like one")
    alpha = np.round(255.0 * opacity.numpy()).astype("uint8")
    return Product(np.concatenate([colours.numpy(), alpha], axis=-1), float(confidence))


@functools.cache
def _cut_out():
    import_tensorflow()
    import tensorflow as tf

    from zoo.cutout import PRESET, Cutout

    if multiprocessing.parent_process() is not None:  # other processes use the other processors
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    model = Cutout.from_preset(PRESET)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)])
    def cut_out(raw_image):
        colours, mask = model.cut_out(raw_image)
        return colours, mask.opacity, mask.confidence, model.has_product(mask.opacity)

    return cut_out
