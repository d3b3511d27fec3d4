"""SSIM, mean absolute error, the Inception Score's formula and diversity, computed by hand."""

import re

import numpy as np
import pytest
import tensorflow as tf

from training.evaluation.judge import find_hits, judge_pictures
from training.evaluation.measures.feature_distances import mean_distance_within_values, mean_pairwise_distance
from training.evaluation.measures.inception_score import inception_score_on_classifier
from training.evaluation.measures.picture_errors import mean_absolute_error, ssim
from training.runs.score import Score, format_score
from zoo.presets.registry import score_value


def test_ssim_of_constant_pictures_is_their_luminance():
    images = tf.stack([tf.fill((12, 12, 3), value) for value in (100.0, 0.0, 255.0)])
    others = tf.stack([tf.fill((12, 12, 3), value) for value in (50.0, 0.0, 0.0)])
    c1 = (0.01 * 255) ** 2
    expected = [(2 * 100 * 50 + c1) / (100**2 + 50**2 + c1), 1.0, c1 / (255**2 + c1)]
    np.testing.assert_allclose(ssim(images, others), expected, rtol=1e-3)  # float32 variances


def test_ssim_of_an_inverted_pattern_is_negative():
    board = np.indices((16, 16)).sum(axis=0)[None, ..., None] % 2 * 255
    assert float(ssim(board, 255 - board)[0]) < -0.9


def test_error_is_the_mean_over_all_pixels():
    others = np.zeros((1, 16, 16, 1))
    others[:, :2] = 255.0
    assert float(mean_absolute_error(np.zeros((1, 16, 16, 1)), others)[0]) == pytest.approx(255 * 2 / 16)


def test_ssim_of_too_small_pictures_is_refused():
    message = "Pictures must have at least 11 pixels a side, because .*Received: shape=(1, 10, 16, 1)."
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\.\*", ".*")):
        ssim(np.zeros((1, 10, 16, 1)), np.zeros((1, 10, 16, 1)))


@pytest.mark.parametrize(
    ("probabilities", "score"),
    [
        ([[1.0, 0.0]] * 5, 1.0),
        ([[0.5, 0.5]] * 5, 1.0),
        (np.eye(4), 4.0),
        # Two of three values, equally often.
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], 2.0),
        # p(y) is (1/2, 1/2): KL is 0.9 ln 1.8 + 0.1 ln 0.2 for both.
        ([[0.9, 0.1], [0.1, 0.9]], np.exp(0.9 * np.log(1.8) + 0.1 * np.log(0.2))),
    ],
)
def test_score_over_a_classifier(probabilities, score):
    assert inception_score_on_classifier(probabilities) == pytest.approx(score)


def test_score_over_a_classifier_needs_rows():
    with pytest.raises(ValueError, match="`probabilities` must have one row per picture"):
        inception_score_on_classifier([0.5, 0.5])


def test_distance_within_values_leaves_out_single_and_unknown_ones():
    features = np.array([[0.0], [4.0], [50.0], [90.0], [91.0]])
    assert mean_distance_within_values(features, np.array([0, 0, 1, -1, -1])) == 4.0
    with pytest.raises(ValueError, match="At least one value must have two pictures."):
        mean_distance_within_values(features, np.array([0, 1, 2, -1, -1]))
    with pytest.raises(ValueError, match="There must be at least two pictures to form pairs. Received: 1."):
        mean_pairwise_distance(features[:1])


def test_pictures_are_judged_in_batches():
    class Judge:
        sizes = []

        def judge(self, raw_images):
            self.sizes.append(len(raw_images))
            return {"category": raw_images[:, 0, 0, :2] / 10.0}

    raw_images = np.zeros((300, 2, 2, 3), "uint8")
    raw_images[299] = 10
    found = judge_pictures(Judge(), raw_images)["category"]
    assert (Judge.sizes, found.shape) == ([256, 44], (300, 2))
    assert found[299].tolist() == [1.0, 1.0]


def test_what_was_not_asked_for_is_no_hit_and_no_miss():
    hits = find_hits({"a": np.eye(2), "b": np.eye(2)}, {"a": [-1, 1], "b": [1, 0]})
    assert {name: values.tolist() for name, values in hits.items()} == {"a": [1.0], "b": [0.0, 0.0]}


def test_score_says_everything_in_json():
    baseline = Score(0.14, "squared feature units", 10_000, "features of classifier", (0.1, 0.2))
    score = Score(2.0, "squared feature units", 10_000, "features of classifier", None, baseline, "real")
    assert score.to_json() == {
        "value": 2.0,
        "interval": None,
        "num_samples": 10_000,
        "unit": "squared feature units",
        "measured_with": "features of classifier",
        "baseline": {"name": "real", **baseline.to_json()},
    }
    assert score_value(score.to_json()) == 2.0
    assert (format_score(score), format_score(baseline)) == ("2", "0.14 (0.1 to 0.2)")
    assert (baseline.gain, score.gain) == (None, 1.86)
