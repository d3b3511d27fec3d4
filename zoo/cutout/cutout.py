"""Cuts products out of photos of any size.

Sources:
    [U2Net] Qin et al. 2020, "U^2-Net: Going Deeper with Nested U-Structure for Salient Object Detection",
        arXiv 2005.09007: the whole photo, squeezed into a small square, and the mask stretched back.
"""

from typing import NamedTuple

import keras
import tensorflow as tf

from zoo.cutout.confidence import mask_confidence
from zoo.cutout.islands import drop_islands
from zoo.cutout.losses import mask_loss
from zoo.cutout.mask_refinement import free_fringe, refine_mask
from zoo.cutout.networks import NUM_HALVINGS, build_mask_network
from zoo.errors import WrongUsageError
from zoo.hyperparameters import Count
from zoo.pictures import pixels
from zoo.presets.from_preset import FromPreset
from zoo.step import replicas
from zoo.step.means import BatchMean, GradientNorm, update_means

# The trained network that everything uses that has to find products and is given no other.
PRESET = "cutout_products"
# Share of the photo that must be product with a probability above one half; with less, none was found.
SMALLEST_PRODUCT = 0.003


class ProductMask(NamedTuple):
    """Where the product is in a photo.

    Args:
        opacity: float32 `[h, w, 1]`, range [0, 1].
        confidence: float32 scalar in [0, 1]: how sure the mask is (`zoo/cutout/confidence.py`).
    """

    opacity: tf.Tensor
    confidence: tf.Tensor

    @classmethod
    def given(cls, opacity) -> "ProductMask":
        """Returns a mask that is right: a photo's own transparency, or one drawn by hand."""
        return cls(opacity, tf.ones([]))


@keras.saving.register_keras_serializable("zoo")
class Cutout(FromPreset, keras.Model):
    """Finds the product in a photo and cuts it out, at the photo's own size.

    Use it to put products on white, to recolour them without their surroundings, and to judge colours and
    categories on the product alone.

    A U-Net sees the whole photo squeezed into a square [U2Net]. Its mask is brought back to the photo's size
    by a guided filter, which follows the photo's edges, and colours of the ground are taken out of the fringe
    (`zoo/cutout/mask_refinement.py`). Specks beside the product are dropped (`zoo/cutout/islands.py`).

    Args:
        image_size: Side S in pixels of the square that the network sees, a multiple of 16.
        width: Channels at half of that resolution; below there are two to six times as many. Multiples of 16
            are several times as fast in bfloat16 on CPUs as other numbers.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 3]`, any h and w from 1.

    Returns:
        float32 tensor `[N, S, S, 1]`, range [0, 1]: for each part of the photo the probability that it is
        product.

    Raises:
        WrongUsageError: `image_size` is not a multiple of 16.

    Example:

    >>> Cutout(image_size=32, width=4)(tf.zeros([2, 50, 40, 3], "uint8")).shape.as_list()
    [2, 32, 32, 1]
    """

    pixel_range = pixels.SYMMETRIC_RANGE
    channels = 3

    def __init__(self, image_size: int = 256, width: Count = 16, dtype=None, name: str = "cutout", **kwargs):
        super().__init__(dtype=dtype, name=name, **kwargs)
        multiple = 1 << NUM_HALVINGS
        if image_size < multiple or image_size % multiple:
            nearest = max(multiple, image_size - image_size % multiple)
            raise WrongUsageError(
                f"`image_size` must be a multiple of {multiple}, because the network halves pictures "
                f"{NUM_HALVINGS} times. Received: image_size={image_size}. Nearest allowed size: {nearest}."
            )
        self.image_size = image_size
        self.width = width
        self.network = build_mask_network(image_size, width, self.dtype_policy)
        self.loss_tracker = BatchMean("loss")
        self.overlap_tracker = BatchMean("iou")
        self.error_tracker = BatchMean("mae")
        self.gradient_norm = GradientNorm()
        self.built = True

    def call(self, raw_images):
        return tf.sigmoid(self._find_logits(self.squeeze(raw_images), training=False))

    def squeeze(self, raw_images) -> tf.Tensor:
        """Returns photos `[N, h, w, 3]` as the network sees them, float32 `[N, S, S, 3]`, scale [0, 255]."""
        images = tf.cast(raw_images, "float32")
        if images.shape[1:3] == (self.image_size, self.image_size):
            return images
        size = [self.image_size, self.image_size]
        shrunk = tf.image.resize(images, size, antialias=True)
        return tf.ensure_shape(shrunk, [None, *size, 3])

    def find_masks(self, raw_images) -> tf.Tensor:
        """Returns the product's opacity in photos of one size.

        Args:
            raw_images: uint8 tensor `[N, h, w, 3]`.

        Returns:
            float32 tensor `[N, h, w, 1]`, range [0, 1].
        """
        return tf.map_fn(
            lambda pair: refine_mask(*pair),
            (raw_images, drop_islands(self(raw_images))),
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([None, None, 1], "float32"),
        )

    def find_product(self, raw_image) -> ProductMask:
        """Returns the product's opacity in one photo, uint8 `[h, w, 3]`, and how sure it is."""
        probabilities = self(raw_image[tf.newaxis])
        refined = refine_mask(raw_image, drop_islands(probabilities)[0])
        return ProductMask(refined, mask_confidence(probabilities[0]))

    def cut_out(self, raw_image) -> tuple[tf.Tensor, ProductMask]:
        """Cuts the product out of one photo.

        Args:
            raw_image: uint8 tensor `[h, w, 3]`.

        Returns:
            The product's colours, uint8 `[h, w, 3]`, and its mask. Where the opacity is 1 the colours are the
            photo's own bytes.
        """
        found = self.find_product(raw_image)
        return free_fringe(raw_image, found.opacity), found

    @staticmethod
    def has_product(opacity) -> tf.Tensor:
        """Returns whether a mask, float32 `[..., h, w, 1]`, shows any product: bool `[...]`."""
        share = tf.reduce_mean(tf.cast(opacity > 0.5, "float32"), axis=[-3, -2, -1])
        return share >= SMALLEST_PRODUCT

    def train_step(self, data):
        raw_images, masks = data
        masks = pixels.to_model_range(masks, pixels.UNIT_RANGE)
        with tf.GradientTape() as tape:
            logits = self._find_logits(tf.cast(raw_images, "float32"), training=True)
            loss = mask_loss(masks, logits)
            scaled_loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        replicas.apply_gradients(self.optimizer, gradients, variables, self.gradient_norm)
        logs = self._update_trackers(loss, masks, logits)
        return {**logs, "gradient_norm": self.gradient_norm.result()}

    def test_step(self, data):
        raw_images, masks = data
        masks = pixels.to_model_range(masks, pixels.UNIT_RANGE)
        logits = self._find_logits(tf.cast(raw_images, "float32"), training=False)
        return self._update_trackers(mask_loss(masks, logits), masks, logits)

    def get_config(self):
        return {**super().get_config(), "image_size": self.image_size, "width": self.width}

    def _find_logits(self, images, training: bool):
        images = pixels.to_model_range(images, self.pixel_range, self.compute_dtype)
        logits = self.network(images, training=training)
        return tf.image.resize(logits, [self.image_size, self.image_size])

    def _update_trackers(self, loss, masks, logits):
        found, wanted = logits > 0.0, masks > 0.5
        both, either = (
            tf.reduce_sum(tf.cast(values, "float32"), [1, 2, 3])
            for values in (found & wanted, found | wanted)
        )
        values = {
            "loss": loss,
            "iou": tf.reduce_mean(tf.where(either > 0, both / tf.maximum(either, 1.0), 1.0)),
            "mae": tf.reduce_mean(tf.abs(tf.sigmoid(logits) - masks)),
        }
        trackers = {"loss": self.loss_tracker, "iou": self.overlap_tracker, "mae": self.error_tracker}
        return update_means(trackers, values, tf.shape(masks)[0])
