"""How long a training may run and how often it saves: what its result does not depend on."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class RunControl:
    """What each start and each resumption of a run may say anew.

    Args:
        max_minutes: Minutes until the training saves and ends; None for no limit.
        checkpoint_steps: Steps between checkpoints within an epoch; None for none by steps.
        checkpoint_minutes: Minutes between checkpoints within an epoch; None for none by time.
        num_checkpoints: How many of the newest checkpoints are kept.

    Raises:
        ValueError: A number is not positive.
    """

    max_minutes: float | None = None
    checkpoint_steps: int | None = None
    checkpoint_minutes: float | None = 10.0
    num_checkpoints: int = 2

    def __post_init__(self):
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be a positive number. Received: {name}={value!r}.")


DEFAULT = RunControl()
