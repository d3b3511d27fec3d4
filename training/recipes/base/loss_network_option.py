"""The option `--loss-network` of recipes whose models learn from a loss network's features."""

from pathlib import Path

from training.recipes.base.option import Option
from training.runs.config import TrainingConfig
from zoo.errors import WrongUsageError

NAME = "loss_network"


def loss_network_option(use: str) -> Option:
    """Returns the option.

    Args:
        use: What the features judge, e.g. `"judge style and content"`.
    """
    text = f"Keras weights file of SqueezeNet v1.1 without its top, whose features {use}."
    return Option(NAME, "--loss-network", str, "", text)


def find_loss_network(config: TrainingConfig) -> Path | None:
    """Returns the path of the weights file, None if the configuration names none."""
    path = config.optimizer_options.get(NAME)
    return Path(path) if path else None


def require_loss_network(config: TrainingConfig) -> Path:
    """Returns the path of the weights file.

    Raises:
        WrongUsageError: The configuration names none.
    """
    path = find_loss_network(config)
    if path is None:
        raise WrongUsageError(
            f"{config.model} learns from a loss network's features. Received: no `--loss-network`. Give the "
            "weights file of SqueezeNet v1.1, which the repository keras-squeezenet offers; see "
            "docs/styles.md."
        )
    return path
