"""Outlines of products, in units of the picture's side (x to the right, y down)."""

import dataclasses
from collections.abc import Sequence

import numpy as np

Points = list[tuple[float, float]]

_POINTS_PER_CORNER = 6


@dataclasses.dataclass(frozen=True)
class Part:
    """A filled area of a product.

    Args:
        outline: Its corners.
        roundness: Distance from a corner at which its rounding starts, in units of the picture's side.
        tone: Brightness relative to the rest of the product, where 1 is equal.
        is_trim: Whether it has the trim colour (soles, clasps) instead of the product's fabric.
    """

    outline: Points
    roundness: float = 0.03
    tone: float = 1.0
    is_trim: bool = False

    def polygon(self) -> Points:
        """Returns the outline with its corners rounded."""
        return _round_corners(self.outline, self.roundness)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A product's parts and seams.

    Args:
        parts: Filled areas, from back to front.
        seams: Open lines, drawn thin and dark on top.
    """

    parts: Sequence[Part]
    seams: Sequence[Points] = ()


def mirror(right_half: Points) -> Points:
    """Completes an outline from its right half, given from top to bottom."""
    return right_half + [(1.0 - x, y) for x, y in reversed(right_half)]


def mirror_lines(*lines: Points) -> list[Points]:
    """Returns each open line and its mirror image."""
    return [line for right in lines for line in (right, [(1.0 - x, y) for x, y in right])]


def arc(centre, radii, first_degrees: float, last_degrees: float, num_points: int = 24) -> Points:
    """Returns an elliptic arc; angles run clockwise from the right."""
    angles = np.radians(np.linspace(first_degrees, last_degrees, num_points))
    return [(centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)) for angle in angles]


def band(line: Points, width: float) -> Points:
    """Returns the outline of a line with a given width."""
    points = np.array(line)
    directions = np.gradient(points, axis=0)
    normals = np.stack([-directions[:, 1], directions[:, 0]], axis=1)
    normals *= width / 2 / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    return [tuple(point) for point in np.concatenate([points + normals, (points - normals)[::-1]])]


def _round_corners(outline: Points, roundness: float) -> Points:
    corners = np.array(outline)
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    # A quadratic Bezier curve around each corner, from the edge before it to the edge after it.
    begin, end = (
        corners
        + edge * np.minimum(0.5, roundness / np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), 1e-6))
        for edge in (before, after)
    )
    t = np.linspace(0, 1, _POINTS_PER_CORNER)[:, None]
    curves = (1 - t) ** 2 * begin[:, None] + 2 * t * (1 - t) * corners[:, None] + t**2 * end[:, None]
    return [tuple(point) for point in curves.reshape(-1, 2)]
