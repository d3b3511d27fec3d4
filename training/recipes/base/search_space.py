"""What a search may change, and between which values."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from zoo.errors import WrongUsageError

# Of the configuration itself; the others are options of the model or its optimizers.
CONFIG_NAMES = ("learning_rate", "batch_size", "schedule", "augment")


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both allowed; whole ones where both are whole.

    Args:
        low: The smallest value.
        high: The largest value.
        log: Whether equal ratios are equally likely, as is usual for rates and weights, or equal differences.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self):
        numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in (self.low, self.high))
        if not numbers or not self.low < self.high or (self.log and self.low <= 0):
            raise WrongUsageError(
                "A range goes from a number `low` to a larger one `high`, above 0 where it is `log`. "
                f"Received: {dataclasses.asdict(self)}."
            )


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of some values of the same type."""

    values: tuple[Any, ...]

    def __post_init__(self):
        values = tuple(self.values)
        types = {type(value) for value in values}
        if types == {int, float}:  # 1 stands for 1.0 beside 0.5
            values, types = tuple(float(value) for value in values), {float}
        object.__setattr__(self, "values", values)
        if len(self.values) < 2 or len(types) != 1 or not types <= {str, int, float, bool}:
            raise WrongUsageError(
                "A choice is at least two texts, whole numbers, decimals or truth values. "
                f"Received: {list(self.values)}."
            )


SearchSpace = Mapping[str, Range | Choice]
