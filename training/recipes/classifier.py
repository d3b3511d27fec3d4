"""Recipe of the classifier, and its mistakes and confusions.

Sources:
    [ResNet] He et al. 2015, arXiv 1512.03385, section 4.2: SGD with momentum 0.9, batches of 128, learning
    rate 0.1, shifted and flipped photos.
    [Tricks] He et al. 2018, arXiv 1812.01187, sections 3.1 and 5.1: cosine schedule, no decay of biases and
    norms.
    [SGDW] Loshchilov & Hutter 2017, "Decoupled Weight Decay Regularization", arXiv 1711.05101.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from training.data.data_sets import rendered_note
from training.pages.picture_sheet import PictureSheet
from training.recipes.base.attribute_recipe import AttributeRecipe, blank_pictures, make_attribute_batches
from training.recipes.base.learning_rate import make_learning_rate
from training.recipes.base.recipe import TimedAnswer
from training.recipes.base.search_space import Choice, Range
from zoo.classifier import Classifier

MOMENTUM = 0.9
# Share of the weights that decays per step, before the factor of the learning rate. [ResNet]'s 1e-4 is added
# to the gradient, which momentum multiplies by 10: this is five times as much, as is usual for trainings this
# short.
WEIGHT_DECAY = 5e-3
SHEET_ROWS, SHEET_COLUMNS = 4, 6
# Room for a caption such as "t-shirt/top 87 %, not dress".
SHEET_TILE = 160
MAX_SHEET_CANDIDATES = 2_000


class ClassifierRecipe(AttributeRecipe):
    """Trains `zoo.classifier.Classifier` on photos with attributes."""

    model_name = "classifier"
    objective = "val_loss"
    epochs = 14
    batch_size = 128
    learning_rate = 0.1
    schedule = "cosine"
    search_space = {
        "learning_rate": Range(0.01, 0.5, log=True),
        "width": Choice((16, 24, 32, 48)),
        "label_smoothing": Range(0.0, 0.2),
        "augment": Choice(("none", "flip", "flip,crop")),
    }
    # The data set decides.
    fixed_arguments = (*AttributeRecipe.fixed_arguments, "on_cutouts")
    default_augmentations = ("flip", "crop")
    is_judge = True
    signatures = "export.signatures.classification"

    def import_model_class(self):
        return Classifier

    def build_model(self, config, data_set):
        return Classifier(
            data_set.attributes,
            image_size=config.image_size,
            channels=data_set.image_shape[2],
            on_cutouts=data_set.shows_cutouts,
            dtype=config.precision,
            **config.model_options,
        )

    def compile_model(self, model, config, num_steps=None, **kwargs):
        optimizer = keras.optimizers.SGD(
            make_learning_rate(config, num_steps),
            momentum=MOMENTUM,
            nesterov=True,
            weight_decay=WEIGHT_DECAY,
        )
        optimizer.exclude_from_weight_decay(var_names=["beta", "gamma", "bias"])
        model.compile(optimizer=optimizer, **kwargs)

    def make_answer(self, model):
        def judge(raw_images):
            return tf.concat(list(model.judge(raw_images).values()), axis=1)

        return TimedAnswer(judge, lambda batch_size: (blank_pictures(model, batch_size),), "judging")

    def draw_samples(self, model, config, data_set):
        judgements = judge_split(model, config, data_set, "validation", MAX_SHEET_CANDIDATES)
        # Mistakes first, the most confident ones at the top.
        judgements.sort(key=lambda judgement: (judgement.is_right, -judgement.confidence))
        shown = judgements[: SHEET_ROWS * SHEET_COLUMNS]
        rows = [shown[start : start + SHEET_COLUMNS] for start in range(0, len(shown), SHEET_COLUMNS)]
        return PictureSheet(
            rows=[[_enlarge(judgement.raw_image) for judgement in row] for row in rows],
            captions=[[judgement.to_caption() for judgement in row] for row in rows],
            note=rendered_note(data_set),
        )

    def score(self, model, config, data_set):
        scores = super().score(model, config, data_set)
        for name, counts in count_confusions(model, config, data_set, "test").items():
            for value, accuracy in accuracy_of_each_value(model.attributes[name], counts).items():
                scores[f"{name}_accuracy_of_{value}"] = accuracy
        return scores


@dataclasses.dataclass(frozen=True)
class Judgement:
    """The model's prediction of an attribute of one photo, beside the ground truth.

    Args:
        raw_image: uint8 array `[S, S, C]`.
        judged: The most probable value.
        confidence: Its probability.
        true: The data set's value; `""` if it is unknown.
    """

    raw_image: np.ndarray
    judged: str
    confidence: float
    true: str

    @property
    def is_right(self) -> bool:
        """Whether the prediction agrees with the data set, or the ground truth is unknown."""
        return self.true in ("", self.judged)

    def to_caption(self) -> str:
        """Returns the value, its probability in percent and, after a mistake, the true value.

        Example:

        >>> Judgement(np.zeros([8, 8, 1], "uint8"), "shirt", 0.87, "coat").to_caption()
        'shirt 87 %, not coat'
        """
        is_not = "" if self.is_right else f", not {self.true}"
        return f"{self.judged} {100 * self.confidence:.0f} %{is_not}"


def judge_split(model, config, data_set, split: str, max_images: int) -> list[Judgement]:
    """Judges the first photos of a split.

    Args:
        model: A `zoo.classifier.Classifier`.
        config: Configuration with the photos' size.
        data_set: The data set.
        split: The split to take photos from.
        max_images: Number of photos to judge, rounded up to whole batches.

    Returns:
        One judgement per photo: of the first attribute that is judged wrong, else of the first attribute.
    """
    config = dataclasses.replace(config, cache="none")  # part of the split usually suffices
    judgements = []
    for raw_images, attribute_ids in make_attribute_batches(config, data_set, split).as_numpy_iterator():
        probabilities = {name: values.numpy() for name, values in model.judge(raw_images).items()}
        for row, raw_image in enumerate(raw_images):
            of_attributes = [
                _judgement(raw_image, values, probabilities[name][row], int(attribute_ids[name][row]))
                for name, values in model.attributes.items()
            ]
            wrong = [judgement for judgement in of_attributes if not judgement.is_right]
            judgements.append((wrong or of_attributes)[0])
        if len(judgements) >= max_images:
            break
    return judgements


def _judgement(raw_image, values, probabilities, true_id: int) -> Judgement:
    judged_id = int(np.argmax(probabilities))
    return Judgement(
        raw_image,
        values[judged_id],
        float(probabilities[judged_id]),
        values[true_id] if true_id >= 0 else "",
    )


def _enlarge(raw_image: np.ndarray) -> np.ndarray:
    factor = max(1, round(SHEET_TILE / max(raw_image.shape[:2])))
    return raw_image.repeat(factor, axis=0).repeat(factor, axis=1)


def count_confusions(judge, config, data_set, split: str) -> dict[str, np.ndarray]:
    """Counts the confusion matrix of each attribute.

    Args:
        judge: Model with `attributes` and `judge`, which returns probabilities for uint8 images.
        config: Configuration with the photos' size and the batch size.
        data_set: The data set.
        split: The split to judge.

    Returns:
        For each attribute an int64 array `[K, K]`: the row is the true class id, the column the most probable
        one. Photos whose value is unknown are left out.
    """
    counts = {name: np.zeros([len(values)] * 2, "int64") for name, values in judge.attributes.items()}
    for raw_images, attribute_ids in make_attribute_batches(config, data_set, split):
        for name, probabilities in judge.judge(raw_images).items():
            true_ids = attribute_ids[name].numpy()
            judged_ids = np.argmax(probabilities.numpy(), axis=-1)
            is_known = true_ids >= 0
            np.add.at(counts[name], (true_ids[is_known], judged_ids[is_known]), 1)
    return counts


def accuracy_of_each_value(values, counts: np.ndarray) -> dict[str, float]:
    """Returns, for each value, the share of its photos that are judged right.

    Args:
        values: The K values of an attribute.
        counts: Confusion matrix `[K, K]` from `count_confusions`.

    Returns:
        Shares in [0, 1] by value; values without a photo are left out.

    Example:

    >>> accuracy_of_each_value(["bag", "hat", "shoe"], np.array([[3, 1, 0], [0, 0, 0], [0, 0, 2]]))
    {'bag': 0.75, 'shoe': 1.0}
    """
    totals = counts.sum(axis=1)
    return {
        value: float(counts[row, row] / totals[row]) for row, value in enumerate(values) if totals[row] > 0
    }
