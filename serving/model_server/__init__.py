"""The embedded server, which has TF Serving's flags, protocols and responses in one Python process.

A request's way: `rest_api/service.py` or `grpc_api/service.py` answers it; `serving/wire/json_tensor.py` or
`serving/wire/tensor_proto.py` turns it into arrays; `core/server_core.py` takes the version that it names
from `core/servable_manager.py`, which has loaded it by `core/version_loading.py`; `core/model_signature.py`
checks the inputs; `core/batching.py` merges rows of several clients; `core/saved_model_session.py` runs the
model; `rest_api/json_responses.py` writes the response.
"""


def __getattr__(name: str):
    # Imported lazily, so that `python -m serving.model_server --help` answers at once.
    if name == "ModelServer":
        from serving.model_server.server import ModelServer

        return ModelServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
