"""Names the results of photos, so that none meets another or replaces what is there."""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

import click

from serving.jobs.walk import FoundPhoto
from zoo.pictures.photo_writer import suffix_for

MAX_NAME_BYTES = 255
MAIN = ""


@dataclasses.dataclass(frozen=True)
class ResultNames:
    """The names of one photo's results.

    Args:
        photo: The photo.
        uses_full_name: Whether names begin with the photo's whole name, because another photo's differs from
            it by its ending alone.

    Example:

    >>> names = ResultNames(FoundPhoto(Path("shop/a.jpg"), PurePath("a.jpg")), uses_full_name=False)
    >>> names.place_of("", "jpeg").name, names.place_of("-mask", "png").name
    ('a.jpg', 'a-mask.png')
    """

    photo: FoundPhoto
    uses_full_name: bool

    def place_of(self, ending: str, file_format: str) -> PurePath:
        """Returns a result's path below the output directory.

        Args:
            ending: What its name adds to the photo's; empty for the main result.
            file_format: As `Writing.format_of` returns it.
        """
        place = self.photo.place
        suffix = suffix_for(file_format, place.name)
        if not ending and suffix == place.suffix:
            return place
        start = place.name if self.uses_full_name else place.stem
        return place.with_name(_fitting(start, ending + suffix))


def name_results(photos: Sequence[FoundPhoto], endings: Sequence[str]) -> list[ResultNames]:
    """Chooses names for the results of all photos.

    Args:
        photos: The photos.
        endings: What results' names add to a photo's name.
    """
    groups = Counter(str(photo.place.with_suffix("")).casefold() for photo in photos)
    # A photo may be called like another one's result, as in a.jpg and a-mask.png.
    taken = {str(photo.place.with_suffix("")).casefold() for photo in photos}
    named = []
    for photo in photos:
        start = str(photo.place.with_suffix("")).casefold()
        meets_other = any(start + ending.casefold() in taken for ending in endings if ending)
        named.append(ResultNames(photo, groups[start] > 1 or meets_other))
    return named


def check_absent(paths: Iterable[Path], more_advice: str = "") -> None:
    """Raises `click.UsageError` if one of the results exists already.

    Args:
        paths: Paths of the results.
        more_advice: What else may help, as the end of a sentence.
    """
    existing = [path for path in paths if os.path.lexists(path)]
    if existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise click.UsageError(
            f"A result must not replace a file that exists. Received: {existing[0]}{more}. Choose another "
            f"`--output`, or add `--overwrite`{more_advice}."
        )


def _fitting(start: str, end: str) -> str:
    """Joins the parts of a file name; a start that is too long is cut and given a hash of all of it."""
    if len(os.fsencode(start + end)) <= MAX_NAME_BYTES:
        return start + end
    digest = "-" + hashlib.blake2b(os.fsencode(start), digest_size=4).hexdigest()
    room = MAX_NAME_BYTES - len(os.fsencode(digest + end))
    while len(os.fsencode(start)) > room:
        start = start[:-1]
    return start + digest + end
