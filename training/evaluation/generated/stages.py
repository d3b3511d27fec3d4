"""The parts of a generator's evaluation, each made when it is asked for."""

import functools
from collections.abc import Callable

from training.evaluation.feature_extractor import FeatureExtractor
from training.evaluation.findings import Findings
from training.evaluation.generated import scores as generative_scores
from training.evaluation.generated import sheets as generative_sheets
from training.evaluation.generated.scores import FeatureSets
from training.evaluation.subject import Subject
from training.input.labelled_pictures import LabelledPictures, generate_pictures


class GenerativeEvaluation:
    """Scores what a model generates against real test and training pictures.

    Args:
        model: A generative model.
        test: Real test pictures of its size; generated ones get their attributes.
        train: Real training pictures.
        extractor: What distances are measured on; None leaves them out.
        judge: A model with `judge`; None leaves its scores out.
        judge_name: What it is called.
        num_samples: Pictures to generate.
        seed: Of latents and of attributes that are drawn.
    """

    def __init__(
        self,
        model,
        test: LabelledPictures,
        train: LabelledPictures,
        extractor: FeatureExtractor | None,
        judge,
        judge_name: str,
        num_samples: int,
        seed: int,
    ):
        self.model, self.test, self.train = model, test, train
        self.extractor, self.judge, self.judge_name = extractor, judge, judge_name
        self.num_samples, self.seed = min(num_samples, max(len(test), 1)), seed

    @functools.cached_property
    def generated(self) -> LabelledPictures:
        """As many pictures as there are test pictures, at most `num_samples`."""
        return generate_pictures(self.model, self.test, self.num_samples, self.seed)

    @functools.cached_property
    def features(self) -> FeatureSets:
        """The features of all pictures."""
        return FeatureSets(self.extractor, self.test, self.train, self.generated)

    def stages(self) -> dict[str, Callable[[], Findings]]:
        """Returns the parts by name, in order."""
        seed, generated = self.seed, lambda: self.generated
        stages = {
            "naturalness": lambda: generative_scores.score_naturalness(generated(), self.test, self.train)
        }
        if self.judge is not None:
            stages["judgements"] = lambda: generative_scores.score_judged(
                self.judge, self.judge_name, generated(), self.test
            )
            stages["best and worst"] = lambda: generative_sheets.best_and_worst(self.judge, generated())
        if self.extractor is not None:
            stages["distances"] = lambda: generative_scores.score_distances(self.features, seed)
            stages["precision and recall"] = lambda: generative_scores.score_neighbourhoods(self.features)
            stages["variety"] = lambda: generative_scores.score_variety(
                self.features, generated().attribute_ids, self.test.attribute_ids
            )
            stages["neighbours"] = lambda: generative_sheets.nearest_training_pictures(
                self.features, generated(), self.train
            )
        stages["interpolation"] = lambda: generative_sheets.interpolation(self.model, seed)
        stages["traversal"] = lambda: generative_sheets.traversal(self.model, seed)
        return stages


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the scores and sheets of generated pictures."""
    judge, name = (subject.judge.model, subject.judge.name) if subject.judge else (None, "")
    return GenerativeEvaluation(
        subject.model,
        subject.test,
        subject.train,
        subject.extractor,
        judge,
        name,
        subject.num_samples,
        subject.seed,
    ).stages()
