"""The networks of the conditional VAE.

Source:
    [U-Net] Ronneberger et al. 2015, arXiv 1505.04597: skip connections between equal resolutions.
"""

import dataclasses

import keras

from zoo.conditional_vae.guided_filter import GuidedFilter
from zoo.layers import pyramid
from zoo.layers.narrow_convolutions import NarrowConv2D

NUM_FEATURES = 256
PAINTER_HALVINGS = 2


@dataclasses.dataclass(frozen=True)
class VariationalNetworks:
    """Builds the model's networks with matching inputs and outputs.

    Args:
        num_conditions: Length of the one-hot attributes.
        image_size: Side of the pictures in pixels.
        channels: 1 or 3.
        latent_dim: Length of the latents.
        width: Channels of the largest feature map.
        depth: Number of 3x3 convolutions at each resolution.
        dtype: Dtype policy.
    """

    num_conditions: int
    image_size: int
    channels: int
    latent_dim: int
    width: int
    depth: int
    dtype: keras.DTypePolicy

    def build_features(self, prefix: str = "", batch_norm: bool = True) -> keras.Model:
        """Builds the network from images `[N, S, S, C]` in [0, 1] to features `[N, NUM_FEATURES]`.

        Args:
            prefix: Prefix of the layers' names, for models with several of these networks.
            batch_norm: Whether feature maps are normalised over the batch.
        """
        images = keras.Input((self.image_size, self.image_size, self.channels), name="images")
        features = pyramid.downsample(
            images,
            image_size=self.image_size,
            width=self.width,
            dtype=self.dtype,
            batch_norm=batch_norm,
            name=f"{prefix}encoder",
            depth=self.depth,
        )
        dense = keras.layers.Dense(NUM_FEATURES, dtype=self.dtype, name=f"{prefix}encoder_features")
        features = keras.layers.LeakyReLU(0.2, dtype=self.dtype)(dense(features))
        return keras.Model(images, features, name=f"{prefix}features")

    def build_posterior(self) -> keras.Model:
        """Builds the network from features and conditions to the latents' float32 mean and log variance."""
        features = keras.Input((NUM_FEATURES,), name="features")
        conditions = keras.Input((self.num_conditions,), name="conditions")
        x = keras.layers.Concatenate(dtype=self.dtype)([features, conditions])
        mean = keras.layers.Dense(self.latent_dim, dtype="float32", name="latent_mean")(x)
        log_variance = keras.layers.Dense(self.latent_dim, dtype="float32", name="latent_log_variance")(x)
        return keras.Model([features, conditions], [mean, log_variance], name="posterior")

    def build_attribute_head(self, prefix: str = "") -> keras.Model:
        """Builds the network from features to float32 logits `[N, num_conditions]`."""
        features = keras.Input((NUM_FEATURES,), name="features")
        logits = keras.layers.Dense(self.num_conditions, dtype="float32", name=f"{prefix}attributes")
        return keras.Model(features, logits(features), name=f"{prefix}attribute_head")

    def build_judge(self, name: str) -> keras.Model:
        """Builds a separate classifier from images to attribute logits.

        It has no batch norm, and therefore treats edited pictures exactly as the real ones it learns from.

        Args:
            name: Name of the network, and prefix of its layers' names.
        """
        features = self.build_features(f"{name}_", batch_norm=False)
        head = self.build_attribute_head(f"{name}_")
        return keras.Model(features.input, head(features.output), name=name)

    def build_decoder(self) -> keras.Model:
        """Builds the network from latents and conditions to float32 pixel logits `[N, S, S, C]`."""
        latents = keras.Input((self.latent_dim,), name="latents")
        conditions = keras.Input((self.num_conditions,), name="conditions")
        x = keras.layers.Concatenate(dtype=self.dtype)([latents, conditions])
        dense = keras.layers.Dense(NUM_FEATURES, activation="relu", dtype=self.dtype, name="decoder_features")
        logits = pyramid.upsample(
            dense(x),
            image_size=self.image_size,
            channels=self.channels,
            width=self.width,
            dtype=self.dtype,
            name="decoder",
            depth=self.depth,
        )
        return keras.Model([latents, conditions], logits, name="decoder")

    def build_painter(self) -> keras.Model:
        """Builds the network that predicts an edit's float32 changes to a picture.

        Its inputs are the picture, its decoding, and its decoding with the target attributes. It is a small
        [U-Net], which finds the product's boundary better than the decodings do: it starts from the
        difference between the decodings and learns a correction to it. A guided filter aligns the sum with
        the picture's colours.
        """
        layers, activation = keras.layers, keras.layers.LeakyReLU
        shape = (self.image_size, self.image_size, self.channels)
        inputs = [keras.Input(shape, name=name) for name in ("images", "reconstructed", "edited")]
        x = layers.Concatenate(dtype=self.dtype)(inputs)
        halvings = range(min(PAINTER_HALVINGS, pyramid.num_levels(self.image_size)))
        maps = []
        for level in halvings:
            maps.append(x)
            convolution = layers.Conv2D(
                self.width << level, 4, 2, "same", dtype=self.dtype, name=f"painter_down_{level}"
            )
            x = activation(0.2, dtype=self.dtype)(convolution(x))
        for level in reversed(halvings):
            x = layers.UpSampling2D(dtype=self.dtype)(x)
            x = layers.Concatenate(dtype=self.dtype)([x, maps[level]])
            width = max((self.width << level) // 2, 1)
            convolution = layers.Conv2D(
                width, 3, padding="same", dtype=self.dtype, name=f"painter_up_{level}"
            )
            x = activation(0.2, dtype=self.dtype)(convolution(x))
        detail = NarrowConv2D(
            self.channels, 3, padding="same", kernel_initializer="zeros", name="painter_detail"
        )
        decoded_change = layers.Subtract(dtype="float32")([inputs[2], inputs[1]])
        changes = layers.Add(dtype="float32")([decoded_change, detail(x)])
        return keras.Model(inputs, GuidedFilter(self.image_size)([inputs[0], changes]), name="painter")
