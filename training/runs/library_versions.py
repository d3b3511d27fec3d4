"""The versions of the libraries that decide what a model becomes."""

from importlib import metadata

LIBRARIES = ("product-image-zoo", "tensorflow", "keras", "numpy")


def library_versions() -> dict[str, str]:
    """Returns the installed version of each of `LIBRARIES`, for whatever says what a model was made by.

    Example:

    >>> list(library_versions())
    ['product-image-zoo', 'tensorflow', 'keras', 'numpy']
    """
    return {name: metadata.version(name) for name in LIBRARIES}
