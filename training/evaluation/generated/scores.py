"""Scores generated pictures: realism, variety, agreement with the requested attributes, and memorisation.

Real photos pass through the same measures as baselines. The scores of the training photos against the test
photos are the best that a generator can be expected to reach.
"""

import copy

from training.evaluation.feature_extractor import FeatureExtractor
from training.evaluation.findings import Findings
from training.evaluation.judge import find_doubt, find_hits, judge_pictures
from training.evaluation.measures.bootstrap import bootstrap_interval, mean_interval
from training.evaluation.measures.feature_distances import (
    mean_distance_within_values,
    mean_pairwise_distance,
    nearest_rows,
)
from training.evaluation.measures.frechet_distance import (
    MIN_SAMPLES,
    frechet_distance,
    frechet_distance_interval,
)
from training.evaluation.measures.inception_score import inception_score_on_classifier
from training.evaluation.measures.kernel_distance import kernel_distance
from training.evaluation.measures.niqe import SMALLEST_PATCH, fit_natural_pictures
from training.evaluation.measures.prdc import NUM_NEIGHBOURS, PRDC, prdc
from training.input.labelled_pictures import LabelledPictures
from training.runs.score import Score

REAL_TRAIN, REAL_TEST = "real train pictures", "real test pictures"
MAX_PRDC_SAMPLES = 5000
MAX_NEAREST_SAMPLES = 2000
MAX_NIQE_SAMPLES = 1000
_PRDC_NAMES = ("precision", "recall", "density", "coverage")


class FeatureSets:
    """Extracts the features of test photos, training photos and generated pictures.

    Args:
        extractor: Network that extracts them.
        test: Test photos.
        train: Training photos, as many as memory allows.
        generated: Generated pictures.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        test: LabelledPictures,
        train: LabelledPictures,
        generated: LabelledPictures,
    ):
        self.extractor = extractor
        self.measured_with = f"features of {extractor.name}"
        self.test, self.train, self.generated = (
            extractor.extract(pictures.raw_images) for pictures in (test, train, generated)
        )

    def with_generated(self, generated: LabelledPictures) -> "FeatureSets":
        """Returns the same photos' features with those of other generated pictures."""
        others = copy.copy(self)
        others.generated = self.extractor.extract(generated.raw_images)
        return others


def score_distances(features: FeatureSets, seed: int) -> Findings:
    """Returns the Frechet and kernel distances to the test photos, with training photos as the baseline."""
    fake, real = features.generated, features.test
    train = features.train[: len(fake)]
    is_inception = features.extractor.is_inception
    notes = []
    if min(len(fake), len(real)) < MIN_SAMPLES:
        notes.append(
            f"The Frechet distance is biased upwards, because it was measured on fewer than {MIN_SAMPLES:,} "
            f"samples: {len(fake):,} generated pictures and {len(real):,} test photos. Compare it only with "
            "distances of equal sample counts."
        )

    def frechet(other):
        value = frechet_distance(other, real)
        interval = frechet_distance_interval(other, real, seed)
        return Score(value, "squared feature units", len(other), features.measured_with, interval)

    def kernel(other):
        value, interval = kernel_distance(other, real, seed)
        return Score(value, "squared kernel units", len(other), features.measured_with, interval)

    scores = {"fid" if is_inception else "frechet_distance": frechet(fake).beside(frechet(train), REAL_TRAIN)}
    if min(len(fake), len(real), len(train)) >= 4:
        name = "kid" if is_inception else "kernel_distance"
        scores[name] = kernel(fake).beside(kernel(train), REAL_TRAIN)
    return Findings(scores, notes=notes)


def score_neighbourhoods(features: FeatureSets) -> Findings:
    """Returns precision, recall, density and coverage of up to 5,000 pictures against as many test photos."""
    num_samples = min(len(features.test), len(features.generated), len(features.train), MAX_PRDC_SAMPLES)
    if num_samples <= NUM_NEIGHBOURS:
        return Findings(
            notes=[f"Precision and recall are omitted: they need more than {NUM_NEIGHBOURS} pictures."]
        )
    real = features.test[:num_samples]

    def scores_of(measures: PRDC) -> dict[str, Score]:
        found = {}
        for name in _PRDC_NAMES:
            values = getattr(measures, name)
            unit = "neighbourhoods over k" if name == "density" else "share"
            with_k = f"{features.measured_with}, k = {NUM_NEIGHBOURS}"
            found[name] = Score(values.mean(), unit, num_samples, with_k, mean_interval(values))
        return found

    scores = scores_of(prdc(real, features.generated[:num_samples]))
    baselines = scores_of(prdc(real, features.train[:num_samples]))
    return Findings({name: score.beside(baselines[name], REAL_TRAIN) for name, score in scores.items()})


def score_variety(features: FeatureSets, generated_ids, test_ids) -> Findings:
    """Returns the distances between generated pictures, and from each to the nearest training photo."""
    unit, num_samples = "feature units", min(len(features.generated), len(features.test), MAX_PRDC_SAMPLES)
    fake, real = features.generated[:num_samples], features.test[:num_samples]

    def of(value, interval=None, number=num_samples):
        return Score(value, unit, number, features.measured_with, interval)

    scores = {
        "pairwise_distance": of(mean_pairwise_distance(fake)).beside(
            of(mean_pairwise_distance(real)), REAL_TEST
        )
    }
    name = next(iter(generated_ids))
    try:
        within, within_real = (
            of(mean_distance_within_values(rows, ids[name][:num_samples]))
            for rows, ids in ((fake, generated_ids), (real, test_ids))
        )
        scores[f"pairwise_distance_within_{name}"] = within.beside(within_real, REAL_TEST)
    except ValueError:  # no value has two pictures
        pass
    nearest = []
    for rows in (fake[:MAX_NEAREST_SAMPLES], real[:MAX_NEAREST_SAMPLES]):
        distances = nearest_rows(rows, features.train)[1][:, 0]
        nearest.append(of(distances.mean(), mean_interval(distances), len(distances)))
    scores["nearest_training_distance"] = nearest[0].beside(nearest[1], REAL_TEST)
    return Findings(scores)


def score_judged(judge, judge_name: str, generated: LabelledPictures, test: LabelledPictures) -> Findings:
    """Returns how often a judge sees the requested values, and the Inception Score's formula on the judge."""
    probabilities = judge_pictures(judge, generated.raw_images)
    real_probabilities = judge_pictures(judge, test.raw_images)
    hits = find_hits(probabilities, generated.attribute_ids)
    real_hits = find_hits(
        real_probabilities, {name: test.attribute_ids[name] for name in generated.attribute_ids}
    )

    def accuracy(values):
        return Score(values.mean(), "share", len(values), f"judge {judge_name}", mean_interval(values))

    scores = {}
    doubts = {name: find_doubt(name, real_hits[name], test.attribute_ids[name]) for name in hits}
    for name, values in hits.items():
        score = accuracy(values).doubted(doubts[name])
        has_baseline = len(real_hits[name]) > 0
        scores[f"conditional_accuracy_{name}"] = (
            score.beside(accuracy(real_hits[name]), REAL_TEST) if has_baseline else score
        )
    name = next(iter(generated.attribute_ids))

    def inception_score(values):
        interval = bootstrap_interval(inception_score_on_classifier, values, num_resamples=200)
        value = inception_score_on_classifier(values)
        return Score(value, f"1 to {values.shape[1]}", len(values), f"judge {judge_name}", interval)

    scores["inception_score_on_classifier"] = (
        inception_score(probabilities[name])
        .beside(inception_score(real_probabilities[name]), REAL_TEST)
        .doubted(doubts[name])
    )
    return Findings(scores)


def score_naturalness(
    generated: LabelledPictures, test: LabelledPictures, train: LabelledPictures
) -> Findings:
    """Returns NIQE, fitted on training photos, if the pictures are large enough."""
    side = generated.raw_images.shape[1]
    if side < SMALLEST_PATCH:
        return Findings(
            notes=[
                f"NIQE is omitted: it needs pictures of at least {SMALLEST_PATCH} pixels a side, not {side}."
            ]
        )
    natural = fit_natural_pictures(train.raw_images[:MAX_NIQE_SAMPLES])
    num_samples = min(len(generated), len(test), MAX_NIQE_SAMPLES)

    def niqe(pictures):
        value = natural.score(pictures.raw_images[:num_samples])
        return Score(value, "deviations", num_samples, "NIQE fitted on training pictures")

    try:
        return Findings({"niqe": niqe(generated).beside(niqe(test), REAL_TEST)})
    except ValueError as error:  # flat pictures
        return Findings(notes=[f"NIQE is omitted. {error}"])
