"""The errors that a client raises, and the check of a response for errors of single rows."""

from collections.abc import Mapping

import numpy as np

from serving.wire.status import PermissionDenied, Unauthenticated

ERROR_OUTPUT = "error"


class ServerUnreachableError(ConnectionError):
    """No server answers at an address.

    Args:
        address: The tried `HOST:PORT`.
        reason: The network's message.
        advice: A sentence that tells the user what to do.
    """

    def __init__(self, address: str, reason: str, advice: str = "Start one with `zoo serve`."):
        super().__init__(f"No server at {address} ({reason}). {advice}")


class TlsError(ConnectionError):
    """A server cannot be trusted, does not trust the client, or does not speak TLS.

    Args:
        address: The tried `HOST:PORT`.
        reason: The problem, and a sentence that tells the user what to do.
    """

    def __init__(self, address: str, reason: str):
        super().__init__(f"No encrypted connection to {address}: {reason}")


class WrongProtocolError(ConnectionError):
    """The server at an address speaks another protocol.

    Args:
        address: The tried `HOST:PORT`.
        spoken: The tried protocol, `"gRPC"` or `"REST"`.
        advice: A sentence with the protocol and address to try instead.
    """

    def __init__(self, address: str, spoken: str, advice: str):
        super().__init__(f"The server at {address} does not speak {spoken} there. {advice}")


class PredictionError(RuntimeError):
    """A server refused a request.

    Args:
        message: The server's message, from which the error's text omits a trace through the model's graph.
        http_status: The HTTP status; over gRPC, the status that corresponds to the code.
        status: The gRPC code's name, e.g. `"INVALID_ARGUMENT"`; over REST, which has no code, `"HTTP 400"`.
    """

    def __init__(self, message: str, http_status: int, status: str):
        # TensorFlow's trace through the graph says nothing to the one who sent the request.
        shown = message.partition("\n\t [[")[0]
        super().__init__(f"{status}: {shown}")
        self.message = message
        self.http_status = http_status
        self.status = status


class AccessDeniedError(PredictionError):
    """A server, or a proxy in front of it, does not accept the client's API key.

    Args:
        message: The server's message.
        http_status: 401 or 403; over gRPC, the status that corresponds to the code.
        status: The gRPC code's name.
    """

    def __init__(self, message: str, http_status: int, status: str):
        advice = "Give the server's key as `api_key`; commands read it from ZOO_API_KEY."
        super().__init__(f"{message.rstrip('.')}. {advice}", http_status, status)


class RowError(ValueError):
    """A model reported an error for some rows of a request.

    Args:
        errors: Row index to error text.
        num_rows: Number of rows in the request.
    """

    def __init__(self, errors: Mapping[int, str], num_rows: int):
        text = "; ".join(f"row {row}: {message}" for row, message in errors.items())
        super().__init__(f"{len(errors)} of {num_rows} rows could not be answered. {text}")
        self.errors = dict(errors)


def refusal(message: str, http_status: int, status: str) -> PredictionError:
    """Returns the error for a response other than OK, with the arguments of `PredictionError`."""
    is_denied = http_status in (Unauthenticated.http_status, PermissionDenied.http_status)
    return (AccessDeniedError if is_denied else PredictionError)(message, http_status, status)


def check_has_rows(inputs: Mapping[str, object]) -> None:
    """Refuses a request without rows, on which TensorFlow Serving may hang if requests share runs.

    Args:
        inputs: Arrays or nested lists by input name.

    Raises:
        ValueError: No input has a row.
    """
    if inputs and not any(map(_has_rows, inputs.values())):
        raise ValueError(
            "A request must have at least one row, because TensorFlow Serving may never answer another. "
            f"Received: {', '.join(sorted(inputs))} without rows. Send none if there is nothing to ask."
        )


def _has_rows(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.shape[:1] != (0,)
    return not isinstance(value, list | tuple) or len(value) > 0


def check_rows(outputs: Mapping[str, np.ndarray]) -> None:
    """Checks the `error` output, which every model of this project has beside its other outputs.

    Args:
        outputs: Arrays by output name.

    Raises:
        RowError: An entry of `error` is not empty.
    """
    if ERROR_OUTPUT not in outputs:
        return
    messages = np.ravel(outputs[ERROR_OUTPUT])
    errors = {row: message.decode("utf-8", "replace") for row, message in enumerate(messages) if message}
    if errors:
        raise RowError(errors, len(messages))
