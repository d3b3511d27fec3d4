"""Turns descriptions into word ids, in the graph and with operations that every TensorFlow Serving has."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from zoo.attributes.vocabulary import Attributes
from zoo.errors import WrongUsageError

# Word ids: nothing, a word that the vocabulary lacks, and from here on its words.
NO_WORD, UNKNOWN_WORD, FIRST_WORD = 0, 1, 2
# Words of a description that count, and bytes of it that are read at all.
MOST_WORDS, MOST_BYTES = 24, 1000
# A word that means a value of an attribute, e.g. `{"trousers": ("category", "pants")}`.
Meanings = Mapping[str, tuple[str, str]]


def check_words(words: Sequence[str]) -> tuple[str, ...]:
    """Returns a vocabulary as a tuple.

    Raises:
        WrongUsageError: A word occurs twice, or descriptions cannot contain it.
    """
    words = tuple(words)
    if not words:
        return words
    ids = to_word_ids(words, tf.constant(words)).numpy()
    wrong = [
        word for number, word in enumerate(words) if ids[number, :2].tolist() != [number + FIRST_WORD, 0]
    ]
    if wrong:
        raise WrongUsageError(
            "`words` must be distinct, in lower case and without spaces or punctuation other than hyphens. "
            f"Received: {', '.join(map(repr, wrong[:5]))}. Split descriptions with `split_words`."
        )
    return words


def split_words(descriptions) -> tf.RaggedTensor:
    """Splits descriptions into words: lower case, letters, digits and hyphens.

    Args:
        descriptions: string tensor `[N]`, of any bytes; only the first `MOST_BYTES` of each are read.

    Returns:
        string ragged tensor `[N, number of words]`.

    Example:

    >>> split_words(tf.constant(["A red T-shirt, please!"])).to_list()
    [[b'a', b'red', b't-shirt', b'please']]
    """
    # Bytes that are no UTF-8, and control characters, become spaces.
    texts = tf.strings.unicode_transcode(
        tf.strings.substr(descriptions, 0, MOST_BYTES),
        "UTF-8",
        "UTF-8",
        errors="replace",
        replacement_char=ord(" "),
        replace_control_characters=True,
    )
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, r"[^\p{L}\p{M}\p{N}-]+", " ")
    # Hyphens join words, as in "t-shirt"; others are dashes.
    return tf.strings.split(tf.strings.regex_replace(texts, r"(^|\s)-+|-+(\s|$)", " "))


def to_word_ids(words: Sequence[str], descriptions) -> tf.Tensor:
    """Returns the ids of the words of descriptions.

    Args:
        words: The vocabulary.
        descriptions: string tensor `[N]`.

    Returns:
        int32 tensor `[N, MOST_WORDS]`: `NO_WORD` after the last word, `UNKNOWN_WORD`, or the word's place in
        the vocabulary plus `FIRST_WORD`.

    Example:

    >>> to_word_ids(["a", "dress", "red"], tf.constant(["A red robe"])).numpy()[0, :4].tolist()
    [2, 4, 1, 0]
    """
    return _find_ids(words, _first_words(descriptions))


def drop_contradictions(
    words: Sequence[str],
    meanings: Meanings,
    attributes: Attributes,
    word_ids: tf.Tensor,
    attribute_ids: Mapping[str, tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Makes words unknown that mean another value than the attribute that is asked for.

    Args:
        words: The vocabulary.
        meanings: The values that some of its words mean.
        attributes: The model's attributes.
        word_ids: int32 tensor `[N, MOST_WORDS]`.
        attribute_ids: For each attribute an int32 tensor `[N]`, -1 where it is not asked for.

    Returns:
        The word ids, and which of them were dropped, bool `[N, MOST_WORDS]`.
    """
    is_dropped = tf.zeros_like(word_ids, tf.bool)
    for attribute, values in attributes.items():
        meant = _find_values(words, meanings, attribute, values, word_ids)
        wanted = attribute_ids[attribute][:, tf.newaxis]
        is_dropped |= (meant >= 0) & (wanted >= 0) & (meant != wanted)
    return tf.where(is_dropped, UNKNOWN_WORD, word_ids), is_dropped


def find_meant(
    words: Sequence[str],
    meanings: Meanings,
    attributes: Attributes,
    word_ids: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Returns the attribute values that descriptions name: of each attribute the first word's that means one.

    Args:
        words: The vocabulary.
        meanings: The values that some of its words mean.
        attributes: The model's attributes.
        word_ids: int32 tensor `[N, MOST_WORDS]`.

    Returns:
        For each attribute an int32 tensor `[N]`, -1 where no word means a value.
    """
    found = {}
    for attribute, values in attributes.items():
        meant = _find_values(words, meanings, attribute, values, word_ids)
        first = tf.argmax(tf.cast(meant >= 0, "int32"), axis=1)
        found[attribute] = tf.gather(meant, first, batch_dims=1)
    return found


def describe_warnings(words: Sequence[str], descriptions, is_dropped) -> tf.Tensor:
    """Says what a model made nothing of, for people.

    Args:
        words: The vocabulary.
        descriptions: string tensor `[N]`.
        is_dropped: bool tensor `[N, MOST_WORDS]` from `drop_contradictions`.

    Returns:
        string tensor `[N]`: `""` where everything was understood.
    """
    first = _first_words(descriptions)
    ids = _find_ids(words, first)

    def list_words(is_listed, before: str, after: str):
        listed = tf.ragged.boolean_mask(first, is_listed)
        text = tf.strings.join([before, tf.strings.reduce_join(listed, axis=1, separator=", "), after])
        return tf.where(listed.row_lengths() > 0, text, "")

    num_words = split_words(descriptions).row_lengths()
    is_cut = (num_words > MOST_WORDS) | (tf.strings.length(descriptions) > MOST_BYTES)
    parts = [
        list_words(ids == UNKNOWN_WORD, "Unknown words: ", "."),
        list_words(is_dropped, "The attribute that is asked for wins over: ", "."),
        tf.where(is_cut, f"Only the first {MOST_WORDS} words of the description count.", ""),
    ]
    text = tf.strings.reduce_join(tf.stack(parts), axis=0, separator=" ")
    return tf.strings.strip(tf.strings.regex_replace(text, " +", " "))


def _find_values(words, meanings: Meanings, attribute: str, values, word_ids) -> tf.Tensor:
    """Returns the value's id that each word means, int32 `[N, MOST_WORDS]`; -1 for words without one."""
    of_words = [
        values.index(meanings[word][1])
        if word in meanings and meanings[word][0] == attribute and meanings[word][1] in values
        else -1
        for word in words
    ]
    return tf.gather(tf.constant([-1] * FIRST_WORD + of_words, "int32"), word_ids)


def _first_words(descriptions) -> tf.Tensor:
    """Returns the first words, string `[N, MOST_WORDS]`, `""` after the last."""
    return split_words(descriptions)[:, :MOST_WORDS].to_tensor("", shape=[None, MOST_WORDS])


def _find_ids(words: Sequence[str], first) -> tf.Tensor:
    known = tf.fill(tf.shape(first), UNKNOWN_WORD)
    if words:
        # Comparing with every word needs no table, which a SavedModel would have to initialise.
        matches = first[..., tf.newaxis] == tf.constant(list(words))
        places = FIRST_WORD + tf.argmax(tf.cast(matches, "int8"), axis=-1, output_type="int32")
        known = tf.where(tf.reduce_any(matches, axis=-1), places, known)
    return tf.where(first == "", NO_WORD, known)
