"""Compares two photos by their pixels: do they look alike where they overlap, and nowhere else?

Sources:
    [Padfield] Padfield 2012, "Masked Object Registration in the Fourier Domain": correlation of all shifts.
"""

import numpy as np
from scipy import fft

from zoo.stitching.geometry import apply_homography, corners_of
from zoo.stitching.view import import_cv2

# Pixels of the grid on which photos are compared, along its longer side.
_GRID_SIDE = 512
# How much of what surrounds the overlap is compared too, as shares of its sides.
_SURROUNDINGS = 0.4
# Local contrast is compared, because shading and exposure are no sign: sigma of what counts as local.
_LOCAL_SIGMA = 6.0
# Contrast below this many grey levels is noise.
_NOISE_LEVELS = 3.0
# Shifts by no more than this, in pixels of the grid, are no other place.
_NEAR = 9
# A second place that correlates by this share of the best one is as good.
_SHARE_OF_BEST = 0.96
# It must overlap at least this share of what the best one does.
_LEAST_OVERLAP = 0.6


def compare(first: np.ndarray, second: np.ndarray, homography: np.ndarray) -> tuple[float, bool]:
    """Compares two photos where they overlap.

    Args:
        first: uint8 array `[h, w]`: the first photo, grey.
        second: uint8 array `[h, w]`: the second photo, grey.
        homography: float64 array `[3, 3]`: takes points of the second to the first.

    Returns:
        The correlation of their local contrast, from -1 to 1; and whether it is much lower wherever else the
        second photo is laid.
    """
    first_grid, first_mask, second_grid, second_mask = _on_one_grid(first, second, homography)
    correlations, overlaps = _correlate(first_grid, first_mask, second_grid, second_mask)
    centre = tuple(side // 2 for side in correlations.shape)
    here = correlations[tuple(slice(index - 1, index + 2) for index in centre)].max()
    is_comparable = overlaps >= _LEAST_OVERLAP * overlaps[centre]
    elsewhere = np.where(is_comparable, correlations, -1)
    elsewhere[tuple(slice(index - _NEAR, index + _NEAR + 1) for index in centre)] = -1
    return float(here), bool(elsewhere.max() < _SHARE_OF_BEST * here)


def _on_one_grid(first, second, homography):
    """Returns local contrast and coverage of both photos around their overlap, `[h, w]` each."""
    cv2 = import_cv2()
    mapped = apply_homography(homography, corners_of(*second.shape))
    right, bottom = first.shape[1] - 1, first.shape[0] - 1
    low = np.maximum(mapped.min(axis=0), 0)
    high = np.minimum(mapped.max(axis=0), [right, bottom])
    low, high = low - _SURROUNDINGS * (high - low), high + _SURROUNDINGS * (high - low)
    scale = min(1.0, _GRID_SIDE / max((high - low).max(), 1))
    size = tuple(int(side) for side in np.maximum(np.ceil((high - low) * scale), 3))
    to_grid = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale], [0, 0, 1]])
    grids = []
    for grey, matrix in ((first, to_grid), (second, to_grid @ homography)):
        values = _smoothed(grey, scale).astype("float32")
        mask = cv2.warpPerspective(np.ones_like(values), matrix, size, flags=cv2.INTER_NEAREST)
        values = cv2.warpPerspective(values, matrix, size, flags=cv2.INTER_LINEAR)
        grids += [_local_contrast(values, mask), mask]
    return grids


def _smoothed(grey, scale):
    return import_cv2().GaussianBlur(grey, (0, 0), 0.4 / scale) if scale < 1 else grey


def _local_contrast(values, mask):
    """Returns the deviation from the surroundings' mean in units of their spread, and 0 outside the mask."""
    cv2 = import_cv2()

    def blur(array):
        return cv2.GaussianBlur(array, (0, 0), _LOCAL_SIGMA)

    shares = np.maximum(blur(mask), 1e-3)
    deviation = (values - blur(values * mask) / shares) * mask
    variance = blur(deviation**2) / shares
    return deviation / np.sqrt(variance + _NOISE_LEVELS**2)


def _correlate(first, first_mask, second, second_mask):
    """Returns the correlation at every shift of the second grid, and how many pixels then overlap.

    No shift is in the middle of the results.
    """
    shape = [fft.next_fast_len(2 * side, real=True) for side in first.shape]
    arrays = (first, first_mask, first**2, second, second_mask, second**2)
    spectra = [fft.rfft2(array, shape, workers=-1) for array in arrays]

    def product(one, other):
        full = fft.irfft2(spectra[one] * spectra[other].conj(), shape, workers=-1)
        return fft.fftshift(full)

    overlaps = np.maximum(product(1, 4), 1.0)
    first_sums, second_sums = product(0, 4), product(1, 3)
    covariance = product(0, 3) - first_sums * second_sums / overlaps
    first_spread = product(2, 4) - first_sums**2 / overlaps
    second_spread = product(1, 5) - second_sums**2 / overlaps
    spreads = np.sqrt(np.maximum(first_spread, 0) * np.maximum(second_spread, 0))
    return covariance / np.maximum(spreads, 1e-3 * overlaps), overlaps
