"""Trainings that cannot begin: what is said, and that they leave nothing behind."""

import os
import re

import pytest

from training.loop.trainer import start_training
from training.recipes.base.registry import find_recipe
from zoo.errors import UnknownNameError


def test_what_does_not_fit_together_leaves_no_run(make_small_config, tmp_path):
    for config, error, message in (
        (make_small_config("dcgan", image_size=100), ValueError, "Received: image_size=100. Nearest allowed"),
        (
            make_small_config("srcnn", batch_size=33),
            ValueError,
            "training photos. Received: batch_size=33, 32 photos in rendered_catalog.",
        ),
        (
            make_small_config("srcnn", dataset="no_catalog"),
            UnknownNameError,
            "Unknown data set. Received: 'no_catalog'. Known: fashion_mnist, rendered_catalog.",
        ),
    ):
        with pytest.raises(error, match=re.escape(message)):
            start_training(config, tmp_path / "runs")
    assert os.listdir(tmp_path) == []


def test_a_training_that_fails_before_its_first_step_leaves_its_name_free(
    make_small_config, tmp_path, monkeypatch
):
    def refuse(*arguments, **options):
        raise ValueError("the pictures do not fit")

    monkeypatch.setattr(type(find_recipe("srcnn")), "make_training_batches", refuse)
    with pytest.raises(ValueError, match="do not fit"):
        start_training(make_small_config("srcnn"), tmp_path, "mine")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert start_training(make_small_config("srcnn", epochs=1), tmp_path, "mine") == tmp_path / "mine"
