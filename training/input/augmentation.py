"""Random augmentation of training pictures with Keras preprocessing layers, selected by name."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from training.input.stateless_seeds import StatelessSeeds
from zoo.errors import UnknownNameError
from zoo.pictures import pixels

_BLUR_KERNEL_PIXELS = 7
_FILL = {"fill_mode": "reflect", "dtype": "float32"}

# The layers behind the names, in the order of application: first geometry, then colours, then blur. Hue
# changes little, because a product must keep the name of its colour.
AUGMENTATIONS = {
    # Whole pixels, as from cropping a padded picture: nothing is blurred.
    "crop": lambda: keras.layers.RandomTranslation(1 / 8, 1 / 8, interpolation="nearest", **_FILL),
    "flip": lambda: keras.layers.RandomFlip("horizontal", dtype="float32"),
    "rotation": lambda: keras.layers.RandomRotation(10 / 360, **_FILL),
    "zoom": lambda: keras.layers.RandomZoom((-0.15, 0.15), **_FILL),
    "brightness": lambda: keras.layers.RandomBrightness(0.15, dtype="float32"),
    # A single number would only increase contrast, never reduce it.
    "contrast": lambda: keras.layers.RandomContrast((0.2, 0.2), dtype="float32"),
    # `value_range` is (0, 1) whatever the picture's range, because the layer clips the saturation to it.
    "saturation": lambda: keras.layers.RandomSaturation((0.4, 0.6), value_range=(0, 1), dtype="float32"),
    "hue": lambda: keras.layers.RandomHue(0.05, dtype="float32"),
    "blur": lambda: make_blur(),
}
GROUPS = {"colour": ("brightness", "contrast", "saturation", "hue")}
NAMES = (*AUGMENTATIONS, *GROUPS)
_NEEDS_RGB = {"saturation", "hue"}


def check_augmentations(names: Sequence[str], known: Sequence[str] = NAMES) -> None:
    """Raises `UnknownNameError` unless all names are among the known ones."""
    for name in names:
        if name not in known:
            advice = "Super-resolution excludes those that would soften its targets." if name in NAMES else ""
            raise UnknownNameError("augmentation", name, known, advice)


def split_names(text: str) -> tuple[str, ...]:
    """Splits a comma-separated list of names from the command line; `none` stands for an empty list.

    Example:

    >>> split_names("flip, crop"), split_names("none")
    (('flip', 'crop'), ())
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return () if names == ("none",) else names


class Augmentation:
    """Augments every picture of a batch by its own random amounts.

    The amounts depend only on the given seed, not on threads or earlier batches. Keras' layers draw and apply
    them, but their own seeds, which count calls, are not used.

    | name | change |
    |---|---|
    | `crop` | shifted by up to an eighth of the side, with reflected borders |
    | `flip` | mirrored horizontally, with probability 1/2 |
    | `rotation` | rotated by up to 10 degrees |
    | `zoom` | zoomed in or out by up to 15 % |
    | `brightness` | shifted by up to 38 of 255 grey levels |
    | `contrast` | scaled by 0.8 to 1.2 about the mean of each channel |
    | `saturation` | scaled by 0.67 to 1.5; grey pictures are unchanged |
    | `hue` | shifted by up to 9 degrees on the colour circle; grey pictures are unchanged |
    | `blur` | Gaussian blur of up to 1 pixel, with probability 1/2 |
    | `colour` | brightness, contrast, saturation and hue |

    Args:
        names: Names from the table, in any order; repeated ones count once.

    Call arguments:
        raw_images: uint8 tensor `[N, h, w, 1 or 3]`, static h and w.
        seed: Integer tensor `[2]`.

    Returns:
        uint8 tensor of the same shape.

    Raises:
        UnknownNameError: If an augmentation does not exist.

    Example:

    >>> augment = Augmentation(["flip", "colour"])
    >>> augment(tf.zeros([2, 8, 8, 3], "uint8"), seed=[0, 7]).shape.as_list()
    [2, 8, 8, 3]
    """

    def __init__(self, names: Sequence[str]):
        check_augmentations(names)
        wanted = {part for name in names for part in GROUPS.get(name, (name,))}
        self._layers = {name: make() for name, make in AUGMENTATIONS.items() if name in wanted}

    @property
    def changes_anything(self) -> bool:
        return bool(self._layers)

    def __call__(self, raw_images, seed) -> tf.Tensor:
        if not self._layers:
            return raw_images
        images = tf.cast(raw_images, "float32")
        for number, (name, layer) in enumerate(self._layers.items()):
            if images.shape[-1] == 1 and name in _NEEDS_RGB:
                continue
            seeds = StatelessSeeds(seed, number)
            images = blur(layer, images, seeds) if name == "blur" else _transform(layer, images, seeds)
        return tf.ensure_shape(pixels.round_to_uint8(images), raw_images.shape)


def make_blur() -> keras.layers.Layer:
    """Returns the layer for `blur`: Gaussian blur of up to 1 pixel with probability 1/2."""
    return keras.layers.RandomGaussianBlur(
        (0.5, 0.5), kernel_size=_BLUR_KERNEL_PIXELS, sigma=(0.1, 1.0), dtype="float32"
    )


def blur(layer, images: tf.Tensor, seeds: StatelessSeeds) -> tf.Tensor:
    """Blurs each picture by its own random amount, without darkening its borders.

    Keras' layer draws one amount per batch, and each picture is therefore passed as a separate batch. The
    layer also treats pixels outside the picture as black, and the edge is therefore repeated before the blur
    and cropped afterwards.

    Args:
        layer: The layer from `make_blur`.
        images: float32 tensor `[N, h, w, C]`, range [0, 255], static h and w.
        seeds: Seeds of the amounts.

    Returns:
        float32 tensor of the same shape and range.
    """
    margin = _BLUR_KERNEL_PIXELS // 2
    height, width = images.shape[1:3]
    rows = tf.clip_by_value(tf.range(-margin, height + margin), 0, height - 1)
    columns = tf.clip_by_value(tf.range(-margin, width + margin), 0, width - 1)
    padded = tf.gather(tf.gather(images, rows, axis=1), columns, axis=2)

    def blur_one(picture_and_number):
        picture, number = picture_and_number
        return _transform(layer, picture[tf.newaxis], seeds.of_picture(number))[0]

    blurred = tf.map_fn(
        blur_one, (padded, tf.range(tf.shape(images)[0])), fn_output_signature=tf.TensorSpec(padded.shape[1:])
    )
    return blurred[:, margin : margin + height, margin : margin + width]


def _transform(layer, images: tf.Tensor, seeds: StatelessSeeds) -> tf.Tensor:
    transformation = layer.get_random_transformation(images, training=True, seed=seeds)
    return layer.transform_images(images, transformation, training=True)
