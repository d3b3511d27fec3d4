"""Learning rate schedules.

Sources:
    [SGDR] Loshchilov & Hutter 2016, arXiv 1608.03983, eq. 5: cosine annealing.
"""

import keras

from training.runs.config import TrainingConfig
from zoo.errors import UnknownNameError

SCHEDULES = ("constant", "cosine")
# Share of the steps during which `cosine` warms up from 0.
WARM_UP_SHARE = 0.02


def check_schedule(schedule: str) -> None:
    """Raises `UnknownNameError` unless there is such a schedule."""
    if schedule not in SCHEDULES:
        raise UnknownNameError("schedule", schedule, SCHEDULES)


def make_learning_rate(config: TrainingConfig, num_steps: int | None):
    """Makes an optimizer's learning rate.

    Args:
        config: Configuration with `learning_rate` and `schedule`.
        num_steps: Steps of the whole training; None if nothing is trained.

    Returns:
        A number, or for `cosine` a Keras schedule that warms up to `config.learning_rate` and decays to 0 at
        the last step [SGDR].

    Raises:
        UnknownNameError: There is no such schedule.
    """
    check_schedule(config.schedule)
    if config.schedule == "constant" or num_steps is None:
        return config.learning_rate
    num_warm_up_steps = max(1, round(WARM_UP_SHARE * num_steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0,
        decay_steps=max(1, num_steps - num_warm_up_steps),
        warmup_target=config.learning_rate,
        warmup_steps=num_warm_up_steps,
    )
