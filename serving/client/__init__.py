"""Clients of a model server over gRPC and REST, synchronous and asynchronous; imports no TensorFlow."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what `__getattr__` finds
    from serving.client.connection import connect as connect
    from serving.client.connection import connect_async as connect_async
    from serving.client.descriptions import SignatureDescription as SignatureDescription
    from serving.client.descriptions import TensorDescription as TensorDescription
    from serving.client.errors import AccessDeniedError as AccessDeniedError
    from serving.client.errors import PredictionError as PredictionError
    from serving.client.errors import RowError as RowError
    from serving.client.errors import ServerUnreachableError as ServerUnreachableError
    from serving.client.errors import TlsError as TlsError
    from serving.client.errors import WrongProtocolError as WrongProtocolError

# Imported lazily, so that commands that only show a client's options do not wait for gRPC.
_MODULES = {
    "AccessDeniedError": "errors",
    "PredictionError": "errors",
    "RowError": "errors",
    "ServerUnreachableError": "errors",
    "SignatureDescription": "descriptions",
    "TensorDescription": "descriptions",
    "TlsError": "errors",
    "WrongProtocolError": "errors",
    "connect": "connection",
    "connect_async": "connection",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
