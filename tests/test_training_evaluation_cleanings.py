"""Scores of cleaning: the JPEG beside the cleaned photo, two compressions, harm to undamaged photos."""

import numpy as np
import pytest
from PIL import Image

from training.evaluation.cleanings import compress, compress_twice, score_cleanings
from training.evaluation.measures.block_effect import block_effect, psnr_b


class Untouched:
    """Returns every photo as it is."""

    def clean(self, raw_images):
        return raw_images


class Smoothing:
    """Averages each pixel with its neighbours, which also harms undamaged photos."""

    def clean(self, raw_images):
        images = raw_images.astype("float32")
        shifted = [np.roll(images, step, axis) for axis in (1, 2) for step in (-1, 0, 1)]
        return np.round(np.mean(shifted, axis=0)).astype("uint8")


@pytest.fixture(scope="module")
def photos():
    rows, columns = np.mgrid[0:48, 0:40]
    waves = [127 + 100 * np.sin(rows / wide + 1) * np.cos(columns / wide) for wide in (7.0, 5.0, 9.0)]
    return [np.stack([wave, wave[::-1], 255 - wave], -1).astype("uint8") for wave in waves]


def test_a_model_that_does_nothing_gains_nothing(photos):
    scores = score_cleanings(Untouched(), photos, [10, 40]).scores
    for name in ("q10", "twice_q10", "q40", "twice_q40"):
        assert scores[f"gain_{name}"].value == 0.0
        for measure in ("psnr", "psnr_b", "ssim"):
            assert scores[f"{measure}_{name}"].value == scores[f"{measure}_{name}"].baseline.value
    assert scores["harm"].value == 0.0
    assert scores["psnr_q10"].value < scores["psnr_q40"].value


def test_smoothing_wins_against_coarse_blocks_and_harms_undamaged_photos(photos):
    findings = score_cleanings(Smoothing(), photos, [3])
    assert findings.scores["psnr_b_q3"].gain > 1.0
    assert findings.scores["harm"].value > 3.0
    assert list(findings.sheets) == ["Largest gains", "Smallest gains"]


def test_photos_of_grey_and_of_a_single_pixel_are_scored(photos):
    scores = score_cleanings(Untouched(), [photos[0][..., :1], photos[0][:1, :1]], [30]).scores
    assert scores["psnr_q30"].num_samples == 2
    assert scores["ssim_q30"].num_samples == 1


def test_the_second_grid_is_shifted(photos):
    """A photo compressed twice with one grid hardly changes the second time."""
    once = compress(photos[0], 20)
    again = np.abs(compress(once, 20).astype("int32") - once).mean()
    shifted = np.abs(compress_twice(photos[0], 20).astype("int32") - once).mean()
    assert shifted > 2 * again


def test_block_effect_is_that_of_the_paper():
    """Steps of 10 at boundaries and none inside: 100 by log2(8) / log2(16)."""
    blocks = np.kron([[0, 10], [10, 0]], np.ones([8, 8]))
    assert block_effect(blocks) == pytest.approx(75.0)
    assert block_effect(np.roll(blocks, (3, 3), (0, 1))) == 0.0
    assert psnr_b(blocks, blocks) == pytest.approx(10 * np.log10(255**2 / 75.0))


def test_compression_is_that_of_a_file(tmp_path, photos):
    Image.fromarray(photos[1]).save(tmp_path / "a.jpg", quality=30, subsampling="4:2:0")
    np.testing.assert_array_equal(compress(photos[1], 30), np.asarray(Image.open(tmp_path / "a.jpg")))
