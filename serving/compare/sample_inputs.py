"""Inputs that a signature can answer, made from nothing but its description."""

import io

import numpy as np
from PIL import Image

from serving.client.descriptions import SignatureDescription, TensorDescription
from serving.wire import data_types

# Pixels of a side, and elements along every dimension that may have any length but the batch's.
SIDE = 8


def sample_inputs(signature: SignatureDescription, num_rows: int = 1) -> dict[str, np.ndarray]:
    """Returns an array for each input, always the same ones.

    Args:
        signature: The inputs; those of strings whose name ends in `_bytes` get a small PNG file, other
            strings are empty, numbers count up from 0 (decimals from 0 to below 1).
        num_rows: Length of the first dimension where it is free.
    """
    return {
        name: _sample(name, tensor, num_rows)
        for name, tensor in signature.inputs.items()
        if f"DT_{tensor.dtype.upper()}" in data_types.BY_ENUM_NAME
    }


def _sample(name, tensor: TensorDescription, num_rows) -> np.ndarray:
    shape = [num_rows] if tensor.shape is None else list(tensor.shape)
    if shape and shape[0] < 0:
        shape[0] = num_rows
    shape = [SIDE if length < 0 else length for length in shape]
    data_type = data_types.BY_ENUM_NAME[f"DT_{tensor.dtype.upper()}"]
    if data_type is data_types.STRING:
        return np.full(shape, _png() if name.endswith("_bytes") else b"", object)
    count = np.arange(int(np.prod(shape))).reshape(shape) % 8
    if data_type.json_kind == "decimal" or data_type.numpy.kind in "fcV":
        count = count / 8
    return count.astype(data_type.numpy)


def _png() -> bytes:
    ramp = np.linspace(0, 255, SIDE, dtype=np.uint8)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], np.uint8(128)), -1)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
