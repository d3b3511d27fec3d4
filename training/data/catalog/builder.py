"""Writes a checked catalogue as a TFDS data set."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from tqdm import tqdm

from training.data import preparation
from training.data.catalog.catalog import Catalog, RefusedRowsError, read_catalog
from training.data.catalog.columns import TEXT_COLUMN
from training.data.catalog.quarantine import FILE_NAME, write_quarantine
from training.data.catalog.settings import CatalogSettings
from training.data.catalog.spool import Spool
from training.data.data_sets import BUILT_IN, MASK, SPLITS
from zoo.errors import WrongUsageError

UNKNOWN_ID = -1
_SHARD_BYTES = 128 << 20
_RESERVED_NAMES = {"downloads"}


# TFDS has no types, so mypy does not know its argument.
class CatalogBuilder(tfds.core.ShardBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """TFDS builder for a catalogue read by `read_catalog`.

    TFDS's `GeneratorBasedBuilder` would keep a gigabyte of records in memory to shuffle them; these records
    are already ordered by a hash of the photos.

    Args:
        name: Name of the data set.
        catalog: Result of `read_catalog`.
        **kwargs: As for `tfds.core.ShardBasedBuilder`, e.g. `data_dir`.

    Example:

    ```python
    CatalogBuilder("shop", catalog, data_dir="data").download_and_prepare()
    ```
    """

    name = "catalog"
    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, name: str, catalog: Catalog, **kwargs):
        self.name = name
        self._catalog = catalog
        super().__init__(**kwargs)

    @property
    def url_infos(self):
        return {}  # TFDS would look for a checksum file next to this module

    def _info(self):
        catalog = self._catalog
        size = catalog.settings.size
        features = {
            "image": tfds.features.Image(shape=(size, size, 3), dtype=np.uint8),
            **{name: tfds.features.ClassLabel(names=values) for name, values in catalog.values.items()},
            **dict.fromkeys(catalog.columns.numbers, np.float32),
            "file": tfds.features.Text(),
        }
        if catalog.columns.has_description:
            features[TEXT_COLUMN] = tfds.features.Text()
        if catalog.settings.masks_dir is not None:
            features[MASK] = tfds.features.Image(shape=(size, size, 1), dtype=np.uint8)
        for name in catalog.settings.derived:
            features[f"{name}_confidence"] = np.float32
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"A catalogue: {catalog.report['kept']:,} photos ({catalog.report['pictures']}).",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", next(iter(catalog.values))) if catalog.values else None,
            metadata=tfds.core.MetadataDict(
                source=f"the catalogue {catalog.report['table']}",
                attributes=list(catalog.values),
                report=catalog.report,
            ),
        )

    def _shard_iterators_per_split(self, dl_manager):
        # Into the directory that TFDS renames as a whole once the records are written.
        write_quarantine(Path(self.data_path, FILE_NAME), self._catalog.refusals)
        shards = {}
        for split in SPLITS:
            indices = [index for index, name in enumerate(self._catalog.splits) if name == split]
            share = len(indices) / len(self._catalog.entries)
            num_shards = max(1, round(self._catalog.spool.num_bytes * share / _SHARD_BYTES))
            parts = [indices[shard::num_shards] for shard in range(num_shards)]
            shards[split] = [lambda part=part: self._generate_examples(part) for part in parts]
        return shards

    def _generate_examples(self, indices: list[int]) -> Iterator[tuple[int, dict]]:
        catalog = self._catalog
        ids = {
            name: {value: id_ for id_, value in enumerate(values)} for name, values in catalog.values.items()
        }
        for index in tqdm(indices, desc=f"Writing {self.name}", delay=2, leave=False, disable=None):
            entry = catalog.entries[index]
            image_bytes, description, mask_bytes = catalog.spool.read(entry.place)
            values = (*entry.values, *(judgement.value for judgement in entry.derived.values()))
            pairs = zip(catalog.values, values, strict=True)
            example = {
                "image": image_bytes,
                # Only a derived value that is uncertain may be empty.
                **{name: ids[name].get(value, UNKNOWN_ID) for name, value in pairs},
                **dict(zip(catalog.columns.numbers, entry.numbers, strict=True)),
                "file": entry.file,
            }
            if catalog.columns.has_description:
                example[TEXT_COLUMN] = description
            if catalog.settings.masks_dir is not None:
                example[MASK] = mask_bytes
            for name, judgement in entry.derived.items():
                example[f"{name}_confidence"] = judgement.confidence
            yield index, example


def prepare(
    name: str,
    data_dir: str | os.PathLike,
    settings: CatalogSettings,
    is_strict: bool = False,
    overwrite: bool = False,
) -> Path:
    """Builds a data set from a catalogue, completely or not at all.

    Args:
        name: Name of the data set: lower-case letters, digits and underscores.
        data_dir: Directory of the prepared data sets.
        settings: What to read, and how.
        is_strict: Whether a refused row is an error.
        overwrite: Whether to replace an existing data set of that name.

    Returns:
        The directory of the prepared data set, which includes `quarantine.csv`.

    Raises:
        FileExistsError: If a data set of that name exists and `overwrite` is not set.
        OSError: If `data_dir` cannot be written, or the disk is full.
        RefusedRowsError: As for `read_catalog`. The refused rows are then listed in
            `data_dir/<name>.quarantine.csv`.
        ValueError: If the table cannot be used.
        WrongUsageError: If the name is invalid or reserved.

    Example:

    ```python
    prepare("shop", "data", CatalogSettings(images_dir="photos", table="catalog.csv", size=64))
    ```
    """
    check_name(name)
    list_path = Path(data_dir, f"{name}.{FILE_NAME}")

    def make_builder(staging_dir: Path) -> CatalogBuilder:
        if not overwrite and preparation.find_prepared_versions(data_dir, name):
            raise FileExistsError(
                f"The data set must not exist yet. Received: {name}, which is already prepared in "
                f"{data_dir}. Nothing was changed; add `--overwrite` to replace it."
            )
        spool = open_files.enter_context(Spool(staging_dir / "photos.spool"))
        try:
            catalog = read_catalog(settings, spool, is_strict)
        except RefusedRowsError as error:
            if not error.refusals:
                raise
            write_quarantine(list_path, error.refusals)
            raise RefusedRowsError(f"{error} The refused rows: {list_path}", error.refusals) from error
        return CatalogBuilder(name, catalog, data_dir=staging_dir)

    with contextlib.ExitStack() as open_files:
        version_dir = preparation.prepare(name, make_builder, data_dir, overwrite=overwrite)
    list_path.unlink(missing_ok=True)  # from an earlier attempt
    return version_dir


def check_name(name: str) -> None:
    """Raises `WrongUsageError` unless the name is valid for a catalogue's data set."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) or name in _RESERVED_NAMES:
        raise WrongUsageError(
            "A data set's name must consist of lower-case letters, digits and underscores, because TFDS uses "
            f"it in directory and file names. Received: {name!r}. Choose a name such as my_shop."
        )
    if name in BUILT_IN:
        raise WrongUsageError(
            f"A catalogue must not have the name of a built-in data set. Received: {name}. Built in: "
            f"{', '.join(BUILT_IN)}. Choose another name."
        )
