"""Lines in units of a picture's side (x right, y down), and what is drawn of them."""

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
        roundness: How far from a corner its rounding begins, in units of the picture's side.
        tone: Brightness against the rest of the product; 1 is the same.
        is_trim: Whether it shows the trim colour (soles, clasps) instead of the product's fabric.
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
    """A product: its parts from back to front, and the seams drawn on top.

    Args:
        parts: Filled areas; what lies at the back comes first.
        seams: Open lines, drawn thin and dark.
    """

    parts: Sequence[Part]
    seams: Sequence[Points] = ()


def mirror(right_half: Points) -> Points:
    """Completes an outline whose right half is given from top to bottom."""
    return right_half + [(1.0 - x, y) for x, y in reversed(right_half)]


def mirror_lines(*lines: Points) -> list[Points]:
    """Returns each open line and its mirror image."""
    return [line for right in lines for line in (right, [(1.0 - x, y) for x, y in right])]


def arc(centre, radii, first_degrees: float, last_degrees: float, num_points: int = 24) -> Points:
    """Returns a part of an ellipse; angles go clockwise from the right."""
    angles = np.radians(np.linspace(first_degrees, last_degrees, num_points))
    return [(centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)) for angle in angles]


def band(line: Points, width: float) -> Points:
    """Returns the outline of a line of some width."""
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
