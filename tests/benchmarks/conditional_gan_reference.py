"""The conditional GAN of the Keras examples, as a reference for the zoo's DCGAN.

Written from its description: the category as extra channels, strided 3x3 kernels in the discriminator, no
normalisation, one discriminator step on real and generated images together and then one generator step, Adam
at 3e-4 (beta_1 0.9), batches of 64, 128 normal latents.

Sources:
    [CGAN] Mirza & Osindero 2014, arXiv 1411.1784.
"""

import keras
import numpy as np
import tensorflow as tf

from zoo.layers.narrow_convolutions import NarrowConv2D
from zoo.pictures import pixels
from zoo.step.loss_scaling import with_loss_scaling

NUM_CLASSES = 10


class ConditionalGANReference(keras.Model):
    """Generates 28 x 28 grey pictures of ten categories.

    Args:
        learning_rate: Learning rate of both networks.
        seed: Seed of the latents.
        dtype: Dtype policy.
    """

    batch_size = 64
    latent_dim = 128
    is_conditional = True

    def __init__(self, learning_rate: float = 3e-4, seed: int = 0, dtype=None):
        super().__init__(dtype=dtype)
        self.generator = self._build_generator()
        self.discriminator = self._build_discriminator()
        self.seeds = keras.random.SeedGenerator(seed)
        self.generator_optimizer, self.discriminator_optimizer = (
            with_loss_scaling(keras.optimizers.Adam(learning_rate), self.compute_dtype) for _ in range(2)
        )
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.built = True

    def train_step(self, data):
        raw_images, attribute_ids = data
        real_images = pixels.to_model_range(raw_images, pixels.UNIT_RANGE)
        categories = tf.one_hot(attribute_ids["category"], NUM_CLASSES)
        batch_size = tf.shape(raw_images)[0]

        generated_images = self.generator(self._draw(batch_size, categories), training=True)
        images = tf.concat([generated_images, real_images], axis=0)
        is_real = tf.concat([tf.zeros((batch_size, 1)), tf.ones((batch_size, 1))], axis=0)
        with tf.GradientTape() as tape:
            logits = self.discriminator(_stack(images, tf.tile(categories, [2, 1])), training=True)
            discriminator_loss = _cross_entropy(is_real, logits)
            scaled_loss = self.discriminator_optimizer.scale_loss(discriminator_loss)
        variables = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(scaled_loss, variables), variables)

        latents = self._draw(batch_size, categories)
        with tf.GradientTape() as tape:
            generated_images = self.generator(latents, training=True)
            logits = self.discriminator(_stack(generated_images, categories), training=True)
            generator_loss = _cross_entropy(tf.ones((batch_size, 1)), logits)
            scaled_loss = self.generator_optimizer.scale_loss(generator_loss)
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(scaled_loss, variables), variables)
        return {"discriminator_loss": discriminator_loss, "generator_loss": generator_loss}

    def sample(self, num_images: int, seed: int) -> np.ndarray:
        """Returns uint8 pictures `[num_images, 28, 28, 1]`; picture i is of category `i % 10`."""
        latents = np.random.default_rng(seed).normal(size=(num_images, self.latent_dim))
        categories = np.eye(NUM_CLASSES)[np.arange(num_images) % NUM_CLASSES]
        inputs = np.concatenate([latents, categories], axis=1).astype("float32")
        images = self.generator.predict(inputs, batch_size=256, verbose=0)
        return pixels.from_model_range(images, pixels.UNIT_RANGE).numpy()

    def _draw(self, batch_size, categories):
        latents = keras.random.normal((batch_size, self.latent_dim), seed=self.seeds)
        return tf.concat([latents, categories], axis=1)

    def _build_generator(self) -> keras.Model:
        layers, policy = keras.layers, self.dtype_policy
        width = self.latent_dim + NUM_CLASSES
        latents = keras.Input((width,))
        x = layers.LeakyReLU(0.2, dtype=policy)(layers.Dense(7 * 7 * width, dtype=policy)(latents))
        x = layers.Reshape((7, 7, width))(x)
        for _ in range(2):
            x = layers.Conv2DTranspose(128, 4, 2, "same", dtype=policy)(x)
            x = layers.LeakyReLU(0.2, dtype=policy)(x)
        # Keras' Conv2D to one channel computes the same but takes most of the step's time on CPUs.
        x = NarrowConv2D(1, 7, padding="same")(x)
        return keras.Model(latents, layers.Activation("sigmoid", dtype="float32")(x))

    def _build_discriminator(self) -> keras.Model:
        layers, policy = keras.layers, self.dtype_policy
        images = x = keras.Input((28, 28, 1 + NUM_CLASSES))
        for filters in (64, 128):
            x = layers.Conv2D(filters, 3, 2, "same", dtype=policy)(x)
            x = layers.LeakyReLU(0.2, dtype=policy)(x)
        x = layers.GlobalMaxPooling2D(dtype=policy)(x)
        return keras.Model(images, layers.Dense(1, dtype="float32")(x))


def _stack(images, categories):
    """Appends the one-hot category to every pixel's channels."""
    planes = tf.tile(categories[:, None, None, :], [1, 28, 28, 1])
    return tf.concat([images, planes], axis=-1)


def _cross_entropy(labels, logits):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))
