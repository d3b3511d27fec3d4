"""Text protos, as TF Serving reads them from its configuration files."""

import sys
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from serving.wire.status import InvalidArgument, NotFound


def read_text_proto(path: str, message_type: Any) -> Any:
    """Reads a text proto, and fails as TF Serving does.

    Args:
        path: The file.
        message_type: The class of the message.

    Raises:
        NotFound: There is no such file.
        InvalidArgument: It does not parse; the reason goes to standard error.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        return text_format.Parse(text, message_type())
    except OSError as error:
        raise NotFound(f"{path}; {error.strerror}") from error
    except (UnicodeDecodeError, text_format.ParseError) as error:
        sys.stderr.write(f"Error parsing text-format {message_type.DESCRIPTOR.full_name}: {error}\n")
        raise InvalidArgument(f"Invalid protobuf file: '{path}'") from error
