"""The network that says where noisy latents should flow.

Sources:
    [U-Net] Ronneberger et al. 2015, arXiv 1505.04597: skip connections between equal sizes.
    [FiLM] Perez et al. 2017, arXiv 1709.07871: conditions as scales and shifts of normalised features.
    [ConvNeXt] Liu et al. 2022, arXiv 2201.03545: normalisation over the channels of each place.
    [LDM] Rombach et al. 2022, arXiv 2112.10752: the words of a description in attention.
    [Transformer] Vaswani et al. 2017, arXiv 1706.03762: attention, and sines of a position.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from zoo.latent_flow.words import FIRST_WORD, MOST_WORDS
from zoo.layers.layer_names import LayerNames

NUM_CONDITIONS = 256
WORD_CHANNELS = 128
NUM_HEADS = 4
# Times are 0 to 1; sines of a thousand times that tell small differences apart.
_TIME_SCALE, _TIME_CHANNELS = 1000.0, 128
# Channels per level, as multiples of the width; each level has half the sides.
_LEVELS = (1, 2, 3)


@keras.saving.register_keras_serializable("zoo")
class TimeFeatures(keras.layers.Layer):
    """Turns times in [0, 1], float32 `[N]`, into sines and cosines, float32 `[N, 128]` [Transformer]."""

    def call(self, times):
        half = _TIME_CHANNELS // 2
        frequencies = np.exp(-math.log(10_000.0) * np.arange(half) / half).astype("float32")
        angles = _TIME_SCALE * tf.cast(times, "float32")[:, tf.newaxis] * frequencies
        return tf.concat([tf.sin(angles), tf.cos(angles)], axis=-1)


@keras.saving.register_keras_serializable("zoo")
class WordFeatures(keras.layers.Layer):
    """Turns word ids, int32 `[N, MOST_WORDS]`, into features of each word at its place.

    Words that are none have features of zero.

    Args:
        num_ids: Number of word ids.
    """

    def __init__(self, num_ids: int, **kwargs):
        super().__init__(**kwargs)
        self.num_ids = num_ids
        self.words = keras.layers.Embedding(num_ids, WORD_CHANNELS, dtype=self.dtype_policy, name="embedding")
        self.places = self.add_weight(name="places", shape=(MOST_WORDS, WORD_CHANNELS), initializer="zeros")
        self.mix = keras.layers.Conv1D(WORD_CHANNELS, 3, padding="same", dtype=self.dtype_policy, name="mix")
        self.refine = keras.layers.Dense(WORD_CHANNELS, dtype=self.dtype_policy, name="refine")

    def build(self, input_shape):
        self.words.build(input_shape)
        shape = (None, MOST_WORDS, WORD_CHANNELS)
        self.mix.build(shape)
        self.refine.build(shape)

    def call(self, word_ids):
        is_word = tf.cast(word_ids > 0, self.compute_dtype)[..., tf.newaxis]
        words = (self.words(word_ids) + tf.cast(self.places, self.compute_dtype)) * is_word
        # Neighbours tell what an adjective belongs to.
        return (words + self.refine(tf.nn.silu(self.mix(words)))) * is_word

    def get_config(self):
        return {**super().get_config(), "num_ids": self.num_ids}


class FlowNetwork:
    """Builds the network, once.

    Departures from [U-Net]: residual blocks with conditions [FiLM], normalised over channels [ConvNeXt];
    attention at all sizes but the largest, to the map itself and to the words [LDM].

    Args:
        latent_shape: Height, width and channels of the latents.
        num_attribute_values: Length of the one-hot attributes.
        num_words: Number of words in the vocabulary.
        width: Channels at the largest size.
        depth: Number of residual blocks at each size.
        dtype: Dtype policy.
        name: Name of the network, and prefix of its layers' names.
    """

    def __init__(
        self,
        latent_shape: tuple[int, int, int],
        num_attribute_values: int,
        num_words: int,
        width: int,
        depth: int,
        dtype: keras.DTypePolicy,
        name: str,
    ):
        self.latent_shape = latent_shape
        self.num_attribute_values = num_attribute_values
        self.num_words = num_words
        self.width = width
        self.depth = depth
        self.dtype = dtype
        self.name = name
        self._layer_name = LayerNames(name)

    def build(self) -> keras.Model:
        """Builds the network.

        Its inputs are latents `[N, *latent_shape]`, times `[N]` in [0, 1], one-hot attributes `[N, A]`, and
        word ids int32 `[N, MOST_WORDS]`; its output are velocities, float32 `[N, *latent_shape]`.
        """
        layers = keras.layers
        latents = keras.Input(self.latent_shape, name="latents")
        times = keras.Input((), name="times")
        attributes = keras.Input((self.num_attribute_values,), name="attributes")
        word_ids = keras.Input((MOST_WORDS,), dtype="int32", name="word_ids")

        words = WordFeatures(self.num_words + FIRST_WORD, dtype=self.dtype, name=self._layer_name("words"))(
            word_ids
        )
        conditions = self._dense(NUM_CONDITIONS)(TimeFeatures(dtype="float32")(times))
        conditions = layers.Add(dtype=self.dtype)(
            [
                self._dense(NUM_CONDITIONS)(self._silu(conditions)),
                self._dense(NUM_CONDITIONS)(attributes),
                self._dense(NUM_CONDITIONS)(layers.GlobalAveragePooling1D(dtype=self.dtype)(words)),
            ]
        )
        conditions = self._silu(conditions)

        x = self._convolve(latents, self.width)
        kept = []
        num_levels = self._count_levels()
        for level in range(num_levels):
            if level:
                x = self._convolve(x, _LEVELS[level] * self.width, strides=2)
            for _ in range(self.depth):
                x = self._add_block(x, conditions)
                if level or num_levels == 1:
                    x = self._add_attention(x, words)
                kept.append(x)
        x = self._add_block(x, conditions)
        for level in reversed(range(num_levels)):
            if level < num_levels - 1:
                x = layers.UpSampling2D(dtype=self.dtype)(x)
                x = self._convolve(x, _LEVELS[level] * self.width)
            for _ in range(self.depth):
                x = layers.Concatenate(dtype=self.dtype)([x, kept.pop()])
                x = self._add_block(self._dense(_LEVELS[level] * self.width)(x), conditions)
                if level or num_levels == 1:
                    x = self._add_attention(x, words)
        x = self._silu(self._normalise(x))
        velocities = layers.Conv2D(
            self.latent_shape[-1],
            3,
            padding="same",
            kernel_initializer="zeros",
            dtype="float32",
            name=self._layer_name("conv"),
        )(x)
        return keras.Model([latents, times, attributes, word_ids], velocities, name=self.name)

    def _count_levels(self) -> int:
        """Returns how many sizes there are: latents are halved while both sides are even."""
        sides, levels = math.gcd(*self.latent_shape[:2]), 1
        while sides % 2 == 0 and levels < len(_LEVELS):
            sides, levels = sides // 2, levels + 1
        return levels

    def _add_block(self, x, conditions):
        layers, channels = keras.layers, x.shape[-1]
        inner = self._convolve(self._silu(self._normalise(x)), channels)
        # Scales start at 1 and shifts at 0, and blocks as the identity.
        scale, shift = (
            layers.Reshape((1, 1, channels), dtype=self.dtype)(self._dense(channels, "zeros")(conditions))
            for _ in range(2)
        )
        inner = self._normalise(inner)
        scaled = layers.Multiply(dtype=self.dtype)([inner, scale])
        inner = layers.Add(dtype=self.dtype)([inner, scaled, shift])
        return layers.Add(dtype=self.dtype)([x, self._convolve(self._silu(inner), channels, start="zeros")])

    def _add_attention(self, x, words):
        layers, (height, width, channels) = keras.layers, x.shape[1:]
        places = layers.Reshape((height * width, channels), dtype=self.dtype)(self._normalise(x))
        seen = layers.Concatenate(axis=1, dtype=self.dtype)([places, self._dense(channels)(words)])
        attention = layers.MultiHeadAttention(
            NUM_HEADS,
            max(channels // NUM_HEADS, 1),
            dtype=self.dtype,
            output_shape=channels,
            name=self._layer_name("attention"),
        )
        change = self._dense(channels, "zeros")(attention(places, seen))
        return layers.Add(dtype=self.dtype)(
            [x, layers.Reshape((height, width, channels), dtype=self.dtype)(change)]
        )

    def _convolve(self, x, channels: int, strides: int = 1, start: str = "glorot_uniform"):
        return keras.layers.Conv2D(
            channels,
            3,
            strides,
            "same",
            kernel_initializer=start,
            dtype=self.dtype,
            name=self._layer_name("conv"),
        )(x)

    def _dense(self, channels: int, start: str = "glorot_uniform"):
        return keras.layers.Dense(
            channels, kernel_initializer=start, dtype=self.dtype, name=self._layer_name("dense")
        )

    def _silu(self, x):
        return keras.layers.Activation("silu", dtype=self.dtype)(x)

    def _normalise(self, x):
        return keras.layers.LayerNormalization(
            center=False, scale=False, epsilon=1e-6, dtype=self.dtype, name=self._layer_name("norm")
        )(x)
