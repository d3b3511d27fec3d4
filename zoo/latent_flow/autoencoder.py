"""Encodes pictures to small maps of latents, in which a generator has far less to learn.

Sources:
    [LDM] Rombach et al. 2022, arXiv 2112.10752, section 3.1: latents a fraction of the picture's size, hardly
        regularised, and losses on features that keep reconstructions sharp.
    [VAE] Kingma & Welling 2013, arXiv 1312.6114: latents with a mean and a variance.
    [EDSR] Lim et al. 2017, arXiv 1707.02921: residual blocks without normalisation.
    [Subpixels] Shi et al. 2016, arXiv 1609.05158: the picture's finest step as a rearrangement.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from zoo.conditional_vae.losses import gaussian_kl
from zoo.errors import WrongUsageError
from zoo.hyperparameters import Count, Weight
from zoo.layers.layer_names import LayerNames
from zoo.layers.subpixels import from_picture, to_picture
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr
from zoo.presets.from_preset import FromPreset
from zoo.step import replicas
from zoo.step.means import BatchMean, GradientNorm, update_means

# Sides of the latents are this fraction of the picture's.
FACTOR = 8
_SLOPE = 0.2


@keras.saving.register_keras_serializable("zoo")
class Autoencoder(FromPreset, keras.Model):
    """Encodes pictures to latents of an eighth of their sides, and decodes them again.

    Use it below `LatentFlow`. Its reconstructions are the best that anything drawn in its latents can look
    like: measure them first.

    Departures from [LDM]: no attention and no normalisation [EDSR], both of which are slow on a CPU, and the
    finest step is a rearrangement of pixels [Subpixels].

    Args:
        image_size: Side of the square pictures in pixels, a multiple of 8.
        channels: 1 (grey) or 3 (RGB).
        latent_channels: Channels of the latents.
        width: Channels of the largest feature map; the smaller ones have two and three times as many.
        depth: Number of residual blocks at each size of the decoder; the encoder has half as many.
        kl_weight: Weight of the latents' divergence from a standard normal distribution.
        feature_weight: Weight of the distance in a loss network's features, if the training has one.
        seed: Seed of the noise in training.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, image_size, image_size, channels]`.

    Returns:
        float32 tensor of the same shape, range about [-1, 1], not clipped: the reconstruction from the mean
        latents.

    Raises:
        WrongUsageError: `image_size` is not a multiple of 8.

    Example:

    >>> model = Autoencoder(image_size=16, width=4, depth=1)
    >>> model.encode(tf.zeros([2, 16, 16, 3], "uint8")).shape.as_list()
    [2, 2, 2, 4]
    """

    pixel_range = pixels.SYMMETRIC_RANGE

    def __init__(
        self,
        image_size: int = 128,
        channels: int = 3,
        latent_channels: Count = 4,
        width: Count = 32,
        depth: Count = 2,
        kl_weight: Weight = 5e-4,
        feature_weight: Weight = 0.2,
        seed: int = 0,
        dtype=None,
        name: str = "autoencoder",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        if image_size < FACTOR or image_size % FACTOR:
            raise WrongUsageError(
                f"`image_size` must be a multiple of {FACTOR}, because latents have an {FACTOR}th of the "
                f"picture's sides. Received: image_size={image_size}. Choose e.g. "
                f"{max(FACTOR, round(image_size / FACTOR) * FACTOR)}."
            )
        self.image_size = image_size
        self.channels = channels
        self.latent_channels = latent_channels
        self.width = width
        self.depth = depth
        self.kl_weight = kl_weight
        self.feature_weight = feature_weight
        self.seed = seed
        self.latent_shape = (image_size // FACTOR, image_size // FACTOR, latent_channels)
        self.encoder = self._build_encoder()
        self.decoder = self._build_decoder()
        self.noise_seeds = keras.random.SeedGenerator(seed)
        self.trackers = {
            key: BatchMean(key) for key in ("loss", "pixel_loss", "feature_loss", "kl_loss", "psnr")
        }
        self.gradient_norm = GradientNorm()
        self._compare: Callable | None = None
        self.built = True

    def call(self, raw_images):
        return self.decode(self.encode(raw_images))

    def encode(self, raw_images) -> tf.Tensor:
        """Returns the mean latents, float32 `[N, *latent_shape]`, of uint8 images."""
        return self._encode(raw_images)[0]

    def decode(self, latents) -> tf.Tensor:
        """Decodes latents to float32 pictures `[N, image_size, image_size, channels]`, about [-1, 1]."""
        return to_picture(self.decoder(tf.cast(latents, self.compute_dtype)), 2)

    def compile(self, optimizer, compare=None, **kwargs):
        """Compiles the model.

        Args:
            optimizer: Its optimizer.
            compare: Maps pictures and reconstructions (float32 `[N, h, w, channels]` on the scale [0, 255])
                to their distance in a loss network's features, float32 `[N]`; None goes without.
            **kwargs: As for `keras.Model.compile`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self._compare = compare

    def train_step(self, raw_images):
        num_rows = tf.shape(raw_images)[0]
        noise = replicas.normal([num_rows, *self.latent_shape], self.noise_seeds)
        with tf.GradientTape() as tape:
            losses = self._find_losses(raw_images, noise)
            scaled_loss = self.optimizer.scale_loss(losses["loss"])
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        replicas.apply_gradients(self.optimizer, gradients, variables, self.gradient_norm)
        return {**update_means(self.trackers, losses, num_rows), "gradient_norm": self.gradient_norm.result()}

    def test_step(self, raw_images):
        return update_means(self.trackers, self._find_losses(raw_images, 0.0), tf.shape(raw_images)[0])

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_channels": self.latent_channels,
            "width": self.width,
            "depth": self.depth,
            "kl_weight": self.kl_weight,
            "feature_weight": self.feature_weight,
            "seed": self.seed,
        }

    def _encode(self, raw_images) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the latents' mean and log variance."""
        images = pixels.to_model_range(raw_images, self.pixel_range, self.compute_dtype)
        mean, log_variance = tf.split(self.encoder(from_picture(images, 2)), 2, axis=-1)
        return mean, tf.clip_by_value(log_variance, -20.0, 4.0)

    def _find_losses(self, raw_images, noise):
        """Returns the loss and its terms, each a mean over the batch and over pixels or latents."""
        mean, log_variance = self._encode(raw_images)
        images = pixels.to_model_range(raw_images, self.pixel_range)
        decoded = self.decode(mean + tf.exp(0.5 * log_variance) * noise)
        losses = {
            "pixel_loss": tf.reduce_mean(tf.abs(decoded - images)),
            "kl_loss": tf.reduce_mean(gaussian_kl(mean, log_variance)),
            "feature_loss": tf.constant(0.0),
        }
        if self._compare is not None and self.feature_weight:
            losses["feature_loss"] = tf.reduce_mean(
                self._compare(127.5 * (images + 1.0), 127.5 * (decoded + 1.0))
            )
        losses["loss"] = (
            losses["pixel_loss"]
            + self.feature_weight * losses["feature_loss"]
            + self.kl_weight * losses["kl_loss"]
        )
        reconstructions = pixels.from_model_range(decoded, self.pixel_range)
        losses["psnr"] = tf.reduce_mean(psnr(raw_images, reconstructions))
        return losses

    def _build_encoder(self) -> keras.Model:
        name = LayerNames("encoder")
        side = self.image_size // 2
        squares = keras.Input((side, side, 4 * self.channels), name="squares")
        x = self._convolve(squares, self.width, name)
        for level in range(3):
            if level:
                x = self._convolve(x, (level + 1) * self.width, name, strides=2)
            for _ in range((self.depth + 1) // 2):
                x = self._add_block(x, name)
        latents = keras.layers.Conv2D(2 * self.latent_channels, 1, dtype="float32", name=name("conv"))(x)
        return keras.Model(squares, latents, name="encoder")

    def _build_decoder(self) -> keras.Model:
        name = LayerNames("decoder")
        latents = keras.Input(self.latent_shape, name="latents")
        x = self._convolve(latents, 3 * self.width, name)
        for level in reversed(range(3)):
            if level < 2:
                x = keras.layers.UpSampling2D(dtype=self.dtype_policy)(x)
                x = self._convolve(x, (level + 1) * self.width, name)
            for _ in range(self.depth):
                x = self._add_block(x, name)
        squares = keras.layers.Conv2D(
            4 * self.channels, 3, padding="same", dtype="float32", name=name("conv")
        )(x)
        return keras.Model(latents, squares, name="decoder")

    def _convolve(self, x, filters: int, name: LayerNames, strides: int = 1, start: str = "glorot_uniform"):
        return keras.layers.Conv2D(
            filters,
            3,
            strides,
            "same",
            kernel_initializer=start,
            dtype=self.dtype_policy,
            name=name("conv"),
        )(x)

    def _add_block(self, x, name: LayerNames):
        inner = self._convolve(self._rectify(x), x.shape[-1], name)
        # Blocks start as the identity, which stands in for normalisation.
        inner = self._convolve(self._rectify(inner), x.shape[-1], name, start="zeros")
        return keras.layers.Add(dtype=self.dtype_policy)([x, inner])

    def _rectify(self, x):
        return keras.layers.LeakyReLU(_SLOPE, dtype=self.dtype_policy)(x)
