"""Mends photos that break a place's rules, as far as nothing has to be invented.

The product is cut out and laid on white where the ground, the frame, the margin or the ratio are wrong;
photos are enlarged by the zoo's models up to four times, reduced, cleaned of JPEG's blocks, and saved in
another format or with another quality. Blur and products that are cut off stay as they are.
"""

import contextlib
import dataclasses
import functools
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image

from serving.audit.findings import broken_rules
from serving.audit.rules import Place, Rule
from serving.client.access import ServerAccess
from serving.client.errors import RowError
from serving.pictures.cleaning import PRESET as CLEANER
from serving.pictures.cleaning import Cleaning
from serving.pictures.cutting_out import cut_out
from serving.pictures.enlarger import LARGEST_FACTOR, Enlarger
from serving.pictures.source import PictureSource, open_source
from zoo.pictures import grounds
from zoo.pictures.limits import MAX_PIXELS
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import SUFFIXES, Writing

# Faults that a white ground of the right shape mends.
_LAID = frozenset({"white_ground", "light_ground", "fill", "ratio", "has_frame"})
_UNMENDABLE = frozenset({"is_cut_off", "sharpness"})
# The measured fill is a little smaller than that of the mask: how much more to aim at, and the most.
_MORE_FILL, _MOST_FILL = 0.03, 0.97
# What is only advised is worth this enlargement; what is asked for, any.
_ADVISED_FACTOR = 2.0
# Formats to save as where the photo's own is not allowed, best first.
_FORMATS = ("jpeg", "png", "webp", "tiff")
# Qualities to try where a file is too large.
_QUALITIES = (95, 92, 90, 85, 80)
_WHITE = (255, 255, 255)


class NotMendedError(ValueError):
    """A photo cannot be mended without inventing something."""


@dataclasses.dataclass(frozen=True)
class Mended:
    """A photo that was mended for a place.

    Args:
        content: The file's bytes.
        suffix: The ending of its name, e.g. `.jpg`.
    """

    content: bytes
    suffix: str


@dataclasses.dataclass(frozen=True)
class Mender:
    """Mends photos; threads may share it.

    Args:
        cutter: Model with the signature `cutout_png`.
        find_cleaner: Returns a model with the signature `clean`, when the first photo needs it.
        enlarger: Enlarges pictures.
    """

    cutter: PictureSource
    find_cleaner: Callable[[], PictureSource]
    enlarger: Enlarger

    def mend(self, content: bytes, values: Mapping[str, Any], place: Place) -> Mended:
        """Mends a photo for a place.

        Args:
            content: The photo's bytes.
            values: What `measure_photo` measured of it.
            place: The place.

        Raises:
            NotMendedError: Nothing can be mended, or it has to be cut out and there is no product, or a
                border cuts it off.
        """
        broken = {rule.measure for rule in broken_rules(values, place) if not rule.is_advice}
        if broken <= _UNMENDABLE:
            raise NotMendedError("nothing mends it without inventing; take it again")
        photo = Photo.read(content)
        if "jpeg_quality" in broken:
            photo = Cleaning().clean(photo, self.find_cleaner())
        if broken & _LAID:
            colours = self._lay_on_white(photo, values, place)
        else:
            colours = photo.on_white()
            width, height = find_size(colours.shape[1], colours.shape[0], place)
            colours = self.enlarger.resize(colours, width, height)
        return _save(photo, colours, values, place)

    def _lay_on_white(self, photo: Photo, values: Mapping[str, Any], place: Place) -> np.ndarray:
        if values.get("is_cut_off"):
            # In the middle of a white ground, no measure would tell any more that a piece is missing.
            raise NotMendedError("the product is cut off by a border of the photo; take it again")
        try:
            found = cut_out(photo.with_opacity(), self.cutter)
        except RowError as error:
            raise NotMendedError("; ".join(error.errors.values())) from error
        product = np.dstack([found.colours, found.opacity])
        left, top, right, bottom = grounds.outline_of(product)
        fill = find_fill(place)
        asked = [rule.equals for rule in place.rules if rule.measure == "ratio" and rule.equals]
        ratio = float(asked[0] if asked else values["ratio"])
        canvas_width = max((right - left) / fill, ratio * (bottom - top) / fill)
        width, height = find_size(canvas_width, canvas_width / ratio, place)
        scale = min(max(1.0, width / canvas_width), float(LARGEST_FACTOR))
        larger_width, larger_height = (round(scale * side) for side in (product.shape[1], product.shape[0]))
        colours = self.enlarger.resize(np.ascontiguousarray(found.colours), larger_width, larger_height)
        opacity = Image.fromarray(found.opacity).resize(
            (larger_width, larger_height), Image.Resampling.BICUBIC
        )
        placed = grounds.Placing((width, height), fill).apply(np.dstack([colours, np.asarray(opacity)]))
        return grounds.lay_on_colour(placed, _WHITE)


@contextlib.contextmanager
def open_mender(cutter: PictureSource) -> Iterator[Mender]:
    """Opens what mends photos; the models that clean and enlarge run in this process.

    Args:
        cutter: Model with the signature `cutout_png`.
    """
    with contextlib.ExitStack() as opened:
        lock = threading.Lock()

        @functools.cache
        def open_cleaner() -> PictureSource:
            source = open_source(None, ServerAccess(), None, None, CLEANER, [])
            return opened.enter_context(source)

        def find_cleaner() -> PictureSource:
            with lock:
                return open_cleaner()

        yield Mender(cutter, find_cleaner, opened.enter_context(Enlarger()))


def find_fill(place: Place) -> float:
    """Returns the share of the frame that a product shall fill to keep a place's rules, advice included.

    Example:

    >>> from serving.audit.rules import Rule
    >>> find_fill(Place("a", "A", True, (), "2026-11", (Rule("fill", at_least=0.75, at_most=0.9),)))
    0.825
    """
    low, high = _bounds(place, "fill", is_advised=True)
    if high is not None:
        return ((low or 0.0) + high) / 2 if low else high - _MORE_FILL
    return min(max(grounds.MARKET_FILL, (low or 0.0) + _MORE_FILL), _MOST_FILL)


def find_size(width: float, height: float, place: Place) -> tuple[int, int]:
    """Returns the size at which a picture keeps a place's rules, in the same ratio.

    Args:
        width: The picture's own width in pixels.
        height: Its height.
        place: The place.

    Returns:
        Width and height: at least the picture's own unless the place asks for less, at most four times as
        large, and larger for advice alone only up to twice.
    """
    sides = {
        "width": width,
        "height": height,
        "longest_side": max(width, height),
        "shortest_side": min(width, height),
        "width_and_height": width + height,
        "megapixels": math.sqrt(width * height / 1e6),
    }
    asked, advised, most = 1.0, 1.0, math.sqrt(MAX_PIXELS / (width * height))
    for measure, own in sides.items():
        power = 0.5 if measure == "megapixels" else 1.0
        low, high = _bounds(place, measure)
        wish, _ = _bounds(place, measure, is_advised=True)
        asked = max(asked, (low or 0.0) ** power / own)
        advised = max(advised, (wish or 0.0) ** power / own)
        most = min(most, math.inf if high is None else high**power / own)
    scale = max(asked, advised if advised <= _ADVISED_FACTOR else 1.0)
    scale = min(scale, most, float(LARGEST_FACTOR))
    # A pixel less would break a rule that asks for at least so many, a pixel more one for at most.
    rounding = math.floor if scale == most else math.ceil
    return tuple(max(1, rounding(round(scale * side, 3))) for side in (width, height))  # type: ignore[return-value]


def _bounds(place: Place, measure: str, is_advised: bool = False) -> tuple[float | None, float | None]:
    """Returns the largest lower and the smallest upper bound of a measure; advice counts if wanted."""
    rules = [rule for rule in place.rules if rule.measure == measure and is_advised >= rule.is_advice]
    lows = [rule.at_least for rule in rules if rule.at_least is not None]
    highs = [rule.at_most for rule in rules if rule.at_most is not None]
    return max(lows, default=None), min(highs, default=None)


def _save(photo: Photo, colours: np.ndarray, values: Mapping[str, Any], place: Place) -> Mended:
    formats = _allowed(place, "format")
    allowed = [name for name in _FORMATS if not formats or name in formats]
    file_format = photo.file_format if photo.file_format in allowed else (allowed or ["jpeg"])[0]
    dpi, _ = _bounds(place, "dpi", is_advised=True)
    metadata = photo.metadata.with_size(colours.shape[1], colours.shape[0])
    if dpi is not None and values.get("dpi", 0) < dpi:
        metadata = dataclasses.replace(metadata, dpi=(dpi, dpi))
    keeps_grey = photo.is_grey and "grey" in (_allowed(place, "colours") or ("grey",))
    if keeps_grey and (colours == colours[..., :1]).all():
        colours = np.ascontiguousarray(colours[..., :1])
    changed = dataclasses.replace(
        photo, pixels=colours, opacity=None, profile=None, metadata=metadata, file_format=file_format
    )
    content = Writing(file_format).write(changed)
    limits = [rule.at_most for rule in place.rules if _limits_bytes(rule, file_format)]
    most = 1e6 * min((limit for limit in limits if limit is not None), default=math.inf)
    if len(content) > most and "jpeg" in allowed:
        file_format = "jpeg"
        least, _ = _bounds(place, "jpeg_quality")
        for quality in _QUALITIES:
            if quality >= (least or 0):
                content = Writing(file_format, quality=quality).write(changed)
            if len(content) <= most:
                break
    return Mended(content, SUFFIXES[file_format][0])


def _limits_bytes(rule: Rule, file_format: str) -> bool:
    return rule.measure == "megabytes" and rule.only_format in (None, file_format)


def _allowed(place: Place, measure: str) -> tuple[str, ...]:
    """Returns the words that a place allows for a measure; none if it does not say."""
    return next((rule.one_of for rule in place.rules if rule.measure == measure and rule.one_of), ())
