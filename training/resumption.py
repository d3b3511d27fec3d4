"""What may be different when a run is resumed."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from training.config import TrainingConfig
from zoo.errors import WrongUsageError

# All else decides what the steps before would have been.
CHANGEABLE = ("epochs", "learning_rate", "early_stop", "data_dir", "deterministic", "jit")
_GROUPS = ("model_options", "optimizer_options")


def changed_config(config: TrainingConfig, wanted: Mapping[str, Any]) -> TrainingConfig:
    """Returns the configuration that a resumed run goes on with.

    Args:
        config: The run's own.
        wanted: Values by name, of the configuration or of its options; those that are as before change
            nothing.

    Returns:
        The run's configuration with the wanted values.

    Raises:
        WrongUsageError: Some that differ cannot change; the message lists them.

    Example:

    >>> config = TrainingConfig("srcnn", "t91", 20, 16, 48, learning_rate=0.001, precision="float32")
    >>> changed_config(config, {"batch_size": 16, "epochs": 30}).epochs
    30
    """
    own = {
        **vars(config),
        **{name: value for group in _GROUPS for name, value in vars(config)[group].items()},
    }
    different = {name: value for name, value in wanted.items() if name not in own or own[name] != value}
    refused = [name for name in different if name not in CHANGEABLE]
    if refused:
        listed = ", ".join(f"{name} {different[name]!r} instead of {own.get(name)!r}" for name in refused)
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in CHANGEABLE)
        raise WrongUsageError(
            f"A resumed run goes on as it began, but for {flags}. Received: {listed}. Leave that out, or "
            "begin a new run from its weights with --init-from."
        )
    return dataclasses.replace(config, **different)
