"""The GAN with which Lucic et al. compared losses, as a reference for the zoo's DCGAN.

Sources:
    [Lucic] Lucic et al. 2018, "Are GANs Created Equal?", arXiv 1711.10337: the network of [InfoGAN] without
    its code, 64 latents uniform in [-1, 1], batches of 64, Adam with beta_1 0.5.
    [InfoGAN] Chen et al. 2016, arXiv 1606.03657, appendix C.1.
    [GAN] Goodfellow et al. 2014, arXiv 1406.2661: the non-saturating losses.
"""

import keras
import numpy as np
import tensorflow as tf

from zoo.pictures import pixels
from zoo.step.loss_scaling import with_loss_scaling


class InfoGANReference(keras.Model):
    """Generates 28 x 28 grey pictures without a category.

    Args:
        learning_rate: Learning rate of both networks; [Lucic] searched from 1e-4 to 1e-3.
        seed: Seed of the latents.
        dtype: Dtype policy.
    """

    batch_size = 64
    latent_dim = 64
    is_conditional = False

    def __init__(self, learning_rate: float = 2e-4, seed: int = 0, dtype=None):
        super().__init__(dtype=dtype)
        self.generator = self._build_generator()
        self.discriminator = self._build_discriminator()
        self.seeds = keras.random.SeedGenerator(seed)
        optimizer = {"learning_rate": learning_rate, "beta_1": 0.5}
        self.generator_optimizer = with_loss_scaling(keras.optimizers.Adam(**optimizer), self.compute_dtype)
        self.discriminator_optimizer = with_loss_scaling(
            keras.optimizers.Adam(**optimizer), self.compute_dtype
        )
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.built = True

    def train_step(self, data):
        raw_images, _ = data
        real_images = pixels.to_model_range(raw_images, pixels.UNIT_RANGE, self.compute_dtype)
        latents = keras.random.uniform((tf.shape(raw_images)[0], self.latent_dim), -1.0, 1.0, seed=self.seeds)
        with tf.GradientTape(persistent=True) as tape:
            generated_images = self.generator(latents, training=True)
            real_logits = self.discriminator(real_images, training=True)
            generated_logits = self.discriminator(generated_images, training=True)
            # [GAN] eq. 1, and section 3 for the generator.
            discriminator_loss = tf.reduce_mean(
                tf.nn.softplus(-real_logits) + tf.nn.softplus(generated_logits)
            )
            generator_loss = tf.reduce_mean(tf.nn.softplus(-generated_logits))
            scaled = (
                self.discriminator_optimizer.scale_loss(discriminator_loss),
                self.generator_optimizer.scale_loss(generator_loss),
            )
        for optimizer, network, loss in (
            (self.discriminator_optimizer, self.discriminator, scaled[0]),
            (self.generator_optimizer, self.generator, scaled[1]),
        ):
            variables = network.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
        return {"discriminator_loss": discriminator_loss, "generator_loss": generator_loss}

    def sample(self, num_images: int, seed: int) -> np.ndarray:
        """Returns uint8 pictures `[num_images, 28, 28, 1]`."""
        latents = np.random.default_rng(seed).uniform(-1.0, 1.0, (num_images, self.latent_dim))
        images = self.generator.predict(latents.astype("float32"), batch_size=256, verbose=0)
        return pixels.from_model_range(images, pixels.UNIT_RANGE).numpy()

    def _build_generator(self) -> keras.Model:
        layers, policy = keras.layers, self.dtype_policy
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        options = {"dtype": policy, "kernel_initializer": initializer}
        latents = x = keras.Input((self.latent_dim,))
        for units in (1024, 7 * 7 * 128):
            x = layers.Dense(units, **options)(x)
            x = layers.ReLU(dtype=policy)(layers.BatchNormalization(dtype=policy)(x))
        x = layers.Reshape((7, 7, 128))(x)
        x = layers.Conv2DTranspose(64, 4, 2, "same", **options)(x)
        x = layers.ReLU(dtype=policy)(layers.BatchNormalization(dtype=policy)(x))
        x = layers.Conv2DTranspose(1, 4, 2, "same", **options)(x)
        return keras.Model(latents, layers.Activation("sigmoid", dtype="float32")(x))

    def _build_discriminator(self) -> keras.Model:
        layers, policy = keras.layers, self.dtype_policy
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        options = {"dtype": policy, "kernel_initializer": initializer}
        images = keras.Input((28, 28, 1))
        x = layers.LeakyReLU(0.2, dtype=policy)(layers.Conv2D(64, 4, 2, "same", **options)(images))
        x = layers.LeakyReLU(0.2, dtype=policy)(layers.Conv2D(128, 4, 2, "same", **options)(x))
        x = layers.LeakyReLU(0.2, dtype=policy)(layers.Dense(1024, **options)(layers.Flatten()(x)))
        logits = layers.Dense(1, dtype="float32", kernel_initializer=initializer)(x)
        return keras.Model(images, logits)
