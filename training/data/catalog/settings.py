"""Settings for reading a catalogue."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from training.data.catalog.photo import FITS, PhotoSettings
from zoo.errors import WrongUsageError
from zoo.pictures.doubt import DOUBTFUL

MAX_SIZE = 2048


@dataclasses.dataclass(frozen=True)
class CatalogSettings:
    """Settings for reading a catalogue.

    Args:
        images_dir: The folder with the photos.
        table: The table: CSV or JSON Lines. None reads all photos of the folder.
        attributes: Columns that become attributes; the first one is spread evenly over the splits. By default
            `category`, or none without a table.
        size: Side of the square pictures in pixels; None keeps the photos' own sizes.
        fit: How to make a photo square: `crop` or `pad`.
        validation: Share of the validation split.
        test: Share of the test split.
        min_size: Smallest allowed side in pixels; smaller photos are refused.
        min_count: Smallest allowed number of rows per attribute value; rows with rarer values are refused.
        renames: Attribute values and their replacements.
        encoding: Encoding of the table; detected by default.
        cuts_out: Whether to show only the product, cut out and centred on white. Photos in which it can
            hardly be told from its ground are refused.
        min_confidence: Smallest confidence of a cut-out's mask, from 0 to 1; photos with a lower one are
            refused.
        derived: Attributes to judge from the photos instead of reading them from the table: `colour`,
            `category`.
        masks_dir: A folder with the products' masks: for each photo a PNG file of the same name and size,
            white on the product. A photo without one is refused.
        halves: Whether to halve the sides of every photo, which removes the blocks of JPEG: its pictures can
            then be targets of models that enlarge or clean.
        num_workers: Number of processes that read photos; by default one per processor.

    Raises:
        WrongUsageError: If the shares leave nothing for a split, there are attributes without a table, or
            another value is out of range.

    Example:

    ```python
    settings = CatalogSettings(images_dir="photos", table="catalog.csv", size=64)
    ```
    """

    images_dir: str | os.PathLike
    table: str | os.PathLike | None = None
    attributes: tuple[str, ...] | None = None
    size: int | None = None
    fit: str = "crop"
    validation: float = 0.1
    test: float = 0.1
    min_size: int = 8
    min_count: int = 1
    renames: Mapping[str, str] = dataclasses.field(default_factory=dict)
    encoding: str | None = None
    cuts_out: bool = False
    min_confidence: float = DOUBTFUL
    derived: tuple[str, ...] = ()
    masks_dir: str | os.PathLike | None = None
    halves: bool = False
    num_workers: int | None = None

    def __post_init__(self):
        if self.attributes is None:
            object.__setattr__(self, "attributes", () if self.table is None else ("category",))
        if self.table is None and (self.attributes or self.renames or self.encoding):
            raise WrongUsageError(
                "Attributes, renames and an encoding need a table, which they refer to. Received: none. "
                "Name it with --table, or leave out --attributes, --rename and --encoding."
            )
        if not (0 < self.validation < 1 and 0 < self.test < 1 and self.validation + self.test < 1):
            raise WrongUsageError(
                "`validation` and `test` must be above 0 and together below 1, because each split needs "
                f"photos. Received: validation={self.validation}, test={self.test}. Use e.g. 0.1 each."
            )
        if self.cuts_out and self.masks_dir is not None:
            raise WrongUsageError(
                "Masks belong to whole photos, and cut-outs need none. Received: --cutout and --masks. Leave "
                "out one of them."
            )
        if self.halves and (self.size is not None or self.cuts_out or self.masks_dir is not None):
            raise WrongUsageError(
                "Only whole photos of their own size are halved. Received: --halve with --size, --cutout or "
                "--masks. Leave out one of them."
            )
        if self.min_confidence != DOUBTFUL and not self.cuts_out:
            raise WrongUsageError(
                "A smallest confidence belongs to cut-outs. "
                f"Received: min_confidence={self.min_confidence} without --cutout. Add --cutout."
            )
        if not 0 <= self.min_confidence <= 1:
            raise WrongUsageError(
                "`min_confidence` must be from 0, which keeps every mask, to 1. "
                f"Received: min_confidence={self.min_confidence}. The default is {DOUBTFUL}."
            )
        if self.size is not None and not 1 <= self.size <= MAX_SIZE:
            raise WrongUsageError(
                f"`size` must be from 1 to {MAX_SIZE}. Received: size={self.size}. Use e.g. 64 or 128."
            )
        for name in ("min_size", "min_count"):
            value = getattr(self, name)
            if value < 1:
                raise WrongUsageError(f"`{name}` must be at least 1. Received: {name}={value}.")
        if self.fit not in FITS:
            raise WrongUsageError(f"`fit` must be {' or '.join(FITS)}. Received: fit={self.fit!r}.")

    def describe_pictures(self) -> str:
        """Describes the conversion of the photos, e.g. `"centre square, 64 x 64 pixels"`."""
        if self.cuts_out:
            size = "own scale" if self.size is None else f"{self.size} x {self.size} pixels"
            return f"product cut out and centred on white, {size}"
        if self.size is None:
            return "half the original size" if self.halves else "original size"
        cut = "centre square" if self.fit == "crop" else "whole photo padded with white to a square"
        return f"{cut}, {self.size} x {self.size} pixels"

    def for_photos(self) -> PhotoSettings:
        """Returns the settings for the processes that read photos."""
        return PhotoSettings(
            images_dir=Path(os.path.abspath(self.images_dir)),
            size=self.size,
            fit=self.fit,
            min_size=self.min_size,
            cuts_out=self.cuts_out,
            min_confidence=self.min_confidence,
            derived=self.derived,
            masks_dir=None if self.masks_dir is None else Path(os.path.abspath(self.masks_dir)),
            halves=self.halves,
        )
