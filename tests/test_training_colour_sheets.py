"""Picture sheets per judged colour."""

import numpy as np
import pytest

from training.colour_sheets import MAX_PICTURES, NO_COLOUR, colour_sheets
from training.product_colour import ColourJudgement


def picture(value):
    return np.full((4, 4, 3), value, "uint8")


def test_a_sheet_per_colour_and_one_for_what_is_open():
    judgements = [
        ColourJudgement("red", 0.8, "red"),
        ColourJudgement("", 0.4, "blue"),
        ColourJudgement("black", 0.9, "black"),
        ColourJudgement("red", 0.95, "red"),
    ]
    sheets = colour_sheets([picture(value) for value in (10, 20, 30, 40)], judgements)
    assert list(sheets) == ["black", "red", NO_COLOUR]
    assert [[int(image[0, 0, 0]) for image in row] for row in sheets["red"].rows] == [[40, 10]]
    assert sheets["red"].captions == [["95%", "80%"]]
    assert sheets["red"].note == "2 of 2 pictures, the most confident first."
    assert sheets[NO_COLOUR].captions == [["blue? 40%"]]
    assert sheets[NO_COLOUR].draw().dtype == np.uint8


def test_of_many_pictures_some_are_shown_from_most_to_least_confident():
    confidences = np.linspace(0.76, 0.99, 200)
    judgements = [ColourJudgement("blue", float(confidence), "blue") for confidence in confidences]
    sheet = colour_sheets([picture(0)] * 200, judgements)["blue"]
    captions = [caption for row in sheet.captions for caption in row]
    assert len(captions) == MAX_PICTURES
    assert (captions[0], captions[-1]) == ("99%", "76%")
    assert sheet.note == f"{MAX_PICTURES} of 200 pictures, the most confident first."


def test_no_pictures_no_sheets():
    assert colour_sheets([], []) == {}


def test_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match="one judgement. Received: 1 pictures, 0 judgements"):
        colour_sheets([picture(0)], [])
