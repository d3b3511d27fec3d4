"""DCGAN, conditional on the product's attributes.

Sources:
    [DCGAN] Radford et al. 2015, arXiv 1511.06434.
    [GAN] Goodfellow et al. 2014, arXiv 1406.2661: the non-saturating losses.
    [Projection] Miyato & Koyama 2018, arXiv 1802.05637: the conditional discriminator.
    [EMA] Yazici et al. 2019, arXiv 1806.04498: averaged generator weights for sampling.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from zoo import pixels, pyramid
from zoo.attributes import check_attributes, num_conditions, one_hot_conditions
from zoo.from_preset import FromPreset
from zoo.loss_scaling import with_loss_scaling


@keras.saving.register_keras_serializable("zoo")
class DCGAN(FromPreset, keras.Model):
    """Generates product pictures from random latents and attributes.

    Use it where new pictures of a kind are wanted and none has to be reproduced; to change an existing
    picture use `ConditionalVAE`.

    Departures from [DCGAN]: kernels are 4x4 instead of 5x5, the discriminator has no batch normalisation
    (it sees attributes through a projection [Projection] instead), both networks are updated from one
    forward pass of each (simultaneous instead of alternating gradient steps), and samples come from a
    moving average of the generator [EMA].

    Args:
        attributes: The values of each attribute, in the order of their class ids.
        image_size: Side of the square pictures in pixels: 4 to 7 times a power of two (28, 32, 64, 128).
        channels: 1 (grey) or 3 (RGB).
        latent_dim: Length of the latent vectors, which are standard normal.
        width: Channels of the largest feature map; the smaller ones have up to eight times as many.
        ema_momentum: Share of the generator's moving average that a step keeps, in [0, 1).
        seed: Seed of the latents drawn while training.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        latents: float tensor `[N, latent_dim]`.
        attribute_ids: For each attribute an integer tensor `[N]`.

    Returns:
        float32 tensor `[N, image_size, image_size, channels]`, range [-1, 1].

    Raises:
        ValueError: `image_size` cannot be reached by doubling, or `attributes` are not distinct.

    Example:

    >>> model = DCGAN({"category": ["bag", "shoe"]}, image_size=28, channels=1, width=8)
    >>> model(tf.zeros([2, 64]), {"category": tf.constant([0, 1])}).shape.as_list()
    [2, 28, 28, 1]
    """

    pixel_range = pixels.SYMMETRIC_RANGE

    def __init__(
        self,
        attributes: Mapping[str, Sequence[str]],
        image_size: int = 28,
        channels: int = 1,
        latent_dim: int = 64,
        width: int = 64,
        ema_momentum: float = 0.995,
        seed: int = 0,
        dtype=None,
        name: str = "dcgan",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        self.image_size = image_size
        self.channels = channels
        self.attributes = check_attributes(attributes)
        self.latent_dim = latent_dim
        self.width = width
        self.ema_momentum = ema_momentum
        self.seed = seed

        self.generator = self._build_generator("generator")
        self.ema_generator = self._build_generator("ema_generator")
        self.ema_generator.trainable = False
        self.ema_generator.set_weights(self.generator.get_weights())
        self.discriminator = self._build_discriminator()
        self.latent_seeds = keras.random.SeedGenerator(seed)
        self.generator_loss_tracker = keras.metrics.Mean("generator_loss")
        self.discriminator_loss_tracker = keras.metrics.Mean("discriminator_loss")
        self.built = True

    def call(self, latents, attribute_ids: Mapping[str, tf.Tensor]):
        return self.ema_generator(
            [latents, one_hot_conditions(self.attributes, attribute_ids)], training=False
        )

    def compile(self, generator_optimizer="adam", discriminator_optimizer="adam", **kwargs):
        """Sets the two optimizers, with loss scaling under a float16 policy.

        Args:
            generator_optimizer: Keras optimizer or its name.
            discriminator_optimizer: Keras optimizer or its name.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in `keras.Model.compile`.
        """
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = with_loss_scaling(generator_optimizer, self.compute_dtype)
        self.discriminator_optimizer = with_loss_scaling(discriminator_optimizer, self.compute_dtype)
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data):
        raw_images, attribute_ids = data
        real_images = pixels.to_model_range(raw_images, self.pixel_range, self.compute_dtype)
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        latents = keras.random.normal((tf.shape(raw_images)[0], self.latent_dim), seed=self.latent_seeds)

        with tf.GradientTape(persistent=True) as tape:
            generated_images = self.generator([latents, conditions], training=True)
            real_logits = self.discriminator([real_images, conditions], training=True)
            generated_logits = self.discriminator([generated_images, conditions], training=True)
            discriminator_loss = self.discriminator_loss(real_logits, generated_logits)
            generator_loss = self.generator_loss(generated_logits)
            scaled_discriminator_loss = self.discriminator_optimizer.scale_loss(discriminator_loss)
            scaled_generator_loss = self.generator_optimizer.scale_loss(generator_loss)

        for optimizer, network, loss in (
            (self.discriminator_optimizer, self.discriminator, scaled_discriminator_loss),
            (self.generator_optimizer, self.generator, scaled_generator_loss),
        ):
            variables = network.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
        self._update_ema_generator()
        return self._update_trackers(tf.shape(raw_images)[0], discriminator_loss, generator_loss)

    def test_step(self, data):
        raw_images, attribute_ids = data
        real_images = pixels.to_model_range(raw_images, self.pixel_range, self.compute_dtype)
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        # The same latents at every evaluation, so that epochs can be compared.
        latents = tf.random.stateless_normal((tf.shape(raw_images)[0], self.latent_dim), seed=(self.seed, 0))
        generated_images = self.ema_generator([latents, conditions], training=False)
        real_logits = self.discriminator([real_images, conditions], training=False)
        generated_logits = self.discriminator([generated_images, conditions], training=False)
        return self._update_trackers(
            tf.shape(raw_images)[0],
            self.discriminator_loss(real_logits, generated_logits),
            self.generator_loss(generated_logits),
        )

    @staticmethod
    def discriminator_loss(real_logits, generated_logits):
        """[GAN] eq. 1, negated: `-log D(x) - log(1 - D(G(z)))`, mean over the batch."""
        return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(generated_logits))

    @staticmethod
    def generator_loss(generated_logits):
        """[GAN] section 3, non-saturating: `-log D(G(z))`, mean over the batch."""
        return tf.reduce_mean(tf.nn.softplus(-generated_logits))

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "channels": self.channels,
            "attributes": {name: list(values) for name, values in self.attributes.items()},
            "latent_dim": self.latent_dim,
            "width": self.width,
            "ema_momentum": self.ema_momentum,
            "seed": self.seed,
        }

    def get_compile_config(self):
        return {
            "generator_optimizer": keras.saving.serialize_keras_object(self.generator_optimizer),
            "discriminator_optimizer": keras.saving.serialize_keras_object(self.discriminator_optimizer),
        }

    def compile_from_config(self, config):
        self.compile(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})

    def _update_ema_generator(self):
        for average, variable in zip(self.ema_generator.weights, self.generator.weights, strict=True):
            average.assign(self.ema_momentum * average + (1.0 - self.ema_momentum) * variable)

    def _update_trackers(self, num_images, discriminator_loss, generator_loss):
        # Weighted by what comes from the data: means over pictures, whatever the sizes of the batches. An
        # update that is a constant also counts the step that finds the data set at its end.
        self.discriminator_loss_tracker.update_state(discriminator_loss, sample_weight=num_images)
        self.generator_loss_tracker.update_state(generator_loss, sample_weight=num_images)
        return {
            tracker.name: tracker.result()
            for tracker in (self.discriminator_loss_tracker, self.generator_loss_tracker)
        }

    def _build_generator(self, name: str) -> keras.Model:
        latents = keras.Input((self.latent_dim,), name="latents")
        conditions = keras.Input((num_conditions(self.attributes),), name="conditions")
        x = keras.layers.Concatenate(dtype=self.dtype_policy)([latents, conditions])
        x = pyramid.upsample(
            x,
            image_size=self.image_size,
            channels=self.channels,
            width=self.width,
            dtype=self.dtype_policy,
            name=name,
        )
        images = keras.layers.Activation("tanh", dtype="float32")(x)
        return keras.Model([latents, conditions], images, name=name)

    def _build_discriminator(self) -> keras.Model:
        images = keras.Input((self.image_size, self.image_size, self.channels), name="images")
        conditions = keras.Input((num_conditions(self.attributes),), name="conditions")
        features = pyramid.downsample(
            images,
            image_size=self.image_size,
            width=self.width,
            dtype=self.dtype_policy,
            batch_norm=False,
            name="discriminator",
        )
        features = keras.layers.Activation("linear", dtype="float32", name="discriminator_features")(features)
        logits = keras.layers.Dense(1, dtype="float32", name="discriminator_logits")(features)
        # [Projection] eq. 3: the features' inner product with a learned vector for each attribute value.
        directions = keras.layers.Dense(
            features.shape[-1], use_bias=False, dtype="float32", name="discriminator_projection"
        )(conditions)
        projection = keras.layers.Dot(axes=1, dtype="float32")([features, directions])
        return keras.Model([images, conditions], keras.layers.Add(dtype="float32")([logits, projection]))
