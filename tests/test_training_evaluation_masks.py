"""Scores of masks and of recoloured photos: a known rule's, beside the baseline; folders that do not fit."""

import numpy as np
import pytest
from dark_products import dark_square, make_dark
from PIL import Image

from training.evaluation.masks import BASELINE, mask_by_rule, read_masks, score_masks
from training.evaluation.recolourings import score_recolourings
from zoo.cutout.cutout import Cutout
from zoo.errors import WrongUsageError
from zoo.recolour.recolour import Recolour

SMALL = {"image_size": 96, "width": 4}


def masked_photos(count=3):
    for index in range(count):
        photo = dark_square(100 + index, 90)
        yield photo, 255 * (photo[..., 0] < 100).astype("uint8")


def test_masks_are_scored_beside_the_rule_of_colour_and_position():
    findings = score_masks(make_dark(Cutout, **SMALL), masked_photos())
    assert list(findings.scores) == ["mask_iou", "mask_mae", "mask_max_f", "mask_boundary_f"]
    for name, score in findings.scores.items():
        assert score.num_samples == 3
        assert score.baseline_name == BASELINE
        assert (score.value < 0.02) if name == "mask_mae" else (score.value > 0.97)
    (sheet,) = findings.sheets.values()
    assert len(sheet.rows) == 3


def test_the_rule_finds_a_plain_product():
    photo, truth = next(masked_photos())
    mask = mask_by_rule(photo)
    assert mask.shape == truth.shape
    assert mask[50, 45] > 200
    assert mask[2, 2] < 50


def test_recoloured_photos_are_scored_by_kind_of_target():
    scores = score_recolourings(make_dark(Recolour, **SMALL), masked_photos(2)).scores
    assert len(scores) == 10
    assert scores["target_difference_chromatic"].value < 3.0
    assert scores["target_difference_neutral"].value < 5.0
    assert scores["gradient_correlation_chromatic"].value > 0.95
    assert scores["ground_difference_chromatic"].value < 0.1
    assert scores["ground_visible_share_neutral"].value < 0.01
    assert scores["target_difference_chromatic"].num_samples == 2 * 3


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        Image.fromarray(np.full([30, 20], 255, "uint8")).save(tmp_path / f"{name}.png")
    return tmp_path


def test_masks_are_found_by_the_photos_names(folder):
    photos = {name: np.zeros([30, 20, 3], "uint8") for name in ("a.jpg", "b.png", "c.jpg")}
    masks = read_masks(folder, photos)
    assert list(masks) == ["a.jpg", "b.png"]
    assert masks["a.jpg"].shape == (30, 20)


def test_masks_of_other_sizes_and_other_photos_are_refused(folder):
    message = "A mask must have its photo's size. Received: .*a.png of 20 x 30 pixels for a.jpg of 30 x 20."
    with pytest.raises(WrongUsageError, match=message):
        read_masks(folder, {"a.jpg": np.zeros([20, 30, 3], "uint8")})
    with pytest.raises(FileNotFoundError, match="with the photos' names, such as z.png"):
        read_masks(folder, {"z.jpg": np.zeros([20, 30, 3], "uint8")})
