"""The variational autoencoder of the Keras examples, as a reference for the zoo's conditional VAE.

Written from its description: strided convolutions with 32 and 64 channels, a dense layer of 16, two latents,
transposed convolutions in the decoder, cross-entropy summed over pixels plus KL divergence, Adam at 1e-3,
batches of 128.

Sources:
    [VAE] Kingma & Welling 2014, arXiv 1312.6114.
"""

import keras
import numpy as np
import tensorflow as tf

from zoo.conditional_vae.losses import gaussian_kl
from zoo.pictures import pixels
from zoo.step.loss_scaling import with_loss_scaling


class VAEReference(keras.Model):
    """Generates and reconstructs 28 x 28 grey pictures, without a condition.

    Args:
        learning_rate: The optimizer's learning rate.
        seed: Seed of the latents.
        dtype: Dtype policy.
    """

    batch_size = 128
    latent_dim = 2
    is_conditional = False

    def __init__(self, learning_rate: float = 1e-3, seed: int = 0, dtype=None):
        super().__init__(dtype=dtype)
        self.encoder = self._build_encoder()
        self.decoder = self._build_decoder()
        self.seeds = keras.random.SeedGenerator(seed)
        self.adam = with_loss_scaling(keras.optimizers.Adam(learning_rate), self.compute_dtype)
        self.adam.build(self.trainable_variables)
        self.built = True

    def train_step(self, data):
        raw_images, _ = data
        images = pixels.to_model_range(raw_images, pixels.UNIT_RANGE)
        noise = keras.random.normal((tf.shape(images)[0], self.latent_dim), seed=self.seeds)
        with tf.GradientTape() as tape:
            mean, log_variance = self.encoder(images, training=True)
            logits = self.decoder(mean + tf.exp(0.5 * log_variance) * noise, training=True)
            cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
            reconstruction_loss = tf.reduce_mean(tf.reduce_sum(cross_entropy, axis=(1, 2, 3)))
            kl_loss = tf.reduce_mean(tf.reduce_sum(gaussian_kl(mean, log_variance), axis=1))
            scaled_loss = self.adam.scale_loss(reconstruction_loss + kl_loss)
        variables = self.trainable_variables
        self.adam.apply(tape.gradient(scaled_loss, variables), variables)
        return {"reconstruction_loss": reconstruction_loss, "kl_loss": kl_loss}

    def sample(self, num_images: int, seed: int) -> np.ndarray:
        """Returns uint8 pictures `[num_images, 28, 28, 1]` of latents from the prior."""
        latents = np.random.default_rng(seed).normal(size=(num_images, self.latent_dim)).astype("float32")
        return self._decode(latents)

    def reconstruct(self, raw_images) -> np.ndarray:
        """Reconstructs uint8 images from their mean latents."""
        images = pixels.to_model_range(raw_images, pixels.UNIT_RANGE)
        return self._decode(self.encoder.predict(images, batch_size=256, verbose=0)[0])

    def _decode(self, latents) -> np.ndarray:
        images = tf.sigmoid(self.decoder.predict(latents, batch_size=256, verbose=0))
        return pixels.from_model_range(images, pixels.UNIT_RANGE).numpy()

    def _build_encoder(self) -> keras.Model:
        layers, policy = keras.layers, self.dtype_policy
        images = x = keras.Input((28, 28, 1))
        for filters in (32, 64):
            x = layers.Conv2D(filters, 3, 2, "same", activation="relu", dtype=policy)(x)
        x = layers.Dense(16, activation="relu", dtype=policy)(layers.Flatten()(x))
        heads = [layers.Dense(self.latent_dim, dtype="float32")(x) for _ in range(2)]
        return keras.Model(images, heads)

    def _build_decoder(self) -> keras.Model:
        layers, policy = keras.layers, self.dtype_policy
        latents = keras.Input((self.latent_dim,))
        x = layers.Dense(7 * 7 * 64, activation="relu", dtype=policy)(latents)
        x = layers.Reshape((7, 7, 64))(x)
        for filters in (64, 32):
            x = layers.Conv2DTranspose(filters, 3, 2, "same", activation="relu", dtype=policy)(x)
        return keras.Model(latents, layers.Conv2DTranspose(1, 3, padding="same", dtype="float32")(x))
