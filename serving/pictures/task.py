"""What a job does with each photo."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from serving.client.access import ServerAccess
from serving.pictures.source import PictureSource, TwoSources, open_source
from training.untrained_models import UNTRAINED
from zoo.pictures.photo import Photo


@dataclasses.dataclass(frozen=True)
class Result:
    """One picture made of a photo.

    Args:
        ending: What its name adds to the photo's name; empty for the main result.
        picture: The picture, which is written in the format asked for; or the bytes of a PNG file.
    """

    ending: str
    picture: Photo | bytes


@dataclasses.dataclass(frozen=True)
class Converted:
    """All that is made of a photo.

    Args:
        results: The pictures.
        confidence: How sure the model is, range [0, 1]; None if it does not say.
        doubt: What to say if that is low.
    """

    results: Sequence[Result]
    confidence: float | None = None
    doubt: str = ""


def confidence_of(outputs: Mapping[str, Any]) -> float | None:
    """Returns the confidence among a response's outputs; models of other makers may give none.

    Example:

    >>> confidence_of({"confidence": [0.5]}), confidence_of({})
    (0.5, None)
    """
    return float(outputs["confidence"][0]) if "confidence" in outputs else None


class PhotoTask(Protocol):
    """Turns photos into pictures; can be pickled.

    Attributes:
        endings: The endings of its results' names, as `Result` has them.
        png_endings: Those of them that are always PNG files.
        makes_transparent: Whether its results are transparent where the photos are not.
        growth: Pixels of all results together for each pixel of a photo, which tells the memory needed.
    """

    @property
    def endings(self) -> Sequence[str]: ...

    @property
    def png_endings(self) -> Sequence[str]: ...

    @property
    def makes_transparent(self) -> bool: ...

    @property
    def growth(self) -> float: ...

    def convert(self, photo: Photo, source: PictureSource) -> Converted:
        """Converts a photo.

        Raises:
            PredictionError: The model refuses the request.
            RowError: The model reports an error for the photo.
            UnreadablePhotoError: The photo cannot be converted.
        """

    def describe(self) -> Mapping[str, Any]:
        """Returns what determines the results, as JSON values."""


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """The model that a command line names; can be pickled.

    Args:
        server: As for `open_source`.
        access: As for `open_source`.
        model: As for `open_source`.
        run: As for `open_source`.
        preset: As for `open_source`.
        default_models: As for `open_source`.
        default_preset: As for `open_source`.
        beside: A second model, for a task that needs two; their signatures have different names.
    """

    server: str | None
    access: ServerAccess
    model: str | None
    run: Path | None
    preset: str | None
    default_models: tuple[str, ...]
    default_preset: str | None = None
    beside: "SourceOptions | None" = None

    @contextlib.contextmanager
    def open(self) -> Iterator[PictureSource]:
        """Opens the model, or both; see `open_source`."""
        with open_source(
            self.server,
            self.access,
            self.model,
            self.run,
            self.preset,
            default_models=self.default_models,
            default_preset=self.default_preset,
        ) as source:
            if self.beside is None:
                yield source
                return
            with self.beside.open() as other:
                yield TwoSources(source, other)

    def describe(self) -> str:
        """Returns the model in words, for metadata and the journal."""
        own = self._describe_own()
        return own if self.beside is None else f"{own}, {self.beside.describe()}"

    def _describe_own(self) -> str:
        if self.server is not None:
            return f"model {self.model or ' or '.join(self.default_models)} of a server"
        if self.run is not None:
            return f"run {Path(self.run).name}"
        name = self.preset or self.default_preset
        return f"model {name}" if name in UNTRAINED else f"preset {name}"
