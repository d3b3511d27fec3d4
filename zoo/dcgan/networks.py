"""The DCGAN's generator and discriminator networks.

Sources:
    [DCGAN] Radford et al. 2015, arXiv 1511.06434.
    [cGAN] Mirza & Osindero 2014, arXiv 1411.1784: attributes as an additional input.
    [Projection] Miyato & Koyama 2018, arXiv 1802.05637: the conditional discriminator.
    [AC-GAN] Odena et al. 2017, arXiv 1610.09585: the discriminator also predicts the attributes.
    [SN] Miyato et al. 2018, arXiv 1802.05957: spectral normalisation of the discriminator.
"""

import dataclasses
from typing import Any

import keras

from zoo.layers import pyramid

EMBEDDING, PROJECTION = "embedding", "projection"
CONDITIONINGS = (PROJECTION, EMBEDDING)


@dataclasses.dataclass(frozen=True)
class AdversarialNetworks:
    """Builds a model's generator and discriminator.

    Args:
        num_conditions: Length of the one-hot attributes.
        image_size: Side of the pictures in pixels.
        channels: 1 or 3.
        latent_dim: Length of the latent vectors.
        width: Channels of the largest feature map.
        depth: Number of 3x3 convolutions at each resolution of the generator.
        discriminator_depth: The same for the discriminator.
        conditioning: How the discriminator receives attributes, one of `CONDITIONINGS`.
        tells_attributes: Whether the discriminator also predicts the attributes [AC-GAN].
        spectral_norm: Whether the discriminator's layers are spectrally normalised [SN].
        dtype: Dtype policy.
    """

    num_conditions: int
    image_size: int
    channels: int
    latent_dim: int
    width: int
    depth: int
    discriminator_depth: int
    conditioning: str
    tells_attributes: bool
    spectral_norm: bool
    dtype: Any

    def build_generator(self, name: str) -> keras.Model:
        """Builds the network from latents and conditions to float32 pictures in [-1, 1]."""
        latents = keras.Input((self.latent_dim,), name="latents")
        conditions = keras.Input((self.num_conditions,), name="conditions")
        x = keras.layers.Concatenate(dtype=self.dtype)([latents, conditions])
        x = pyramid.upsample(
            x,
            image_size=self.image_size,
            channels=self.channels,
            width=self.width,
            dtype=self.dtype,
            name=name,
            depth=self.depth,
        )
        images = keras.layers.Activation("tanh", dtype="float32")(x)
        return keras.Model([latents, conditions], images, name=name)

    def build_discriminator(self) -> keras.Model:
        """Builds the network from pictures and conditions to float32 logits `[N, 1]`.

        With `tells_attributes` it has a second output, logits `[N, num_conditions]` of the attributes.
        """
        images = keras.Input((self.image_size, self.image_size, self.channels), name="images")
        conditions = keras.Input((self.num_conditions,), name="conditions")
        seen = self._beside_embedding(images, conditions) if self.conditioning == EMBEDDING else images
        features = pyramid.downsample(
            seen,
            image_size=self.image_size,
            width=self.width,
            dtype=self.dtype,
            batch_norm=False,
            name="discriminator",
            depth=self.discriminator_depth,
            spectral_norm=self.spectral_norm,
        )
        features = keras.layers.Activation("linear", dtype="float32", name="discriminator_features")(features)
        logits = self._dense(1, "discriminator_logits")(features)
        if self.conditioning == PROJECTION:
            logits = self._add_projection(logits, features, conditions)
        if not self.tells_attributes:
            return keras.Model([images, conditions], logits)
        attribute_logits = self._dense(self.num_conditions, "discriminator_attributes")(features)
        return keras.Model([images, conditions], [logits, attribute_logits])

    def _beside_embedding(self, images, conditions):
        """Adds a learned map of the attributes to the pictures' channels [cGAN]."""
        num_pixels = self.image_size**2
        embedding = keras.layers.Dense(num_pixels, use_bias=False, dtype=self.dtype, name="embedding")
        shape = (self.image_size, self.image_size, 1)
        maps = keras.layers.Reshape(shape, dtype=self.dtype)(embedding(conditions))
        return keras.layers.Concatenate(dtype=self.dtype)([images, maps])

    def _add_projection(self, logits, features, conditions):
        """Adds the features' inner product with a learned vector per attribute value ([Projection] eq. 3)."""
        project = self._dense(features.shape[-1], "discriminator_projection", use_bias=False)
        products = keras.layers.Multiply(dtype="float32")([features, project(conditions)])
        # Not keras.layers.Dot: its products of one-row matrices took a tenth of a training step on CPUs.
        projection = keras.ops.sum(products, axis=-1, keepdims=True)
        return keras.layers.Add(dtype="float32")([logits, projection])

    def _dense(self, units: int, name: str, use_bias: bool = True):
        dense = keras.layers.Dense(units, use_bias=use_bias, dtype="float32", name=name)
        if not self.spectral_norm:
            return dense
        return keras.layers.SpectralNormalization(dense, dtype="float32", name=f"{name}_sn")
