"""PSNR-B: PSNR that counts the steps at the boundaries of JPEG's blocks as errors of their own.

Sources:
    [PSNR-B] Yim & Bovik 2011, "Quality Assessment of Deblocked Images", IEEE Transactions on Image
    Processing 20(1), eq. 6 to 14.
"""

import numpy as np

BLOCK_SIDE = 8
# Of equal pictures.
MAX_PSNR = 100.0


def psnr_b(raw_luma: np.ndarray, other_raw_luma: np.ndarray) -> float:
    """Returns the PSNR-B of a picture whose blocks start in its upper left corner.

    Args:
        raw_luma: The original, `[h, w]` on the scale [0, 255].
        other_raw_luma: The picture to score, of the same shape and scale.

    Returns:
        The PSNR-B in dB, at most 100. It equals the PSNR where blocks' boundaries have no larger steps than
        the inside of blocks.

    Example:

    >>> flat = np.zeros([16, 16])
    >>> blocks = np.kron([[0, 10], [10, 0]], np.ones([8, 8]))
    >>> bool(psnr_b(flat, blocks) < psnr_b(flat, np.full([16, 16], 50**0.5)))
    True
    """
    luma, other = (np.asarray(values, "float64") for values in (raw_luma, other_raw_luma))
    error = np.mean((luma - other) ** 2) + block_effect(other)
    return float(min(10.0 * np.log10(255.0**2 / error), MAX_PSNR)) if error else MAX_PSNR


def block_effect(raw_luma: np.ndarray) -> float:
    """Returns by how much the squared steps at blocks' boundaries exceed those inside ([PSNR-B] eq. 13).

    Args:
        raw_luma: A picture `[h, w]` on the scale [0, 255].

    Example:

    >>> block_effect(np.arange(256.0).reshape(16, 16))
    0.0
    """
    luma = np.asarray(raw_luma, "float64")
    at_boundaries, inside = [], []
    for lines in (luma, luma.T):
        steps = np.diff(lines, axis=1) ** 2
        is_boundary = np.arange(1, lines.shape[1]) % BLOCK_SIDE == 0
        at_boundaries.append(steps[:, is_boundary].ravel())
        inside.append(steps[:, ~is_boundary].ravel())
    boundary, rest = np.concatenate(at_boundaries), np.concatenate(inside)
    if not boundary.size or not rest.size:
        return 0.0
    excess = boundary.mean() - rest.mean()
    share = np.log2(BLOCK_SIDE) / np.log2(max(min(luma.shape), BLOCK_SIDE))
    return float(share * excess) if excess > 0 else 0.0
