"""A server's signatures for fuzzing, and values that fit them or that few programs expect."""

import dataclasses
import math
import random as random_module

import numpy as np
from fuzz_pictures import picture_file

from serving.wire import data_types

Random = random_module.Random

_PICTURE = "image_bytes"
_TEXTS = (
    "",
    "bag",
    "ankle boot",
    "Bag",
    "\0",
    "é" * 300,
    "\ud800",
    "a" * 5000,
    "\\",
    '"',
    "\U0001f45f",
    "%s%n",
    "../..",
)
INTEGERS = (
    0,
    1,
    -1,
    2,
    127,
    255,
    256,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64,
)
DECIMALS = (0.0, -0.0, 0.5, 1e-45, 1e30, 3.5e38, 1e308, math.inf, -math.inf, math.nan)


@dataclasses.dataclass(frozen=True)
class Target:
    """One signature of one model.

    Attributes:
        inputs: Data type number and shape (-1 for an open dimension, None for an open rank) by name.
    """

    model: str
    signature: str
    inputs: dict[str, tuple[int, tuple[int, ...] | None]]

    @property
    def takes_examples(self) -> bool:
        """Whether the signature takes `tf.Example`s, as those for Classify and Regress do."""
        return self.model.startswith(("examples", "scores"))


def targets_of(signatures, model: str, left_out=()) -> list[Target]:
    """Returns a model's signatures from `GetModelMetadata`, except those in `left_out`."""
    found = []
    for name in sorted(signatures.signature_def.keys() - set(left_out)):
        inputs = {}
        for alias, info in sorted(signatures.signature_def[name].inputs.items()):
            shape = info.tensor_shape
            inputs[alias] = (info.dtype, None if shape.unknown_rank else tuple(d.size for d in shape.dim))
        found.append(Target(model, name, inputs))
    return found


def odd_text(random: Random) -> str:
    """Returns a text that few programs expect; it may hold half a surrogate pair."""
    return random.choice(_TEXTS)


def array_for(random: Random, alias: str, data_type: int, shape, num_rows: int) -> np.ndarray:
    """Returns an array that fits an input's type and shape."""
    sides = (num_rows, random.choice((1, 5, 8)), random.choice((1, 6, 9)))
    if shape is None:
        shape = sides[: random.randrange(4)]
    length = [num_rows if i == 0 else sides[min(i, 2)] if side < 0 else side for i, side in enumerate(shape)]
    known = data_types.BY_NUMBER[data_type]
    if known is data_types.STRING:
        flat = np.empty(math.prod(length), object)
        flat[:] = [_bytes_for(random, alias) for _ in flat]
        return flat.reshape(length)
    draw = np.random.default_rng(random.getrandbits(32))
    if known.numpy.kind == "f":
        return draw.normal(size=length).astype(known.numpy)
    high = 2 if known.numpy.kind == "b" else 100
    return draw.integers(0, high, length).astype(known.numpy)


def _bytes_for(random, alias):
    if alias == _PICTURE:
        return picture_file(random)
    return odd_text(random).encode("utf-8", "surrogatepass") if random.random() < 0.3 else b""
