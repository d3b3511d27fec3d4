"""NIQE: measures without a reference how natural pictures look, by their local contrasts.

The contrasts are compared with those of training photos.

Sources:
    [NIQE] Mittal et al. 2013, "Making a 'Completely Blind' Image Quality Analyzer": 36 features per patch.
    [BRISQUE] Mittal et al. 2012, "No-Reference Image Quality Assessment in the Spatial Domain", section III:
    the features.
    [GGD] Sharifi & Leon-Garcia 1995, and Lasmar et al. 2009 for the asymmetric form: fits by moments.
"""

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

from zoo.pictures import pixels
from zoo.pictures.resize import bicubic

# [NIQE] section III-B; a smaller picture is a single patch.
LARGEST_PATCH = 96
# Its half-size copy has 256 pixels, to which a distribution with three parameters is fitted.
SMALLEST_PATCH = 32
SHARPNESS_SHARE = 0.75
# [BRISQUE] eq. 1 to 3: windows of 7 pixels, which extend to three standard deviations.
_RADIUS, _SIGMA = 3, 7.0 / 6.0
_FLAT_DEVIATION = 0.5  # grey levels; a patch without contrast allows no fit
_SHAPES = np.arange(0.2, 10.0, 0.001)
_GAMMA_1, _GAMMA_2, _GAMMA_3 = (
    np.array([math.gamma(number / shape) for shape in _SHAPES]) for number in (1, 2, 3)
)
_RATIOS = _GAMMA_2**2 / (_GAMMA_1 * _GAMMA_3)  # rises with the shape


@dataclasses.dataclass(frozen=True)
class NaturalPictures:
    """The Gaussian distribution of natural pictures' patches ([NIQE] section III-D).

    Departure: [NIQE] scores a single picture by its patches. Here a picture may be a single patch, too few
    for a covariance. A whole set is scored at once, by the patches of all its pictures.

    Args:
        mean: float64 array `[36]`.
        covariance: float64 array `[36, 36]`.
        patch_size: Side of the patches in pixels.

    Example:

    ```python
    natural = fit_natural_pictures(training_pictures)
    natural.score(generated_pictures), natural.score(test_pictures)
    ```
    """

    mean: np.ndarray
    covariance: np.ndarray
    patch_size: int

    def score(self, raw_images: Iterable[np.ndarray]) -> float:
        """Returns the distance between a set of pictures and the natural ones ([NIQE] eq. 10).

        Args:
            raw_images: uint8 arrays `[h, w, 1 or 3]`.

        Returns:
            A number without unit, 0 for the training photos themselves; lower is more natural.

        Raises:
            ValueError: Fewer than two patches have contrast.
        """
        mean, covariance = _fit(_features_of(raw_images, self.patch_size, sharpness_share=0.0))
        difference = self.mean - mean
        inverse = np.linalg.pinv((self.covariance + covariance) / 2.0)
        return float(np.sqrt(max(difference @ inverse @ difference, 0.0)))


def fit_natural_pictures(raw_images: Iterable[np.ndarray]) -> NaturalPictures:
    """Fits the distribution to the sharp patches of training photos.

    Args:
        raw_images: uint8 arrays `[h, w, 1 or 3]`.

    Returns:
        The fit, on patches as large as the smallest photo allows, but at most 96 pixels a side.

    Raises:
        ValueError: A side is below 32 pixels, or fewer than two patches have contrast.
    """
    raw_images = list(raw_images)
    side = min(min(image.shape[:2]) for image in raw_images)
    if side < SMALLEST_PATCH:
        raise ValueError(
            f"NIQE needs pictures of at least {SMALLEST_PATCH} pixels a side, because it fits distributions "
            f"to the contrasts of a patch and of its half-size copy. Received: a side of {side} pixels. "
            "Omit NIQE for such pictures."
        )
    patch_size = min(LARGEST_PATCH, side - side % 2)
    mean, covariance = _fit(_features_of(raw_images, patch_size, SHARPNESS_SHARE))
    return NaturalPictures(mean, covariance, patch_size)


def normalised_contrasts(luma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Subtracts the local mean and divides by the local standard deviation ([BRISQUE] eq. 1 to 3).

    Args:
        luma: float array `[h, w]` on the scale [0, 255].

    Returns:
        float64 arrays `[h, w]`: the normalised contrasts, and the local standard deviations in grey levels.

    Example:

    >>> contrasts, deviations = normalised_contrasts(np.full((9, 9), 70.0))
    >>> bool(abs(contrasts).max() < 1e-5), bool(deviations.max() < 1e-5)
    (True, True)
    """
    mean = _blur(luma)
    deviation = np.sqrt(np.maximum(_blur(np.square(luma - luma.mean())) - np.square(mean - luma.mean()), 0.0))
    return (luma - mean) / (deviation + 1.0), deviation


def fit_generalised_gaussian(values: np.ndarray) -> np.ndarray:
    """Fits symmetric generalised Gaussians by moments [GGD].

    Args:
        values: float array `[P, n]`, one distribution per row.

    Returns:
        float64 array `[P, 2]`: the shape (2 for a normal distribution, 1 for Laplace) and the scale.
    """
    squares = np.square(values).mean(axis=1)
    shape = np.interp(np.square(np.abs(values).mean(axis=1)) / squares, _RATIOS, _SHAPES)
    return np.stack([shape, np.sqrt(squares) * _scale_factor(shape)], axis=1)


def fit_asymmetric_gaussian(values: np.ndarray) -> np.ndarray:
    """Fits generalised Gaussians with a separate scale for each side by moments ([BRISQUE] eq. 8 to 15).

    Args:
        values: float array `[P, n]`, one distribution per row, each with both signs.

    Returns:
        float64 array `[P, 4]`: the shape, the mean, and the scales of the left and right sides.
    """
    is_left = values < 0.0
    squares = np.square(values)
    num_left = np.maximum(is_left.sum(axis=1), 1)
    num_right = np.maximum((~is_left).sum(axis=1), 1)
    left = np.sqrt((squares * is_left).sum(axis=1) / num_left)
    right = np.sqrt((squares * ~is_left).sum(axis=1) / num_right)
    skew = left / np.maximum(right, 1e-12)
    ratio = np.square(np.abs(values).mean(axis=1)) / squares.mean(axis=1)
    ratio *= (skew**3 + 1.0) * (skew + 1.0) / np.square(skew**2 + 1.0)
    shape = np.interp(ratio, _RATIOS, _SHAPES)
    left, right = left * _scale_factor(shape), right * _scale_factor(shape)
    mean = (right - left) * np.interp(shape, _SHAPES, _GAMMA_2 / _GAMMA_1)
    return np.stack([shape, mean, left, right], axis=1)


def _scale_factor(shape: np.ndarray) -> np.ndarray:
    return np.interp(shape, _SHAPES, np.sqrt(_GAMMA_1 / _GAMMA_3))


def _features_of(raw_images: Iterable[np.ndarray], patch_size: int, sharpness_share: float) -> np.ndarray:
    found = [_features_of_picture(image, patch_size, sharpness_share) for image in raw_images]
    features = np.concatenate(found) if found else np.zeros((0, 36))
    if len(features) < 2:
        raise ValueError(
            f"NIQE needs at least two patches of {patch_size} x {patch_size} pixels with contrast. "
            f"Received: {len(features)}. Score more or larger pictures."
        )
    return features


def _features_of_picture(raw_image: np.ndarray, patch_size: int, sharpness_share: float) -> np.ndarray:
    luma = pixels.to_luma(raw_image).numpy()
    rows, columns = (side // patch_size for side in luma.shape[:2])
    luma = luma[: rows * patch_size, : columns * patch_size]
    half = bicubic(luma, luma.shape[0] // 2, luma.shape[1] // 2).numpy()
    features = []
    for scaled, side in ((luma, patch_size), (half, patch_size // 2)):
        contrasts, deviations = normalised_contrasts(scaled[..., 0].astype("float64"))
        if side == patch_size:
            sharpness = _cut(deviations, side).mean(axis=(1, 2))
        features.append(_features_of_patches(_cut(contrasts, side)))
    threshold = max(sharpness_share * sharpness.max(initial=0.0), _FLAT_DEVIATION)
    return np.concatenate(features, axis=1)[sharpness >= threshold]


def _features_of_patches(patches: np.ndarray) -> np.ndarray:
    """Returns 18 features of the contrasts and of their products with neighbours ([BRISQUE] section III)."""
    tiny = 1e-9 * np.resize([1.0, -1.0], patches.shape)  # prevents division by 0 where all contrasts are 0
    patches = patches + tiny
    features = [fit_generalised_gaussian(patches.reshape(len(patches), -1))]
    for rows, columns in ((0, 1), (1, 0), (1, 1), (1, -1)):
        neighbours = np.roll(patches, (rows, columns), axis=(1, 2))
        inner = patches[:, rows:, max(columns, 0) : patches.shape[2] + min(columns, 0)]
        neighbours = neighbours[:, rows:, max(columns, 0) : patches.shape[2] + min(columns, 0)]
        products = (inner * neighbours).reshape(len(patches), -1)
        features.append(fit_asymmetric_gaussian(products))
    return np.concatenate(features, axis=1)


def _cut(values: np.ndarray, side: int) -> np.ndarray:
    """Cuts a map into `[P, side, side]`."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    patches = values[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return patches.swapaxes(1, 2).reshape(-1, side, side)


def _fit(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return features.mean(axis=0), np.cov(features, rowvar=False)


def _blur(values: np.ndarray) -> np.ndarray:
    """Averages with a Gaussian window, repeating the edge pixels beyond the picture."""
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    weights = np.exp(-0.5 * np.square(offsets / _SIGMA))
    weights /= weights.sum()
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (_RADIUS, _RADIUS)
        padded = np.pad(values, padding, mode="edge")
        size = values.shape[axis]
        values = sum(
            weight * np.take(padded, range(start, start + size), axis=axis)
            for start, weight in enumerate(weights)
        )
    return values
