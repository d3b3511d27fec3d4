"""Draws products from attributes and words, by a flow from noise to an autoencoder's latents.

Sources:
    [RectifiedFlow] Liu et al. 2022, arXiv 2209.03003: straight paths from noise to pictures.
    [SD3] Esser et al. 2024, arXiv 2403.03206: times drawn from a logit-normal distribution.
    [CFG] Ho & Salimans 2022, arXiv 2207.12598: guidance, and conditions left out in training.
    [SDEdit] Meng et al. 2021, arXiv 2108.01073: variations of a picture from its noisy version.
    [EMA] Yazici et al. 2019, arXiv 1806.04498: averaged weights for sampling.
    [LDM] As in `zoo/latent_flow/autoencoder.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import keras
import tensorflow as tf
from annotated_types import Interval

from zoo.attributes.vocabulary import check_attributes, num_conditions, one_hot_conditions
from zoo.hyperparameters import Count, Share, Weight
from zoo.latent_flow.autoencoder import Autoencoder
from zoo.latent_flow.flow_network import FlowNetwork
from zoo.latent_flow.words import (
    MOST_WORDS,
    NO_WORD,
    UNKNOWN_WORD,
    Meanings,
    check_words,
    describe_warnings,
    drop_contradictions,
    find_meant,
    to_word_ids,
)
from zoo.pictures.drawing_settings import MOST_STEPS
from zoo.presets.from_preset import GENERIC_ARGUMENTS, FromPreset
from zoo.step import replicas
from zoo.step.means import BatchMean, GradientNorm, update_means
from zoo.step.moving_average import follow, momentum_at

# Shares of the training photos that show the network neither attributes nor words, attributes alone, and
# words alone; the others show both.
_NOTHING, _ATTRIBUTES_ALONE, _WORDS_ALONE = 0.1, 0.3, 0.3
# Share of the attributes and words that are left out besides.
_LEFT_OUT = 0.1
# Times at which the validation loss is measured, for all pictures alike.
_VALIDATION_TIMES = (0.1, 0.3, 0.5, 0.7, 0.9)


@keras.saving.register_keras_serializable("zoo")
class LatentFlow(FromPreset, keras.Model):
    """Draws pictures of products from their attributes, from descriptions, or from other pictures.

    Use it for new pictures in colour. Where pictures are small and grey, `DCGAN` is faster.

    Departures from [RectifiedFlow]: in latents [LDM], with [CFG], and with times from [SD3].

    Args:
        attributes: The values of each attribute, in the order of their class ids.
        autoencoder: Configuration of the `Autoencoder`, which does not learn here.
        words: The words that descriptions may contain.
        meanings: For words that mean a value of an attribute, the attribute and the value.
        width: Channels of the largest feature map; the smaller ones have two and three times as many.
        depth: Number of residual blocks at each size.
        guidance: How strongly pictures follow what is asked for by default; 1 is plain sampling.
        steps: Number of steps from noise to a picture by default.
        ema_momentum: Share of the moving average of the weights kept per step, in [0, 1); limited to
            (1 + n) / (10 + n) after n steps.
        seed: Seed of the noise in training.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        latents: float32 tensor `[N, latent_dim]`: standard normal noise.
        attribute_ids: For each attribute an integer tensor `[N]`; -1 asks for none.
        word_ids: int32 tensor `[N, MOST_WORDS]`; no words by default.

    Returns:
        float32 tensor `[N, image_size, image_size, channels]`, range about [-1, 1], not clipped.

    Raises:
        ValueError: `attributes` or `words` are not distinct.

    Example:

    >>> autoencoder = Autoencoder(image_size=32, width=4, depth=1).get_config()
    >>> model = LatentFlow({"category": ["hat", "shoe"]}, autoencoder, width=8, depth=1, steps=2)
    >>> model(tf.zeros([2, model.latent_dim]), {"category": tf.constant([0, 1])}).shape.as_list()
    [2, 32, 32, 3]
    """

    pixel_range = Autoencoder.pixel_range

    def __init__(
        self,
        attributes: Mapping[str, Sequence[str]],
        autoencoder: Mapping[str, Any],
        words: Sequence[str] = (),
        meanings: Meanings | None = None,
        width: Count = 64,
        depth: Count = 2,
        guidance: Weight = 2.0,
        steps: Annotated[int, Interval(ge=1, le=MOST_STEPS)] = 12,
        ema_momentum: Share = 0.999,
        seed: int = 0,
        dtype=None,
        name: str = "latent_flow",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        self.attributes = check_attributes(attributes)
        self.words = check_words(words)
        self.meanings = {word: (name, value) for word, (name, value) in (meanings or {}).items()}
        self.width = width
        self.depth = depth
        self.guidance = guidance
        self.steps = steps
        self.ema_momentum = ema_momentum
        self.seed = seed
        self.autoencoder = Autoencoder(dtype=self.dtype_policy, **_own_options(autoencoder))
        self.autoencoder.trainable = False
        self.image_size, self.channels = self.autoencoder.image_size, self.autoencoder.channels
        self.latent_shape = self.autoencoder.latent_shape
        self.latent_dim = int(tf.TensorShape(self.latent_shape).num_elements())
        # What makes the latents' channels standard normal, measured before training.
        self.latent_mean = self._add_moment("latent_mean", "zeros")
        self.latent_deviation = self._add_moment("latent_deviation", "ones")
        self.network = self._build_network("network")
        self.ema_network = self._build_network("ema_network")
        self.ema_network.trainable = False
        self.ema_network.set_weights(self.network.get_weights())
        self.noise_seeds = keras.random.SeedGenerator(seed)
        self.trackers = {"loss": BatchMean("loss")}
        self.gradient_norm = GradientNorm()
        self.built = True

    def call(self, latents, attribute_ids: Mapping[str, tf.Tensor], word_ids=None):
        if word_ids is None:
            word_ids = tf.zeros([tf.shape(latents)[0], MOST_WORDS], "int32")
        return self.draw(latents, attribute_ids, word_ids, self.steps, self.guidance)

    def decode(self, latents, attribute_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Draws pictures; arguments and result as for calling the model. Every generative model has it."""
        return self(latents, attribute_ids)

    def understand(self, descriptions, attribute_ids: Mapping[str, tf.Tensor]):
        """Turns descriptions into what the network takes, beside the attributes that are asked for.

        A word that means a value of an attribute also asks for that value, unless another one is asked for:
        then the attribute wins, and the word counts for nothing.

        Args:
            descriptions: string tensor `[N]`.
            attribute_ids: For each attribute an int32 tensor `[N]`; -1 asks for none.

        Returns:
            The attributes with those that the words mean, the word ids, int32 `[N, MOST_WORDS]`, and what
            cannot be understood, in words, string `[N]`.
        """
        word_ids = to_word_ids(self.words, descriptions)
        word_ids, is_dropped = drop_contradictions(
            self.words, self.meanings, self.attributes, word_ids, attribute_ids
        )
        meant = find_meant(self.words, self.meanings, self.attributes, word_ids)
        asked = {name: tf.where(ids < 0, meant[name], ids) for name, ids in attribute_ids.items()}
        return asked, word_ids, describe_warnings(self.words, descriptions, is_dropped)

    def draw(
        self,
        latents,
        attribute_ids: Mapping[str, tf.Tensor],
        word_ids,
        steps,
        guidance,
        start=None,
        strength=1.0,
    ) -> tf.Tensor:
        """Draws pictures from noise, or variations of other pictures [SDEdit].

        Args:
            latents: float32 tensor `[N, latent_dim]`: standard normal noise.
            attribute_ids: For each attribute an integer tensor `[N]`; -1 asks for none.
            word_ids: int32 tensor `[N, MOST_WORDS]`.
            steps: Number of steps of the whole way from noise to a picture, from 1.
            guidance: How strongly pictures follow what is asked for: a number, or float32 `[N]`.
            start: uint8 tensor `[N, image_size, image_size, channels]` to vary; None draws from noise alone.
            strength: With `start`, the share of noise to begin with: a scalar in [0, 1]. 0 returns the
                reconstruction, 1 ignores the picture.

        Returns:
            float32 tensor `[N, image_size, image_size, channels]`, about [-1, 1], not clipped.
        """
        noise = tf.reshape(tf.cast(latents, "float32"), [-1, *self.latent_shape])
        strength = tf.cast(strength if start is not None else 1.0, "float32")
        x = noise
        if start is not None:
            x = strength * noise + (1.0 - strength) * self._normalise(self.autoencoder.encode(start))
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        # Both answers of the network at once: with what is asked for, and without.
        both = tf.concat([conditions, tf.zeros_like(conditions)], axis=0)
        both_words = tf.concat([word_ids, tf.zeros_like(word_ids)], axis=0)
        weight = tf.reshape(tf.cast(guidance, "float32"), [-1, 1, 1, 1])

        def velocity(x, time):
            times = tf.fill([2 * tf.shape(x)[0]], time)
            inputs = [tf.concat([x, x], axis=0), times, both, both_words]
            asked, free = tf.split(self.ema_network(inputs, training=False), 2)
            return free + weight * (asked - free)

        count = tf.cast(tf.math.ceil(strength * tf.cast(steps, "float32")), "int32")
        size = tf.math.divide_no_nan(strength, tf.cast(count, "float32"))

        def step(number, x):
            time = 1.0 - strength + size * tf.cast(number, "float32")
            return number + 1, x + size * velocity(x, time)

        _, x = tf.while_loop(
            lambda number, _: number < count, step, (tf.constant(0), x), parallel_iterations=1
        )
        return self.autoencoder.decode(x * self.latent_deviation + self.latent_mean)

    def measure_latents(self, batches) -> None:
        """Sets the moments of the latents' channels; call it once before training.

        Args:
            batches: Iterable of uint8 tensors `[N, image_size, image_size, channels]`.
        """
        sums, squares, number = 0.0, 0.0, 0
        for raw_images in batches:
            rows = tf.reshape(self.autoencoder.encode(raw_images), [-1, self.latent_shape[-1]])
            rows = tf.cast(rows, "float64")
            sums += tf.reduce_sum(rows, axis=0)
            squares += tf.reduce_sum(tf.square(rows), axis=0)
            number += len(rows)
        mean = sums / number
        self.latent_mean.assign(tf.cast(mean, "float32"))
        deviation = tf.sqrt(tf.maximum(squares / number - tf.square(mean), 1e-12))
        self.latent_deviation.assign(tf.cast(deviation, "float32"))

    def train_step(self, data):
        raw_images, attribute_ids, word_ids = data
        num_rows = tf.shape(raw_images)[0]
        latents = self._normalise(self.autoencoder.encode(raw_images))
        noise = replicas.normal([num_rows, *self.latent_shape], self.noise_seeds)
        times = tf.sigmoid(replicas.normal([num_rows], self.noise_seeds))
        drawn = replicas.uniform([num_rows, 1 + len(self.attributes) + MOST_WORDS], self.noise_seeds)
        attribute_ids, word_ids = self._leave_out(attribute_ids, word_ids, drawn)
        with tf.GradientTape() as tape:
            loss = self._find_loss(latents, noise, times, attribute_ids, word_ids, training=True)
            scaled_loss = self.optimizer.scale_loss(loss)
        variables = self.network.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        replicas.apply_gradients(self.optimizer, gradients, variables, self.gradient_norm)
        follow(self.ema_network, self.network, momentum_at(self.optimizer.iterations, self.ema_momentum))
        logs = update_means(self.trackers, {"loss": loss}, num_rows)
        return {**logs, "gradient_norm": self.gradient_norm.result()}

    def test_step(self, data):
        raw_images, attribute_ids, word_ids = data
        num_rows = tf.shape(raw_images)[0]
        latents = self._normalise(self.autoencoder.encode(raw_images))
        # The same noise at every evaluation makes epochs comparable.
        noise = replicas.normal([num_rows, *self.latent_shape], self.seed)
        losses = [
            self._find_loss(
                latents, noise, tf.fill([num_rows], time), attribute_ids, word_ids, training=False
            )
            for time in _VALIDATION_TIMES
        ]
        return update_means(self.trackers, {"loss": tf.add_n(losses) / len(losses)}, num_rows)

    def get_config(self):
        return {
            **super().get_config(),
            "attributes": {name: list(values) for name, values in self.attributes.items()},
            "autoencoder": _own_options(self.autoencoder.get_config()),
            "words": list(self.words),
            "meanings": {word: list(meaning) for word, meaning in self.meanings.items()},
            "width": self.width,
            "depth": self.depth,
            "guidance": self.guidance,
            "steps": self.steps,
            "ema_momentum": self.ema_momentum,
            "seed": self.seed,
        }

    def _build_network(self, name: str) -> keras.Model:
        network = FlowNetwork(
            self.latent_shape,
            num_conditions(self.attributes),
            len(self.words),
            self.width,
            self.depth,
            self.dtype_policy,
            name,
        )
        return network.build()

    def _add_moment(self, name: str, initializer: str):
        # Not cast: drawing adds them to float32 latents under every policy.
        return self.add_weight(
            name=name,
            shape=(self.latent_shape[-1],),
            initializer=initializer,
            trainable=False,
            dtype="float32",
            autocast=False,
        )

    def _normalise(self, latents) -> tf.Tensor:
        return (latents - self.latent_mean) / self.latent_deviation

    def _find_loss(self, latents, noise, times, attribute_ids, word_ids, training: bool) -> tf.Tensor:
        """[RectifiedFlow] eq. 1: the mean squared error of the velocities on straight paths."""
        network = self.network if training else self.ema_network
        shares = times[:, tf.newaxis, tf.newaxis, tf.newaxis]
        x = shares * latents + (1.0 - shares) * noise
        conditions = one_hot_conditions(self.attributes, attribute_ids)
        velocities = network([x, times, conditions, word_ids], training=training)
        return tf.reduce_mean(tf.square(velocities - (latents - noise)))

    def _leave_out(self, attribute_ids, word_ids, drawn):
        """Leaves out attributes and words at random, so that the network learns to do without them [CFG]."""
        kind, rest = drawn[:, :1], drawn[:, 1:]
        of_attributes, of_words = tf.split(rest, [len(self.attributes), MOST_WORDS], axis=1)
        edges = tf.cumsum(tf.constant([_NOTHING, _ATTRIBUTES_ALONE, _WORDS_ALONE]))
        has_attributes = (kind >= edges[0]) & ((kind < edges[1]) | (kind >= edges[2]))
        has_words = kind >= edges[1]
        kept = has_attributes & (of_attributes >= _LEFT_OUT)
        left = {
            name: tf.where(kept[:, number], tf.cast(attribute_ids[name], "int32"), -1)
            for number, name in enumerate(self.attributes)
        }
        is_word = has_words & (word_ids != NO_WORD)
        words = tf.where(of_words < _LEFT_OUT, UNKNOWN_WORD, word_ids)
        return left, tf.where(is_word, words, NO_WORD)


def _own_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a configuration without the arguments that every Keras model has."""
    return {name: value for name, value in config.items() if name not in GENERIC_ARGUMENTS}
