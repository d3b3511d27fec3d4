"""Makes new photos from photos with masks: other colours, other grounds, shadows.

A network that sees only a shop's own photos learns its beds and floors. Here product and ground change
colours independently of each other, pale products come on pale grounds and dark ones on dark, and some
products are laid on the grounds of other photos, or on grounds drawn by code: plain, graded, striped,
checked, speckled.

Sources:
    [CopyPaste] Ghiasi et al. 2020, arXiv 2012.07177: pasted objects, without regard for context, as
        augmentation.
"""

import math

import tensorflow as tf

# Shares of photos to which a change happens.
COMPOSITE_SHARE = 0.4
COLOUR_SHARE = 0.4
PALE_SHARE = 0.12
DARK_SHARE = 0.1
SHADOW_SHARE = 0.6
OTHER_PHOTO_SHARE = 0.5
# Empty grounds, so that the network finds no product where there is none.
EMPTY_SHARE = 0.04
# A part of another photo counts as ground if less than this share of it is product.
MAX_PRODUCT_SHARE = 0.01
_LUMA = tf.constant([0.299, 0.587, 0.114])


class _Draws:
    """Hands out independent random numbers that depend on one seed only."""

    def __init__(self, seed, num_images):
        self._seed, self._count, self._num_images = seed, 0, num_images

    def next_seed(self):
        self._count += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._count)

    def uniform(self, low=0.0, high=1.0, shape=(1, 1, 1)):
        return tf.random.stateless_uniform([self._num_images, *shape], self.next_seed(), low, high)

    def happens(self, share):
        return self.uniform() < share


def cut_windows(images, size: int, seed) -> tf.Tensor:
    """Cuts a random window out of every picture and stretches it to a square; mirrors half of them.

    Args:
        images: float32 tensor `[N, h, w, C]`.
        size: Side S of the results in pixels.
        seed: Integer tensor `[2]`.

    Returns:
        float32 tensor `[N, S, S, C]`. A third of the windows are whole pictures; others have 60 to 100 % of
        their height and width, independently.
    """
    num_images = tf.shape(images)[0]
    draws = _Draws(seed, num_images)
    sides = draws.uniform(0.6, 1.0, (2,))
    sides = tf.where(draws.uniform(shape=(1,)) < 1 / 3, 1.0, sides)
    starts = draws.uniform(shape=(2,)) * (1.0 - sides)
    ends = starts + sides
    is_mirrored = draws.uniform(shape=(1,)) < [0.1, 0.5]
    starts, ends = tf.where(is_mirrored, ends, starts), tf.where(is_mirrored, starts, ends)
    return tf.image.crop_and_resize(
        images, tf.concat([starts, ends], axis=1), tf.range(num_images), [size, size]
    )


def make_composites(images, masks, seed) -> tuple[tf.Tensor, tf.Tensor]:
    """Changes product and ground of every photo, lays some products on other grounds, and empties some.

    Args:
        images: float32 tensor `[N, S, S, 3]`, range [0, 1].
        masks: float32 tensor `[N, S, S, 1]`, range [0, 1].
        seed: Integer tensor `[2]`.

    Returns:
        float32 tensors `[N, S, S, 3]` and `[N, S, S, 1]`, range [0, 1]: the photos and their masks.
    """
    draws = _Draws(seed, tf.shape(images)[0])
    is_empty = draws.happens(EMPTY_SHARE)
    softened = tf.nn.avg_pool2d(masks, 3, 1, "SAME")
    product = _change_light(_change_colours(images, draws), draws)
    ground = _change_light(_change_colours(images, draws), draws)
    # On both, with the same share again, so that pale lies on pale and dark on dark.
    pasted_on = _change_light(_choose_ground(images, masks, draws), draws)
    masks, softened = (tf.where(is_empty, 0.0, values) for values in (masks, softened))
    pasted_on *= 1.0 - _draw_shadow(masks, draws)
    ground = tf.where(is_empty | draws.happens(COMPOSITE_SHARE), pasted_on, ground)
    result = ground + softened * (product - ground)
    both = _change_light(result, draws)
    noise = tf.random.stateless_normal(tf.shape(images), draws.next_seed())
    both += draws.uniform(0.0, 0.025) * noise
    gain = draws.uniform(0.85, 1.15) * draws.uniform(0.93, 1.07, (1, 1, 3))
    return tf.clip_by_value(both * gain, 0.0, 1.0), masks


def _change_colours(images, draws: _Draws):
    """Turns the hue by any angle and scales the saturation, on a share of the pictures."""
    grey = tf.tensordot(images, _LUMA, 1)[..., tf.newaxis]
    angle = draws.uniform(-math.pi, math.pi)
    colour = images - grey
    # A rotation about the grey axis (Rodrigues' formula); the part along the axis stays.
    red, green, blue = tf.unstack(colour, axis=-1)
    across = tf.stack([blue - green, red - blue, green - red], axis=-1) / math.sqrt(3.0)
    along = tf.reduce_mean(colour, axis=-1, keepdims=True) * (1.0 - tf.cos(angle))
    turned = colour * tf.cos(angle) + across * tf.sin(angle) + along
    changed = grey + draws.uniform(0.2, 1.5) * turned
    return tf.clip_by_value(tf.where(draws.happens(COLOUR_SHARE), changed, images), 0.0, 1.0)


def _change_light(images, draws: _Draws):
    """Makes some pictures pale or dark; folds and texture stay, weaker."""
    pale = 1.0 - (1.0 - images) * draws.uniform(0.15, 0.6)
    images = tf.where(draws.happens(PALE_SHARE), pale, images)
    return tf.where(draws.happens(DARK_SHARE), images * draws.uniform(0.15, 0.6), images)


def _choose_ground(images, masks, draws: _Draws):
    size = images.shape[1]
    part = -(-size // 3)
    other_images, other_masks = tf.roll(images, 1, axis=0), tf.roll(masks, 1, axis=0)
    corners = [(0, 0), (0, size - part), (size - part, 0), (size - part, size - part)]
    shares = tf.stack(
        [tf.reduce_mean(other_masks[:, y : y + part, x : x + part], [1, 2, 3]) for y, x in corners], axis=1
    )
    chosen = tf.argmin(shares, axis=1)
    patches = tf.stack([other_images[:, y : y + part, x : x + part] for y, x in corners], axis=1)
    patch = tf.gather(patches, chosen, batch_dims=1)
    row = tf.concat([patch, patch[:, :, ::-1], patch], axis=2)[:, :, :size]
    tiled = tf.concat([row, row[:, ::-1], row], axis=1)[:, :size]
    is_ground = (tf.reduce_min(shares, axis=1) < MAX_PRODUCT_SHARE)[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return tf.where(is_ground & draws.happens(OTHER_PHOTO_SHARE), tiled, _draw_ground(size, draws))


def _draw_ground(size: int, draws: _Draws):
    """Draws plain, graded, striped or checked grounds with stains and grain."""
    first = draws.uniform(shape=(1, 1, 3))
    first = tf.where(draws.happens(0.4), 0.8 + 0.2 * first, first)
    second = first + draws.uniform(0.0, 0.5) * (draws.uniform(shape=(1, 1, 3)) - first)
    line = tf.linspace(-1.0, 1.0, size)
    x, y = line[tf.newaxis, tf.newaxis, :, tf.newaxis], line[tf.newaxis, :, tf.newaxis, tf.newaxis]
    angle, frequency = draws.uniform(0.0, math.pi), tf.exp(draws.uniform(math.log(3.0), math.log(80.0)))
    stains = tf.image.resize(draws.uniform(-1.0, 1.0, (7, 7, 3)), [size, size], "bicubic")
    along = x * tf.cos(angle) + y * tf.sin(angle)
    across = x * tf.sin(angle) - y * tf.cos(angle)
    sharpness = draws.uniform(0.5, 8.0)
    warp = draws.uniform(0.0, 1.5) * stains[..., :1]
    stripes = tf.sigmoid(sharpness * tf.sin(frequency * along + 4.0 * warp))
    checks = tf.abs(stripes - tf.sigmoid(sharpness * tf.sin(frequency * across)))
    kind = draws.uniform()
    pattern = tf.where(kind < 0.45, 0.5 + 0.35 * along, tf.where(kind < 0.8, stripes, checks))
    grain = tf.random.stateless_normal(
        [tf.shape(x)[0] * tf.shape(first)[0], size, size, 1], draws.next_seed()
    )
    drawn = first + pattern * (second - first) + draws.uniform(0.0, 0.12) * stains
    return tf.clip_by_value(drawn + draws.uniform(0.0, 0.06) * grain, 0.0, 1.0)


def _draw_shadow(masks, draws: _Draws):
    """Returns how much darker the ground is: the product's blurred shape, shifted."""
    size = masks.shape[1]
    shift = draws.uniform(-0.06, 0.06, (2,))
    num_images = tf.shape(masks)[0]
    boxes = tf.concat([shift, 1.0 + shift], axis=1)
    # Small, because it is blurred anyway.
    small = tf.image.crop_and_resize(masks, boxes, tf.range(num_images), [size // 4, size // 4])
    window = 2 * max(1, size // 64) + 1
    blurred = tf.nn.avg_pool2d(tf.nn.avg_pool2d(small, window, 1, "SAME"), window, 1, "SAME")
    strength = tf.where(draws.happens(SHADOW_SHARE), draws.uniform(0.1, 0.6), 0.0)
    return strength * tf.image.resize(blurred, [size, size])
