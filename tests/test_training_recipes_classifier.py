"""The classifier's recipe: weight decay, the sheet of mistakes, confusions."""

import dataclasses

import keras
import numpy as np
import pytest

from training.data.data_sets import DataSet
from training.recipes.classifier import (
    SHEET_COLUMNS,
    ClassifierRecipe,
    Judgement,
    accuracy_of_each_value,
    count_confusions,
    judge_split,
)

RECIPE = ClassifierRecipe()


@pytest.fixture(scope="module")
def config(make_small_config):
    return make_small_config("classifier", batch_size=3)


@pytest.fixture(scope="module")
def model(config, small_data_set):
    keras.utils.set_random_seed(0)
    return RECIPE.build_model(config, small_data_set)


class Judging:
    """A model that judges every picture alike."""

    def __init__(self, attributes, **probabilities):
        self.attributes = attributes
        self._probabilities = probabilities

    def judge(self, raw_images):
        return {
            name: keras.ops.convert_to_tensor([values] * len(raw_images), "float32")
            for name, values in self._probabilities.items()
        }


def test_weights_decay_and_biases_and_norms_do_not(config, small_data_set):
    model = RECIPE.build_model(config, small_data_set)
    RECIPE.compile_model(model, config, num_steps=10, jit_compile=False)
    decaying = {
        weight.name for weight in model.trainable_weights if model.optimizer._use_weight_decay(weight)
    }
    kept = {weight.name for weight in model.trainable_weights} - decaying
    assert (decaying, kept) == ({"kernel"}, {"beta", "gamma", "bias"})


def test_mistakes_come_first_and_the_surest_before_the_others(model, config, small_data_set):
    judgements = judge_split(model, config, small_data_set, "validation", max_images=100)
    assert len(judgements) == 4
    sheet = RECIPE.draw_samples(model, config, small_data_set)
    wrong = sorted((j for j in judgements if not j.is_right), key=lambda j: -j.confidence)
    assert wrong
    captions = sum(sheet.captions, [])
    assert captions[: len(wrong)] == [judgement.to_caption() for judgement in wrong]
    assert len(captions) == 4
    assert max(len(row) for row in sheet.rows) <= SHEET_COLUMNS
    assert sheet.rows[0][0].shape == (160, 160, 3)
    assert sheet.note == "Rendered catalogue: drawn by code, no photos."


def test_judging_stops_after_the_batch_that_has_enough(model, config, small_data_set):
    assert len(judge_split(model, config, small_data_set, "train", max_images=4)) == 6


def test_the_attribute_that_is_judged_wrong_is_the_one_that_is_shown(config, small_data_set):
    attributes = small_data_set.attributes
    (raw_images, ids), *_ = RECIPE.make_evaluation_batches(config, small_data_set, "validation")
    right = {name: np.eye(len(values))[int(ids[name][0])] for name, values in attributes.items()}
    wrong = {**right, "colour": np.roll(right["colour"], 1)}
    for probabilities, attribute in ((right, next(iter(attributes))), (wrong, "colour")):
        judgement = judge_split(
            Judging(attributes, **probabilities), config, small_data_set, "validation", 1
        )[0]
        true_value = attributes[attribute][int(ids[attribute][0])]
        assert judgement.true == true_value
        assert judgement.is_right == (attribute != "colour")
        assert judgement.confidence == 1.0
        np.testing.assert_array_equal(judgement.raw_image, raw_images[0])


def test_captions_say_what_is_true_only_after_a_mistake():
    picture = np.zeros([8, 8, 1], "uint8")
    captions = [Judgement(picture, "shirt", 0.876, true).to_caption() for true in ("shirt", "coat", "")]
    assert captions == ["shirt 88 %", "shirt 88 %, not coat", "shirt 88 %"]


def test_confusions_count_known_pictures_by_true_and_judged_value(config, small_data_set):
    attributes = small_data_set.attributes
    num_colours = len(attributes["colour"])
    judge = Judging({"colour": attributes["colour"]}, colour=np.eye(num_colours)[2])
    true_ids = np.concatenate(
        [ids["colour"] for _, ids in RECIPE.make_evaluation_batches(config, small_data_set, "train")]
    )
    expected = np.zeros([num_colours, num_colours], int)
    expected[:, 2] = np.bincount(true_ids, minlength=num_colours)
    counts = count_confusions(judge, config, small_data_set, "train")
    assert counts.keys() == {"colour"}
    np.testing.assert_array_equal(counts["colour"], expected)
    assert counts["colour"].sum() == 32


def test_pictures_of_unknown_values_are_no_confusions(config, small_data_set):
    class WithoutColours(DataSet):
        def read(self, split):
            return super().read(split).map(lambda element: {**element, "colour": -1})

    fields = {field.name: getattr(small_data_set, field.name) for field in dataclasses.fields(DataSet)}
    judge = Judging({"colour": ("red", "blue")}, colour=[1.0, 0.0])
    config = dataclasses.replace(config, cache="none")
    assert count_confusions(judge, config, WithoutColours(**fields), "test")["colour"].sum() == 0


def test_scores_have_the_accuracy_of_each_value(model, config, small_data_set):
    scores = RECIPE.score(model, config, small_data_set)
    counts = count_confusions(model, config, small_data_set, "test")
    for name, values in small_data_set.attributes.items():
        assert scores[f"{name}_accuracy"] == pytest.approx(np.trace(counts[name]) / 4)
        for value, accuracy in accuracy_of_each_value(values, counts[name]).items():
            assert scores[f"{name}_accuracy_of_{value}"] == accuracy
