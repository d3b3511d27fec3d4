"""The warning about a generator that makes nearly identical pictures."""

from training.callbacks.collapse_warning import CollapseWarning


def test_a_collapse_is_said_once_and_not_in_the_first_epoch():
    texts = []
    callback = CollapseWarning(texts.append)
    for epoch, diversity in enumerate((0.05, 0.31, 0.04, 0.02)):
        callback.on_epoch_end(epoch, {"val_diversity": diversity})
    assert len(texts) == 1
    assert texts[0].startswith(
        "The generator has collapsed: in epoch 3 its pictures of one kind differ by only 0.04"
    )
    assert "--r1-weight" in texts[0]


def test_models_that_generate_nothing_are_left_alone():
    texts = []
    CollapseWarning(texts.append).on_epoch_end(5, {"val_loss": 0.0})
    assert texts == []
