"""How long a training may run and how often it saves: what its result does not depend on."""

import dataclasses

from zoo.errors import WrongUsageError


@dataclasses.dataclass(frozen=True)
class RunControl:
    """What each start and each resumption of a run may say anew.

    Args:
        max_minutes: Minutes until the training saves and ends; None for no limit.
        checkpoint_steps: Steps between checkpoints within an epoch; None for none by steps.
        checkpoint_minutes: Minutes between checkpoints within an epoch; None for none by time.
        num_checkpoints: How many of the newest checkpoints are kept.
        histograms: Whether TensorBoard gets histograms of the weights.
        profile_steps: First and last step to profile, from 1; None profiles none.
        wandb: Whether Weights & Biases gets metrics and samples.

    Raises:
        ValueError: A number is not positive.
    """

    max_minutes: float | None = None
    checkpoint_steps: int | None = None
    checkpoint_minutes: float | None = 10.0
    num_checkpoints: int = 2
    histograms: bool = False
    profile_steps: tuple[int, int] | None = None
    wandb: bool = False

    def __post_init__(self) -> None:
        for name in ("max_minutes", "checkpoint_steps", "checkpoint_minutes", "num_checkpoints"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be a positive number. Received: {name}={value!r}.")


DEFAULT = RunControl()


def parse_profile_steps(text: str) -> tuple[int, int]:
    """Reads `FIRST:LAST`, steps from 1.

    Raises:
        WrongUsageError: It is something else.

    Example:

    >>> parse_profile_steps("100:110")
    (100, 110)
    """
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise WrongUsageError(
            "Steps to profile are FIRST:LAST, from 1, the last one not before the first. "
            f"Received: {text!r}. For example: 100:110."
        )
    return int(first), int(last)
