"""Descriptions of a model's signatures, which a client gets from the server."""

from collections.abc import Mapping
from dataclasses import dataclass

# TensorFlow adds this to every model; clients cannot call it.
_INIT_SIGNATURE = "__saved_model_init_op"


@dataclass(frozen=True)
class TensorDescription:
    """An input or output of a served signature.

    Attributes:
        dtype: TensorFlow's short name, e.g. `"uint8"` or `"string"`.
        shape: Dimensions, -1 for one of any length; None if the rank is unknown.
    """

    dtype: str
    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class SignatureDescription:
    """The inputs and outputs of a served signature, by name."""

    inputs: dict[str, TensorDescription]
    outputs: dict[str, TensorDescription]


def askable(signatures: Mapping[str, SignatureDescription]) -> dict[str, SignatureDescription]:
    """Returns the signatures that clients can call."""
    return {name: signature for name, signature in sorted(signatures.items()) if name != _INIT_SIGNATURE}
