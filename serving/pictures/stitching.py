"""Stitches photos that overlap: finds how they lie, and has a model compose them."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from serving.pictures.source import PictureSource
from zoo.pictures.limits import MAX_PIXELS
from zoo.pictures.photo import Photo
from zoo.pictures.photo_writer import write_png
from zoo.stitching.alignment import align
from zoo.stitching.geometry import reduce_to_canvas
from zoo.stitching.rectangle import largest_rectangle
from zoo.stitching.view import view_photo


class NothingToStitchError(ValueError):
    """Raised where no two photos fit together."""


@dataclasses.dataclass(frozen=True)
class Stitching:
    """A stitched picture.

    Args:
        photo: The picture, 8-bit sRGB; transparent outside of the photos unless it was cropped.
        used: Indices of the photos in it; the first is the one that the others were fitted to.
        refused: Why each other photo is not in it, by its index.
        scale: How large it is, as a share of the first photo's scale: below 1 if it was reduced to the limit.
    """

    photo: Photo
    used: list[int]
    refused: dict[int, str]
    scale: float


def stitch(
    photos: Sequence[Photo],
    names: Sequence[str],
    source: PictureSource,
    blend: str,
    crops: bool,
    track: Callable[[Sequence], Iterable] = iter,
) -> Stitching:
    """Stitches photos.

    Args:
        photos: Two to eight photos, in any order. Transparent parts are taken as white.
        names: Their names, for messages.
        source: A source with the signature `stitch`.
        blend: One of `zoo.stitching.stitcher.BLENDS`.
        crops: Whether to crop to the largest rectangle without empty parts.
        track: Wraps what is waited for, e.g. in a progress bar.

    Raises:
        ImportError: The extra `stitching` is not installed.
        NothingToStitchError: No two photos fit together; the message says why for each.
        PredictionError: The source refuses the request.
    """
    raw_images = [photo.on_white() for photo in photos]
    alignment = align([view_photo(raw_image) for raw_image in track(raw_images)], track)
    refused = {
        index: refusal.reason.format(other="" if refusal.other is None else names[refusal.other])
        for index, refusal in sorted(alignment.refused.items())
    }
    if len(alignment.order) < 2:
        reasons = " ".join(f"{names[index]}: {reason}." for index, reason in refused.items())
        raise NothingToStitchError(
            "Photos must overlap by a fifth or more, and show the same from about the same place. Received: "
            f"{names[alignment.order[0]]}, to which no other photo fits. {reasons} Take them again with more "
            "in common, or name others."
        )
    used = [raw_images[index] for index in alignment.order]
    homographies, scale = reduce_to_canvas(
        alignment.homographies, [raw_image.shape[:2] for raw_image in used], MAX_PIXELS
    )
    outputs = source.predict(
        "stitch",
        {
            "image_bytes": np.array([[write_png(raw_image) for raw_image in used]], dtype=object),
            "homographies": homographies.astype("float32")[np.newaxis],
            "blend": np.array([blend], dtype=object),
        },
    )
    pixels = Photo.read(outputs["image_bytes"][0]).to_srgb()
    mask = Photo.read(outputs["mask_bytes"][0]).pixels[..., 0] > 127
    opacity = None
    if crops:
        top, left, bottom, right = largest_rectangle(mask)
        pixels = np.ascontiguousarray(pixels[top:bottom, left:right])
    elif not mask.all():
        opacity = mask.astype("uint8") * np.uint8(255)
    if all(photos[index].is_grey for index in alignment.order):
        pixels = pixels[..., :1]
    return Stitching(Photo(pixels, opacity), alignment.order, refused, scale)
