"""Errors that cross the wire; their classes are the only table of gRPC codes and HTTP statuses."""

_BY_GRPC_CODE: dict[int, type["ServingError"]] = {}


class ServingError(Exception):
    """A response other than OK; gRPC and REST report the same message, each with its own code.

    A class that names no code of its own keeps its parent's.

    Args:
        message: The message for the client.

    Attributes:
        name: The canonical name, e.g. `"INVALID_ARGUMENT"`.
        grpc_code: The numeric code of gRPC and of TensorFlow.
        http_status: The HTTP status of the REST response.

    Example:

    >>> error = InvalidArgument("Missing ModelSpec")
    >>> error.grpc_code, error.http_status, error.status_text()
    (3, 400, 'INVALID_ARGUMENT: Missing ModelSpec')
    """

    name: str
    grpc_code: int
    http_status: int

    def __init_subclass__(cls, name: str = "", grpc_code: int = 0, http_status: int = 500):
        if name:
            cls.name, cls.grpc_code, cls.http_status = name, grpc_code, http_status
            _BY_GRPC_CODE[grpc_code] = cls

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message

    def status_text(self) -> str:
        """Returns `NAME: message`, as TF Serving prints a status."""
        return f"{self.name}: {self.message}"


class Cancelled(ServingError, name="CANCELLED", grpc_code=1, http_status=499):
    pass


class Unknown(ServingError, name="UNKNOWN", grpc_code=2):
    pass


class InvalidArgument(ServingError, name="INVALID_ARGUMENT", grpc_code=3, http_status=400):
    pass


class DeadlineExceeded(ServingError, name="DEADLINE_EXCEEDED", grpc_code=4, http_status=504):
    pass


class NotFound(ServingError, name="NOT_FOUND", grpc_code=5, http_status=404):
    pass


class AlreadyExists(ServingError, name="ALREADY_EXISTS", grpc_code=6, http_status=409):
    pass


class PermissionDenied(ServingError, name="PERMISSION_DENIED", grpc_code=7, http_status=403):
    pass


class ResourceExhausted(ServingError, name="RESOURCE_EXHAUSTED", grpc_code=8, http_status=429):
    pass


class FailedPrecondition(ServingError, name="FAILED_PRECONDITION", grpc_code=9, http_status=400):
    pass


class Aborted(ServingError, name="ABORTED", grpc_code=10, http_status=409):
    pass


class OutOfRange(ServingError, name="OUT_OF_RANGE", grpc_code=11, http_status=400):
    pass


class Unimplemented(ServingError, name="UNIMPLEMENTED", grpc_code=12, http_status=501):
    pass


class Internal(ServingError, name="INTERNAL", grpc_code=13):
    pass


class Unavailable(ServingError, name="UNAVAILABLE", grpc_code=14, http_status=503):
    pass


class DataLoss(ServingError, name="DATA_LOSS", grpc_code=15):
    pass


class Unauthenticated(ServingError, name="UNAUTHENTICATED", grpc_code=16, http_status=401):
    pass


def from_code(code: int, message: str) -> ServingError:
    """Returns the error for a gRPC or TensorFlow status code; `Unknown` for any other code."""
    return _BY_GRPC_CODE.get(code, Unknown)(message)


def from_exception(error: Exception) -> ServingError:
    """Converts any exception to the error that clients see.

    Args:
        error: A `ServingError` (returned unchanged), a `tf.errors.OpError` (keeps its code and message), a
            `MemoryError` (becomes `ResourceExhausted`), or any other exception (becomes `Internal`, with the
            exception's name but never its traceback).
    """
    if isinstance(error, ServingError):
        return error
    code = getattr(error, "error_code", None)
    if isinstance(code, int):
        return from_code(code, getattr(error, "message", str(error)))
    if isinstance(error, MemoryError):
        return ResourceExhausted("The request does not fit into memory.")
    return Internal(f"{type(error).__name__}: {error}")
