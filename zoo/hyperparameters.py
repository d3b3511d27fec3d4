"""Annotated types for hyperparameters: each combines a value's type with its limits.

A model class states each hyperparameter's default, type and limits once, in its signature; the flags of
`zoo train` are derived from it.
"""

from typing import Annotated

from annotated_types import Ge, Gt, Interval

Count = Annotated[int, Ge(1)]
"""An integer of at least 1."""

CountOrNone = Annotated[int, Ge(0)]
"""An integer of at least 0."""

Weight = Annotated[float, Ge(0)]
"""A factor of at least 0; 0 switches off the term it weights."""

Rate = Annotated[float, Gt(0)]
"""A number above 0."""

Share = Annotated[float, Interval(ge=0, lt=1)]
"""A fraction in [0, 1)."""

UpscaleFactor = Annotated[int, Interval(ge=2, le=4)]
"""The factor by which a picture's width and height grow: 2, 3 or 4."""
