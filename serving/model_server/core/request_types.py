"""The requests and results that pass between a protocol and the core."""

from dataclasses import dataclass

import numpy as np

from serving.model_server.core.classify_regress import Classes


@dataclass(frozen=True)
class ModelSpec:
    """The model that a request names.

    Attributes:
        name: The model's name.
        version: Version number; None for the highest available version.
        version_label: A label of the configuration instead of a version; `""` for none.
        signature_name: `""` means `serving_default`.
    """

    name: str
    version: int | None = None
    version_label: str = ""
    signature_name: str = ""


@dataclass(frozen=True)
class Prediction:
    """A signature's outputs, with the model specification as TF Serving echoes it."""

    model_name: str
    version: int
    signature_name: str
    outputs: dict[str, np.ndarray]


@dataclass(frozen=True)
class Inference:
    """The result of Classify or Regress, with the model specification as TF Serving echoes it."""

    model_name: str
    version: int
    signature_name: str
    result: Classes | np.ndarray
