"""Conditional variational autoencoder: encodes, decodes and edits product pictures by attribute.

Sources:
    [VAE] Kingma & Welling 2014, arXiv 1312.6114.
    [CVAE] Sohn et al. 2015, "Learning Structured Output Representation using Deep Conditional Generative
    Models".
    [M2] Kingma et al. 2014, arXiv 1406.5298: the classifier q(y|x) beside q(z|x, y).
    [Warm-up] Bowman et al. 2016, arXiv 1511.06349, section 3.1: the KL divergence's weight grows from 0.
    [AttGAN] He et al. 2019, arXiv 1711.10678, section 3.1: a classifier must recognise the target attributes
    in edited pictures.
    [HCV] Lopez et al. 2018, arXiv 1805.08672: latents independent of the attributes.
"""

import functools
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from zoo.attributes.loss import attribute_loss
from zoo.attributes.vocabulary import check_attributes, num_conditions, one_hot_conditions, split_conditions
from zoo.conditional_vae import edits as attribute_edits
from zoo.conditional_vae.losses import (
    bernoulli_loss,
    check_likelihood,
    dependence,
    gaussian_kl,
    gaussian_loss,
)
from zoo.conditional_vae.networks import VariationalNetworks
from zoo.conditional_vae.value_shares import ValueShares
from zoo.hyperparameters import Count, CountOrNone, Weight
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr
from zoo.presets.from_preset import FromPreset
from zoo.step import replicas
from zoo.step.means import BatchMean, GradientNorm, update_means
from zoo.step.moving_average import follow, momentum_at

# For the moving averages of the edit judge's weights and of the attribute values' frequencies.
AVERAGE_MOMENTUM = 0.99


@keras.saving.register_keras_serializable("zoo")
class ConditionalVAE(FromPreset, keras.Model):
    """Encodes a picture and its attributes to latents, and decodes latents with the same or other attributes.

    Use it to change an attribute of an existing photo and keep the rest; for the sharpest new pictures use
    `DCGAN`.

    Departures from [CVAE]: the prior of the latents does not depend on the attributes, and latents therefore
    keep their meaning when the attributes change. The attribute head is [M2]'s classifier on the encoder's
    features, trained on labelled pictures only; it predicts attributes that a client does not state.

    Three options improve edits:

    - `edit_weight` also trains the decoder on pictures decoded with another value of one attribute, in which
      a judge must recognise the new value [AttGAN]. The judge is a separate classifier that learns from the
      real pictures at the same time; its moving average judges the edits. Its input is shifted, partly
      covered and noisy, which makes it respond to a product's shape rather than to a fine pattern, and rare
      values count as much as frequent ones.
    - `independence_weight` makes mean latents independent of the attributes [HCV], which lets them combine
      with any value as well as with their own.
    - `keep_detail` makes edits change the picture instead of redrawing it: a network that sees the picture
      and both decodings predicts the change, at a cost that grows with it; large changes are then
      strengthened, and small ones, such as those of the background, weakened.

    Args:
        attributes: The values of each attribute, in the order of their class ids.
        image_size: Side of the square pictures in pixels: 4 to 7 times a power of two (28, 32, 64, 128).
        channels: 1 (grey) or 3 (RGB).
        latent_dim: Length of the latent vectors.
        width: Channels of the largest feature map; the smaller ones have up to eight times as many.
        depth: Number of 3x3 convolutions at each resolution of encoder and decoder.
        likelihood: `"bernoulli"`, or `"gaussian"` with one learned variance for all pixels.
        kl_weight: Weight of the KL divergence; 1 is the evidence lower bound.
        kl_warm_up_steps: Steps in which that weight rises from 0 [Warm-up].
        edit_weight: Weight of the edited pictures' cross-entropy [AttGAN]; 0 leaves it out.
        independence_weight: Weight in nats of the latents' dependence on the attributes
            (`zoo/conditional_vae/losses.py`); 0 leaves it out.
        keep_detail: Whether edits change pictures instead of redrawing them: suited to the colours of photos,
            not to new shapes.
        edited_attributes: Names of the attributes whose edits are learned; all attributes if empty.
        attribute_weight: Weight of the attribute head's cross-entropy; both terms are in nats.
        seed: Seed of the latents drawn in training.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, image_size, image_size, channels]`.
        attribute_ids: For each attribute an integer tensor `[N]`; -1 where it is unknown. Unknown attributes
            condition nothing and do not count in the attribute loss and accuracy.

    Returns:
        float32 tensor `[N, image_size, image_size, channels]`, range [0, 1]: the reconstruction from the
        mean latents.

    Raises:
        ValueError: `image_size` is not 4 to 7 times a power of two, or `attributes` are not distinct.

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
        latent_dim: Count = 32,
        width: Count = 32,
        depth: CountOrNone = 0,
        likelihood: str = "bernoulli",
        kl_weight: Weight = 1.0,
        kl_warm_up_steps: CountOrNone = 0,
        edit_weight: Weight = 0.0,
        independence_weight: Weight = 0.0,
        keep_detail: bool = False,
        edited_attributes: Sequence[str] = (),
        attribute_weight: Weight = 10.0,
        seed: int = 0,
        dtype=None,
        name: str = "conditional_vae",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        check_likelihood(likelihood)
        self.attributes = check_attributes(attributes)
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.width = width
        self.depth = depth
        self.likelihood = likelihood
        self.kl_weight = kl_weight
        self.kl_warm_up_steps = kl_warm_up_steps
        self.edit_weight = edit_weight
        self.independence_weight = independence_weight
        self.keep_detail = keep_detail
        self.edited_attributes = attribute_edits.check_edited_attributes(edited_attributes, self.attributes)
        self.attribute_weight = attribute_weight
        self.seed = seed

        networks = VariationalNetworks(
            num_conditions(self.attributes), image_size, channels, latent_dim, width, depth, self.dtype_policy
        )
        self.features = networks.build_features()
        self.posterior = networks.build_posterior()
        self.attribute_head = networks.build_attribute_head()
        self.decoder = networks.build_decoder()
        if likelihood == "gaussian":
            start = keras.initializers.Constant(-3.0)
            self.pixel_log_variance = self.add_weight(
                name="pixel_log_variance", shape=(), initializer=start, dtype="float32"
            )
        if keep_detail:
            self.painter = networks.build_painter()
            self.painter.trainable = bool(edit_weight)
        if edit_weight:
            self.edit_judge = networks.build_judge("edit_judge")
            self.ema_edit_judge = networks.build_judge("ema_edit_judge")
            self.ema_edit_judge.trainable = False
            self.ema_edit_judge.set_weights(self.edit_judge.get_weights())
            self.value_shares = ValueShares(self.attributes)
        self.latent_seeds = keras.random.SeedGenerator(seed)
        self.gradient_norm = GradientNorm()
        self.loss_trackers = {
            name: BatchMean(name)
            for name in (
                "loss",
                "reconstruction_loss",
                "kl_loss",
                "attribute_loss",
                "attribute_accuracy",
                *(("edit_loss", "edit_judge_loss") if edit_weight else ()),
                *(("dependence",) if independence_weight else ()),
                "psnr",
            )
        }
        self.built = True

    def call(self, raw_images, attribute_ids: Mapping[str, tf.Tensor]):
        return self.decode(self.encode(raw_images, attribute_ids), attribute_ids)

    def encode(self, raw_images, attribute_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the mean latents, float32 `[N, latent_dim]`, of uint8 images with given attributes."""
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        latent_mean, _ = self.posterior([self.extract_features(raw_images), conditions], training=False)
        return latent_mean

    def decode(self, latents, attribute_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Decodes latents to pictures, float32 `[N, image_size, image_size, channels]` in [0, 1]."""
        return self._decode(latents, one_hot_conditions(self.attributes, attribute_ids))

    def edit(
        self, raw_images, attribute_ids: Mapping[str, tf.Tensor], wanted_ids: Mapping[str, tf.Tensor]
    ) -> tf.Tensor:
        """Changes attributes of pictures and keeps the rest.

        Args:
            raw_images: uint8 tensor `[N, image_size, image_size, channels]`.
            attribute_ids: The pictures' attributes: for each attribute an integer tensor `[N]`.
            wanted_ids: The target attributes, likewise.

        Returns:
            float32 tensor of the pictures' shape, range [0, 1].
        """
        latents = self.encode(raw_images, attribute_ids)
        edited = self.decode(latents, wanted_ids)
        if not self.keep_detail:
            return edited
        images = pixels.to_model_range(raw_images, self.pixel_range)
        changes = self.painter([images, self.decode(latents, attribute_ids), edited], training=False)
        is_other = attribute_edits.find_edits(attribute_ids, wanted_ids)
        return tf.clip_by_value(images + is_other * attribute_edits.focus_changes(changes), 0.0, 1.0)

    def judge(self, raw_images) -> dict[str, tf.Tensor]:
        """Returns each attribute's probabilities, float32 `[N, number of values]`, for uint8 images."""
        logits = self.attribute_head(self.extract_features(raw_images), training=False)
        return {
            name: tf.nn.softmax(values) for name, values in split_conditions(self.attributes, logits).items()
        }

    def extract_features(self, raw_images) -> tf.Tensor:
        """Returns features `[N, 256]` of uint8 images, shared by the encoder and the attribute head."""
        images = pixels.to_model_range(raw_images, self.pixel_range, self.compute_dtype)
        return self.features(images, training=False)

    def train_step(self, data):
        raw_images, attribute_ids = data
        noise = replicas.normal((tf.shape(raw_images)[0], self.latent_dim), self.latent_seeds)
        with tf.GradientTape() as tape:
            losses = self._objective(raw_images, attribute_ids, noise, training=True)
            scaled_loss = self.optimizer.scale_loss(losses["loss"])
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        replicas.apply_gradients(self.optimizer, gradients, variables, self.gradient_norm)
        if self.edit_weight:
            momentum = momentum_at(self.optimizer.iterations, AVERAGE_MOMENTUM)
            follow(self.ema_edit_judge, self.edit_judge, momentum)
            self.value_shares.update(attribute_ids, momentum)
        logs = update_means(self.loss_trackers, losses, tf.shape(raw_images)[0])
        return {**logs, "gradient_norm": self.gradient_norm.result()}

    def test_step(self, data):
        raw_images, attribute_ids = data
        # The same noise at every evaluation, which makes epochs comparable.
        noise = replicas.normal((tf.shape(raw_images)[0], self.latent_dim), self.seed)
        losses = self._objective(raw_images, attribute_ids, noise, training=False)
        reconstruction = pixels.from_model_range(self(raw_images, attribute_ids), self.pixel_range)
        losses["psnr"] = tf.reduce_mean(psnr(raw_images, reconstruction))
        return update_means(self.loss_trackers, losses, tf.shape(raw_images)[0])

    def get_config(self):
        return {
            **super().get_config(),
            "attributes": {name: list(values) for name, values in self.attributes.items()},
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "width": self.width,
            "depth": self.depth,
            "likelihood": self.likelihood,
            "kl_weight": self.kl_weight,
            "kl_warm_up_steps": self.kl_warm_up_steps,
            "edit_weight": self.edit_weight,
            "independence_weight": self.independence_weight,
            "keep_detail": self.keep_detail,
            "edited_attributes": list(self.edited_attributes),
            "attribute_weight": self.attribute_weight,
            "seed": self.seed,
        }

    def _decode(self, latents, conditions) -> tf.Tensor:
        return tf.sigmoid(self.decoder([latents, conditions], training=False))

    def _objective(self, raw_images, attribute_ids, noise, training: bool):
        """Returns all losses of a batch, scalars by name; `loss` is the one to minimise."""
        images = pixels.to_model_range(raw_images, self.pixel_range)
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        features = self.features(tf.cast(images, self.compute_dtype), training=training)
        latent_mean, latent_log_variance = self.posterior([features, conditions], training=training)
        latents = latent_mean + tf.exp(0.5 * latent_log_variance) * noise
        logits, edited_logits, wanted_ids = self._decode_with_edits(
            latents, conditions, attribute_ids, training
        )
        head_loss, accuracy = self._attribute_loss(features, attribute_ids, training)
        losses = {
            "reconstruction_loss": self._reconstruction_loss(images, logits),
            "kl_loss": _sum_per_picture(gaussian_kl(latent_mean, latent_log_variance)),
            "attribute_loss": head_loss,
            "attribute_accuracy": accuracy,
        }
        # [M2] eq. 9: the bound plus the weighted classification loss.
        loss = losses["reconstruction_loss"] + self._kl_weight_now(training) * losses["kl_loss"]
        loss += self.attribute_weight * head_loss
        if self.edit_weight:
            losses["edit_loss"] = self._edit_loss(images, logits, edited_logits, wanted_ids, training)
            losses["edit_judge_loss"] = self._edit_judge_loss(images, attribute_ids, training)
            loss += self.edit_weight * losses["edit_loss"] + losses["edit_judge_loss"]
        if self.independence_weight:
            losses["dependence"] = self._dependence(latent_mean, attribute_ids)
            # Negative values are one batch's chance; there is nothing to learn from them.
            loss += self.independence_weight * tf.nn.relu(losses["dependence"])
        return {"loss": loss, **losses}

    def _decode_with_edits(self, latents, conditions, attribute_ids, training: bool):
        """Returns the pictures' logits, and their edits' logits and attribute ids (None without edits)."""
        if not self.edit_weight:
            return self.decoder([latents, conditions], training=training), None, None
        draw = functools.partial(replicas.uniform, seed=self.latent_seeds) if training else None
        wanted_ids = attribute_edits.draw_wanted_ids(
            self.attributes, attribute_ids, draw, self.edited_attributes
        )
        wanted = one_hot_conditions(self.attributes, wanted_ids)
        # One batch for both: the decoder's moving averages then match the statistics it normalised by.
        both = [tf.tile(latents, [2, 1]), tf.concat([conditions, wanted], axis=0)]
        logits, edited_logits = tf.split(self.decoder(both, training=training), 2)
        return logits, edited_logits, wanted_ids

    def _reconstruction_loss(self, images, logits):
        """Returns the reconstruction term of [VAE] eq. 10 in nats per picture, mean over the batch."""
        if self.likelihood == "bernoulli":
            return _sum_per_picture(bernoulli_loss(images, logits))
        return _sum_per_picture(gaussian_loss(images, logits, self.pixel_log_variance))

    def _attribute_loss(self, features, attribute_ids, training: bool):
        """Returns the attribute head's cross-entropy and its accuracy."""
        logits = self.attribute_head(features, training=training)
        loss, hits = attribute_loss(self.attributes, logits, attribute_ids)
        num_hits, num_known = (
            replicas.mean(tf.add_n(numbers)) for numbers in zip(*hits.values(), strict=True)
        )
        return loss, tf.math.divide_no_nan(num_hits, num_known)

    def _edit_judge_loss(self, images, attribute_ids, training: bool):
        """Returns the edit judge's cross-entropy on disturbed real pictures."""
        judged = self.edit_judge(self._disturb(images, training), training=training)
        return attribute_loss(self.attributes, self.value_shares(judged), attribute_ids)[0]

    def _dependence(self, latent_mean, attribute_ids):
        """Returns the mean latents' dependence on the attributes, over all replicas [HCV]."""
        latent_means = replicas.gather_rows(latent_mean)
        return tf.add_n(
            [dependence(latent_means, replicas.gather_rows(attribute_ids[k])) for k in self.attributes]
        )

    def _kl_weight_now(self, training: bool):
        if not (training and self.kl_warm_up_steps):
            return self.kl_weight
        share = tf.cast(self.optimizer.iterations, "float32") / self.kl_warm_up_steps
        return self.kl_weight * tf.minimum(share, 1.0)

    def _edit_loss(self, images, logits, edited_logits, wanted_ids, training: bool):
        """[AttGAN] eq. 3: the judge's cross-entropy on pictures with one edited attribute."""
        edited, change_loss = tf.sigmoid(edited_logits), 0.0
        if self.keep_detail:
            changes = self.painter([images, tf.sigmoid(logits), edited], training=training)
            change_loss = attribute_edits.cost_of_change(changes)
            edited = tf.clip_by_value(images + changes, 0.0, 1.0)
        judged = self.ema_edit_judge(self._disturb(edited, training), training=False)
        return attribute_loss(self.attributes, judged, wanted_ids)[0] + change_loss

    def _disturb(self, images, training: bool):
        # The same disturbance at every evaluation, which makes epochs comparable.
        seed = self.latent_seeds if training else self.seed
        return tf.cast(attribute_edits.disturb(images, seed, self.keep_detail), self.compute_dtype)


def _sum_per_picture(values):
    return tf.reduce_sum(values) / tf.cast(tf.shape(values)[0], values.dtype)
