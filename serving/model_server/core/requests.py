"""What every protocol asks the core, and what it gets back."""

from dataclasses import dataclass

import numpy as np

from serving.model_server.core.inference import Classes


@dataclass(frozen=True)
class ModelSpec:
    """Which model a request means.

    Attributes:
        name: The model's name.
        version: One version; None for the highest that is available.
        version_label: A label of the configuration instead of a version; `""` for none.
        signature_name: `""` means `serving_default`.
    """

    name: str
    version: int | None = None
    version_label: str = ""
    signature_name: str = ""


@dataclass(frozen=True)
class Prediction:
    """An answer, with the model specification as TF Serving echoes it."""

    model_name: str
    version: int
    signature_name: str
    outputs: dict[str, np.ndarray]


@dataclass(frozen=True)
class Inference:
    """What a signature says about `tf.Example`s, with the model specification as TF Serving echoes it."""

    model_name: str
    version: int
    signature_name: str
    result: Classes | np.ndarray
