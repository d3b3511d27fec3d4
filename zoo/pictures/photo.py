"""A photo with everything that its file holds, so that a changed one loses nothing.

Models see 8-bit sRGB. What they change is carried over to the photo's own pixels: its colour space, 16 bits,
grey, transparency.
"""

import dataclasses
import warnings

import numpy as np

from zoo.pictures import colour_profiles, png_chunks
from zoo.pictures.metadata import Metadata
from zoo.pictures.photo_decoder import decode
from zoo.pictures.photo_files import UnreadablePhotoError, open_photo
from zoo.pictures.planes import enlarge, extend, to_eight_bits

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
        return colours if self.opacity is None else extend(colours, self.opacity > 0)

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
        opacity = None if self.opacity is None else enlarge(self.opacity[..., None], width, height)[..., 0]
        if is_plain:
            return dataclasses.replace(self, pixels=images, opacity=opacity, metadata=metadata)
        visible = self.pixels
        if self.opacity is not None and visible.shape[-1] < 4:
            visible = extend(visible, self.opacity > 0)
        large = dataclasses.replace(
            self, pixels=enlarge(visible, width, height), opacity=opacity, metadata=metadata
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


def _read(content: bytes, reduced_to: int | None) -> Photo:
    picture = open_photo(content)
    kind = picture.format or ""
    file_format = FORMATS[kind]
    # Pillow shows what there is of them; other programs do not.
    if file_format == "png" and not png_chunks.has_end(content):
        raise UnreadablePhotoError("truncated", "its end is missing")
    full_size = picture.size
    if reduced_to is not None and file_format == "jpeg":
        picture.draft(None, (reduced_to, reduced_to))
    num_frames = getattr(picture, "n_frames", 1) if kind != "MPO" else 1
    profile = picture.info.get("icc_profile") or None
    decoded = decode(content, picture)
    pixels = decoded.pixels
    gamma = picture.info.get("gamma")
    if kind == "PNG" and gamma and profile is None and "srgb" not in picture.info:
        pixels = colour_profiles.apply_gamma(pixels, gamma)
    notes = [f"the first of {num_frames} frames"] if num_frames > 1 else []
    num_channels = pixels.shape[-1]
    if profile is None:
        notes.append("no colour profile: taken as sRGB")
    elif num_channels != 3 and colour_profiles.usable_profile(profile, num_channels) is None:
        notes.append("its colour profile does not fit its pixels and is ignored")
    return Photo(
        pixels=pixels,
        opacity=decoded.opacity,
        profile=profile,
        metadata=decoded.metadata,
        file_format=file_format,
        is_lossless=b"VP8L" in content[12:64] if file_format == "webp" else False,
        notes=tuple(notes),
        full_size=full_size[::-1] if decoded.orientation >= 5 else full_size,
        is_plain=decoded.is_simple
        and decoded.orientation == 1
        and colour_profiles.usable_profile(profile, num_channels) is None,
    )


def _is_coloured(images: np.ndarray) -> bool:
    spread = images.max(axis=-1).astype("int16") - images.min(axis=-1)
    return bool((spread >= _COLOURED_LEVELS).any())
