"""How a catalogue is read."""

import dataclasses
import os
from collections.abc import Mapping

from training.data.catalog.photo import FITS, PhotoSettings
from zoo.errors import WrongUsageError

MAX_SIZE = 2048


@dataclasses.dataclass(frozen=True)
class CatalogSettings:
    """How a catalogue is read.

    Args:
        images_dir: The folder with the photos.
        table: The table: CSV or JSON Lines. None takes all photos of the folder.
        attributes: Columns that become attributes; the first one is spread evenly over the splits. By default
            `category`, without a table none.
        size: Side of the square pictures in pixels; None to leave photos as large as they are.
        fit: How a photo becomes a square: `crop` or `pad`.
        validation: Share of the validation split.
        test: Share of the test split.
        min_size: Refuse photos with a side of fewer pixels.
        min_count: Refuse rows with a value that fewer rows have.
        renames: Attribute values and what replaces them.
        encoding: Encoding of the table; found out by default.
        derives_colour: Whether to judge the product's colour and make it an attribute.
        num_workers: Number of processes that read photos; by default one a processor.

    Raises:
        WrongUsageError: If the shares leave nothing for a split, there are attributes without a table, or
            another value is impossible.

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
    derives_colour: bool = False
    num_workers: int | None = None

    def __post_init__(self):
        if self.attributes is None:
            object.__setattr__(self, "attributes", () if self.table is None else ("category",))
        if self.table is None and (self.attributes or self.renames or self.encoding):
            raise WrongUsageError(
                "Attributes, what is renamed and the encoding are those of a table. Received: none. Name it "
                "with --table, or leave out --attributes, --rename and --encoding."
            )
        if not (0 < self.validation < 1 and 0 < self.test < 1 and self.validation + self.test < 1):
            raise WrongUsageError(
                "`validation` and `test` must be more than 0 and together less than 1, because each split "
                f"needs photos. Received: validation={self.validation}, test={self.test}. Usual is 0.1 each."
            )
        if self.size is not None and not 1 <= self.size <= MAX_SIZE:
            raise WrongUsageError(
                f"`size` must be from 1 to {MAX_SIZE}. Received: size={self.size}. Usual are 64 and 128."
            )
        for name in ("min_size", "min_count"):
            value = getattr(self, name)
            if value < 1:
                raise WrongUsageError(f"`{name}` must be at least 1. Received: {name}={value}.")
        if self.fit not in FITS:
            raise WrongUsageError(f"`fit` must be {' or '.join(FITS)}. Received: fit={self.fit!r}.")

    def describe_pictures(self) -> str:
        """Says what becomes of the photos, e.g. `"centre square, 64 x 64 pixels"`."""
        if self.size is None:
            return "original size"
        cut = "centre square" if self.fit == "crop" else "whole photo padded with white to a square"
        return f"{cut}, {self.size} x {self.size} pixels"

    def for_photos(self) -> PhotoSettings:
        """Returns what the processes that read photos need to know."""
        return PhotoSettings(
            images_dir=os.path.abspath(self.images_dir),
            size=self.size,
            fit=self.fit,
            min_size=self.min_size,
            derives_colour=self.derives_colour,
        )
