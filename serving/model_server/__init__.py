"""The embedded server, which has TF Serving's flags, protocols and responses in one Python process."""


def __getattr__(name: str):
    # Imported lazily, so that `python -m serving.model_server --help` answers at once.
    if name == "ModelServer":
        from serving.model_server.server import ModelServer

        return ModelServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
