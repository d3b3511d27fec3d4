"""Clients of a model server over gRPC and REST, for threads and for coroutines. Imports no TensorFlow."""

import importlib

# Lazily, so that commands which only offer a client's options do not wait for gRPC.
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


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
