"""The best epoch, and early stopping."""

import re

import pytest

from training.runs.best_epoch import EarlyStop, best_epoch
from zoo.errors import UnknownNameError, WrongUsageError


def epochs(metric, *values):
    return [{metric: value} for value in values]


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("val_psnr", [30.0, 32.0, 31.0], 2),
        ("val_psnr", [30.0, 32.0, 32.0], 2),
        ("val_category_accuracy", [0.5, 0.4], 1),
        ("val_loss", [3.0, 1.0, 2.0], 2),
        ("val_generator_loss", [3.0, 2.0, 1.0], 3),
        ("val_mae", [3.0, 2.0, 4.0], 2),
    ],
)
def test_best(metric, values, best):
    assert best_epoch(epochs(metric, *values), metric) == best


def test_epochs_without_the_metric_are_not_the_best():
    assert best_epoch([{}, {"val_psnr": 1.0}, {}], "val_psnr") == 2
    assert best_epoch([{}], "val_psnr") is None
    assert not EarlyStop("val_psnr", 1).is_due([{}, {}])


def test_patience_counts_from_the_best_epoch():
    stop = EarlyStop.parse("val_loss:3")
    assert stop == EarlyStop("val_loss", 3)
    values = [3.0, 2.0, 2.5, 2.4, 2.3]
    assert [stop.is_due(epochs("val_loss", *values[:n])) for n in range(6)] == [False] * 5 + [True]
    assert EarlyStop.parse("val_psnr").patience == 5


@pytest.mark.parametrize("text", ["val_psnr:0", "val_psnr:-1", "val_psnr:x", "val_psnr:1.5"])
def test_impossible_patience(text):
    with pytest.raises(WrongUsageError, match=re.escape(f"Received: '{text}'. Use e.g. val_psnr:5.")):
        EarlyStop.parse(text)


def test_unknown_metric():
    with pytest.raises(
        UnknownNameError, match="metric to stop by. Received: 'psnr'. Known: val_loss, val_psnr"
    ):
        EarlyStop("psnr").check(["val_loss", "val_psnr"])
