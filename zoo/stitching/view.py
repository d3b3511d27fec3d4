"""A photo as matching sees it: small, grey, with points that are found again in other photos.

Sources:
    [SIFT] Lowe 2004, "Distinctive Image Features from Scale-Invariant Keypoints".
    [RootSIFT] Arandjelović & Zisserman 2012, "Three things everyone should know to improve object retrieval".
"""

import importlib
from types import ModuleType
from typing import NamedTuple

import numpy as np

# Larger photos match no better, and cost more.
SEARCHED_PIXELS = 1_000_000
NUM_FEATURES = 4_000
# Fabrics have weak, often dark texture, which SIFT's own limit of 0.04 leaves out.
_CONTRAST = 0.006


class View(NamedTuple):
    """A photo at the size at which it is searched, with its features.

    Args:
        grey: uint8 array `[h, w]`.
        to_photo: float64 array `[3, 3]`: takes points of the view to the photo. A pixel's centre is at whole
            numbers.
        points: float64 array `[n, 2]`: x and y of the features.
        sizes: float64 array `[n]`: their diameters in pixels; the larger, the less exact is the point.
        descriptors: float32 array `[n, 128]`, each of length 1.
    """

    grey: np.ndarray
    to_photo: np.ndarray
    points: np.ndarray
    sizes: np.ndarray
    descriptors: np.ndarray


def view_photo(raw_image: np.ndarray) -> View:
    """Finds a photo's features.

    Args:
        raw_image: uint8 array `[h, w, 3]`.

    Returns:
        The view, with at most `NUM_FEATURES` features; with none where the photo has no texture.

    Raises:
        ImportError: The extra `stitching` is not installed.
    """
    cv2 = import_cv2()
    grey = cv2.cvtColor(raw_image, cv2.COLOR_RGB2GRAY)
    scale = (SEARCHED_PIXELS / grey.size) ** 0.5
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in grey.shape[::-1])
        searched = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    else:
        searched = grey
    x_ratio, y_ratio = grey.shape[1] / searched.shape[1], grey.shape[0] / searched.shape[0]
    to_photo = np.array(
        [[x_ratio, 0, (x_ratio - 1) / 2], [0, y_ratio, (y_ratio - 1) / 2], [0, 0, 1]], "float64"
    )
    points, sizes, descriptors = _find_features(searched)
    return View(searched, to_photo, points, sizes, descriptors)


def mirror_view(view: View) -> View:
    """Returns the view of the photo seen in a mirror."""
    flipped = np.ascontiguousarray(view.grey[:, ::-1])
    return View(flipped, view.to_photo, *_find_features(flipped))


def _find_features(grey):
    # Without the precise enlargement, every point is off by a quarter of a pixel.
    detector = import_cv2().SIFT_create(
        nfeatures=NUM_FEATURES, contrastThreshold=_CONTRAST, enable_precise_upscale=True
    )
    found, descriptors = detector.detectAndCompute(grey, None)
    if not found:
        return np.zeros([0, 2]), np.zeros([0]), np.zeros([0, 128], "float32")
    # OpenCV returns a few more where several are equally strong.
    found, descriptors = found[:NUM_FEATURES], descriptors[:NUM_FEATURES]
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6)
    points = np.array([point.pt for point in found], "float64")
    return points, np.array([point.size for point in found]), np.sqrt(descriptors / sums)


def import_cv2() -> ModuleType:
    """Imports OpenCV.

    Raises:
        ImportError: The extra `stitching` is not installed.
    """
    try:
        return importlib.import_module("cv2")
    except ImportError as error:
        raise ImportError(
            "Stitching needs OpenCV, which finds the points that photos have in common. Received: an "
            'installation without it. Install it: pip install "product-image-zoo[stitching]"'
        ) from error
