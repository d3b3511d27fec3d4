"""Styles and mixtures of styles as clients write them, and what is wrong with others."""

import numpy as np
import pytest

from zoo.style.mixtures import parse_mixtures

STYLES = ["dots", "oil", "waves"]


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("oil", [0, 1, 0]),
        ("dots+waves", [0.5, 0, 0.5]),
        (" dots + waves ", [0.5, 0, 0.5]),
        ("dots:3+oil:1", [0.75, 0.25, 0]),
        ("dots:0.5+oil:1.5", [0.25, 0.75, 0]),
        ("dots:0+oil", [0, 1, 0]),
        ("oil+oil+dots:2", [0.5, 0.5, 0]),
    ],
)
def test_shares_sum_to_one(text, shares):
    found, errors = parse_mixtures([text], STYLES)
    np.testing.assert_allclose(found, [shares])
    assert errors.numpy().tolist() == [b""]


@pytest.mark.parametrize(
    "text",
    ["", "+", "fish", "dots+fish", "dots:", "dots:-1", "dots:nan", "dots:1e3", "dots:1:2", "dots:0", "Dots"],
)
def test_anything_else_is_its_own_rows_error(text):
    found, errors = parse_mixtures([text, "waves"], STYLES)
    message, fine = (error.decode() for error in errors.numpy())
    assert message == (
        "`style` must be one of dots, oil, waves, or several with their shares, such as dots:3+waves:1. "
        f"Received: '{text}'."
    )
    assert fine == ""
    np.testing.assert_allclose(found, [[1, 0, 0], [0, 0, 1]])


def test_no_row_is_no_error():
    found, errors = parse_mixtures(np.zeros([0], object), STYLES)
    assert found.shape == (0, 3)
    assert errors.shape == (0,)
