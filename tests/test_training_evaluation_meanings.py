"""Every score that a preset has says what it means."""

import pytest

from training.evaluation.meanings import meaning_of
from zoo.presets.registry import list_presets, read_preset


@pytest.mark.parametrize("preset", list_presets())
def test_every_score_of_a_preset_says_something(preset):
    unexplained = [name for name in read_preset(preset).evaluation["scores"] if not meaning_of(name)]
    assert unexplained == []


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("psnr_gain", "How much nearer"),
        ("psnr_b_q20", "As PSNR, lowered"),
        ("psnr_twice_q20", "How near"),
        ("category_edit_accuracy", "Share of the edits"),
        ("category_accuracy_of_bag", "Share that is named"),
        ("kl_loss", "What training minimised"),
        ("no_such_score", ""),
    ],
)
def test_the_first_pattern_counts(name, beginning):
    assert meaning_of(name).startswith(beginning)
    assert bool(meaning_of(name)) == bool(beginning)
