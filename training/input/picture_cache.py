"""Chooses and opens the cache of a split's decoded pictures: in memory, on disk or none."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from training.data.data_sets import DataSet
from training.input.disk_cache import PictureFile, open_disk_cache
from training.input.memory_cache import PictureStore, read_all
from zoo.errors import UnknownNameError

CACHES = ("memory", "disk", "none")
MAX_MEMORY_BYTES = 2 << 30
# Reading briefly needs twice the memory, and the model needs some too.
MAX_MEMORY_SHARE = 0.25
_SAMPLED_IMAGES = 64
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")

Pictures = PictureStore | PictureFile


def check_cache(cache: str | None) -> None:
    """Raises `UnknownNameError` unless the cache exists; None is allowed."""
    if cache is not None and cache not in CACHES:
        raise UnknownNameError("cache", cache, CACHES)


def open_cache(
    cache: str,
    elements: tf.data.Dataset,
    data_set: DataSet,
    split: str,
    cache_dir: Path | None,
    content: Mapping[str, Any],
    num_images: int | None = None,
) -> tuple[Mapping[str, Pictures], dict[str, np.ndarray]]:
    """Caches a split's pictures for random access.

    Args:
        cache: `memory` or `disk`.
        elements: Data set of dicts of pictures, uint8 `[h, w, c]`, and scalars.
        data_set: The data set that they come from.
        split: `train`, `validation` or `test`.
        cache_dir: Directory for `disk`; by default in the data set's own directory.
        content: Description of the pictures' preprocessing, ready for JSON.
        num_images: Number of elements; that of the split by default.

    Returns:
        The pictures by key, and the scalars by key as arrays `[num_images]`.

    Raises:
        OSError: If the directory cannot be written, or the disk is full.
    """
    description = f"Reading {data_set.name} {split}"
    num_images = data_set.num_images[split] if num_images is None else num_images
    if cache == "disk":
        part = {"only": data_set.selection} if data_set.selection else {}
        content = {"split": data_set.tfds_splits[split], **part, **content}
        return open_disk_cache(
            elements, num_images, cache_dir or default_cache_dir(data_set), content, description
        )
    arrays = read_all(elements, num_images, description)
    is_picture = {key: spec.shape.rank == 3 for key, spec in elements.element_spec.items()}
    pictures = {key: PictureStore.from_pictures(array) for key, array in arrays.items() if is_picture[key]}
    return pictures, {key: np.asarray(array) for key, array in arrays.items() if not is_picture[key]}


def default_cache_dir(data_set: DataSet) -> Path:
    """Returns the directory of a data set's caches, which is deleted or replaced with the data set."""
    return Path(data_set.builder.data_dir) / "cache"


def choose_cache(num_bytes: int, cache_dir: Path) -> str:
    """Chooses a cache by size: memory for small splits, else disk if there is enough space, else none.

    Args:
        num_bytes: Size of the decoded pictures.
        cache_dir: Directory for a cache on disk; need not exist.

    Returns:
        `memory` up to 2 GiB and a quarter of the free memory; else `disk` if the directory is writable and
        half of its free space suffices; else `none`.

    Example:

    >>> choose_cache(1_000, Path("/nowhere"))
    'memory'
    """
    if num_bytes <= min(MAX_MEMORY_BYTES, MAX_MEMORY_SHARE * free_memory_bytes()):
        return "memory"
    existing = next(path for path in (cache_dir, *cache_dir.absolute().parents) if path.is_dir())
    has_room = shutil.disk_usage(existing).free >= 2 * num_bytes
    return "disk" if has_room and os.access(existing, os.W_OK) else "none"


def settle_cache(
    cache: str | None, elements: tf.data.Dataset, data_set: DataSet, num_images: int, cache_dir: Path | None
) -> str:
    """Returns the cache that is asked for, or the one that suits the size of the pictures.

    Args:
        cache: `memory`, `disk`, `none`, or None to choose.
        elements: The pictures, decoded.
        data_set: Their data set.
        num_images: Their number.
        cache_dir: Directory of a cache on disk; by default in the data set's own directory.

    Raises:
        UnknownNameError: There is no such cache.
    """
    check_cache(cache)
    if cache is not None:
        return cache
    return choose_cache(estimate_bytes(elements, num_images), cache_dir or default_cache_dir(data_set))


def free_memory_bytes() -> int:
    """Returns how much more memory this process can use: the machine's free memory, or a container's.

    It is 0 on systems that do not report it (other than Linux), which rules out the memory cache by default.
    """
    if not _MEMINFO.exists():
        return 0
    meminfo = _MEMINFO.read_text(encoding="ascii").splitlines()
    kilobytes = next(line.split()[1] for line in meminfo if line.startswith("MemAvailable:"))
    free = int(kilobytes) * 1024
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return free
    return free if limit == "max" else max(min(free, int(limit) - used), 0)


def estimate_bytes(elements: tf.data.Dataset, num_images: int) -> int:
    """Returns the elements' size: exact if all shapes are equal, else estimated from the first elements."""
    specs = elements.element_spec.values()
    if all(spec.shape.is_fully_defined() for spec in specs):
        return num_images * sum(spec.shape.num_elements() * spec.dtype.size for spec in specs)
    sample = list(elements.take(_SAMPLED_IMAGES).as_numpy_iterator())
    return int(num_images * np.mean([sum(value.nbytes for value in element.values()) for element in sample]))
