"""What clients of either protocol share: the way in, the description of a signature, and the errors.

Nothing here, nor in the clients, imports TensorFlow, Keras or tensorflow_serving.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from serving.server_address import HTTP, ServerAddress
from serving.status import PermissionDenied, Unauthenticated

ERROR_OUTPUT = "error"
DEFAULT_SIGNATURE = "serving_default"
# TensorFlow adds this to every model; nobody can ask it anything.
_INIT_SIGNATURE = "__saved_model_init_op"


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


@dataclass(frozen=True)
class TensorDescription:
    """An input or output of a served signature.

    Attributes:
        dtype: TensorFlow's short name, e.g. `"uint8"` or `"string"`.
        shape: Dimensions, -1 where any length goes; None when the rank is unknown.
    """

    dtype: str
    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class SignatureDescription:
    """The inputs and outputs of a served signature, by name."""

    inputs: dict[str, TensorDescription]
    outputs: dict[str, TensorDescription]


def connect(address: str, **options):
    """Returns a client for a server; use it as a context manager.

    Args:
        address: `HOST:PORT` or `grpc://HOST:PORT` for gRPC, `http://HOST:PORT` for REST; encrypted,
            `grpcs://HOST:PORT` and `https://HOST:PORT`.
        **options: See `ClientOptions`.

    Raises:
        ValueError: The address is not of that form, or the options contradict each other.
        OSError: A certificate's file cannot be read.

    Example:

    ```python
    with connect("localhost:8500") as client:
        client.predict("srcnn_x3", {"image_bytes": [png]}, "upscale_png")["image_bytes"]
    with connect("grpcs://pictures.example:8500", ca_file="ca.pem", api_key=key) as client:
        client.status("srcnn_x3")
    ```
    """
    return _connect(address, False, options)


def connect_async(address: str, **options):
    """Returns a client whose methods are awaited; use it with `async with`, in a coroutine.

    Args:
        address: As for `connect`.
        **options: See `ClientOptions`.

    Raises:
        ValueError: The address is not of that form, or the options contradict each other.
        OSError: A certificate's file cannot be read.

    Example:

    ```python
    async with connect_async("localhost:8500") as client:
        calls = [client.predict("srcnn_x3", {"image_bytes": [png]}, "upscale_png") for png in pngs]
        answers = await asyncio.gather(*calls)
    ```
    """
    return _connect(address, True, options)


def _connect(address, is_async, options):
    parsed = ServerAddress.parse(address)
    make_client = _client_class(parsed.protocol, is_async)
    return make_client(parsed.host_and_port, uses_tls=parsed.uses_tls, **options)


def _client_class(protocol, is_async):
    if protocol == HTTP:
        from serving.rest_client import AsyncRestClient, RestClient

        return AsyncRestClient if is_async else RestClient
    from serving.grpc_client import AsyncGrpcClient, GrpcClient

    return AsyncGrpcClient if is_async else GrpcClient


def refusal(message: str, http_status: int, status: str) -> PredictionError:
    """Returns the error for an answer other than OK; the arguments are those of `PredictionError`."""
    is_denied = http_status in (Unauthenticated.http_status, PermissionDenied.http_status)
    return (AccessDeniedError if is_denied else PredictionError)(message, http_status, status)


def askable(signatures: Mapping[str, SignatureDescription]) -> dict[str, SignatureDescription]:
    """Returns the signatures that a client may ask."""
    return {name: signature for name, signature in sorted(signatures.items()) if name != _INIT_SIGNATURE}


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
