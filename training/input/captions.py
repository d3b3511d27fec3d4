"""Captions of products for training, made of their attributes and of what their pictures show.

The phrases name more than attributes: whether a product is dark or light, plain or patterned, long or wide is
measured on its picture, by rules that nothing else in this project uses. They vary in words and in order, so
that a model must learn words instead of phrases.
"""

import re
from collections.abc import Mapping, Sequence

import tensorflow as tf

from zoo.attributes.vocabulary import Attributes
from zoo.colour.oklab import to_oklab

# The attribute that is a phrase's noun where there is one; else the first is.
NOUN, COLOUR = "category", "colour"
# Other words for values, the usual ones of shops.
SYNONYMS = {
    "t-shirt": ("t-shirt", "tee", "t-shirt top"),
    "longsleeve": ("longsleeve", "sweater", "pullover", "long-sleeved top"),
    "outwear": ("jacket", "coat", "outwear"),
    "pants": ("pants", "trousers"),
    "shorts": ("shorts", "short pants"),
    "hat": ("hat", "cap", "headwear"),
    "shoes": ("shoes", "footwear", "pair of shoes"),
    "dress": ("dress", "gown", "frock"),
    "shirt": ("shirt", "blouse", "button-up"),
    "skirt": ("skirt",),
    "grey": ("grey", "gray"),
    "purple": ("purple", "violet"),
    "red": ("red", "crimson"),
    "brown": ("brown", "chestnut"),
}
# Words that mean a value on their own; others of its phrases ("pair", "top") may belong to another value.
_SHARED_WORDS = frozenset({"top", "pair", "of", "long-sleeved", "short"})
# A phrase is what its pieces say. A piece is left out where all of its slots are empty.
PHRASINGS = (
    ("{colour}", "{noun}"),
    ("{shade} {colour}", "{noun}"),
    ("a {shape} {shade} {colour}", "{noun}"),
    ("{noun}", "in {shade} {colour}"),
    ("a {pattern}", "{noun}", "in {colour}"),
    ("{shade} {colour}", "{pattern}", "{noun}"),
    ("{noun}", "{shade} {colour}", "{pattern} {shape}"),
    ("one {pattern} {colour}", "{noun}", "on white"),
    ("{colour} {shape}", "{noun}", "with a {pattern} look"),
    ("{noun}", "coloured {shade} {colour}", "and {pattern}"),
    ("photo of a", "{shape}", "{noun}", "{others}"),
    ("{pattern} {shape}", "{noun}", "{others}"),
    ("{noun}",),
)
# Kept out of training: they measure whether a model understands words in a new order.
HELD_OUT_PHRASINGS = (
    ("is there a", "{noun}", "that looks {pattern}", "in {colour}"),
    ("{colour}", "{shade} {shape}", "product", "{noun}"),
)
SLOTS = ("{noun}", "{colour}", "{shade}", "{pattern}", "{shape}", "{others}")
_SLOT = re.compile(r"(\{\w+\})")
_WORDS_OF_SLOTS = {
    "{shade}": (("dark", "deep"), ("light", "pale", "bright")),
    "{pattern}": (("plain", "uni", "simple"), ("patterned", "printed", "with print")),
    "{shape}": (("wide",), ("long", "slim")),
}
# A measured quantity below the first limit has the first words, above the second the second: about a quarter
# of the photos of clothes each. Colours that have no dark or light variants.
_LIMITS = {"{shade}": (0.40, 0.68), "{pattern}": (0.036, 0.080), "{shape}": (0.85, 1.40)}
_COLOURS_WITHOUT_SHADE = ("black", "white")
# Grey levels below which a pixel belongs to the product, and the side of the neighbourhood of patterns.
_WHITE_GROUND, _NEIGHBOURHOOD = 235, 9
_LEFT_OUT = 0.15


def caption_words(attributes: Attributes) -> list[str]:
    """Returns the words that captions may contain, in alphabetical order.

    Example:

    >>> "trousers" in caption_words({"category": ("pants",)})
    True
    """
    texts = [_SLOT.sub(" ", piece) for phrasing in PHRASINGS for piece in phrasing]
    texts += [text for kinds in _WORDS_OF_SLOTS.values() for words in kinds for text in words]
    texts += [text for values in attributes.values() for value in values for text in synonyms_of(value)]
    return sorted({word for text in texts for word in _split(text)})


def caption_meanings(attributes: Attributes) -> dict[str, tuple[str, str]]:
    """Returns, for words that mean a value of an attribute, the attribute and the value."""
    return {
        word: (name, value)
        for name, values in attributes.items()
        for value in values
        for text in synonyms_of(value)
        if len(_split(text)) == 1
        for word in _split(text)
        if word not in _SHARED_WORDS
    }


def synonyms_of(value: str) -> tuple[str, ...]:
    """Returns words for a value, itself among them."""
    return SYNONYMS.get(value, (value,))


def make_captions(
    attributes: Attributes,
    raw_images,
    attribute_ids: Mapping[str, tf.Tensor],
    seed,
    phrasings: Sequence[Sequence[str]] = PHRASINGS,
) -> tf.Tensor:
    """Describes products on white.

    Args:
        attributes: The data set's vocabulary.
        raw_images: uint8 tensor `[N, h, w, 1 or 3]`.
        attribute_ids: For each attribute an int32 tensor `[N]`; -1 where it is unknown.
        seed: Integer tensor `[2]`, which alone decides about phrasings and words.
        phrasings: The phrasings to choose from.

    Returns:
        string tensor `[N]`; some of what could be said is left out at random.
    """
    num_rows = tf.shape(raw_images)[0]
    slots = {
        **_measured_slots(attributes, raw_images, attribute_ids),
        **_attribute_slots(attributes, attribute_ids),
    }
    drawn = tf.random.stateless_uniform([num_rows, 2 * len(SLOTS) + 1], seed)
    chosen_words = {}
    for number, slot in enumerate(SLOTS):
        words = _choose(slots[slot], drawn[:, 2 * number]) if slot in slots else tf.fill([num_rows], "")
        is_kept = (drawn[:, 2 * number + 1] >= _LEFT_OUT) | (slot == "{noun}")
        chosen_words[slot] = tf.where(is_kept, words, "")
    pieces = sorted({piece for phrasing in phrasings for piece in phrasing} | {""})
    columns = [_fill_piece(piece, chosen_words, num_rows) for piece in pieces]
    longest = max(map(len, phrasings))
    table = tf.constant(
        [
            [pieces.index(piece) for piece in [*phrasing, *[""] * (longest - len(phrasing))]]
            for phrasing in phrasings
        ]
    )
    rows = tf.gather(table, tf.cast(drawn[:, -1] * len(phrasings), "int32"))
    return _join(tf.gather(tf.stack(columns, axis=1), rows, batch_dims=1), axis=1)


def measure_products(raw_images) -> dict[str, tf.Tensor]:
    """Measures products on white.

    Args:
        raw_images: uint8 tensor `[N, h, w, 1 or 3]`.

    Returns:
        By slot, float32 `[N]`: the mean lightness of OKLab, 0 to 1; how much colours vary within
        neighbourhoods inside the product; and its height relative to its width.
    """
    if raw_images.shape[-1] == 1:
        raw_images = tf.repeat(raw_images, 3, axis=-1)
    is_product = tf.cast(tf.reduce_min(raw_images, axis=-1) < _WHITE_GROUND, "float32")
    inside = -tf.nn.max_pool2d(-is_product[..., tf.newaxis], 7, 1, "SAME")[..., 0]
    colours = tf.cast(to_oklab(raw_images), "float32")
    # Means of the neighbours that belong to the product.
    weights = is_product[..., tf.newaxis]
    local = tf.math.divide_no_nan(
        tf.nn.avg_pool2d(colours * weights, _NEIGHBOURHOOD, 1, "SAME"),
        tf.nn.avg_pool2d(weights, _NEIGHBOURHOOD, 1, "SAME"),
    )
    variances = tf.reduce_sum(tf.square(colours - local), axis=-1)

    def mean_over(values, weights):
        sums = tf.reduce_sum(values * weights, axis=[1, 2])
        return tf.math.divide_no_nan(sums, tf.reduce_sum(weights, axis=[1, 2]))

    height, width = (tf.reduce_sum(tf.reduce_max(is_product, axis=axis), axis=1) for axis in (2, 1))
    return {
        "{shade}": mean_over(colours[..., 0], is_product),
        "{pattern}": tf.sqrt(mean_over(variances, inside)),
        "{shape}": tf.math.divide_no_nan(height, width),
    }


def _fill_piece(piece: str, words: Mapping[str, tf.Tensor], num_rows) -> tf.Tensor:
    """Returns a piece's text for each row, string `[N]`; `""` where all of its slots are empty."""
    parts = [part for part in _SLOT.split(piece) if part.strip()]
    texts = [words[part] if part in words else tf.fill([num_rows], part.strip()) for part in parts]
    text = _join(tf.stack(texts), axis=0) if texts else tf.fill([num_rows], "")
    slots = [words[part] for part in parts if part in words]
    return tf.where(tf.reduce_any(tf.stack(slots) != "", axis=0), text, "") if slots else text


def _join(texts, axis: int) -> tf.Tensor:
    joined = tf.strings.reduce_join(texts, axis=axis, separator=" ")
    return tf.strings.strip(tf.strings.regex_replace(joined, " +", " "))


def _measured_slots(attributes: Attributes, raw_images, attribute_ids):
    """Returns for each slot the words to choose from, string `[N, number of words]`."""
    slots = {}
    for slot, values in measure_products(raw_images).items():
        low, high = _LIMITS[slot]
        kind = tf.where(values < low, 0, tf.where(values > high, 1, 2))
        if slot == "{shade}" and COLOUR in attributes:
            has_shade = tf.constant(
                [value not in _COLOURS_WITHOUT_SHADE for value in attributes[COLOUR]] + [True]
            )
            ids = attribute_ids[COLOUR]
            kind = tf.where(tf.gather(has_shade, tf.where(ids < 0, len(attributes[COLOUR]), ids)), kind, 2)
        slots[slot] = tf.gather(_to_table([*_WORDS_OF_SLOTS[slot], ("",)]), kind)
    return slots


def _attribute_slots(attributes: Attributes, attribute_ids):
    noun = NOUN if NOUN in attributes else next(iter(attributes))
    slots = {}
    others = []
    for name, values in attributes.items():
        table = _to_table([*map(synonyms_of, values), ("",)])
        ids = tf.cast(attribute_ids[name], "int32")
        words = tf.gather(table, tf.where(ids < 0, len(values), ids))
        if name == noun:
            slots["{noun}"] = words
        elif name == COLOUR:
            slots["{colour}"] = words
        else:
            others.append(words[:, 0])
    if others:
        slots["{others}"] = tf.strings.reduce_join(tf.stack(others), axis=0, separator=" ")[:, tf.newaxis]
    return slots


def _to_table(rows: Sequence[Sequence[str]]) -> tf.Tensor:
    """Returns rows of words repeated to the same length, so that all are equally likely, or nearly."""
    length = 12
    return tf.constant([[words[number * len(words) // length] for number in range(length)] for words in rows])


def _choose(words, drawn) -> tf.Tensor:
    places = tf.cast(drawn * tf.cast(tf.shape(words)[1], "float32"), "int32")
    return tf.gather(words, places, batch_dims=1)


def _split(text: str) -> list[str]:
    return text.lower().replace(",", " ").split()
