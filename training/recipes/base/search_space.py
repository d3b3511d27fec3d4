"""Search spaces: the hyperparameters that `zoo tune` varies, and the values it tries."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from zoo.errors import WrongUsageError

# Fields of the configuration itself; all other names are options of the model or its optimizers.
CONFIG_NAMES = ("learning_rate", "batch_size", "schedule", "augment")


@dataclasses.dataclass(frozen=True)
class Range:
    """An interval of numbers, both ends included; of whole numbers if both ends are whole.

    Args:
        low: The smallest value.
        high: The largest value.
        log: Whether values are sampled on a logarithmic scale, as is usual for rates and weights.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self):
        numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in (self.low, self.high))
        if not numbers or not self.low < self.high or (self.log and self.low <= 0):
            raise WrongUsageError(
                "A range must go from a number `low` to a larger number `high`, and `low` must be above 0 if "
                f"`log` is true. Received: {dataclasses.asdict(self)}."
            )


@dataclasses.dataclass(frozen=True)
class Choice:
    """A list of at least two values of the same type to choose from."""

    values: tuple[Any, ...]

    def __post_init__(self):
        values = tuple(self.values)
        types = {type(value) for value in values}
        if types == {int, float}:  # 1 stands for 1.0 beside 0.5
            values, types = tuple(float(value) for value in values), {float}
        object.__setattr__(self, "values", values)
        if len(self.values) < 2 or len(types) != 1 or not types <= {str, int, float, bool}:
            raise WrongUsageError(
                "A choice must have at least two values, all of them strings, whole numbers, decimal numbers "
                f"or booleans. Received: {list(self.values)}."
            )


SearchSpace = Mapping[str, Range | Choice]
