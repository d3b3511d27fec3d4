"""The errors that a client raises, and how an answer is checked for them."""

from collections.abc import Mapping

import numpy as np

from serving.wire.status import PermissionDenied, Unauthenticated

ERROR_OUTPUT = "error"


class ServerUnreachableError(ConnectionError):
    """Nobody answers at an address.

    Args:
        address: `HOST:PORT` that was tried.
        reason: What the network said.
        advice: What to do.
    """

    def __init__(self, address: str, reason: str, advice: str = "Start one with `zoo serve`."):
        super().__init__(f"No server at {address} ({reason}). {advice}")


class TlsError(ConnectionError):
    """A server cannot be trusted, does not trust the client, or does not speak TLS.

    Args:
        address: `HOST:PORT` that was tried.
        reason: What is wrong, and what to do.
    """

    def __init__(self, address: str, reason: str):
        super().__init__(f"No encrypted connection to {address}: {reason}")


class WrongProtocolError(ConnectionError):
    """Somebody answers at an address, but in another protocol.

    Args:
        address: `HOST:PORT` that was tried.
        spoken: The protocol that was tried, `"gRPC"` or `"REST"`.
        advice: The protocol and the address to try.
    """

    def __init__(self, address: str, spoken: str, advice: str):
        super().__init__(f"The server at {address} does not speak {spoken} there. {advice}")


class PredictionError(RuntimeError):
    """A server refused a request.

    Args:
        message: The server's message.
        http_status: Its HTTP status; over gRPC, the one that belongs to the code.
        status: The code's name, e.g. `"INVALID_ARGUMENT"`; over REST `"HTTP 400"`, which is all it says.
    """

    def __init__(self, message: str, http_status: int, status: str):
        super().__init__(f"{status}: {message}")
        self.message = message
        self.http_status = http_status
        self.status = status


class AccessDeniedError(PredictionError):
    """A server, or a proxy in front of it, does not know the client.

    Args:
        message: Its message.
        http_status: 401 or 403; over gRPC, the one that belongs to the code.
        status: The code's name.
    """

    def __init__(self, message: str, http_status: int, status: str):
        advice = "Give the server's key as `api_key`; commands read it from ZOO_API_KEY."
        super().__init__(f"{message.rstrip('.')}. {advice}", http_status, status)


class RowError(ValueError):
    """A server answered, and said about some rows that they are wrong.

    Args:
        errors: Messages by row.
        num_rows: Rows in the request.
    """

    def __init__(self, errors: Mapping[int, str], num_rows: int):
        text = "; ".join(f"row {row}: {message}" for row, message in errors.items())
        super().__init__(f"{len(errors)} of {num_rows} rows could not be answered. {text}")
        self.errors = dict(errors)


def refusal(message: str, http_status: int, status: str) -> PredictionError:
    """Returns the error for an answer other than OK; the arguments are those of `PredictionError`."""
    is_denied = http_status in (Unauthenticated.http_status, PermissionDenied.http_status)
    return (AccessDeniedError if is_denied else PredictionError)(message, http_status, status)


def check_rows(outputs: Mapping[str, np.ndarray]) -> None:
    """Checks the `error` output that models of this project have beside every output.

    Args:
        outputs: Arrays by name.

    Raises:
        RowError: An entry of `error` is not empty.
    """
    if ERROR_OUTPUT not in outputs:
        return
    messages = np.ravel(outputs[ERROR_OUTPUT])
    errors = {row: message.decode("utf-8", "replace") for row, message in enumerate(messages) if message}
    if errors:
        raise RowError(errors, len(messages))
