"""Makes bytes that are not valid requests: contradictory HTTP/1.1, and stray HTTP/2 frames."""

import struct
from collections.abc import Sequence

from fuzz_pictures import damage_bytes
from fuzz_values import Random

_BODY = b'{"instances": [[1.0, 2.0, 3.0, 4.0]]}'
_PATH = b"/v1/models/linear:predict"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_METHODS = (b"GET", b"POST", b"post", b"CONNECT", b"PRI", b"TRACE", b"X" * 9000, b"", b"\0", b"GET GET")
_PATHS = (
    _PATH,
    b"*",
    b"/",
    b"",
    b"//",
    b"/v1/models/\xff\xfe",
    b"/v1/models/" + b"a" * 70_000,
    b"http://x/v1/models/linear",
    b"/v1/models/linear\0:predict",
    b"/v1/models/linear predict",
    b"linear",
    b"/v1/models/%00%zz",
)
_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/9.9", b"http/1.1", b"", b"ICAP/1.0")
_LENGTHS = (b"0", b"1", b"-1", b"99999999999999999999", b"abc", b"37, 37", b"0x25", b" 37 ", b"37\0")
_CHUNKS = (
    *(b"25\r\n" + _BODY + b"\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\nx", b"25\r\nshort", b"zz\r\n"),
    *(
        b"0\r\n\r\n",
        b"0\r\nX: y\r\n\r\n",
        b"25;" + b"a" * 5000 + b"\r\n" + _BODY + b"\r\n0\r\n\r\n",
        b"1\r\n" * 400,
    ),
)


def http_pieces(random: Random) -> tuple[bytes, ...]:
    """Returns pieces to write to the REST port, with a pause after each."""
    match random.randrange(8):
        case 0:
            head = b" ".join((random.choice(_METHODS), random.choice(_PATHS), random.choice(_VERSIONS)))
            return (head + random.choice((b"\r\n\r\n", b"\n\n", b"\r\nHost: x\r\n\r\n", b"")),)
        case 1:
            count, size = random.choice(((10, 10), (2000, 10), (1, 100_000), (200, 1000)))
            flood = b"".join(b"X-%d: %s\r\n" % (number, b"a" * size) for number in range(count))
            return (b"GET /v1/models/linear HTTP/1.1\r\nHost: x\r\n", flood, b"\r\n")
        case 2:
            lengths = b"".join(
                b"Content-Length: %s\r\n" % length
                for length in random.choices(_LENGTHS, k=random.choice((1, 1, 2)))
            )
            return (_head(lengths), _BODY)
        case 3:
            extra = random.choice((b"", b"Content-Length: 3\r\n", b"Transfer-Encoding: gzip\r\n"))
            return (_head(extra + b"Transfer-Encoding: chunked\r\n"), random.choice(_CHUNKS))
        case 4:
            request = _head(b"Content-Length: %d\r\n" % len(_BODY)) + _BODY
            return (request * random.choice((2, 20, 200)) + request[: random.randrange(len(request))],)
        case 5:
            request = _head(b"Content-Length: %d\r\n" % len(_BODY)) + _BODY
            ends = sorted(random.sample(range(len(request)), 4))
            return tuple(request[start:end] for start, end in zip([0, *ends], [*ends, None], strict=True))
        case 6:
            extra = random.choice(
                (
                    b"Expect: 100-continue\r\n",
                    b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
                    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
                    b"Host: a\r\nHost: b\r\n",
                    b" folded: x\r\n",
                    b"No colon\r\n",
                    b": x\r\n",
                    b"X: \0\r\n",
                    b"Connection: close\r\n",
                )
            )
            return (_head(extra + b"Content-Length: %d\r\n" % len(_BODY)), _BODY)
        case _:
            return (damage_bytes(random, _head(b"Content-Length: %d\r\n" % len(_BODY)) + _BODY),)


def http2_pieces(random: Random) -> tuple[bytes, ...]:
    """Returns pieces to write to the gRPC port, with a pause after each."""
    match random.randrange(6):
        case 0:
            return (random.randbytes(random.choice((1, 24, 1000))),)
        case 1:
            return (b"GET /v1/models/linear HTTP/1.1\r\nHost: x\r\n\r\n",)
        case 2:
            return (damage_bytes(random, _PREFACE),)
        case _:
            frames = [_frame(random) for _ in range(random.choice((1, 3, 30, 300)))]
            return (_PREFACE + _settings(), b"".join(frames))


def _head(lines: bytes) -> bytes:
    return b"POST " + _PATH + b" HTTP/1.1\r\nHost: localhost\r\n" + lines + b"\r\n"


def _settings() -> bytes:
    return b"\0\0\0\4\0\0\0\0\0"


def _frame(random) -> bytes:
    """Returns a frame whose length, type, flags and stream often contradict its content."""
    content = random.choice(_frame_contents(random))
    length = len(content) if random.random() < 0.9 else random.choice((0, 1, 2**14 + 1, 2**24 - 1))
    stream = random.choice((0, 1, 1, 3, 2, 2**31 - 1, 2**31))
    return (
        struct.pack(">I", length)[1:]
        + bytes([random.randrange(12), random.choice((0, 1, 4, 5, 255))])
        + struct.pack(">I", stream)
        + content
    )


def _frame_contents(random) -> Sequence[bytes]:
    return (
        b"",
        random.randbytes(random.choice((4, 5, 6, 8, 64))),
        # HPACK: POST, http, then a path and a content type spelled out; or an index that no table has.
        b"\x83\x86\x04\x29/tensorflow.serving.PredictionService/Predict\x5f\x10application/grpc",
        b"\xff\xff\xff\xff\x0f",
        b"\x3f\xe1\xff\x03" * 50,
        b"\0\xff\xff\xff\xff",
        b"\0\0\0\0\2\x0a\0",
    )
