"""Makes valid inputs for a signature from its description alone."""

import io

import numpy as np
from PIL import Image

from serving.client.descriptions import SignatureDescription, TensorDescription
from serving.wire import data_types

# Side of the images in pixels, and length of every open dimension except the batch dimension.
SIDE = 8


def sample_inputs(signature: SignatureDescription, num_rows: int = 1) -> dict[str, np.ndarray]:
    """Returns an array for each input, the same on every call.

    String inputs whose name ends in `_bytes` hold a small PNG file, other strings are empty, integers count
    from 0 to 7 and decimals from 0 to 0.875, repeatedly.

    Args:
        signature: Describes the inputs.
        num_rows: Length of the first dimension if it is open.
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
    count: np.ndarray = np.arange(int(np.prod(shape))).reshape(shape) % 8
    if data_type.json_kind == "decimal" or data_type.numpy.kind in "fcV":
        count = count / 8
    return count.astype(data_type.numpy)


def _png() -> bytes:
    ramp = np.linspace(0, 255, SIDE, dtype=np.uint8)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None, :], np.uint8(128)), -1)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
