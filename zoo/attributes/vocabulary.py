"""The vocabulary of a product's attributes (category, colour, ...) and its one-hot encoding."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

Attributes = dict[str, tuple[str, ...]]

# The value that a classifier may have learned for things that are none of its other values.
UNLIKE_KNOWN = "unlike what I know"


def check_attributes(attributes: Mapping[str, Sequence[str]]) -> Attributes:
    """Checks a vocabulary and returns it in its canonical form.

    Args:
        attributes: Each attribute's possible values, in the order of their class ids, e.g.
            `{"category": ["dress", "shirt"]}`.

    Returns:
        The same vocabulary as a dict of tuples.

    Raises:
        ValueError: There is no attribute, an attribute has no values, or a value is empty or occurs twice.

    Example:

    >>> check_attributes({"category": ["dress", "shirt"]})
    {'category': ('dress', 'shirt')}
    """
    if not attributes:
        raise ValueError(
            "A conditional model must have at least one attribute. Received: attributes={}. "
            "Name the data set's attribute columns."
        )
    for name, values in attributes.items():
        if isinstance(values, str) or not values:
            raise ValueError(
                "An attribute's values must be a list of at least one. "
                f"Received: {name}={values!r}. List its values, or leave the attribute out."
            )
        if len(set(values)) != len(values) or "" in values:
            raise ValueError(
                "An attribute's values must be distinct and not empty, because clients select them by name. "
                f"Received: {name}={list(values)!r}. Rename or merge them in the data set."
            )
    return {str(name): tuple(str(value) for value in values) for name, values in attributes.items()}


def num_conditions(attributes: Attributes) -> int:
    """Returns the length of the vectors that `one_hot_conditions` makes.

    Example:

    >>> num_conditions({"category": ("dress", "shirt"), "colour": ("red", "blue", "green")})
    5
    """
    return sum(len(values) for values in attributes.values())


def one_hot_conditions(attributes: Attributes, attribute_ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Concatenates the one-hot vectors of all attributes.

    Args:
        attributes: The vocabulary.
        attribute_ids: For each attribute an integer tensor `[N]` of class ids; -1 where it is unknown.

    Returns:
        float32 tensor `[N, num_conditions]`; each row has one 1 per known attribute.

    Raises:
        ValueError: An attribute of the vocabulary is missing.

    Example:

    >>> one_hot_conditions({"category": ("dress", "shirt")}, {"category": [1]}).numpy().tolist()
    [[0.0, 1.0]]
    """
    missing = [name for name in attributes if name not in attribute_ids]
    if missing:
        raise ValueError(
            "Every attribute that the model was built with must be given. "
            f"Received: {sorted(attribute_ids)}. Add: {', '.join(missing)}."
        )
    vectors = [tf.one_hot(attribute_ids[name], len(values)) for name, values in attributes.items()]
    return tf.concat(vectors, axis=-1)


def split_conditions(attributes: Attributes, conditions: tf.Tensor) -> dict[str, tf.Tensor]:
    """Splits vectors in the layout of `one_hot_conditions` (one-hot vectors or logits) by attribute.

    Args:
        attributes: The vocabulary.
        conditions: Tensor `[N, num_conditions]`.

    Returns:
        For each attribute a tensor `[N, number of its values]`.

    Example:

    >>> split_conditions({"a": ("x", "y")}, tf.constant([[1.0, 2.0]]))["a"].numpy().tolist()
    [[1.0, 2.0]]
    """
    sizes = [len(values) for values in attributes.values()]
    return dict(zip(attributes, tf.split(conditions, sizes, axis=-1), strict=True))
