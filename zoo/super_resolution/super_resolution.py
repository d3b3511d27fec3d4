"""Base class for super-resolution models: colour handling, tiling, training rule and scores.

Sources:
    [SRCNN] Dong et al. 2014, arXiv 1501.00092, section 4: luma, mean squared error, PSNR.
"""

import keras
import tensorflow as tf

from zoo.errors import UnknownNameError
from zoo.layers.subpixels import BICUBIC_RADIUS, bicubic_subpixels, to_picture
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr
from zoo.pictures.tiles import map_tiles
from zoo.presets.from_preset import FromPreset
from zoo.step import replicas
from zoo.step.means import BatchMean, GradientNorm, update_means

UPSCALE_FACTORS = (2, 3, 4)
COLOUR_SPACES = {"luma": 1, "rgb": 3}


class SuperResolution(FromPreset, keras.Model):
    """Enlarges pictures by bicubic interpolation plus details predicted by a network.

    Use it as the base class of such models. A subclass implements the network in `find_details` and passes
    its `reach`.

    Args:
        upscale_factor: The factor s: 2, 3 or 4.
        is_residual: Whether the network predicts the difference from the bicubic picture.
        colour_space: The network's input: `luma`, with colour enlarged by bicubic interpolation, or `rgb`,
            all three channels at once.
        reach: Low-res pixels in each direction that a pixel of the result depends on through the network.
        max_tile_pixels: Size of the result in pixels above which a picture is enlarged tile by tile.
        **kwargs: As for `keras.Model`.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 1 or 3]`, any h and w from 1; 3 channels for `rgb`.

    Returns:
        float32 tensor `[N, s * h, s * w, c]` on the scale [0, 255], neither rounded nor clipped: luma, or RGB
        where the colour space is `rgb`.

    Raises:
        ValueError: `upscale_factor` is not 2, 3 or 4.
        UnknownNameError: The colour space is unknown.
    """

    def __init__(
        self,
        upscale_factor: int,
        is_residual: bool,
        colour_space: str,
        reach: int,
        max_tile_pixels: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if upscale_factor not in UPSCALE_FACTORS:
            raise ValueError(
                f"`upscale_factor` must be one of {UPSCALE_FACTORS}: one network is trained for each. "
                f"Received: upscale_factor={upscale_factor}. Choose one of these factors."
            )
        if colour_space not in COLOUR_SPACES:
            raise UnknownNameError("colour space", colour_space, COLOUR_SPACES)
        self.upscale_factor = upscale_factor
        self.is_residual = is_residual
        self.colour_space = colour_space
        self.channels = COLOUR_SPACES[colour_space]
        self.reach = max(reach, BICUBIC_RADIUS)
        self.max_tile_pixels = max_tile_pixels
        self.loss_tracker = BatchMean("loss")
        self.gradient_norm = GradientNorm()
        self.psnr_tracker = BatchMean("psnr")
        self.bicubic_psnr_tracker = BatchMean("bicubic_psnr")

    def find_details(self, images, interpolated) -> tf.Tensor:
        """Returns the details to add to bicubic pictures.

        Args:
            images: float32 tensor `[N, h, w, channels]`, scale [0, 255]: luma or RGB.
            interpolated: Their bicubic enlargement, as subpixels `[N, h, w, s * s * channels]`
                (`zoo/layers/subpixels.py`).

        Returns:
            Float tensor with the shape and scale of `interpolated`.
        """
        raise NotImplementedError

    def find_loss(self, targets, upscaled) -> tf.Tensor:
        """Returns the loss: by default the mean squared error on the scale [0, 1] ([SRCNN] eq. 4).

        Args:
            targets: float32 tensor `[N, h, w, channels]`, scale [0, 255]: luma or RGB.
            upscaled: The model's pictures, of the same shape and scale.
        """
        return tf.reduce_mean(tf.square((targets - upscaled) / 255.0))

    def call(self, raw_images):
        images = self._to_colour_space(raw_images)
        interpolated = bicubic_subpixels(images, self.upscale_factor)
        return to_picture(interpolated + self.find_details(images, interpolated), self.upscale_factor)

    def upscale(self, raw_images) -> tf.Tensor:
        """Enlarges uint8 pictures `[N, h, w, 1 or 3]` to uint8 `[N, s * h, s * w, 1 or 3]`.

        Pictures are enlarged one at a time, and large ones in tiles, which bounds the memory use.
        """
        raw_images = tf.convert_to_tensor(raw_images)
        return tf.map_fn(
            self._upscale_picture,
            raw_images,
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([None, None, raw_images.shape[-1]], "uint8"),
        )

    def _upscale_picture(self, raw_image):
        return map_tiles(raw_image, self.upscale_whole, self.upscale_factor, self.reach, self.max_tile_pixels)

    def upscale_whole(self, raw_images) -> tf.Tensor:
        """Enlarges as `upscale` does, but all pictures at once and without tiles."""
        factor, num_channels = self.upscale_factor, raw_images.shape[-1]
        if self.colour_space == "rgb" and num_channels == 1:
            return self.upscale_whole(tf.repeat(raw_images, 3, axis=-1))[..., 1:2]
        interpolated = bicubic_subpixels(raw_images, factor)
        shape = tf.shape(interpolated)
        split = tf.reshape(interpolated, [*tf.unstack(shape[:3]), factor**2, num_channels])
        split_images = tf.reshape(
            self._to_colour_space(split), [*tf.unstack(shape[:3]), factor**2 * self.channels]
        )
        details = self.find_details(self._to_colour_space(raw_images), split_images)
        if self.channels < num_channels:
            details = pixels.luma_to_rgb_differences(details)
        # Rounded before the rearrangement: bytes move four times as fast as floats.
        return to_picture(pixels.round_to_uint8(interpolated + details), factor)

    def train_step(self, data):
        low_res_images, high_res_images = data
        targets = self._to_colour_space(high_res_images)
        with tf.GradientTape() as tape:
            loss = self.find_loss(targets, self(low_res_images, training=True))
            scaled_loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        replicas.apply_gradients(self.optimizer, gradients, variables, self.gradient_norm)
        logs = update_means({"loss": self.loss_tracker}, {"loss": loss}, tf.shape(low_res_images)[0])
        return {**logs, "gradient_norm": self.gradient_norm.result()}

    def test_step(self, data):
        low_res_images, high_res_images = data
        upscaled = self(low_res_images, training=False)
        interpolated = to_picture(
            bicubic_subpixels(self._to_colour_space(low_res_images), self.upscale_factor), self.upscale_factor
        )
        targets = self._to_colour_space(high_res_images)
        trackers = (self.loss_tracker, self.psnr_tracker, self.bicubic_psnr_tracker)
        return update_means(
            {tracker.name: tracker for tracker in trackers},
            {
                "loss": self.find_loss(targets, upscaled),
                "psnr": tf.reduce_mean(self._luma_psnr(high_res_images, upscaled)),
                "bicubic_psnr": tf.reduce_mean(self._luma_psnr(high_res_images, interpolated)),
            },
            tf.shape(low_res_images)[0],
        )

    def get_config(self):
        return {
            **super().get_config(),
            "upscale_factor": self.upscale_factor,
            "is_residual": self.is_residual,
            "colour_space": self.colour_space,
        }

    def _to_colour_space(self, raw_images):
        if self.colour_space == "luma":
            return pixels.to_luma(raw_images)
        return tf.cast(raw_images, "float32")

    def _luma_psnr(self, high_res_images, upscaled):
        """Returns the PSNR on luma for either colour space, which makes the two comparable."""
        if self.colour_space == "rgb":
            upscaled = pixels.to_luma(pixels.round_to_uint8(upscaled))
        rounded = pixels.round_to_uint8(pixels.to_luma(high_res_images)), pixels.round_to_uint8(upscaled)
        return psnr(*rounded, border=self.upscale_factor)


def pad_by_repeating(images, margin: int):
    """Pads pictures `[N, h, w, C]` on every side by repeating their edge."""
    # tf.pad has no such mode, and its mirroring modes reject pictures smaller than the margin.
    shape = tf.shape(images)
    rows = tf.clip_by_value(tf.range(-margin, shape[1] + margin), 0, shape[1] - 1)
    columns = tf.clip_by_value(tf.range(-margin, shape[2] + margin), 0, shape[2] - 1)
    return tf.gather(tf.gather(images, rows, axis=1), columns, axis=2)
