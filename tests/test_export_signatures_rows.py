"""What every signature does with its rows, worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from export.signatures import rows

ATTRIBUTES = {"category": ("dress", "shirt"), "colour": ("red", "blue", "green")}
SMALLEST, LARGEST = -(2**63), 2**63 - 1

random_latents = tf.function(rows.random_latents)
random_ids = tf.function(lambda seeds: rows.random_ids(ATTRIBUTES, seeds))


def to_ids(categories, colours, fallback=(0, 0)):
    names = {"category": tf.constant(categories), "colour": tf.constant(colours)}
    fallback_ids = {
        name: tf.fill([len(categories)], tf.constant(class_id, tf.int32))
        for name, class_id in zip(ATTRIBUTES, fallback, strict=True)
    }
    ids, errors = rows.to_attribute_ids(ATTRIBUTES, names, fallback_ids)
    assert {values.dtype for values in ids.values()} == {tf.int32}
    return {name: values.numpy().tolist() for name, values in ids.items()}, errors.numpy().tolist()


def test_names_become_class_ids_and_nothing_becomes_the_fallback():
    ids, errors = to_ids(["shirt", "", "dress"], ["", "green", "red"], fallback=(1, 2))
    assert ids == {"category": [1, 1, 0], "colour": [2, 2, 0]}
    assert errors == [b"", b"", b""]


def test_unknown_names_are_told_with_the_known_ones_and_get_the_first_class():
    ids, errors = to_ids(["shoe", "shirt", "Dress"], ["blue", "pink", ""], fallback=(1, 1))
    assert ids == {"category": [0, 1, 0], "colour": [1, 0, 1]}
    assert errors == [
        b"Unknown category. Received: 'shoe'. Known: dress, shirt.",
        b"Unknown colour. Received: 'pink'. Known: red, blue, green.",
        b"Unknown category. Received: 'Dress'. Known: dress, shirt.",
    ]


@pytest.mark.parametrize(
    ("errors", "joined"),
    [
        ((["", "a"], ["", ""]), [b"", b"a"]),
        ((["", "a"], ["b", "c"]), [b"b", b"a c"]),
        ((["a", ""], ["", "b"], ["c", ""]), [b"a c", b"b"]),
        ((["a"],), [b"a"]),
    ],
)
def test_errors_of_a_row_are_joined(errors, joined):
    assert rows.join_errors(*map(tf.constant, errors)).numpy().tolist() == joined


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full([2, 3, 3, 1], 9, "uint8"), np.stack([np.zeros([3, 3, 1]), np.full([3, 3, 1], 9)])),
        (np.full([2, 4], 0.5, "float32"), [[0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]]),
        (np.full([2, 2], np.nan, "float32"), [[0, 0], [np.nan, np.nan]]),
        (np.array([b"x", b"y"], object), [b"", b"y"]),
    ],
)
def test_rows_with_an_error_are_blanked(values, expected):
    blanked = rows.blank_bad_rows(tf.convert_to_tensor(values), tf.constant(["wrong", ""])).numpy()
    assert blanked.dtype == values.dtype
    np.testing.assert_array_equal(blanked, np.array(expected, values.dtype))


def test_latents_are_standard_normal():
    latents = random_latents(tf.range(4000, dtype=tf.int64), 5).numpy()
    assert latents.dtype == "float32"
    assert latents.shape == (4000, 5)
    # Four standard errors of a mean and of a variance of 4000 draws, and of a correlation.
    np.testing.assert_allclose(latents.mean(axis=0), 0.0, atol=4 / np.sqrt(4000))
    np.testing.assert_allclose(latents.var(axis=0), 1.0, atol=4 * np.sqrt(2 / 4000))
    np.testing.assert_allclose(np.corrcoef(latents.T), np.eye(5), atol=4 / np.sqrt(4000))


@pytest.mark.parametrize(
    "draw", [lambda seeds: random_latents(seeds, 3), lambda seeds: random_ids(seeds)["colour"]]
)
def test_draws_depend_on_the_seed_of_their_row_alone(draw):
    alone = {seed: draw(tf.constant([seed], tf.int64))[0].numpy() for seed in range(-5, 6)}
    together = draw(tf.constant(list(alone), tf.int64))
    for row, values in enumerate(alone.values()):
        np.testing.assert_array_equal(together[row], values)


def test_extreme_seeds_have_latents_of_their_own():
    seeds = [0, 1, -1, 2**31, 2**32, SMALLEST, SMALLEST + 1, LARGEST, LARGEST - 1]
    latents = rows.random_latents(tf.constant(seeds, tf.int64), 4).numpy()
    assert np.isfinite(latents).all()
    assert len({row.tobytes() for row in latents}) == len(seeds)


def test_ids_are_uniform_over_the_values_and_the_attributes_independent():
    ids = random_ids(tf.range(6000, dtype=tf.int64))
    counts = np.zeros([2, 3])
    np.add.at(counts, (ids["category"].numpy(), ids["colour"].numpy()), 1)
    # Each pair is drawn with probability 1/6: four standard deviations of its count.
    np.testing.assert_allclose(counts, 1000, atol=4 * np.sqrt(6000 / 6 * 5 / 6))


def test_ids_do_not_follow_from_the_latents():
    """Normal numbers are made of the same uniform ones: drawn from one stream, their squares tell the ids."""
    seeds = tf.range(2000, dtype=tf.int64)
    latents = random_latents(seeds, 2).numpy()
    is_shirt = random_ids(seeds)["category"].numpy()
    for numbers in (*latents.T, *np.square(latents).T):
        assert abs(np.corrcoef(numbers, is_shirt)[0, 1]) < 4 / np.sqrt(2000)


def test_example_names_begin_with_nothing_and_go_through_the_values():
    names = rows.example_names(ATTRIBUTES, 5, prefix="target_")
    assert {name: values.tolist() for name, values in names.items()} == {
        "target_category": ["", "dress", "shirt", "", "dress"],
        "target_colour": ["", "red", "blue", "green", ""],
    }
    assert names["target_colour"].dtype == object
    assert rows.example_names(ATTRIBUTES, 1)["category"].tolist() == [""]
