"""Scores that say little are marked: those of a judge that guesses, and of pictures that hardly differ."""

import numpy as np
import pytest

from training.evaluation.doubts import LEAST_VARIETY, mark_doubtful
from training.evaluation.findings import Findings
from training.evaluation.generated.scores import score_judged
from training.evaluation.judge import MIN_JUDGED, find_doubt
from training.input.labelled_pictures import LabelledPictures
from training.runs.score import Score


class Judge:
    """Sees in each picture the value that its first pixel names."""

    def judge(self, raw_images):
        return {"category": np.eye(2, dtype="float32")[raw_images[:, 0, 0, 0]]}


def pictures_with(seen, labels):
    raw_images = np.zeros([len(seen), 2, 2, 1], "uint8")
    raw_images[:, 0, 0, 0] = seen
    return LabelledPictures(raw_images, {"category": np.array(labels, "int32")})


def variety(share, name="pairwise_distance"):
    score = Score(2.0 * share, "feature units", 50).beside(Score(2.0, "feature units", 50), "real pictures")
    return {
        "precision": Score(1.0, "share", 50),
        "recall": Score(0.0, "share", 50),
        "conditional_accuracy_category": Score(1.0, "share", 50),
        name: score,
    }


@pytest.mark.parametrize("name", ["pairwise_distance", "pairwise_distance_within_category"])
def test_pictures_that_hardly_differ_flatter_what_single_pictures_show(name):
    marked = mark_doubtful(Findings(variety(LEAST_VARIETY - 0.01, name)))
    doubted = [score for score in marked.scores if marked.scores[score].doubt]
    assert doubted == ["precision", "conditional_accuracy_category"]
    (note,) = marked.notes
    assert "hardly differ: the distance between two is 19 % of that between real ones" in note
    assert note.endswith("This says little: precision, conditional_accuracy_category.")
    assert ("of one category" in note) == name.endswith("category")


def test_pictures_that_differ_are_not_doubted():
    findings = Findings(variety(LEAST_VARIETY + 0.01), notes=["Few."])
    assert mark_doubtful(findings) == findings


@pytest.mark.parametrize(
    ("right", "chance", "is_doubted"),
    [(0.9, 0.5, False), (0.7, 0.5, True), (0.9, 0.9, True), (1.0, 0.9, False)],
)
def test_a_judge_must_close_half_of_the_gap(right, chance, is_doubted):
    count = 10 * MIN_JUDGED
    ids = np.arange(count) >= chance * count
    hits = np.arange(count) < right * count
    doubt = find_doubt("colour", hits.astype("float64"), np.append(ids, -1))
    assert bool(doubt) == is_doubted
    assert find_doubt("colour", hits[: MIN_JUDGED - 1], ids[: MIN_JUDGED - 1]) == ""


def test_what_a_judge_that_guesses_says_is_doubted():
    labels = np.arange(40) % 2
    guessed = pictures_with(np.zeros(40), labels)
    asked = pictures_with(np.ones(40), np.ones(40))
    marked = mark_doubtful(score_judged(Judge(), "guesser", asked, guessed))
    assert marked.scores["conditional_accuracy_category"].value == 1.0
    assert marked.scores["conditional_accuracy_category"].mark == ", doubtful"
    (note,) = marked.notes
    assert note.startswith("The judge sees the category of 50 % of the real pictures, by guessing 50 %. ")
    assert note.endswith("little: conditional_accuracy_category, inception_score_on_classifier.")
    seen = score_judged(Judge(), "seer", asked, pictures_with(labels, labels))
    assert {score.doubt for score in seen.scores.values()} == {""}
