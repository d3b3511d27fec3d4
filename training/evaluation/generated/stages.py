"""The stages of a generator's evaluation, each computed on demand."""

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
    """Scores a model's pictures against real test and training photos.

    Args:
        model: A generative model.
        test: Test photos in the model's size; pictures are generated with their attributes.
        train: Training photos in the model's size.
        extractor: Network on whose features distances are measured; None omits them.
        judge: A model with `judge`; None omits its scores.
        judge_name: The judge's name.
        num_samples: Maximum number of pictures to generate.
        seed: Seed of the latents and the attributes.
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
        """Generated pictures: as many as there are test photos, but at most `num_samples`."""
        return generate_pictures(self.model, self.test, self.num_samples, self.seed)

    @functools.cached_property
    def features(self) -> FeatureSets:
        """The features of all photos and pictures.

        Raises:
            ValueError: There is no extractor.
        """
        if self.extractor is None:
            raise ValueError("Features need an extractor. Received: extractor=None. Give one, or a judge.")
        return FeatureSets(self.extractor, self.test, self.train, self.generated)

    def stages(self) -> dict[str, Callable[[], Findings]]:
        """Returns the stages by name, in the order in which to call them."""
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
        return stages


def make_stages(subject: Subject) -> dict[str, Callable[[], Findings]]:
    """Returns the stages that score generated pictures and draw sheets of them."""
    judge, name = (subject.judge.model, subject.judge.name) if subject.judge else (None, "")
    stages = GenerativeEvaluation(
        subject.model,
        subject.test,
        subject.train,
        subject.extractor,
        judge,
        name,
        subject.num_samples,
        subject.seed,
    ).stages()
    # It draws two pictures for every latent.
    if not subject.recipe.draws_slowly:
        stages["traversal"] = lambda: generative_sheets.traversal(subject.model, subject.seed)
    return stages
