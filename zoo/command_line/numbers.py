"""Numbers on the command line, of which `nan` is none."""

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A `click.FloatRange` that refuses `nan`, which lies in every range because it compares with nothing.

    Example:

    >>> Number(0, 1).convert("0.5", None, None)
    0.5
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"must be a number. Received: {value!r}.", param, ctx)
        return number
