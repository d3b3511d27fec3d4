"""Makes damaged PNG and JPEG files: changes fields, and corrects the checksums or leaves them wrong."""

import random as random_module
import struct
import zlib

from picture_files import JPEGS, PNGS, chunk, exif_bytes

Random = random_module.Random

_SIGNATURE_BYTES = 8
_SIDES = (0, 1, 2, 7, 33, 255, 5000, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
_OTHER_KINDS = (
    b"",
    b"\0",
    b"bad",
    b"GIF89a" + bytes(40),
    b"BM" + bytes(60),
    b"II*\0" + bytes(60),
    b"%PDF-1.4\n",
)


def picture_file(random: Random) -> bytes:
    """Returns a PNG or JPEG file, most of them damaged."""
    if random.random() < 0.05:
        return random.choice(_OTHER_KINDS)
    is_png = random.random() < 0.5
    file = random.choice(list((PNGS if is_png else JPEGS).values()))
    for _ in range(random.choice((0, 1, 1, 1, 1, 2, 3))):
        file = _damage_png(random, file) if is_png and random.random() < 0.7 else file
        file = _damage_jpeg(random, file) if not is_png and random.random() < 0.7 else file
        file = damage_bytes(random, file) if random.random() < 0.3 else file
    return file


def damage_bytes(random: Random, data: bytes) -> bytes:
    """Changes, cuts, doubles or moves a few of the bytes."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        place = random.randrange(len(changed) + 1)
        length = random.choice((1, 1, 2, 4, 8, 64))
        match random.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([random.randrange(256)])
            case 1:
                changed[place : place + length] = random.randbytes(length)
            case 2:
                del changed[place : place + length]
            case 3:
                changed[place:place] = changed[place : place + length]
            case 4:
                changed[place : place + length] = random.choice((b"\0", b"\xff")) * length
            case 5 if random.random() < 0.3:
                del changed[place:]
    return bytes(changed)


def _damage_png(random, file):
    chunks = _chunks(file)
    if not chunks:
        return damage_bytes(random, file)
    index = random.randrange(len(chunks))
    name, content = chunks[index]
    match random.randrange(10):
        case 0 | 1:
            chunks[0] = (chunks[0][0], _other_header(random, chunks[0][1]))
        case 2:
            del chunks[index]
        case 3:
            chunks.insert(random.randrange(len(chunks) + 1), chunks[index])
        case 4:
            chunks.insert(1, _odd_chunk(random))
        case 5:
            random.shuffle(chunks)
        case 6:
            chunks[index] = (name, damage_bytes(random, content))
        case 7:
            chunks = [
                (name, _other_pixels(random, content)) if name == b"IDAT" else (name, content)
                for name, content in chunks
            ]
        case 8:
            chunks[1:1] = [_odd_chunk(random)] * random.choice((2, 200, 300))
        case 9:
            return _with_a_wrong_number(random, file, chunks, index)
    return file[:_SIGNATURE_BYTES] + b"".join(chunk(name, content) for name, content in chunks)


def _chunks(file):
    chunks, place = [], _SIGNATURE_BYTES
    while place + 12 <= len(file):
        (length,) = struct.unpack(">I", file[place : place + 4])
        chunks.append((file[place + 4 : place + 8], file[place + 8 : place + 8 + length]))
        place += 12 + length
    return chunks


def _other_header(random, header):
    fields = bytearray(header.ljust(13, b"\0"))
    if random.random() < 0.5:
        fields[:8] = struct.pack(">II", random.choice(_SIDES), random.choice((1, 24, random.choice(_SIDES))))
    else:
        fields[random.randrange(8, 13)] = random.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    return bytes(fields)


def _odd_chunk(random):
    name = random.choice(
        (
            b"PLTE",
            b"tRNS",
            b"eXIf",
            b"gAMA",
            b"cHRM",
            b"iCCP",
            b"tEXt",
            b"zTXt",
            b"acTL",
            b"sBIT",
            b"bKGD",
            b"IEND",
            b"IHDR",
            b"IDAT",
            b"aaaa",
            b"\0\0\0\0",
        )
    )
    content = random.choice(
        (b"", bytes(3), bytes(random.randrange(800)), random.randbytes(256), exif_bytes(6))
    )
    return name, damage_bytes(random, content) if random.random() < 0.5 else content


def _other_pixels(random, content):
    try:
        pixels = zlib.decompress(content)
    except zlib.error:
        return b""
    match random.randrange(5):
        case 0:
            pixels = pixels[: random.randrange(len(pixels) + 1)]
        case 1:
            pixels += bytes(random.choice((1, 1000, 100_000)))
        case 2:
            pixels = damage_bytes(random, pixels)
        case 3:
            return content[: random.randrange(len(content) + 1)]
        case 4:
            packer = zlib.compressobj(9, zlib.DEFLATED, random.choice((-15, 9, 31)))
            return packer.compress(pixels) + packer.flush()
    return zlib.compress(pixels)


def _with_a_wrong_number(random, file, chunks, index):
    """Changes only the length or the checksum of one chunk."""
    place = _SIGNATURE_BYTES + sum(12 + len(content) for _, content in chunks[:index])
    if random.random() < 0.5:
        place += 8 + len(chunks[index][1])
    number = random.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, random.getrandbits(32)))
    return file[:place] + struct.pack(">I", number) + file[place + 4 :]


def _damage_jpeg(random, file):
    segments, scan = _segments(file)
    if not segments:
        return damage_bytes(random, file)
    index = random.randrange(len(segments))
    marker, content = segments[index]
    match random.randrange(9):
        case 0 | 1:
            segments = [
                (marker, _other_frame(random, content)) if marker in (0xC0, 0xC2) else (marker, content)
                for marker, content in segments
            ]
        case 2:
            del segments[index]
        case 3:
            segments.insert(random.randrange(len(segments) + 1), segments[index])
        case 4:
            segments[index] = (marker, damage_bytes(random, content))
        case 5:
            segments[index] = (marker, content[: random.randrange(len(content) + 1)])
        case 6:
            segments[index] = (
                random.choice((0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC9, 0xD9, 0xDA, 0xDB, 0xDD, 0xE1, 0xEE, 1)),
                content,
            )
        case 7:
            segments.insert(0, (0xE1, b"Exif\0\0" + damage_bytes(random, exif_bytes(random.randrange(12)))))
        case 8:
            scan = damage_bytes(random, scan[: random.randrange(len(scan) + 1)]) + random.choice(
                (b"", b"\xff\xd9")
            )
    return (
        file[:2]
        + b"".join(
            bytes([0xFF, marker]) + struct.pack(">H", min(len(content) + 2, 65535)) + content
            for marker, content in segments
        )
        + scan
    )


def _segments(file):
    """Returns the segments up to the pixels, and the rest of the file from its SOS segment's content on."""
    segments, place = [], 2
    while place + 4 <= len(file) and file[place] == 0xFF and file[place + 1] != 0xFF:
        (length,) = struct.unpack(">H", file[place + 2 : place + 4])
        segments.append((file[place + 1], file[place + 4 : place + 2 + length]))
        place += 2 + length
        if segments[-1][0] == 0xDA:
            break
    return segments, file[place:]


def _other_frame(random, content):
    fields = bytearray(content.ljust(9, b"\0"))
    match random.randrange(4):
        case 0:
            sides = (random.choice(_SIDES) & 0xFFFF, random.choice(_SIDES) & 0xFFFF)
            fields[1:5] = struct.pack(">HH", *sides)
        case 1:
            fields[0] = random.choice((0, 1, 8, 12, 16, 255))
        case 2:
            fields[5] = random.choice((0, 1, 2, 3, 4, 5, 255))
        case 3:
            # Holds the components' sampling factors and table numbers.
            fields[random.randrange(6, len(fields))] = random.randrange(256)
    return bytes(fields)
