"""Makes small ICC profiles for tests.

Source: [ICC] specification ICC.1:2022, chapters 7 to 10.
"""

import struct

# Red, green and blue of each space in the profile's own white (D50), X Y Z; and the exponent of its curve.
SPACES = {
    "display_p3": (((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841)), 2.2),
    "adobe_rgb": (((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)), 2.199),
}
_WHITE = (0.9642, 1.0, 0.8249)


def make_profile(space: str) -> bytes:
    """Returns a profile of RGB pixels: `display_p3` (with a plain power curve) or `adobe_rgb`."""
    primaries, gamma = SPACES[space]
    return _pack(
        b"RGB ",
        {b"rXYZ": _xyz(primaries[0]), b"gXYZ": _xyz(primaries[1]), b"bXYZ": _xyz(primaries[2])}
        | {name: _curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")},
    )


def make_grey_profile(gamma: float) -> bytes:
    """Returns a profile of grey pixels with a power curve."""
    return _pack(b"GRAY", {b"kTRC": _curve(gamma)})


def _pack(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": _text(b"test"), b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": _xyz(_WHITE), **tags}
    start = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content
    size = start + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(_fixed(value) for value in _WHITE)
    return header.ljust(128, b"\0") + table + data


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(value) for value in values)


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def _text(text: bytes) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(79)
