"""Scores masks against masks drawn by hand.

No code that trains imports this module: what teaches must not judge.

Sources:
    [MaxF] Achanta et al. 2009, "Frequency-tuned Salient Region Detection": F with beta squared of 0.3.
    [BoundaryF] Perazzi et al. 2016, "A Benchmark Dataset and Evaluation Methodology for Video Object
        Segmentation", section 4: precision and recall of outlines within a few pixels.
"""

import numpy as np
from scipy import ndimage

BETA_SQUARED = 0.3
BOUNDARY_PIXELS = 2
NUM_THRESHOLDS = 255


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    """Returns intersection over union at one half; 1 if both are empty.

    Args:
        mask: uint8 array `[h, w]`, 0 to 255.
        truth: uint8 array `[h, w]`, 0 to 255.

    Example:

    >>> iou(np.array([[255, 255, 0]], "uint8"), np.array([[0, 255, 255]], "uint8"))
    0.3333333333333333
    """
    found, wanted = mask > 127, truth > 127
    either = np.count_nonzero(found | wanted)
    return float(np.count_nonzero(found & wanted) / either) if either else 1.0


def mean_absolute_error(mask: np.ndarray, truth: np.ndarray) -> float:
    """Returns the mean difference of opacities, in [0, 1]; arguments as for `iou`.

    Example:

    >>> mean_absolute_error(np.array([[255, 51]], "uint8"), np.array([[255, 0]], "uint8"))
    0.1
    """
    return float(np.abs(mask.astype("float64") - truth).mean() / 255.0)


def max_f(mask: np.ndarray, truth: np.ndarray) -> float:
    """Returns the largest F over all thresholds [MaxF]; arguments as for `iou`.

    Example:

    >>> max_f(np.array([[200, 30]], "uint8"), np.array([[255, 0]], "uint8"))
    1.0
    """
    wanted = truth > 127
    # Pixels at or above each value, product and all.
    hits = np.bincount(mask[wanted], minlength=256)[::-1].cumsum()[::-1]
    found = np.bincount(mask.ravel(), minlength=256)[::-1].cumsum()[::-1]
    precision = hits[1:] / np.maximum(found[1:], 1)
    recall = hits[1:] / max(np.count_nonzero(wanted), 1)
    scores = (1 + BETA_SQUARED) * precision * recall / np.maximum(BETA_SQUARED * precision + recall, 1e-12)
    return float(scores.max())


def boundary_f(mask: np.ndarray, truth: np.ndarray, pixels: int = BOUNDARY_PIXELS) -> float:
    """Returns F of the outlines, of which a point counts if the other has one within `pixels` [BoundaryF].

    Arguments as for `iou`; 1 if both have no outline.

    Example:

    >>> truth = np.zeros([9, 9], "uint8")
    >>> truth[3:6, 3:6] = 255
    >>> moved = np.roll(truth, 1, axis=0)
    >>> boundary_f(moved, truth), boundary_f(moved, truth, pixels=0)
    (1.0, 0.5)
    """
    found, wanted = _outline(mask > 127), _outline(truth > 127)
    if not found.any() or not wanted.any():
        return float(found.any() == wanted.any())
    precision = np.mean(_distance_to(wanted)[found] <= pixels)
    recall = np.mean(_distance_to(found)[wanted] <= pixels)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _outline(inside: np.ndarray) -> np.ndarray:
    return inside & ~ndimage.binary_erosion(inside, border_value=1)


def _distance_to(points: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(~points)


MEASURES = {
    "mask_iou": (iou, "at most 1"),
    "mask_mae": (mean_absolute_error, "share"),
    "mask_max_f": (max_f, "at most 1"),
    "mask_boundary_f": (boundary_f, "at most 1"),
}
