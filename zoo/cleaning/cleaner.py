"""Cleans photos: removes the blocks and the ringing of JPEG, and noise, by as much as is there.

Sources:
    [FFDNet] Zhang et al. 2018, arXiv 1710.04026: work on pictures of half the size with four times the
    channels, and tell the network how much damage to expect.
    [FBCNN] Jiang et al. 2021, arXiv 2109.14573: estimate the damage from the picture, and let the user
    override it.
    [EdgeConv2D] As in `zoo/layers/edge_convolution.py`.
"""

import keras
import tensorflow as tf

from zoo.hyperparameters import Count
from zoo.layers.edge_convolution import EdgeConv2D, convolve_with_edges, merge_weights, split_weights
from zoo.layers.subpixels import from_picture, to_picture
from zoo.pictures import pixels
from zoo.pictures.psnr import psnr
from zoo.pictures.tiles import map_tiles
from zoo.pictures.windows import cut_windows
from zoo.presets.from_preset import FromPreset
from zoo.step import replicas
from zoo.step.means import BatchMean, GradientNorm, update_means

CHANNELS = 3
# The network sees squares of this side as one pixel with more channels, which is faster.
FACTOR = 2
MAX_TILE_SQUARES = 1 << 16
# Mean squared error on the scale [0, 1] that hardly anybody sees: 45 dB.
_INVISIBLE_ERROR = 3e-5
# Brings the differences between neighbours to about 1.
_DETAIL_SCALE = 16.0
# The estimate is taken from at most this many windows per side of a photo, of this side in pixels.
_WINDOWS_PER_SIDE, _WINDOW_SIDE = 4, 128
# Weight of the estimate in the loss, and the deviation of the damage that the network is told in training:
# an estimate is never exact.
_ESTIMATE_WEIGHT, _TOLD_DEVIATION = 2.0, 0.12
# Damage up to the first counts as none, and a photo is returned as it came; from the second on the network's
# change applies in full. Estimates need more, by JPEG and by noise: of photos without damage, 97 in 100 stay
# below these (`tests/benchmarks/cleaning.py estimates`).
LEAST_DAMAGE, FULL_DAMAGE = 0.06, 0.14
LEAST_ESTIMATES, FULL_ESTIMATES = (0.28, 0.20), (0.38, 0.35)
# Damage is everywhere in a photo; the grain of a cloth, and weaves that look like blocks, are not. So a photo
# is cleaned by what this share of its windows does not reach.
_SURE_SHARE = 0.25


@keras.saving.register_keras_serializable("zoo")
class Cleaner(FromPreset, keras.Model):
    """Removes JPEG blocks, ringing and noise from photos, blindly: it estimates how bad a photo is.

    Use it on photos that were compressed, however often and with whatever grid. Damage is one number from 0
    to 1 (`zoo/cleaning/damage.py`). Photos without damage are returned as they came, bit by bit.

    Args:
        depth: Number of hidden convolutions.
        width: Channels of each.
        is_merged: Whether the network holds the sum of each convolution's branches alone, as presets do.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 3]`, any h and w from 1.
        damage: float32 tensor `[N]` in [0, 1], how bad each photo is; by default it is estimated.

    Returns:
        float32 tensor `[N, h, w, 3]` on the scale [0, 255], neither rounded nor clipped.

    Example:

    >>> Cleaner(depth=2, width=8)(keras.ops.zeros([2, 5, 7, 3], "uint8")).shape.as_list()
    [2, 5, 7, 3]
    """

    def __init__(
        self,
        depth: Count = 8,
        width: Count = 32,
        is_merged: bool = False,
        dtype=None,
        name: str = "cleaner",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        self.depth = depth
        self.width = width
        self.is_merged = is_merged
        # Squares in every direction that a square of the result depends on.
        self.reach = depth + 2
        self.network = self._build_network()
        self.estimator = self._build_estimator()
        self.loss_tracker = BatchMean("loss")
        self.gradient_norm = GradientNorm()
        self.psnr_tracker = BatchMean("psnr")
        self.damaged_psnr_tracker = BatchMean("damaged_psnr")
        self.estimate_tracker = BatchMean("damage_error")
        self.built = True

    def call(self, raw_images, damage=None):
        if damage is None:
            estimates = self.estimate_damage(raw_images)
            damage, share = weigh_estimates(estimates, estimates)
        else:
            damage = tf.cast(damage, "float32")
            share = share_of_changes(damage, LEAST_DAMAGE, FULL_DAMAGE)
        squares = to_squares(raw_images)
        cleaned = tf.cast(squares, "float32") + self._find_changes(squares, damage, share)
        shape = tf.shape(raw_images)
        return to_picture(cleaned, FACTOR)[:, : shape[1], : shape[2]]

    def estimate_damage(self, raw_images) -> tf.Tensor:
        """Returns the damage of pictures `[N, h, w, 3]` by JPEG and by noise, float32 `[N, 2]` in [0, 1]."""
        estimates = self._estimate_unbounded(to_squares(raw_images))
        return tf.clip_by_value(estimates, 0.0, 1.0)

    def clean(self, raw_images, strength=None) -> tf.Tensor:
        """Returns the pictures of `clean_and_judge` alone; by default the damage is estimated."""
        raw_images = tf.convert_to_tensor(raw_images)
        if strength is None:
            strength = tf.fill(tf.shape(raw_images)[:1], -1.0)
        return self.clean_and_judge(raw_images, strength)[0]

    def clean_and_judge(self, raw_images, strength) -> tuple[tf.Tensor, tf.Tensor]:
        """Cleans pictures, one at a time and large ones in tiles, which bounds the memory use.

        Args:
            raw_images: uint8 tensor `[N, h, w, 1 or 3]`, any h and w from 1.
            strength: float32 tensor `[N]`: the damage to expect, from 0, which changes nothing, to 1;
                negative where it shall be estimated.

        Returns:
            The cleaned pictures, uint8 of the same shape, grey ones grey; and the damage that was expected or
            estimated (`weigh_estimates`), float32 `[N]`.
        """
        raw_images = tf.convert_to_tensor(raw_images)
        specs = tf.TensorSpec([None, None, raw_images.shape[-1]], "uint8"), tf.TensorSpec([], "float32")
        return tf.map_fn(
            lambda row: self._clean_picture(*row),
            (raw_images, tf.cast(strength, "float32")),
            parallel_iterations=1,
            fn_output_signature=specs,
        )

    def _clean_picture(self, raw_image, strength):
        if raw_image.shape[-1] == 1:
            cleaned, damage = self._clean_picture(tf.repeat(raw_image, 3, axis=-1), strength)
            grey = tf.reduce_mean(tf.cast(cleaned, "float32"), axis=-1, keepdims=True)
            return pixels.round_to_uint8(grey), damage
        damage, share = tf.cond(
            strength < 0,
            lambda: self.judge_photo(raw_image),
            lambda: (strength, share_of_changes(strength, LEAST_DAMAGE, FULL_DAMAGE)),
        )

        def clean_tile(raw_squares):
            changes = self._find_changes(raw_squares, damage[tf.newaxis], share[tf.newaxis])
            return pixels.round_to_uint8(tf.cast(raw_squares, "float32") + changes)

        def clean_all():
            squares = to_squares(raw_image[tf.newaxis])[0]
            cleaned = map_tiles(squares, clean_tile, 1, self.reach, MAX_TILE_SQUARES)
            height, width = tf.unstack(tf.shape(raw_image)[:2])
            return to_picture(cleaned[tf.newaxis], FACTOR)[0, :height, :width]

        return tf.cond(share <= 0.0, lambda: raw_image, clean_all), damage

    def judge_photo(self, raw_image) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns a photo's damage and how much of the network's changes it gets, both numbers in [0, 1].

        Args:
            raw_image: uint8 tensor `[h, w, 3]`.
        """
        estimates = self._estimate_photo(raw_image)
        in_order = tf.sort(estimates, axis=0)
        sure = in_order[tf.cast(_SURE_SHARE * tf.cast(tf.shape(estimates)[0], "float32"), "int32")]
        damage, share = weigh_estimates(tf.reduce_mean(estimates, axis=0)[tf.newaxis], sure[tf.newaxis])
        return damage[0], share[0]

    def _estimate_photo(self, raw_image):
        """Returns the estimates `[W, 2]` of W windows, spread over a photo."""
        windows = cut_windows(raw_image, _WINDOW_SIDE, _WINDOWS_PER_SIDE)
        return self.estimate_damage(windows)

    def _find_changes(self, squares, damage, share):
        images = tf.cast(squares, "float32") / 255.0
        shape = tf.concat([tf.shape(images)[:3], [1]], axis=0)
        told = tf.broadcast_to(tf.reshape(damage, [-1, 1, 1, 1]), shape)
        changes = 255.0 * tf.cast(self.network(tf.concat([images, told], axis=-1)), "float32")
        return changes * tf.reshape(share, [-1, 1, 1, 1])

    def _estimate_unbounded(self, squares, training=False):
        estimates = self.estimator(tf.cast(squares, "float32") / 255.0, training=training)
        return tf.cast(estimates, "float32")

    def merged(self) -> "Cleaner":
        """Returns a model with the same result and the sum of each convolution's branches alone."""
        model = type(self).from_config({**self.get_config(), "is_merged": True})
        merge_weights(self.network, model.network)
        model.estimator.set_weights(self.estimator.get_weights())
        return model

    def unmerged(self) -> "Cleaner":
        """Returns a model with the same result and branches again, to train it further."""
        if not self.is_merged:
            return self
        model = type(self).from_config({**self.get_config(), "is_merged": False})
        split_weights(self.network, model.network)
        model.estimator.set_weights(self.estimator.get_weights())
        return model

    def train_step(self, data):
        raw_images, targets, damage = data
        worst = tf.reduce_max(damage, axis=1)
        # From the step's number alone, so that a resumed training is the same.
        seed = tf.stack([tf.cast(self.optimizer.iterations, "int64"), 0])
        told = worst + tf.random.stateless_normal(tf.shape(worst), seed, stddev=_TOLD_DEVIATION)
        told = tf.clip_by_value(told, FULL_DAMAGE, 1.0)
        with tf.GradientTape() as tape:
            loss = self._find_loss(raw_images, targets, self(raw_images, told, training=True))
            estimates = self._estimate_unbounded(to_squares(raw_images), training=True)
            total = loss + _ESTIMATE_WEIGHT * tf.reduce_mean(tf.abs(estimates - damage))
            scaled_loss = self.optimizer.scale_loss(total)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        replicas.apply_gradients(self.optimizer, gradients, variables, self.gradient_norm)
        logs = update_means({"loss": self.loss_tracker}, {"loss": loss}, tf.shape(raw_images)[0])
        return {**logs, "gradient_norm": self.gradient_norm.result()}

    def test_step(self, data):
        raw_images, targets, damage = data
        estimates = self.estimate_damage(raw_images)
        cleaned = self(raw_images)
        luma = pixels.to_luma(targets)
        trackers = (self.loss_tracker, self.psnr_tracker, self.damaged_psnr_tracker, self.estimate_tracker)
        return update_means(
            {tracker.name: tracker for tracker in trackers},
            {
                "loss": self._find_loss(raw_images, targets, cleaned),
                "psnr": tf.reduce_mean(_bounded_psnr(luma, pixels.to_luma(cleaned))),
                "damaged_psnr": tf.reduce_mean(_bounded_psnr(luma, pixels.to_luma(raw_images))),
                "damage_error": tf.reduce_mean(tf.abs(estimates - damage)),
            },
            tf.shape(raw_images)[0],
        )

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "width": self.width,
            "is_merged": self.is_merged,
        }

    def _find_loss(self, raw_images, targets, cleaned):
        """Returns the mean squared error that is left, as a share of the damaged picture's; half on luma.

        As a share, so that photos with little damage count as much as those with much.
        """

        def mean_squares(images, to):
            differences = to(targets) - to(images)
            return tf.reduce_mean(tf.square(differences / 255.0), axis=[1, 2, 3])

        shares = [
            mean_squares(cleaned, to) / (mean_squares(raw_images, to) + _INVISIBLE_ERROR)
            for to in (pixels.to_luma, lambda images: tf.cast(images, "float32"))
        ]
        return tf.reduce_mean(shares)

    def _build_network(self) -> keras.Model:
        images = keras.Input((None, None, FACTOR**2 * CHANNELS + 1), name="images_and_damage")
        x = convolve_with_edges(images, self.depth + 1, self.width, self.is_merged, self.dtype_policy)
        changes = EdgeConv2D(FACTOR**2 * CHANNELS, self.is_merged, True, dtype="float32", name="changes")(x)
        return keras.Model(images, changes, name="network")

    def _build_estimator(self) -> keras.Model:
        """Builds the network that estimates the damage from the strength of features, wherever they are."""
        layers = keras.layers
        images = keras.Input((None, None, FACTOR**2 * CHANNELS), name="images")
        # Blocks and noise are small beside what the photo shows, most of which its neighbours show, too.
        blurred = layers.AveragePooling2D(3, 1, "same", dtype="float32", name="blurred")(images)
        x = _DETAIL_SCALE * (images - blurred)
        for number, (filters, strides) in enumerate(((24, 1), (32, 2), (48, 2))):
            x = layers.Conv2D(
                filters,
                3,
                strides,
                padding="same",
                activation="relu",
                dtype=self.dtype_policy,
                name=f"estimating_{number}",
            )(x)
        strengths = layers.GlobalAveragePooling2D(dtype="float32", name="strengths")(x)
        normal = layers.BatchNormalization(momentum=0.95, dtype="float32", name="normalization")(strengths)
        hidden = layers.Dense(48, activation="relu", dtype="float32", name="hidden")(normal)
        damage = layers.Dense(
            2,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.05),
            bias_initializer=keras.initializers.Constant(0.5),
            dtype="float32",
            name="damage",
        )(hidden)
        return keras.Model(images, damage, name="estimator")


def share_of_changes(damage, least, full) -> tf.Tensor:
    """Returns how much of the network's changes applies: 0 up to the least damage, 1 from the full one on."""
    return tf.clip_by_value((damage - least) / (full - least), 0.0, 1.0)


def weigh_estimates(estimates, sure) -> tuple[tf.Tensor, tf.Tensor]:
    """Decides what to do about estimated damage: a little noise may be the grain of what the photo shows.

    Args:
        estimates: float32 tensor `[N, 2]`, the damage by JPEG and by noise.
        sure: float32 tensor `[N, 2]`, as much of it as is surely there.

    Returns:
        float32 tensors `[N]`: the damage to expect, in which noise counts by its share; and how much of the
        network's changes applies.

    Example:

    >>> estimates = tf.constant([[0.1, 0.1], [0.5, 0.1], [0.1, 0.7]])
    >>> damage, share = weigh_estimates(estimates, estimates)
    >>> [[round(float(value), 2) for value in values] for values in (damage, share)]
    [[0.1, 0.5, 0.7], [0.0, 1.0, 1.0]]
    """
    least, full = tf.constant(LEAST_ESTIMATES), tf.constant(FULL_ESTIMATES)
    shares = share_of_changes(sure, least, full)
    counted = estimates * tf.stack([tf.ones_like(shares[:, 0]), shares[:, 1]], axis=1)
    return tf.reduce_max(counted, axis=1), tf.reduce_max(shares, axis=1)


def to_squares(images) -> tf.Tensor:
    """Rearranges pictures `[N, h, w, C]` to `[N, ceil(h / 2), ceil(w / 2), 4 * C]`, of any dtype.

    The last row and the last column are repeated where their number is odd.
    """
    shape = tf.shape(images)
    rows = tf.minimum(tf.range(shape[1] + shape[1] % FACTOR), shape[1] - 1)
    columns = tf.minimum(tf.range(shape[2] + shape[2] % FACTOR), shape[2] - 1)
    return from_picture(tf.gather(tf.gather(images, rows, axis=1), columns, axis=2), FACTOR)


def _bounded_psnr(targets, images):
    """Returns each picture's PSNR in dB, at most 50, because undamaged pictures would lift the mean."""
    return tf.minimum(psnr(pixels.round_to_uint8(targets), pixels.round_to_uint8(images)), 50.0)
