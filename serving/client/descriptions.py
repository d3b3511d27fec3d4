"""A model's signatures as a client sees them."""

from collections.abc import Mapping
from dataclasses import dataclass

# TensorFlow adds this to every model; nobody can ask it anything.
_INIT_SIGNATURE = "__saved_model_init_op"


@dataclass(frozen=True)
class TensorDescription:
    """An input or output of a served signature.

    Attributes:
        dtype: TensorFlow's short name, e.g. `"uint8"` or `"string"`.
        shape: Dimensions, -1 where any length goes; None when the rank is unknown.
    """

    dtype: str
    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class SignatureDescription:
    """The inputs and outputs of a served signature, by name."""

    inputs: dict[str, TensorDescription]
    outputs: dict[str, TensorDescription]


def askable(signatures: Mapping[str, SignatureDescription]) -> dict[str, SignatureDescription]:
    """Returns the signatures that a client may ask."""
    return {name: signature for name, signature in sorted(signatures.items()) if name != _INIT_SIGNATURE}
