"""SRCNN: enlarges pictures with three convolutions.

Sources:
    [SRCNN] Dong et al. 2014, "Image Super-Resolution Using Deep Convolutional Networks", arXiv 1501.00092.
"""

import keras
import tensorflow as tf

from zoo import pixels
from zoo.errors import UnknownNameError
from zoo.from_preset import FromPreset
from zoo.psnr import psnr
from zoo.resize import bicubic
from zoo.strips import upscale_in_strips

# [SRCNN] section 4.3.2: kernel sizes of patch extraction, non-linear mapping and reconstruction.
KERNEL_SIZES = {"9-1-5": (9, 1, 5), "9-3-5": (9, 3, 5), "9-5-5": (9, 5, 5)}
NUM_FILTERS = (64, 32)
UPSCALE_FACTORS = (2, 3, 4)

# Low-res pixels that bicubic interpolation reaches, and the size at which a picture is cut into strips: the
# 96 feature maps of half a million pixels take about 200 MB.
BICUBIC_RADIUS = 3
MAX_STRIP_PIXELS = 1 << 19


@keras.saving.register_keras_serializable("zoo")
class SRCNN(FromPreset, keras.Model):
    """Enlarges pictures by 2, 3 or 4: bicubic interpolation, then three convolutions on luma.

    Use it as the published baseline of super-resolution. Colour is enlarged by bicubic interpolation, as in
    [SRCNN] section 4.3.3 ("Y only").

    Departures from [SRCNN]: pictures are padded by repeating their edge before the unpadded convolutions, so
    that the result has the full size; training uses Adam and Glorot initialisation instead of plain gradient
    descent from tiny Gaussians, which needs 10^8 steps. With `is_residual` the network adds to the bicubic
    picture instead of replacing it, which [SRCNN] does not do.

    Args:
        upscale_factor: 2, 3 or 4.
        kernels: "9-1-5", "9-3-5" or "9-5-5": more weights, better and slower in this order.
        is_residual: Whether the network predicts the difference to the bicubic picture.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 1 or 3]`, any h and w from 1.

    Returns:
        float32 tensor `[N, upscale_factor * h, upscale_factor * w, 1]`: luma on the scale [0, 255], neither
        rounded nor clipped.

    Raises:
        ValueError: `upscale_factor` is not 2, 3 or 4.
        UnknownNameError: `kernels` is none of the three.

    Example:

    >>> SRCNN(upscale_factor=3)(tf.zeros([1, 5, 7, 3], "uint8")).shape.as_list()
    [1, 15, 21, 1]
    """

    def __init__(
        self,
        upscale_factor: int = 2,
        kernels: str = "9-1-5",
        is_residual: bool = False,
        dtype=None,
        name: str = "srcnn",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        if upscale_factor not in UPSCALE_FACTORS:
            raise ValueError(
                f"`upscale_factor` must be one of {UPSCALE_FACTORS}: one network is trained for each. "
                f"Received: upscale_factor={upscale_factor}."
            )
        if kernels not in KERNEL_SIZES:
            raise UnknownNameError("SRCNN kernels", kernels, KERNEL_SIZES)
        self.upscale_factor = upscale_factor
        self.kernels = kernels
        self.is_residual = is_residual
        # What the unpadded convolutions take off on each side, in pixels of the result.
        self.margin = sum(size // 2 for size in KERNEL_SIZES[kernels])
        self.network = self._build_network()
        self.loss_tracker = keras.metrics.Mean("loss")
        self.psnr_tracker = keras.metrics.Mean("psnr")
        self.bicubic_psnr_tracker = keras.metrics.Mean("bicubic_psnr")
        self.built = True

    def call(self, raw_images):
        return self._refine(self._interpolate(pixels.to_luma(raw_images)))

    def upscale(self, raw_images) -> tf.Tensor:
        """Enlarges uint8 pictures `[N, h, w, 1 or 3]` to uint8 `[N, s * h, s * w, 1 or 3]`.

        One picture at a time and a large one in strips, so that memory does not grow with either number.
        """
        raw_images = tf.convert_to_tensor(raw_images)
        return tf.map_fn(
            self._upscale_picture,
            raw_images,
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([None, None, raw_images.shape[-1]], "uint8"),
        )

    def _upscale_picture(self, raw_image):
        halo = -(-self.margin // self.upscale_factor) + BICUBIC_RADIUS
        return upscale_in_strips(raw_image, self._upscale_strip, self.upscale_factor, halo, MAX_STRIP_PIXELS)

    def _upscale_strip(self, raw_images):
        if raw_images.shape[-1] == 1:
            return pixels.round_to_uint8(self(raw_images))
        interpolated = self._interpolate(pixels.rgb_to_ycbcr(raw_images))
        luma = self._refine(interpolated[..., :1])
        return pixels.round_to_uint8(pixels.ycbcr_to_rgb(tf.concat([luma, interpolated[..., 1:]], axis=-1)))

    def train_step(self, data):
        low_res_images, high_res_images = data
        interpolated = self._interpolate(pixels.to_luma(low_res_images))
        high_res_luma = pixels.to_luma(high_res_images)
        with tf.GradientTape() as tape:
            loss = self._mean_squared_error(high_res_luma, self._refine(interpolated))
            scaled_loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(scaled_loss, variables), variables)
        self.loss_tracker.update_state(loss, sample_weight=tf.shape(low_res_images)[0])
        return {"loss": self.loss_tracker.result()}

    def test_step(self, data):
        low_res_images, high_res_images = data
        interpolated = self._interpolate(pixels.to_luma(low_res_images))
        high_res_luma = pixels.to_luma(high_res_images)
        upscaled = self._refine(interpolated)
        # Weighted by what comes from the data: an update that is a constant also counts the step that finds
        # the data set at its end.
        self.loss_tracker.update_state(
            self._mean_squared_error(high_res_luma, upscaled), sample_weight=tf.shape(low_res_images)[0]
        )
        self.psnr_tracker.update_state(self._psnr(high_res_luma, upscaled))
        self.bicubic_psnr_tracker.update_state(self._psnr(high_res_luma, interpolated))
        return {
            tracker.name: tracker.result()
            for tracker in (self.loss_tracker, self.psnr_tracker, self.bicubic_psnr_tracker)
        }

    def get_config(self):
        return {
            **super().get_config(),
            "upscale_factor": self.upscale_factor,
            "kernels": self.kernels,
            "is_residual": self.is_residual,
        }

    def _interpolate(self, images):
        shape = tf.shape(images)
        return bicubic(images, self.upscale_factor * shape[1], self.upscale_factor * shape[2])

    def _refine(self, interpolated):
        images = interpolated / 255.0
        refined = self.network(_pad_by_repeating(images, self.margin))
        return 255.0 * (images + refined if self.is_residual else refined)

    def _mean_squared_error(self, high_res_luma, upscaled):
        """[SRCNN] eq. 4, on the scale [0, 1]."""
        return tf.reduce_mean(tf.square((high_res_luma - upscaled) / 255.0))

    def _psnr(self, high_res_luma, upscaled):
        rounded = pixels.round_to_uint8(high_res_luma), pixels.round_to_uint8(upscaled)
        return psnr(*rounded, border=self.upscale_factor)

    def _build_network(self) -> keras.Model:
        sizes = KERNEL_SIZES[self.kernels]
        layers = keras.layers
        images = keras.Input((None, None, 1), name="images")
        x = layers.Conv2D(
            NUM_FILTERS[0], sizes[0], activation="relu", dtype=self.dtype_policy, name="patch_extraction"
        )(images)
        x = layers.Conv2D(
            NUM_FILTERS[1], sizes[1], activation="relu", dtype=self.dtype_policy, name="non_linear_mapping"
        )(x)
        luma = layers.Conv2D(1, sizes[2], dtype="float32", name="reconstruction")(x)
        return keras.Model(images, luma, name="network")


def _pad_by_repeating(images, margin: int):
    # tf.pad has no such mode, and its mirroring modes refuse pictures smaller than the margin.
    shape = tf.shape(images)
    rows = tf.clip_by_value(tf.range(-margin, shape[1] + margin), 0, shape[1] - 1)
    columns = tf.clip_by_value(tf.range(-margin, shape[2] + margin), 0, shape[2] - 1)
    return tf.gather(tf.gather(images, rows, axis=1), columns, axis=2)
