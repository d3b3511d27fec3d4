"""Reads the text protos of TF Serving's configuration files."""

import sys
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from serving.wire.status import InvalidArgument, NotFound


def read_text_proto(path: str, message_type: Any) -> Any:
    """Reads a text proto and reports errors as TF Serving does.

    Args:
        path: Path of the file.
        message_type: The message's class.

    Raises:
        NotFound: The file cannot be read.
        InvalidArgument: The file does not parse; the reason is written to standard error.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        return text_format.Parse(text, message_type())
    except OSError as error:
        raise NotFound(f"{path}; {error.strerror}") from error
    except (UnicodeDecodeError, text_format.ParseError) as error:
        sys.stderr.write(f"Error parsing text-format {message_type.DESCRIPTOR.full_name}: {error}\n")
        raise InvalidArgument(f"Invalid protobuf file: '{path}'") from error
