"""Input pipelines: batches of pictures, caches, augmentation and degradation."""


def __getattr__(name: str):
    # Lazily, because TensorFlow takes seconds to import.
    if name == "make_image_batches":
        from training.input.pipeline import make_image_batches

        return make_image_batches
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
