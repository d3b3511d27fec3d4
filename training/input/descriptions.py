"""A shop's own descriptions of its products, from the column of that name."""

import collections
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from training.data.catalog.columns import TEXT_COLUMN
from training.data.data_sets import DataSet
from zoo.latent_flow.words import split_words

# Words that occur in fewer descriptions tell a model nothing.
LEAST_OCCURRENCES, LARGEST_VOCABULARY = 3, 2000


def read_descriptions(data_set: DataSet, split: str) -> np.ndarray | None:
    """Returns a split's descriptions in the order of its pictures, bytes `[number]`; None without any."""
    if TEXT_COLUMN not in data_set.builder.info.features:
        return None
    elements = data_set.read(split, with_texts=True).map(lambda element: element[TEXT_COLUMN])
    return np.array(list(elements.as_numpy_iterator()), dtype=object)


def frequent_words(descriptions: Iterable[bytes]) -> list[str]:
    """Returns the words that at least three descriptions contain, the most frequent 2,000, in order.

    Example:

    >>> frequent_words([b"Blue jeans", b"blue shirt", b"a BLUE hat"])
    ['blue']
    """
    counts = collections.Counter(
        word.decode()
        for words in split_words(tf.constant(list(descriptions))).to_list()
        for word in set(words)
    )
    kept = [word for word, count in counts.most_common(LARGEST_VOCABULARY) if count >= LEAST_OCCURRENCES]
    return sorted(kept)
