"""The protocol of the super-resolution papers: their bicubic scores, and cases computed by hand."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from training.evaluation.enlargements import read_folder, score_enlargements, score_picture, shrink
from zoo.pictures import pixels
from zoo.pictures.resize import bicubic

BENCH_DATA = os.environ.get("ZOO_BENCH_DATA", "")


class Enlarger:
    """Bicubic interpolation with the calls of a super-resolution model, a number of grey levels brighter."""

    def __init__(self, upscale_factor, offset=0.0):
        self.upscale_factor = upscale_factor
        self.offset = offset

    def __call__(self, raw_images):
        return self._enlarge(pixels.to_luma(raw_images))

    def upscale(self, raw_images):
        return pixels.round_to_uint8(self._enlarge(raw_images))

    def _enlarge(self, images):
        height, width = (side * self.upscale_factor for side in images.shape[1:3])
        return bicubic(images, height, width) + self.offset


def picture(height=40, width=50, channels=3, seed=0):
    return np.random.default_rng(seed).integers(60, 190, (height, width, channels), dtype="uint8")


def test_constant_offset_of_a_constant_picture():
    scored = score_picture(Enlarger(2, offset=25.0), np.full((30, 30, 1), 100, "uint8"))
    assert scored.bicubic["psnr"] == pytest.approx(100.0)
    assert scored.model["psnr"] == pytest.approx(20 * np.log10(255 / 25))
    assert scored.model["mae"] == pytest.approx(25.0)
    assert "psnr_rgb" not in scored.model


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_model_that_interpolates_scores_as_interpolation(factor):
    scores = score_enlargements(Enlarger(factor), "same", [picture(), picture(41, 47, seed=1)]).scores
    assert list(scores) == [
        "psnr",
        "ssim",
        "mae",
        "psnr_rgb",
        "ssim_rgb",
        "mae_rgb",
        "psnr_shrunk_again",
        "psnr_gain",
        "psnr_median",
    ]
    for name, score in scores.items():
        assert score.num_samples == 2
        if name != "psnr_gain":
            assert score.value == pytest.approx(score.baseline.value)
    assert (scores["psnr_gain"].value, scores["psnr_gain"].interval) == (0.0, (0.0, 0.0))


def test_what_was_enlarged_is_compared_with_its_enlargement_shrunk_again():
    scored = score_picture(Enlarger(2, offset=25.0), np.full((30, 30, 1), 100, "uint8"))
    assert scored.model["psnr_shrunk_again"] == pytest.approx(20 * np.log10(255 / 25), abs=1e-4)
    assert scored.bicubic["psnr_shrunk_again"] == pytest.approx(100.0)
    raw_image = picture(channels=1)
    low_res = np.clip(np.round(shrink(raw_image[None], 2)), 0, 255)
    again = np.clip(np.round(shrink(np.clip(np.round(bicubic(low_res, 40, 50)), 0, 255), 2)), 0, 255)
    expected = 10 * np.log10(255**2 / np.square(again - low_res).mean())
    assert score_picture(Enlarger(2), raw_image).model["psnr_shrunk_again"] == pytest.approx(expected)


def test_luma_is_shrunk_unrounded_and_the_border_left_out():
    raw_image = picture(13, 12)
    luma = tf.round(pixels.to_luma(raw_image[None, :12]))
    enlarged = np.clip(np.round(bicubic(shrink(luma, 3), 12, 12)), 0, 255)
    error = np.square(luma - enlarged)[:, 3:-3, 3:-3].mean()
    assert score_picture(Enlarger(3), raw_image).model["psnr"] == pytest.approx(
        10 * np.log10(255**2 / error), abs=1e-4
    )


def test_luma_of_a_model_that_learned_rgb_is_that_of_its_picture():
    class RGBEnlarger(Enlarger):
        colour_space = "rgb"

        def __call__(self, raw_images):
            raise AssertionError("it takes no luma")

    raw_image = picture(16, 20)
    high_res = raw_image[None]
    enlarged = RGBEnlarger(2).upscale(pixels.round_to_uint8(shrink(high_res, 2)))
    luma = [np.round(pixels.to_luma(images))[:, 2:-2, 2:-2] for images in (high_res, enlarged)]
    expected = 10 * np.log10(255**2 / np.square(luma[0] - luma[1]).mean())
    assert score_picture(RGBEnlarger(2), raw_image).model["psnr"] == pytest.approx(expected, abs=1e-3)


def test_ssim_is_left_out_of_small_pictures_and_said():
    findings = score_enlargements(Enlarger(2), "same", [picture(12, 12), picture()])
    assert (findings.scores["psnr"].num_samples, findings.scores["ssim"].num_samples) == (2, 1)
    assert findings.notes == [
        "SSIM omits photos with a side of fewer than 11 pixels, not counting the border."
    ]


def test_picture_without_a_middle_is_refused():
    with pytest.raises(ValueError, match="must be larger than the border of 4 pixels.*Received: shape="):
        score_picture(Enlarger(4), picture(8, 40))


def test_tiny_photos_are_left_out_and_said():
    findings = score_enlargements(Enlarger(4), "same", [picture(8, 40), picture(200, 200)])
    assert findings.scores["psnr"].num_samples == 1
    assert "1 photos are too small to be scored." in findings.notes
    with pytest.raises(ValueError, match="must be larger than the border of 4 pixels"):
        score_enlargements(Enlarger(4), "same", [picture(8, 40)])


def test_blank_photos_do_not_lift_the_median_and_are_said():
    pictures = [picture(40, 40), picture(48, 40)]
    alone = score_enlargements(Enlarger(2), "same", pictures).scores
    findings = score_enlargements(Enlarger(2), "same", [*pictures, np.full((40, 40, 3), 90, "uint8")])
    for name in ("psnr_gain", "psnr_median"):
        assert findings.scores[name].value == pytest.approx(alone[name].value)
    assert findings.scores["psnr"].value > alone["psnr"].value + 10
    assert any(note.startswith("1 photos, such as blank ones") for note in findings.notes)


def test_sheets_show_the_best_and_the_worst():
    pictures = [np.full((200, 200, 3), 90, "uint8"), picture(200, 200)]
    sheets = score_enlargements(Enlarger(2), "same", pictures).sheets
    best, worst = sheets["Best by PSNR"], sheets["Worst by PSNR"]
    assert best.captions[0] == ["", "100.00 dB", "100.00 dB", ""]
    assert best.captions == worst.captions[::-1]
    assert [image.shape[0] for image in best.rows[0]] == [80, 160, 160, 160]


def test_folder_gives_grey_as_luma_and_the_rest_as_rgb(tmp_path):
    Image.fromarray(picture(channels=1)[..., 0]).save(tmp_path / "b.png")
    Image.fromarray(picture()).convert("P").save(tmp_path / "a.png")
    Image.fromarray(picture()).save(tmp_path / "c.JPG", format="JPEG")
    found = read_folder(tmp_path)
    assert {name: image.shape for name, image in found.items()} == {
        "a.png": (40, 50, 3),
        "b.png": (40, 50, 1),
        "c.JPG": (40, 50, 3),
    }


def test_folder_without_pictures_and_damaged_pictures_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="A folder to score must contain photos .*Received: .*none"):
        read_folder(tmp_path / "none")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"A photo to score must be undamaged. Received: .*bad.png"):
        read_folder(tmp_path)


# Figures of the papers, in dB on luma.
BICUBIC = {
    ("Set5", 2): 33.66,
    ("Set5", 3): 30.39,
    ("Set5", 4): 28.42,
    ("Set14", 2): 30.23,
    ("Set14", 3): 27.54,
    ("Set14", 4): 26.00,
}


@pytest.mark.data
@pytest.mark.skipif(
    not BENCH_DATA, reason="ZOO_BENCH_DATA does not name the folder with super_resolution/Set5"
)
@pytest.mark.parametrize(("name", "factor"), BICUBIC)
def test_bicubic_figures_of_the_papers(name, factor):
    pictures = read_folder(Path(BENCH_DATA) / "super_resolution" / name).values()
    scores = [score_picture(Enlarger(factor), image).bicubic["psnr"] for image in pictures]
    assert round(float(np.mean(scores)), 2) == BICUBIC[name, factor]
