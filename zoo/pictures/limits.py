"""Limits of photo files, the same for every command, data set and server.

Imports nothing.
"""

MAX_FILE_BYTES = 256 << 20
MAX_PIXELS = 25_000_000
# The largest possible JPEG; PNG decoders refuse a side of a million pixels.
MAX_SIDE_PIXELS = 65_535
# Text and other extras of a file that are read at all; what is larger is left out.
MAX_METADATA_BYTES = 8 << 20
