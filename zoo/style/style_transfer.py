"""Redraws photos in the style of a picture, by as much as one wants.

Sources:
    [Johnson] Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
    arXiv 1603.08155: the network.
    [Conditional] As in `zoo/layers/conditional_instance_norm.py`.
    [Resize] Odena et al. 2016, "Deconvolution and Checkerboard Artifacts": enlarge, then convolve.
    [Adjustable] Babaeizadeh & Ghiasi 2018, arXiv 1811.08560: train with losses whose weights the network
    is told.
    [Thumbnail] Chen et al. 2022, arXiv 2103.11784: what large pictures are normalised by is measured once,
    so that tiles fit together.
"""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from zoo.errors import WrongUsageError
from zoo.hyperparameters import Count, Weight
from zoo.layers.conditional_instance_norm import ConditionalInstanceNorm
from zoo.layers.subpixels import from_picture, to_picture
from zoo.pictures import pixels
from zoo.pictures.tiles import map_tiles
from zoo.pictures.windows import cut_windows
from zoo.presets.from_preset import FromPreset
from zoo.step import replicas
from zoo.step.means import BatchMean, GradientNorm, update_means

CHANNELS = 3
# The network halves pictures twice.
FACTOR = 4
# The smallest side that the network sees; smaller photos are extended.
SMALLEST_SIDE = 32
# Photos of more pixels are cut into tiles of at most so many.
MAX_TILE_PIXELS = 1 << 20
# What large photos are normalised by is measured on windows of this side, at most so many in a row.
_WINDOW_SIDE, _WINDOWS_PER_SIDE = 256, 4
# In training, this share of the photos has full strength, and the others one between this and 1.
_FULL_STRENGTH_SHARE, _LEAST_TRAINED_STRENGTH = 0.75, 0.1


@keras.saving.register_keras_serializable("zoo")
class StyleTransfer(FromPreset, keras.Model):
    """Redraws photos in one of the styles it knows, or in a mixture of them, at any strength.

    Use it for campaign pictures. Strength 0 returns the photo itself, bit by bit, and in between the network
    is told how much of the style to draw, which looks better than a picture shining through the photo.

    Departures from [Johnson]: normalisation per style [Conditional], of which a further, style-free one
    stands for strength 0; narrower layers; enlargement by nearest neighbours before convolutions [Resize];
    the result is a change of the photo.

    Args:
        styles: Names of the styles, in the order of their ids.
        width: Channels of the first convolution; the inner ones have four times as many.
        depth: Number of residual blocks.
        content_weight: Weight of the likeness to the photo in the loss, beside that to the style.
        dtype: Dtype policy, e.g. `"mixed_bfloat16"`; the global policy by default.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 3]`, any h and w from 1.
        mixtures: float32 tensor `[N, K]`, the share of each style, which sum to 1.
        strengths: float32 tensor `[N]` in [0, 1].

    Returns:
        float32 tensor `[N, h, w, 3]` on the scale [0, 255], neither rounded nor clipped.

    Raises:
        WrongUsageError: There is no style, or two have the same name.

    Example:

    >>> model = StyleTransfer(["dots", "waves"], width=4, depth=1)
    >>> model(tf.zeros([1, 5, 7, 3], "uint8"), tf.constant([[1.0, 0.0]]), tf.ones([1])).shape.as_list()
    [1, 5, 7, 3]
    """

    def __init__(
        self,
        styles: Sequence[str],
        width: Count = 16,
        depth: Count = 5,
        content_weight: Weight = 0.25,
        dtype=None,
        name: str = "style",
        **kwargs,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        styles = tuple(styles)
        if not styles or len(set(styles)) < len(styles):
            raise WrongUsageError(
                f"`styles` must be one or more distinct names. Received: styles={styles}. "
                "Name each style once."
            )
        self.styles = styles
        self.width = width
        self.depth = depth
        self.content_weight = content_weight
        # Pixels in every direction that a pixel of the result depends on, rounded up to squares.
        self.reach = FACTOR * (2 * depth + 4)
        self._add_layers()
        self.trackers = {key: BatchMean(key) for key in ("loss", "content_loss", "style_loss")}
        self.gradient_norm = GradientNorm()
        self._compare: Callable | None = None
        self(
            tf.zeros([1, SMALLEST_SIDE, SMALLEST_SIDE, CHANNELS], "uint8"),
            tf.zeros([1, len(styles)]),
            tf.zeros([1]),
        )

    def _add_layers(self):
        width, policy = self.width, self.dtype_policy

        def convolution(filters, side, strides=1, name=""):
            return keras.layers.Conv2D(
                filters, side, strides, padding="valid", use_bias=False, dtype=policy, name=name
            )

        self.convolutions = [
            convolution(width, 9, name="first"),
            convolution(2 * width, 3, 2, name="halving"),
            convolution(4 * width, 3, 2, name="halving_again"),
            *(
                convolution(4 * width, 3, name=f"block{block}_{half}")
                for block in range(self.depth)
                for half in range(2)
            ),
            convolution(2 * width, 3, name="doubling"),
            convolution(width, 3, name="doubling_again"),
        ]
        self.norms = [
            ConditionalInstanceNorm(len(self.styles) + 1, dtype=policy, name=f"norm_{number}")
            for number in range(len(self.convolutions))
        ]
        self.last = convolution(CHANNELS, 9, name="last")

    def call(self, raw_images, mixtures, strengths):
        shape = tf.shape(raw_images)
        images = tf.cast(_extend(raw_images), "float32")
        changes, _ = self._find_changes(images, mixtures, strengths)
        return (images + changes)[:, : shape[1], : shape[2]]

    def stylise(self, raw_images, mixtures, strengths) -> tf.Tensor:
        """Stylises pictures, one at a time and large ones in tiles, which bounds the memory use.

        Of large pictures, the means and variances that the network normalises by are measured on windows that
        are spread over the picture; tiles that all use them fit together without seams. [Thumbnail] measures
        them on the picture at a smaller size, in which everything is sharper.

        Args:
            raw_images: uint8 tensor `[N, h, w, 1 or 3]`, any h and w from 1.
            mixtures: float32 tensor `[N, K]`, the share of each style.
            strengths: float32 tensor `[N]` in [0, 1]; 0 returns the photo itself.

        Returns:
            uint8 tensor `[N, h, w, 3]`: grey photos gain colour.
        """
        raw_images = tf.convert_to_tensor(raw_images)
        if raw_images.shape[-1] == 1:
            raw_images = tf.repeat(raw_images, CHANNELS, axis=-1)
        return tf.map_fn(
            lambda row: tf.cond(row[2] > 0.0, lambda: self._stylise_picture(*row), lambda: row[0]),
            (raw_images, tf.cast(mixtures, "float32"), tf.cast(strengths, "float32")),
            parallel_iterations=1,
            fn_output_signature=tf.TensorSpec([None, None, CHANNELS], "uint8"),
        )

    def _stylise_picture(self, raw_image, mixture, strength):
        mixtures, strengths = mixture[tf.newaxis], strength[tf.newaxis]
        shape = tf.shape(raw_image)
        extended = _extend(raw_image[tf.newaxis])

        def draw(images, moments=None):
            images = tf.cast(images, "float32")
            changes, moments = self._find_changes(images, mixtures, strengths, moments)
            return pixels.round_to_uint8(images + changes), moments

        def draw_tiles():
            windows = tf.cast(cut_windows(extended[0], _WINDOW_SIDE, _WINDOWS_PER_SIDE), "float32")
            _, moments = self._find_changes(windows, mixtures, strengths, are_windows=True)

            def draw_tile(squares):
                return from_picture(draw(to_picture(squares, FACTOR), moments)[0], FACTOR)

            squares = from_picture(extended, FACTOR)[0]
            most, reach = MAX_TILE_PIXELS // FACTOR**2, self.reach // FACTOR
            return to_picture(map_tiles(squares, draw_tile, 1, reach, most)[tf.newaxis], FACTOR)

        is_large = tf.reduce_prod(tf.shape(extended)) > CHANNELS * MAX_TILE_PIXELS
        drawn = tf.cond(is_large, draw_tiles, lambda: draw(extended)[0])
        return drawn[0, : shape[0], : shape[1]]

    def _find_changes(self, images, mixtures, strengths, moments=None, are_windows=False):
        """Returns what to add to pictures, and the moments that each layer was normalised by.

        Args:
            images: float32 tensor `[N, h, w, 3]` on the scale [0, 255]; h and w are multiples of 4.
            mixtures: As in `call`.
            strengths: As in `call`.
            moments: The moments to normalise by; the features' own by default.
            are_windows: Whether the pictures are windows of the same one, and have moments in common.
        """
        strengths = tf.cast(strengths, "float32")[:, tf.newaxis]
        shares = tf.concat([1.0 - strengths, strengths * tf.cast(mixtures, "float32")], axis=1)
        used = []
        layers = iter(zip(self.convolutions, self.norms, moments or [None] * len(self.norms), strict=True))

        def convolve(x):
            convolution, norm, given = next(layers)
            x, found = norm(
                convolution(_reflect(x, convolution.kernel_size[0] // 2)),
                shares,
                given,
                are_windows=are_windows,
            )
            used.append(found)
            return x

        x = tf.cast(images / 127.5 - 1.0, self.compute_dtype)
        for _ in range(3):
            x = tf.nn.relu(convolve(x))
        for _ in range(self.depth):
            x += convolve(tf.nn.relu(convolve(x)))
        for _ in range(2):
            x = tf.nn.relu(convolve(_double(x)))
        changes = tf.cast(self.last(_reflect(x, 4)), "float32")
        return 127.5 * strengths[:, tf.newaxis, tf.newaxis] * changes, used

    def compile(self, optimizer, losses=None, **kwargs):
        """Compiles the model.

        Args:
            optimizer: Its optimizer.
            losses: Maps photos, pictures (float32 `[N, h, w, 3]` on the scale [0, 255]) and style ids (int32
                `[N]`) to the losses of content and of style, float32 `[N]` each; needed to train and to test.
            **kwargs: As for `keras.Model.compile`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self._compare = losses

    def train_step(self, raw_images):
        num_rows = tf.shape(raw_images)[0]
        # From the step's number alone, so that a resumed training is the same.
        step = tf.cast(self.optimizer.iterations, "int32")
        style_ids = (step * num_rows + tf.range(num_rows)) % len(self.styles)
        drawn = tf.random.stateless_uniform([num_rows, 2], tf.stack([step, 0]))
        between = _LEAST_TRAINED_STRENGTH + (1.0 - _LEAST_TRAINED_STRENGTH) * drawn[:, 0]
        strengths = tf.where(drawn[:, 1] < _FULL_STRENGTH_SHARE, 1.0, between)
        with tf.GradientTape() as tape:
            losses = self._find_losses(raw_images, style_ids, strengths)
            scaled_loss = self.optimizer.scale_loss(losses["loss"])
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        replicas.apply_gradients(self.optimizer, gradients, variables, self.gradient_norm)
        return {**update_means(self.trackers, losses, num_rows), "gradient_norm": self.gradient_norm.result()}

    def test_step(self, raw_images):
        num_rows = tf.shape(raw_images)[0]
        for style in range(len(self.styles)):
            losses = self._find_losses(raw_images, tf.fill([num_rows], style), tf.ones([num_rows]))
            logs = update_means(self.trackers, losses, num_rows)
        return logs

    def get_config(self):
        return {
            **super().get_config(),
            "styles": list(self.styles),
            "width": self.width,
            "depth": self.depth,
            "content_weight": self.content_weight,
        }

    def _find_losses(self, raw_images, style_ids, strengths):
        """Returns the loss and its terms. The style counts by the square of the strength [Adjustable]."""
        drawn = self(raw_images, tf.one_hot(style_ids, len(self.styles)), strengths)
        if self._compare is None:
            raise ValueError("`losses` must be given to `compile` to train or test. Received: none.")
        content, style = self._compare(tf.cast(raw_images, "float32"), drawn, style_ids)
        total = self.content_weight * content + tf.square(strengths) * style
        values = {"loss": total, "content_loss": content, "style_loss": style}
        return {name: tf.reduce_mean(value) for name, value in values.items()}


def _extend(raw_images):
    """Repeats the last row and column up to a multiple of `FACTOR`, and at least `SMALLEST_SIDE`."""
    for axis in (1, 2):
        length = tf.shape(raw_images)[axis]
        wanted = tf.maximum(-(-length // FACTOR) * FACTOR, SMALLEST_SIDE)
        raw_images = tf.gather(raw_images, tf.minimum(tf.range(wanted), length - 1), axis=axis)
    return raw_images


def _reflect(x, margin: int):
    return tf.pad(x, [[0, 0], [margin, margin], [margin, margin], [0, 0]], "REFLECT")


def _double(x):
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
