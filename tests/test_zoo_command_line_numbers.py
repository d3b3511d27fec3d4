"""Numbers on the command line: `nan` lies in no range."""

import click
import pytest
from served_runs import run_zoo

from zoo.command_line.numbers import Number


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan"])
def test_nan_is_no_number(text):
    with pytest.raises(click.BadParameter, match=f"must be a number. Received: '{text}'"):
        Number(0, 1).convert(text, None, None)


def test_ranges_hold():
    assert Number(0, 1).convert("1", None, None) == 1.0
    with pytest.raises(click.BadParameter, match="2.0 is not in the range"):
        Number(0, 1).convert("2", None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        ("recolour", "a.png", "--to", "red", "--strength", "nan"),
        ("stylise", "a.png", "--style", "waves", "--strength", "nan"),
        ("train", "dcgan", "--learning-rate", "nan"),
        ("train", "dcgan", "--r1-weight", "nan"),
    ],
)
def test_commands_refuse_nan(capsys, arguments):
    code, _, error = run_zoo(capsys, *arguments)
    assert code == 2
    assert "must be a number. Received: 'nan'." in error
