"""Conditional variational autoencoder: encodes, decodes and edits product pictures by attribute.

Sources:
    [VAE] Kingma & Welling 2014, arXiv 1312.6114.
    [CVAE] Sohn et al. 2015, "Learning Structured Output Representation using Deep Conditional Generative
    Models".
    [M2] Kingma et al. 2014, arXiv 1406.5298: the classifier q(y|x) beside q(z|x, y).
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from zoo import pixels, pyramid
from zoo.attributes import check_attributes, num_conditions, one_hot_conditions, split_conditions
from zoo.from_preset import FromPreset
from zoo.psnr import psnr


@keras.saving.register_keras_serializable("zoo")
class ConditionalVAE(FromPreset, keras.Model):
    """Encodes a picture and its attributes to latents, and decodes latents with the same or other attributes.

    Use it to change an attribute of an existing picture and keep the rest; for the sharpest new pictures use
    `DCGAN`.

    Departures from [CVAE]: the prior of the latents does not depend on the attributes, so that latents keep
    their meaning when the attributes are changed; the likelihood is Bernoulli on grey levels taken as
    probabilities ([VAE] appendix C.1). The attribute head is [M2]'s classifier on the encoder's features,
    trained on labelled pictures only; it judges attributes that a client does not state.

    Args:
        attributes: The values of each attribute, in the order of their class ids.
        image_size: Side of the square pictures in pixels: 4 to 7 times a power of two (28, 32, 64, 128).
        channels: 1 (grey) or 3 (RGB).
        latent_dim: Length of the latent vectors.
        width: Channels of the largest feature map; the smaller ones have up to eight times as many.
        kl_weight: Weight of the KL divergence; 1 is the evidence lower bound.
        attribute_weight: Weight of the attribute head's cross-entropy, in nats against nats.
        seed: Seed of the latents drawn while training.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, image_size, image_size, channels]`.
        attribute_ids: For each attribute an integer tensor `[N]`; -1 where it is unknown. Unknown attributes
            condition nothing and are left out of the attribute loss and accuracy.

    Returns:
        float32 tensor `[N, image_size, image_size, channels]`, range [0, 1]: the reconstruction from the
        mean latents.

    Raises:
        ValueError: `image_size` cannot be reached by doubling, or `attributes` are not distinct.

    Example:

    >>> model = ConditionalVAE({"category": ["bag", "shoe"]}, image_size=28, channels=1, width=8)
    >>> model(tf.zeros([2, 28, 28, 1], "uint8"), {"category": tf.constant([0, 1])}).shape.as_list()
    [2, 28, 28, 1]
    """

    pixel_range = pixels.UNIT_RANGE

    def __init__(
        self,
        attributes: Mapping[str, Sequence[str]],
        image_size: int = 28,
        channels: int = 1,
        latent_dim: int = 32,
        width: int = 32,
        kl_weight: float = 1.0,
        attribute_weight: float = 10.0,
        seed: int = 0,
        dtype=None,
        name: str = "conditional_vae",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        self.attributes = check_attributes(attributes)
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.width = width
        self.kl_weight = kl_weight
        self.attribute_weight = attribute_weight
        self.seed = seed

        self.features = self._build_features()
        self.posterior = self._build_posterior()
        self.attribute_head = self._build_attribute_head()
        self.decoder = self._build_decoder()
        self.latent_seeds = keras.random.SeedGenerator(seed)
        self.loss_trackers = {
            name: keras.metrics.Mean(name)
            for name in (
                "loss",
                "reconstruction_loss",
                "kl_loss",
                "attribute_loss",
                "attribute_accuracy",
                "psnr",
            )
        }
        self.built = True

    def call(self, raw_images, attribute_ids: Mapping[str, tf.Tensor]):
        return self.decode(self.encode(raw_images, attribute_ids), attribute_ids)

    def encode(self, raw_images, attribute_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the mean latents, float32 `[N, latent_dim]`, of uint8 pictures with these attributes."""
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        latent_mean, _ = self.posterior([self.extract_features(raw_images), conditions], training=False)
        return latent_mean

    def decode(self, latents, attribute_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns pictures, float32 `[N, image_size, image_size, channels]` in [0, 1]."""
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        return tf.sigmoid(self.decoder([latents, conditions], training=False))

    def judge(self, raw_images) -> dict[str, tf.Tensor]:
        """Returns for each attribute the probabilities, float32 `[N, number of values]`, of uint8 images."""
        logits = self.attribute_head(self.extract_features(raw_images), training=False)
        return {
            name: tf.nn.softmax(values) for name, values in split_conditions(self.attributes, logits).items()
        }

    def extract_features(self, raw_images) -> tf.Tensor:
        """Returns what the encoder and the attribute head see of uint8 pictures, `[N, 256]`."""
        images = pixels.to_model_range(raw_images, self.pixel_range, self.compute_dtype)
        return self.features(images, training=False)

    def train_step(self, data):
        raw_images, attribute_ids = data
        noise = keras.random.normal((tf.shape(raw_images)[0], self.latent_dim), seed=self.latent_seeds)
        with tf.GradientTape() as tape:
            losses = self._objective(raw_images, attribute_ids, noise, training=True)
            scaled_loss = self.optimizer.scale_loss(losses["loss"])
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(scaled_loss, variables), variables)
        return self._update_trackers(tf.shape(raw_images)[0], losses)

    def test_step(self, data):
        raw_images, attribute_ids = data
        # The same noise at every evaluation, so that epochs can be compared.
        noise = tf.random.stateless_normal((tf.shape(raw_images)[0], self.latent_dim), seed=(self.seed, 0))
        losses = self._objective(raw_images, attribute_ids, noise, training=False)
        reconstruction = pixels.from_model_range(self(raw_images, attribute_ids), self.pixel_range)
        losses["psnr"] = tf.reduce_mean(psnr(raw_images, reconstruction))
        return self._update_trackers(tf.shape(raw_images)[0], losses)

    def get_config(self):
        return {
            **super().get_config(),
            "attributes": {name: list(values) for name, values in self.attributes.items()},
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "width": self.width,
            "kl_weight": self.kl_weight,
            "attribute_weight": self.attribute_weight,
            "seed": self.seed,
        }

    def _objective(self, raw_images, attribute_ids, noise, training: bool):
        images = pixels.to_model_range(raw_images, self.pixel_range)
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        features = self.features(tf.cast(images, self.compute_dtype), training=training)
        latent_mean, latent_log_variance = self.posterior([features, conditions], training=training)
        latents = latent_mean + tf.exp(0.5 * latent_log_variance) * noise
        logits = self.decoder([latents, conditions], training=training)

        # [VAE] eq. 10, in nats per picture, mean over the batch.
        reconstruction_loss = _sum_per_picture(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
        )
        kl_loss = _sum_per_picture(gaussian_kl(latent_mean, latent_log_variance))
        attribute_loss, attribute_accuracy = self._attribute_loss(features, attribute_ids, training)
        # [M2] eq. 9: the bound plus the weighted classification loss.
        loss = reconstruction_loss + self.kl_weight * kl_loss + self.attribute_weight * attribute_loss
        return {
            "loss": loss,
            "reconstruction_loss": reconstruction_loss,
            "kl_loss": kl_loss,
            "attribute_loss": attribute_loss,
            "attribute_accuracy": attribute_accuracy,
        }

    def _attribute_loss(self, features, attribute_ids, training: bool):
        logits = split_conditions(self.attributes, self.attribute_head(features, training=training))
        losses, hits, num_known = [], [], []
        for name, values in logits.items():
            ids = tf.cast(attribute_ids[name], "int32")
            # An id of -1 is an attribute that nobody has stated: there is nothing to learn from it.
            is_known = tf.cast(ids >= 0, "float32")
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.maximum(ids, 0), logits=values)
            losses.append(tf.math.divide_no_nan(tf.reduce_sum(loss * is_known), tf.reduce_sum(is_known)))
            hits.append(
                tf.reduce_sum(tf.cast(tf.argmax(values, axis=-1, output_type="int32") == ids, "float32"))
            )
            num_known.append(tf.reduce_sum(is_known))
        return tf.add_n(losses), tf.math.divide_no_nan(tf.add_n(hits), tf.add_n(num_known))

    def _update_trackers(self, num_images, losses):
        # Weighted by what comes from the data: means over pictures, whatever the sizes of the batches. An
        # update that is a constant also counts the step that finds the data set at its end.
        for name, value in losses.items():
            self.loss_trackers[name].update_state(value, sample_weight=num_images)
        return {name: self.loss_trackers[name].result() for name in losses}

    def _build_features(self) -> keras.Model:
        images = keras.Input((self.image_size, self.image_size, self.channels), name="images")
        features = pyramid.downsample(
            images,
            image_size=self.image_size,
            width=self.width,
            dtype=self.dtype_policy,
            batch_norm=True,
            name="encoder",
        )
        features = keras.layers.Dense(256, dtype=self.dtype_policy, name="encoder_features")(features)
        features = keras.layers.LeakyReLU(0.2, dtype=self.dtype_policy)(features)
        return keras.Model(images, features, name="features")

    def _build_posterior(self) -> keras.Model:
        features = keras.Input((256,), name="features")
        conditions = keras.Input((num_conditions(self.attributes),), name="conditions")
        x = keras.layers.Concatenate(dtype=self.dtype_policy)([features, conditions])
        mean = keras.layers.Dense(self.latent_dim, dtype="float32", name="latent_mean")(x)
        log_variance = keras.layers.Dense(self.latent_dim, dtype="float32", name="latent_log_variance")(x)
        return keras.Model([features, conditions], [mean, log_variance], name="posterior")

    def _build_attribute_head(self) -> keras.Model:
        features = keras.Input((256,), name="features")
        logits = keras.layers.Dense(num_conditions(self.attributes), dtype="float32", name="attributes")
        return keras.Model(features, logits(features), name="attribute_head")

    def _build_decoder(self) -> keras.Model:
        latents = keras.Input((self.latent_dim,), name="latents")
        conditions = keras.Input((num_conditions(self.attributes),), name="conditions")
        x = keras.layers.Concatenate(dtype=self.dtype_policy)([latents, conditions])
        x = keras.layers.Dense(256, activation="relu", dtype=self.dtype_policy, name="decoder_features")(x)
        logits = pyramid.upsample(
            x,
            image_size=self.image_size,
            channels=self.channels,
            width=self.width,
            dtype=self.dtype_policy,
            name="decoder",
        )
        return keras.Model([latents, conditions], logits, name="decoder")


def gaussian_kl(mean, log_variance) -> tf.Tensor:
    """[VAE] appendix B: KL divergence of a diagonal Gaussian from the standard normal, in nats.

    Args:
        mean: float tensor of any shape.
        log_variance: float tensor of the same shape.

    Returns:
        float tensor of the same shape, one value a dimension, not negative.

    Example:

    >>> gaussian_kl(tf.constant([0.0, 1.0]), tf.constant([0.0, 0.0])).numpy().tolist()
    [0.0, 0.5]
    """
    return 0.5 * (tf.square(mean) + tf.exp(log_variance) - 1.0 - log_variance)


def _sum_per_picture(values):
    return tf.reduce_sum(values) / tf.cast(tf.shape(values)[0], values.dtype)
