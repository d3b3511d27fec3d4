"""The changes that a resumed run allows."""

import re

import pytest

from training.loop.resume import changed_config
from zoo.errors import WrongUsageError


def test_what_is_as_before_changes_nothing(make_small_config):
    config = make_small_config("dcgan")
    same = {"model": "dcgan", "batch_size": 8, "width": 2, "augment": (), "diff_augment": "none"}
    assert changed_config(config, same) == config


def test_what_can_change_does(make_small_config):
    config = make_small_config("srcnn")
    changed = changed_config(config, {"epochs": 9, "learning_rate": 0.5, "early_stop": "val_psnr:2"})
    assert (changed.epochs, changed.learning_rate, changed.early_stop) == (9, 0.5, "val_psnr:2")
    assert config.epochs == 4


def test_what_cannot_change_is_listed(make_small_config):
    wanted = {"epochs": 9, "batch_size": 16, "latent_dim": 4, "kernels": "9-5-5", "model": "dcgan"}
    message = (
        "Only --epochs, --learning-rate, --early-stop, --data-dir, --deterministic, --jit can change when a "
        "run is resumed, because the others determine the steps already trained. "
        "Received: batch_size 16 instead of 8, latent_dim 4 instead of 3, kernels '9-5-5' instead of None. "
        "Omit them, or start a new run from its weights with --init-from."
    )
    with pytest.raises(WrongUsageError, match=re.escape(message)):
        changed_config(make_small_config("dcgan"), wanted)
