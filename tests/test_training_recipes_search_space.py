"""Search spaces: valid values, reading from files, applying to configurations."""

import json
import re

import pytest

from training.recipes.base.registry import RECIPES
from training.recipes.base.search_space import Choice, Range
from training.tuning.space_file import read_search_space, to_json, with_values
from zoo.errors import UnknownNameError, WrongUsageError

SRCNN = RECIPES["srcnn"]


@pytest.fixture
def read(tmp_path):
    def read_content(content, recipe=SRCNN):
        path = tmp_path / "space.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return read_search_space(path, recipe)

    return read_content


def test_a_file_is_read_and_written_back(read):
    content = {
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        "batch_size": {"low": 8, "high": 64, "log": False},
        "kernels": {"values": ["9-1-5", "9-5-5"]},
    }
    space = read(content)
    assert space == {
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "batch_size": Range(8, 64),
        "kernels": Choice(("9-1-5", "9-5-5")),
    }
    assert json.loads(json.dumps(to_json(space))) == content


def test_whole_numbers_beside_decimals_are_decimals(read):
    (values,) = (choice.values for choice in read({"learning_rate": {"values": [1, 0.5]}}).values())
    assert [type(value) for value in values] == [float, float]


@pytest.mark.parametrize("model", RECIPES)
def test_the_space_of_every_model_can_be_read_back_and_holds_the_default_options(model, read):
    recipe = RECIPES[model]
    assert read(to_json(recipe.search_space), recipe) == recipe.search_space
    assert len(recipe.search_space) >= 4
    assert "learning_rate" in recipe.search_space


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("{", WrongUsageError, "A search space must be a JSON file."),
        ([], WrongUsageError, "which holds []"),
        ({}, WrongUsageError, "which holds {}"),
        ({"learning_rat": {"low": 1, "high": 2}}, UnknownNameError, "Known: learning_rate, batch_size,"),
        ({"latent_dim": {"low": 1, "high": 2}}, UnknownNameError, "option of srcnn to search"),
        ({"kernels": {"value": ["a", "b"]}}, UnknownNameError, "field of kernels. Received: 'value'."),
        ({"kernels": ["9-1-5"]}, WrongUsageError, 'kernels must be {"low": NUMBER'),
        ({"batch_size": {"low": 8}}, WrongUsageError, "batch_size must have the field `high`."),
        ({"batch_size": {"low": 8, "high": 8}}, WrongUsageError, "to a larger number `high`"),
        ({"batch_size": {"low": "a", "high": 8}}, WrongUsageError, "from a number `low`"),
        ({"learning_rate": {"low": 0, "high": 1, "log": True}}, WrongUsageError, "above 0 if `log` is true"),
        ({"kernels": {"values": ["9-1-5"]}}, WrongUsageError, "at least two values"),
        ({"kernels": {"values": ["9-1-5", 3]}}, WrongUsageError, "Received: ['9-1-5', 3]"),
    ],
)
def test_what_is_wrong_is_named(read, content, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read(content)


def test_values_reach_configuration_and_options(make_small_config):
    config = make_small_config("dcgan")
    values = {"learning_rate": 0.5, "augment": "flip,crop", "latent_dim": 7, "discriminator_rate": 2.0}
    changed = with_values(config, values, RECIPES["dcgan"])
    assert (changed.learning_rate, changed.augment) == (0.5, ("flip", "crop"))
    assert changed.model_options == {**config.model_options, "latent_dim": 7}
    assert changed.optimizer_options == {"discriminator_rate": 2.0}
    assert with_values(config, {"augment": "none"}, RECIPES["dcgan"]).augment == ()
