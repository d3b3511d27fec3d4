"""Views of a picture as photos would show parts of it, with the homographies between them known exactly."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage


class View(NamedTuple):
    """A part of a picture.

    Args:
        raw_image: uint8 array `[h, w, 3]`.
        to_picture: float64 array `[3, 3]`: takes points of the view to the picture.
    """

    raw_image: np.ndarray
    to_picture: np.ndarray


def make_views(picture, num_views, overlap, seed=0, turn=4.0, scale=0.05, gain=0.15, noise=2.0) -> list[View]:
    """Cuts a wide picture into views from left to right that share a part with their neighbours.

    Args:
        picture: uint8 array `[H, W, 3]`, wider than high.
        num_views: At least 2.
        overlap: Share of a view's width that its neighbour shows too.
        seed: Seed of what follows, each drawn between plus and minus its limit.
        turn: Degrees by which a view is turned.
        scale: Share by which it is larger.
        gain: Share by which it is brighter.
        noise: Standard deviation of its noise in grey levels.
    """
    random = np.random.default_rng(seed)
    margin = round(0.09 * picture.shape[0])
    height, usable = picture.shape[0] - 2 * margin, picture.shape[1] - 2 * margin
    width = round(usable / (num_views - (num_views - 1) * overlap))
    views = []
    for index in range(num_views):
        left = margin + round(index * width * (1 - overlap))
        angle = np.deg2rad(random.uniform(-turn, turn))
        size = 1 / random.uniform(1 - scale, 1 + scale)
        tilt = random.uniform(-0.012, 0.012, 2) / width if turn else np.zeros(2)
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        about_centre = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1]])
        turned = np.array(
            [
                [size * np.cos(angle), -size * np.sin(angle), 0],
                [size * np.sin(angle), size * np.cos(angle), 0],
                [*tilt, 1],
            ]
        )
        back = np.array([[1, 0, centre[0] + left], [0, 1, centre[1] + margin], [0, 0, 1]])
        to_picture = back @ turned @ about_centre
        raw_image = show(picture, to_picture, height, width) * random.uniform(1 - gain, 1 + gain)
        raw_image = raw_image + random.normal(0, noise, raw_image.shape) if noise else raw_image
        views.append(View(np.clip(np.round(raw_image), 0, 255).astype("uint8"), to_picture))
    return views


def show(picture, to_picture, height, width) -> np.ndarray:
    """Returns the picture as seen through a homography, float `[height, width, 3]`."""
    y, x = np.mgrid[:height, :width]
    points = to_picture @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    places = points[1::-1] / points[2]
    channels = [
        ndimage.map_coordinates(channel.astype("float32"), places, order=3, mode="reflect")
        for channel in np.moveaxis(picture, -1, 0)
    ]
    return np.clip(np.stack(channels, axis=-1), 0, 255).reshape(height, width, -1)


def corner_error(found, first: View, second: View) -> float:
    """Returns how far a homography from the second view to the first takes corners amiss, in pixels."""
    height, width = second.raw_image.shape[:2]
    corners = np.array([[0, width - 1, width - 1, 0], [0, 0, height - 1, height - 1], [1, 1, 1, 1]])
    true = np.linalg.inv(first.to_picture) @ second.to_picture
    places = [(matrix @ corners)[:2] / (matrix @ corners)[2] for matrix in (found, true)]
    return float(np.linalg.norm(places[0] - places[1], axis=0).mean())
