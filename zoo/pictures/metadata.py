"""Keeps what a photo file says besides its pixels: EXIF, XMP, IPTC, comment and resolution.

EXIF is changed in place, byte by byte: camera makers' notes point to places in it, and would be lost.

Sources:
    [EXIF] CIPA DC-008-2023, Exif 3.0, chapter 4.
    [XMP] ISO 16684-1:2019.
"""

import contextlib
import dataclasses
import re
import struct
from xml.sax.saxutils import escape

from PIL import Image

from zoo.pictures.limits import MAX_METADATA_BYTES

_EXIF_PREFIX = b"Exif\0\0"
_ORIENTATION, _EXIF_IFD, _WIDTH, _HEIGHT = 0x0112, 0x8769, 0xA002, 0xA003
_THUMBNAIL, _THUMBNAIL_BYTES = 0x0201, 0x0202
_SHORT, _LONG = 3, 4
# Tags of a TIFF file that describe the photo, not how its pixels are stored.
_DESCRIBING_TAGS = (270, 271, 272, 305, 306, 315, 316, 33432, _EXIF_IFD, 34853)
_MARKERS = {"APP13": b"\xff\xed"}
_HISTORY = "http://ns.adobe.com/photoshop/1.0/"


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What a photo file says besides its pixels.

    Args:
        exif: EXIF as a TIFF structure, without a prefix; orientation upright, no thumbnail.
        xmp: XMP packet.
        iptc: The photo's IPTC segments, as they stand in a JPEG file.
        comment: A JPEG file's comment.
        dpi: Horizontal and vertical resolution in pixels per inch.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    dpi: tuple[float, float] | None = None

    def with_provenance(self, line: str) -> "Metadata":
        """Adds a line to the history in XMP (`photoshop:History`)."""
        return dataclasses.replace(self, xmp=_add_history(self.xmp, line))

    def with_size(self, width: int, height: int) -> "Metadata":
        """States other pixel dimensions in EXIF, where it states any."""
        return dataclasses.replace(self, exif=_set_size(self.exif, width, height))


def read_metadata(picture: Image.Image) -> Metadata:
    """Reads the metadata of an opened photo; what is damaged is left out.

    Args:
        picture: As Pillow has opened it, not yet turned upright.
    """
    exif = xmp = b""
    with contextlib.suppress(Exception):
        exif = _set_upright(_exif_of(picture))
    with contextlib.suppress(Exception):
        packet = picture.info.get("xmp") or b""
        packet = packet.encode() if isinstance(packet, str) else bytes(packet)
        xmp = re.sub(rb"""(tiff:Orientation(?:=["']|>))[2-8]""", rb"\g<1>1", packet)
    markers = b""
    for marker, data in getattr(picture, "applist", []):
        if marker in _MARKERS:
            markers += _MARKERS[marker] + struct.pack(">H", len(data) + 2) + data
    comment = picture.info.get("comment", b"") if picture.format in ("JPEG", "MPO") else b""
    return Metadata(
        exif=exif if len(exif) <= MAX_METADATA_BYTES else b"",
        xmp=xmp if len(xmp) <= MAX_METADATA_BYTES else b"",
        iptc=markers,
        comment=bytes(comment),
        dpi=_dpi_of(picture),
    )


def _dpi_of(picture: Image.Image) -> tuple[float, float] | None:
    with contextlib.suppress(Exception):
        if picture.format in ("JPEG", "MPO") and picture.info.get("jfif_unit", 1) == 0:
            return None  # a mere aspect ratio
        horizontal, vertical = (float(value) for value in picture.info["dpi"])
        if 1 < horizontal < 1e5 and 1 < vertical < 1e5:  # 1 is what TIFF files without resolution say
            return horizontal, vertical
    return None


def _exif_of(picture: Image.Image) -> bytes:
    if picture.format == "TIFF":
        found = picture.getexif()
        exif = Image.Exif()
        for tag in _DESCRIBING_TAGS:
            if tag in found:
                exif[tag] = found.get_ifd(tag) if tag in (_EXIF_IFD, 34853) else found[tag]
        return exif.tobytes().removeprefix(_EXIF_PREFIX) if len(exif) else b""
    content = bytes(picture.info.get("exif") or b"")
    if not content and "Raw profile type exif" in picture.info:  # of old PNG files
        content = picture.getexif().tobytes()
    return content.removeprefix(_EXIF_PREFIX)


def _set_upright(exif: bytes) -> bytes:
    """Resets the orientation and removes the thumbnail."""
    if not exif:
        return b""
    changed = bytearray(exif)
    directory = _Directory(changed, _first_directory(changed))
    directory.set(_ORIENTATION, 1)
    thumbnail_at = directory.next_directory
    directory.next_directory = 0
    if thumbnail_at:
        thumbnail = _Directory(changed, thumbnail_at)
        start, length = thumbnail.get(_THUMBNAIL), thumbnail.get(_THUMBNAIL_BYTES)
        if start and length and start + length <= len(changed):
            changed[start : start + length] = bytes(length)
            if start + length == len(changed):
                del changed[start:]
    return bytes(changed)


def _set_size(exif: bytes, width: int, height: int) -> bytes:
    changed = bytearray(exif)
    with contextlib.suppress(struct.error, IndexError, ValueError):
        camera = _Directory(changed, _first_directory(changed)).get(_EXIF_IFD)
        if camera:
            for tag, value in ((_WIDTH, width), (_HEIGHT, height)):
                _Directory(changed, camera).set(tag, value)
    return bytes(changed)


def _first_directory(exif: bytearray) -> int:
    order = ">" if exif[:2] == b"MM" else "<"
    if exif[:2] not in (b"MM", b"II"):
        raise ValueError("no TIFF structure")
    return struct.unpack_from(order + "I", exif, 4)[0]


class _Directory:
    """One directory of tags in a TIFF structure; reads and writes numbers in place."""

    def __init__(self, content: bytearray, start: int):
        self._content = content
        self._order = ">" if content[:2] == b"MM" else "<"
        (num_entries,) = struct.unpack_from(self._order + "H", content, start)
        self._entries = range(start + 2, start + 2 + 12 * num_entries, 12)
        self._end = start + 2 + 12 * num_entries

    @property
    def next_directory(self) -> int:
        if self._end + 4 > len(self._content):
            return 0
        return struct.unpack_from(self._order + "I", self._content, self._end)[0]

    @next_directory.setter
    def next_directory(self, start: int) -> None:
        if self._end + 4 <= len(self._content):
            struct.pack_into(self._order + "I", self._content, self._end, start)

    def _find(self, tag: int) -> tuple[int, str] | None:
        for entry in self._entries:
            found, kind, count = struct.unpack_from(self._order + "HHI", self._content, entry)
            if found == tag and kind in (_SHORT, _LONG) and count == 1:
                return entry + 8, self._order + ("H" if kind == _SHORT else "I")
        return None

    def get(self, tag: int) -> int | None:
        place = self._find(tag)
        return None if place is None else struct.unpack_from(place[1], self._content, place[0])[0]

    def set(self, tag: int, value: int) -> None:
        place = self._find(tag)
        if place is not None:
            struct.pack_into(place[1], self._content, place[0], value)


def _add_history(xmp: bytes, line: str) -> bytes:
    text = escape(line, {'"': "&quot;"}).encode()
    known = re.search(rb'photoshop:History="([^"]*)"', xmp)
    if known:
        return xmp[: known.end(1)] + b"; " + text + xmp[known.end(1) :]
    described = (
        b'<rdf:Description rdf:about="" xmlns:photoshop="'
        + _HISTORY.encode()
        + b'" photoshop:History="'
        + text
        + b'"/>'
    )
    end = xmp.rfind(b"</rdf:RDF>")
    if end >= 0:
        return xmp[:end] + described + xmp[end:]
    return (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        + described
        + b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )
