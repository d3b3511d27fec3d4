"""Versions of the libraries that affect a trained model."""

from importlib import metadata

LIBRARIES = ("product-image-zoo", "tensorflow", "keras", "numpy")


def library_versions() -> dict[str, str]:
    """Returns the installed version of each of `LIBRARIES`, for model cards and presets.

    Example:

    >>> list(library_versions())
    ['product-image-zoo', 'tensorflow', 'keras', 'numpy']
    """
    return {name: metadata.version(name) for name in LIBRARIES}
