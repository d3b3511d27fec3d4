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


def choose_loss_network(config: TrainingConfig, is_trained: bool, is_required: bool) -> Path | None:
    """Returns the path of the weights file to load, None to go without.

    Args:
        config: The run's configuration.
        is_trained: Whether the model is trained; a loaded model answers without the file.
        is_required: Whether the model cannot be trained without it.

    Raises:
        WrongUsageError: The model cannot be trained without it, and the configuration names none.
    """
    name = config.optimizer_options.get(NAME)
    if name:
        return Path(name) if is_trained or Path(name).is_file() else None
    if is_trained and is_required:
        raise WrongUsageError(
            f"{config.model} learns from a loss network's features. Received: no `--loss-network`. Give the "
            "weights file of SqueezeNet v1.1, which the repository keras-squeezenet offers; see "
            "docs/styles.md."
        )
    return None
