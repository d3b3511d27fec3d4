"""Types of hyperparameters, for the signatures of model classes: the value's type with its limits.

A class states each hyperparameter's default, type and limits once, in its signature; the flags of
`zoo train` are made from it.
"""

from typing import Annotated

from annotated_types import Ge, Gt, Interval

Count = Annotated[int, Ge(1)]
"""A whole number from 1."""

CountOrNone = Annotated[int, Ge(0)]
"""A whole number from 0."""

Weight = Annotated[float, Ge(0)]
"""A factor from 0, which switches off what it weighs."""

Rate = Annotated[float, Gt(0)]
"""A number above 0."""

Share = Annotated[float, Interval(ge=0, lt=1)]
"""A share from 0, below 1."""

UpscaleFactor = Annotated[int, Interval(ge=2, le=4)]
"""How many times as wide and high a picture becomes: 2, 3 or 4."""
