"""A photo with everything that its file holds, so that a changed one loses nothing.

Models see 8-bit sRGB. What they change is carried over to the photo's own pixels: its colour space, 16 bits,
grey, transparency.

Source: [PNG] W3C, Portable Network Graphics, third edition, section 11.3.2.2 (gamma).
"""

import contextlib
import dataclasses
import warnings

import numpy as np
from PIL import Image, ImageOps

from zoo.pictures import colour_profiles, deep_pixels, png_chunks
from zoo.pictures.metadata import Metadata, read_metadata
from zoo.pictures.photo_files import UnreadablePhotoError, open_photo

FORMATS = {
    "JPEG": "jpeg",
    "MPO": "jpeg",
    "PNG": "png",
    "WEBP": "webp",
    "AVIF": "avif",
    "TIFF": "tiff",
    "BMP": "bmp",
    "GIF": "gif",
    "HEIF": "heif",
}
# How far colours outside of sRGB return, by how much the model changed the pixel: not at all from this on.
_FORGOTTEN_LEVELS = 64
# Changes of one grey level are rounding; 16-bit pixels do not follow them.
_ROUNDING_LEVELS = 1
# From this difference between its channels on, a pixel of a grey photo has a colour.
_COLOURED_LEVELS = 3
_GREY_MODES = ("1", "L", "LA", "La")
_STANDARD_GAMMA = 0.45455


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """A photo.

    Args:
        pixels: uint8 or uint16 array `[h, w, C]`, upright: C is 1 for grey, 3 for RGB, 4 for CMYK.
        opacity: Array `[h, w]` of the same type, 0 for transparent pixels; None if all are opaque.
        profile: Embedded ICC profile, or None.
        metadata: What else its file says.
        file_format: `jpeg`, `png`, `webp`, `avif`, `tiff`, `bmp`, `gif` or `heif`.
        is_lossless: Whether a WebP file keeps every pixel as it is.
        notes: What a careful user wants to know of the file.
        full_size: Width and height of the photo in its file, upright.
        is_plain: Whether its file can be shown as it is by any decoder: 8-bit grey or RGB, upright, without a
            profile that matters.

    Example:

    >>> photo = Photo(np.full([2, 2, 1], 300, "uint16"))
    >>> photo.to_srgb().tolist()[0][0]
    [1, 1, 1]
    """

    pixels: np.ndarray
    opacity: np.ndarray | None = None
    profile: bytes | None = None
    metadata: Metadata = Metadata()
    file_format: str = "png"
    is_lossless: bool = False
    notes: tuple[str, ...] = ()
    full_size: tuple[int, int] | None = None
    is_plain: bool = False

    @classmethod
    def read(cls, content: bytes, reduced_to: int | None = None) -> "Photo":
        """Reads a photo file of any kind.

        Args:
            content: The file's bytes.
            reduced_to: If given, a JPEG photo may be read at a smaller size, of at least so many pixels on
                each side, which is faster.

        Raises:
            UnreadablePhotoError: It is no photo, too large, truncated or damaged.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns about odd metadata
                return _read(content, reduced_to)
        except Exception as error:  # noqa: BLE001 - decoders raise anything on a damaged file
            raise UnreadablePhotoError.of(error) from error

    @property
    def is_deep(self) -> bool:
        """Whether it has 16 bits a channel."""
        return self.pixels.dtype == np.uint16

    @property
    def is_grey(self) -> bool:
        """Whether it has no colours."""
        return self.pixels.shape[-1] == 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def to_srgb(self) -> np.ndarray:
        """Returns the colours as models see them, uint8 sRGB `[h, w, 3]`."""
        pixels = to_eight_bits(self.pixels)
        return colour_profiles.to_srgb(pixels, self._usable_profile())

    def with_opacity(self) -> np.ndarray:
        """Returns uint8 sRGB `[h, w, 3]`, or `[h, w, 4]` if the photo has transparent pixels."""
        if self.opacity is None:
            return self.to_srgb()
        return np.concatenate([self.to_srgb(), to_eight_bits(self.opacity)[..., None]], axis=-1)

    def with_own_opacity(self) -> np.ndarray:
        """Returns pixels and opacity in one array `[h, w, C+1]`, in the photo's own colour space."""
        limit = np.iinfo(self.pixels.dtype).max
        opacity = np.full(self.pixels.shape[:2], limit) if self.opacity is None else self.opacity
        return np.concatenate([self.pixels, opacity[..., None].astype(self.pixels.dtype)], axis=-1)

    def on_white(self) -> np.ndarray:
        """Returns uint8 sRGB `[h, w, 3]`, with transparent parts on white."""
        colours = self.to_srgb()
        if self.opacity is None:
            return colours
        opacity = to_eight_bits(self.opacity)[..., None].astype("uint32")
        return ((colours * opacity + 255 * (255 - opacity) + 127) // 255).astype("uint8")

    def extended(self) -> np.ndarray:
        """Returns uint8 sRGB `[h, w, 3]` in which the visible colours reach into what is transparent.

        Networks look at neighbours: what a file hides there must not colour the edges.
        """
        colours = self.to_srgb()
        return colours if self.opacity is None else _extend(colours, self.opacity > 0)

    def changed(
        self, images: np.ndarray, before: np.ndarray | None = None, keeps_grey: bool = False
    ) -> "Photo":
        """Carries a model's change over to the photo's own pixels.

        Pixels that the model left alone keep their values to the last bit.

        Args:
            images: What the model made of it, uint8 sRGB `[h, w, 3]`.
            before: What the model's change counts from, in the same form; by default `to_srgb()`.
            keeps_grey: Whether a grey photo stays grey even if the model gave it a tint.
        """
        if self.is_grey and not keeps_grey and _is_coloured(images):
            return self._as_rgb().changed(images, before)
        profile = self._usable_profile()
        if not self.is_deep and profile is None and not self.is_grey and self.pixels.shape[-1] == 3:
            return dataclasses.replace(self, pixels=images)
        before = self.to_srgb() if before is None else before
        difference = images.astype("int16") - before
        amount = np.abs(difference).max(axis=-1, keepdims=True)
        if self.is_deep:
            difference = np.where(amount > _ROUNDING_LEVELS, difference, 0)
            images = (before + difference).astype("uint8")
        num_channels = self.pixels.shape[-1]
        there, here = (colour_profiles.from_srgb(seen, profile, num_channels) for seen in (images, before))
        scale = 257 if self.is_deep else 1
        rest = self.pixels.astype("float32") - scale * here.astype("float32")
        if num_channels == 4:
            # The same colour has many mixtures of inks, which must not be added to each other.
            changed = np.where(amount > 4, scale * there.astype("float32"), self.pixels)
        else:
            fine = np.clip(rest, -scale, scale)
            kept = np.clip(1.0 - amount / _FORGOTTEN_LEVELS, 0.0, 1.0)
            changed = scale * there.astype("float32") + fine + kept * (rest - fine)
        limit = np.iinfo(self.pixels.dtype).max
        return dataclasses.replace(
            self, pixels=np.clip(np.round(changed), 0, limit).astype(self.pixels.dtype)
        )

    def enlarged(self, images: np.ndarray) -> "Photo":
        """Carries an enlargement over to the photo's own pixels.

        Args:
            images: The model's enlargement of `extended()`, uint8 sRGB `[s*h, s*w, 3]`.
        """
        height, width = images.shape[:2]
        is_plain = not self.is_deep and self._usable_profile() is None and self.pixels.shape[-1] == 3
        metadata = self.metadata.with_size(width, height)
        if self.opacity is None and is_plain:
            return dataclasses.replace(self, pixels=images, metadata=metadata)
        opacity = None if self.opacity is None else _resize(self.opacity[..., None], width, height)[..., 0]
        if is_plain:
            return dataclasses.replace(self, pixels=images, opacity=opacity, metadata=metadata)
        visible = self.pixels
        if self.opacity is not None and visible.shape[-1] < 4:
            visible = _extend(visible, self.opacity > 0)
        large = dataclasses.replace(
            self, pixels=_resize(visible, width, height), opacity=opacity, metadata=metadata
        )
        return large.changed(images, keeps_grey=True)

    def with_colours(self, pixels: np.ndarray, opacity: np.ndarray | None) -> "Photo":
        """Replaces pixels and opacity, for example after the photo was laid on a ground.

        Args:
            pixels: As the class's argument, in the photo's own colour space.
            opacity: As the class's argument.
        """
        metadata = self.metadata.with_size(pixels.shape[1], pixels.shape[0])
        return dataclasses.replace(self, pixels=pixels, opacity=opacity, metadata=metadata)

    def as_rgb(self) -> "Photo":
        """Returns it with 8 bits a channel and in RGB: its own colour space if that is one, else sRGB."""
        photo = dataclasses.replace(
            self,
            pixels=to_eight_bits(self.pixels),
            opacity=None if self.opacity is None else to_eight_bits(self.opacity),
        )
        return photo if photo.pixels.shape[-1] == 3 else photo._as_rgb()

    def in_srgb(self) -> "Photo":
        """Returns it in sRGB, without a profile: grey stays grey; 16 bits stay where it had no profile."""
        if self._usable_profile() is None and self.pixels.shape[-1] < 4:
            return dataclasses.replace(self, profile=None)
        colours = self.to_srgb()
        if self.is_grey:
            colours = colours[..., :1]
        opacity = None if self.opacity is None else to_eight_bits(self.opacity)
        return dataclasses.replace(self, pixels=colours, opacity=opacity, profile=None)

    def from_srgb(self, images: np.ndarray) -> np.ndarray:
        """Converts uint8 sRGB `[h, w, 3]` to the photo's own colour space, uint8 `[h, w, C]`."""
        return colour_profiles.from_srgb(images, self._usable_profile(), self.pixels.shape[-1])

    def _usable_profile(self) -> bytes | None:
        return colour_profiles.usable_profile(self.profile, self.pixels.shape[-1])

    def _as_rgb(self) -> "Photo":
        if self.is_grey and self._usable_profile() is None:
            return dataclasses.replace(self, pixels=np.repeat(self.pixels, 3, axis=-1), profile=None)
        return dataclasses.replace(
            self,
            pixels=self.to_srgb(),
            opacity=None if self.opacity is None else to_eight_bits(self.opacity),
            profile=None,
        )


def read_photo(content: bytes, has_opacity: bool = True) -> np.ndarray:
    """Decodes a photo file of any kind, upright, in sRGB.

    Args:
        content: The file's bytes.
        has_opacity: Whether transparency is kept; otherwise transparent parts are laid on white.

    Returns:
        uint8 array `[h, w, 3]`, or `[h, w, 4]` where the photo has transparent pixels that are kept.

    Raises:
        UnreadablePhotoError: It is no photo, too large, truncated or damaged.

    Example:

    >>> read_photo(b"GIF89a")
    Traceback (most recent call last):
    zoo.pictures.photo_files.UnreadablePhotoError: truncated: the header is damaged or ends early
    """
    photo = Photo.read(content)
    return photo.with_opacity() if has_opacity else photo.on_white()


def to_eight_bits(pixels: np.ndarray) -> np.ndarray:
    """Rounds uint16 values to uint8; leaves uint8 as it is.

    Example:

    >>> to_eight_bits(np.array([0, 257, 65535], "uint16")).tolist()
    [0, 1, 255]
    """
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype("uint32") + 128) // 257).astype("uint8")


def _read(content: bytes, reduced_to: int | None) -> Photo:
    picture = open_photo(content)
    kind = picture.format or ""
    file_format = FORMATS[kind]
    # Pillow shows what there is of them; other programs do not.
    if file_format == "png" and not png_chunks.has_end(content):
        raise UnreadablePhotoError("truncated", "its end is missing")
    is_deep = deep_pixels.is_deep(content, kind, getattr(picture, "tag_v2", None))
    full_size = picture.size
    if reduced_to is not None and file_format == "jpeg":
        picture.draft(None, (reduced_to, reduced_to))
    num_frames = getattr(picture, "n_frames", 1) if picture.format != "MPO" else 1
    profile = picture.info.get("icc_profile") or None
    # Before the metadata: reading a PNG's metadata first would hide damaged pixels.
    if is_deep:
        pixels, opacity = _read_deep(content, picture)
    else:
        picture.load()
        pixels, opacity = None, None
    orientation = _read_orientation(picture)
    metadata = read_metadata(picture)
    is_turned = orientation != 1
    is_simple = picture.mode in ("L", "RGB") and "transparency" not in picture.info
    if pixels is None:
        _turn_upright(picture)
        pixels, opacity = _split(picture)
    else:
        pixels = _turn(pixels, orientation)
        opacity = None if opacity is None else _turn(opacity, orientation)
    gamma = picture.info.get("gamma")
    if picture.format == "PNG" and gamma and profile is None and "srgb" not in picture.info:
        pixels = _apply_gamma(pixels, gamma)
    notes = [f"the first of {num_frames} frames"] if num_frames > 1 else []
    num_channels = pixels.shape[-1]
    if profile is None:
        notes.append("no colour profile: taken as sRGB")
    elif num_channels != 3 and colour_profiles.usable_profile(profile, num_channels) is None:
        notes.append("its colour profile does not fit its pixels and is ignored")
    return Photo(
        pixels=pixels,
        opacity=opacity,
        profile=profile,
        metadata=metadata,
        file_format=file_format,
        is_lossless=b"VP8L" in content[12:64] if file_format == "webp" else False,
        notes=tuple(notes),
        full_size=full_size[::-1] if orientation >= 5 else full_size,
        is_plain=is_simple
        and not is_deep
        and not is_turned
        and colour_profiles.usable_profile(profile, num_channels) is None,
    )


def _read_orientation(picture: Image.Image) -> int:
    """Returns the EXIF orientation, 1 to 8; 1 where it is unknown."""
    try:
        orientation = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - damaged metadata is no reason to refuse a photo
        return 1
    return orientation if orientation in range(1, 9) else 1


def _turn_upright(picture: Image.Image) -> None:
    """Turns a picture upright, in place, as its EXIF orientation asks."""
    # Pillow turns the pixels before it rewrites the metadata, which may fail if these are damaged.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(picture, in_place=True)


def _turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    # What is left after exchanging the axes: mirrored from left to right, upside down, or both.
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _split(picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the pixels of an 8-bit picture in any mode, and their opacity."""
    if picture.mode == "F":
        raise UnreadablePhotoError("unknown colour mode", "floating-point pixels have no known white")
    if picture.mode.startswith("I"):
        return _split_deep_grey(picture)
    is_grey = picture.mode in _GREY_MODES
    if picture.has_transparency_data:
        values = np.asarray(picture.convert("LA" if is_grey else "RGBA"))
        opacity = np.ascontiguousarray(values[..., -1])
        return np.ascontiguousarray(values[..., :-1]), None if (opacity == 255).all() else opacity
    if picture.mode == "CMYK":
        return np.asarray(picture), None
    if is_grey:
        return np.asarray(picture.convert("L"))[..., None], None
    values = np.asarray(picture.convert("RGB"))
    if picture.mode == "P" and (values == values[..., :1]).all():
        return np.ascontiguousarray(values[..., :1]), None
    return values, None


def _split_deep_grey(picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    values = np.asarray(picture).astype("int64")
    if values.min() < 0 or values.max() > 65535:
        raise UnreadablePhotoError("unknown colour mode", "more than 16 bits a pixel")
    return values.astype("uint16")[..., None], None


def _read_deep(content: bytes, picture: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    values = deep_pixels.read_deep(content, picture.format or "")
    if values.shape[:2] != picture.size[::-1] or values.dtype != np.uint16:
        raise UnreadablePhotoError("damaged", "its size differs from its header")
    num_channels = values.shape[-1]
    is_cmyk = picture.mode == "CMYK"
    if num_channels in (1, 3) or is_cmyk:
        hidden = deep_pixels.transparent_value(content) if picture.format == "PNG" else None
        opacity = None
        if hidden is not None and len(hidden) == num_channels:
            opacity = np.where((values == np.array(hidden)).all(axis=-1), 0, 65535).astype("uint16")
        return values[..., : 4 if is_cmyk else num_channels], opacity
    if num_channels not in (2, 4):
        raise UnreadablePhotoError("unknown colour mode", f"{num_channels} channels of 16 bits")
    pixels, opacity = np.ascontiguousarray(values[..., :-1]), np.ascontiguousarray(values[..., -1])
    tags = getattr(picture, "tag_v2", None)
    if tags is not None and tags.get(338) in (1, (1,)):  # colours are multiplied by opacity
        share = np.maximum(opacity, 1)[..., None] / 65535.0
        pixels = np.clip(np.round(pixels / share), 0, 65535).astype("uint16")
    return pixels, None if (opacity == 65535).all() else opacity


def _apply_gamma(pixels: np.ndarray, gamma: float) -> np.ndarray:
    """Converts to sRGB what a PNG file's `gAMA` declares: values are light to the power of `gamma`."""
    if not 0.05 < gamma < 20 or abs(gamma - _STANDARD_GAMMA) < 0.02:
        return pixels
    limit = np.iinfo(pixels.dtype).max
    light = (np.arange(limit + 1) / limit) ** (1.0 / gamma)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(limit * encoded).astype(pixels.dtype)[pixels]


def _is_coloured(images: np.ndarray) -> bool:
    spread = images.max(axis=-1).astype("int16") - images.min(axis=-1)
    return bool((spread >= _COLOURED_LEVELS).any())


def _resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Enlarges `[h, w, C]` by bicubic interpolation, channel by channel, in floating point."""
    limit = np.iinfo(pixels.dtype).max
    enlarged = np.empty([height, width, pixels.shape[-1]], pixels.dtype)
    for channel in range(pixels.shape[-1]):
        plane = Image.fromarray(pixels[..., channel].astype("float32"))
        large = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC))
        enlarged[..., channel] = np.clip(np.round(large), 0, limit)
    return enlarged


def _extend(pixels: np.ndarray, is_visible: np.ndarray) -> np.ndarray:
    """Fills hidden pixels with the colours of visible ones nearby, from fine scales to coarse ones."""
    if is_visible.all() or not is_visible.any():
        return pixels
    height, width = is_visible.shape
    filled = pixels.astype("float32")
    known = is_visible.copy()
    scale = 2
    while not known.all() and scale < 4 * max(height, width):
        size = (max(1, -(-width // scale)), max(1, -(-height // scale)))
        weight = _shrunk(is_visible.astype("float32"), size)
        is_new = ~known & (_grown(weight, (width, height)) > 1e-4)
        for channel in range(pixels.shape[-1]):
            small = _shrunk(np.where(is_visible, pixels[..., channel], 0).astype("float32"), size)
            large = _grown(small / np.maximum(weight, 1e-6), (width, height))
            filled[..., channel] = np.where(is_new, large, filled[..., channel])
        known |= is_new
        scale *= 2
    return np.round(filled).astype(pixels.dtype)


def _shrunk(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BOX))


def _grown(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.NEAREST))
