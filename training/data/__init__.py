"""Data sets: preparing them, opening them by name, and selecting parts of them."""


def __getattr__(name: str):
    # Lazily, because TensorFlow takes seconds to import.
    if name == "load_data_set":
        from training.data.data_sets import load_data_set

        return load_data_set
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
