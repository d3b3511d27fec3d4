"""Run options that do not affect a training's result: time limit, checkpoints and logging."""

import dataclasses

from zoo.errors import WrongUsageError


@dataclasses.dataclass(frozen=True)
class RunControl:
    """Options that may differ each time a run is started or resumed.

    Args:
        max_minutes: Minutes after which the training saves and ends; None for no limit.
        checkpoint_steps: Steps between checkpoints within an epoch; None for none by steps.
        checkpoint_minutes: Minutes between checkpoints within an epoch; None for none by time.
        num_checkpoints: Number of newest checkpoints to keep.
        histograms: Whether to write histograms of the weights for TensorBoard.
        profile_steps: First and last step to profile, from 1; None profiles none.
        wandb: Whether to send metrics and samples to Weights & Biases.

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
                raise ValueError(
                    f"`{name}` must be a positive number. Received: {name}={value!r}. Choose another value."
                )


DEFAULT = RunControl()


def parse_profile_steps(text: str) -> tuple[int, int]:
    """Parses `FIRST:LAST`, with steps from 1.

    Raises:
        WrongUsageError: The text does not have this form.

    Example:

    >>> parse_profile_steps("100:110")
    (100, 110)
    """
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise WrongUsageError(
            "The steps to profile must be FIRST:LAST, with steps from 1 and FIRST at most LAST. "
            f"Received: {text!r}. Use e.g. 100:110."
        )
    return int(first), int(last)
