"""The warning about a generator that makes nearly identical pictures."""

import pytest

from training.callbacks.collapse_warning import CollapseWarning


def warnings_of(diversities, steps_per_epoch, per_execution=1):
    texts = []
    callback = CollapseWarning(texts.append)
    for epoch, diversity in enumerate(diversities):
        callback.on_epoch_begin(epoch)
        for batch in range(per_execution - 1, steps_per_epoch, per_execution):
            callback.on_train_batch_end(batch)
        callback.on_epoch_end(epoch, {"val_diversity": diversity})
    return texts


def test_a_collapse_is_said_once():
    (text,) = warnings_of((0.9, 0.04, 0.02, 0.01), steps_per_epoch=1000)
    assert text.startswith(
        "The generator has collapsed: in epoch 3 its pictures of one kind differ by only 0.02"
    )
    assert "--r1-weight" in text


def test_a_single_bad_epoch_is_no_collapse():
    assert warnings_of((0.9, 0.04, 0.8, 0.1, 0.7), steps_per_epoch=1000) == []


@pytest.mark.parametrize("per_execution", [1, 7])
def test_no_verdict_before_the_training_has_begun_to_show(per_execution):
    """28 steps say nothing; some hundred do, in however many epochs."""
    diversities = [0.05] * 18
    assert warnings_of(diversities[:2], 14, per_execution) == []
    (text,) = warnings_of(diversities * 3, 14, per_execution)
    assert "in epoch 37 " in text


def test_models_that_generate_nothing_are_left_alone():
    texts = []
    CollapseWarning(texts.append).on_epoch_end(5, {"val_loss": 0.0})
    assert texts == []
