"""Scores recoloured photos: is the colour right, is the cloth still cloth, is all else as it was.

No code that trains or recolours imports this module: what changes colours must not judge them.

Sources:
    [CIEDE2000] see `training/evaluation/measures/colour_difference.py`.
"""

import numpy as np
from scipy import ndimage

from training.evaluation.measures.colour_difference import ciede2000, to_lab

# Pixels cut off the mask's edge, where product and ground mix.
BORDER_PIXELS = 2
# A difference above this is a change that people see at a glance.
VISIBLE = 2.0


def score_recolouring(photo: np.ndarray, result: np.ndarray, mask: np.ndarray, target) -> dict[str, float]:
    """Scores one recoloured photo.

    Args:
        photo: uint8 array `[h, w, 3]`.
        result: uint8 array of the same shape.
        mask: The product, uint8 array `[h, w]`, from another source than the model.
        target: The wanted colour, three sRGB bytes.

    Returns:
        Inside, `target_difference`: of the median colour to the target; `pixel_difference`: the median of the
        pixels' own differences, which folds and prints raise; `gradient_correlation`: of lightness, with
        the photo's. Outside, `ground_difference`: the mean difference from the photo; `ground_visible_share`:
        the share of pixels above `VISIBLE`. Differences are those of CIEDE2000.

    Example:

    >>> photo = np.random.default_rng(0).integers(90, 110, [20, 20, 1]).repeat(3, 2).astype("uint8")
    >>> mask = np.zeros([20, 20], "uint8")
    >>> mask[4:16, 4:16] = 255
    >>> scores = score_recolouring(photo, photo, mask, (100, 100, 100))
    >>> scores["target_difference"] < 3, round(scores["gradient_correlation"], 3), scores["ground_difference"]
    (True, 1.0, 0.0)
    """
    inside = ndimage.binary_erosion(mask > 127, iterations=BORDER_PIXELS)
    outside = ~ndimage.binary_dilation(mask > 127, iterations=BORDER_PIXELS)
    before, after = to_lab(photo), to_lab(result)
    wanted = to_lab(np.array(target, "uint8"))
    ground = ciede2000(before[outside], after[outside])
    # Slopes across the mask's edge belong to neither side.
    steady = ndimage.binary_erosion(inside)
    slopes, slopes_after = (
        np.concatenate([slope[steady] for slope in np.gradient(lab[..., 0])]) for lab in (before, after)
    )
    return {
        "target_difference": float(ciede2000(np.median(after[inside], axis=0), wanted)),
        "pixel_difference": float(np.median(ciede2000(after[inside], wanted))),
        "gradient_correlation": float(np.corrcoef(slopes, slopes_after)[0, 1]),
        "ground_difference": float(ground.mean()) if ground.size else 0.0,
        "ground_visible_share": float(np.mean(ground > VISIBLE)) if ground.size else 0.0,
    }
