"""Finds the photos that a command line names, in folders too."""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath

import click

from zoo.errors import WrongUsageError
from zoo.pictures.photo_names import PHOTO_SUFFIXES, is_hidden, is_photo


@dataclasses.dataclass(frozen=True)
class FoundPhoto:
    """A photo to convert.

    Args:
        path: Its file.
        place: The path below the output directory that its result takes, but for the ending.
        url: Where it lies if that is no file of this machine; `path` only names it then.
    """

    path: Path
    place: PurePath
    url: str = ""


@dataclasses.dataclass(frozen=True)
class Walk:
    """What a command line names.

    Args:
        photos: The photos, in the order of their places.
        num_passed_over: Files in folders that are no photos.
        linked_folders: Links to folders, which are not followed.
        unreadable_folders: Folders that could not be opened.
        has_folder: Whether a folder was named.
    """

    photos: tuple[FoundPhoto, ...]
    num_passed_over: int = 0
    linked_folders: tuple[Path, ...] = ()
    unreadable_folders: tuple[tuple[Path, str], ...] = ()
    has_folder: bool = False


def find_photos(arguments: Sequence[Path], output: Path) -> Walk:
    """Finds the photos that arguments name.

    Folders are walked in depth; hidden files, the output directory and linked folders are left out. What lies
    in a single folder keeps its place below it; of several, each has a folder of its own. Photos of the same
    name from different folders are told apart by their folders' names.

    Args:
        arguments: Photos and folders.
        output: Directory of the results.

    Raises:
        WrongUsageError: The output directory is one of the folders, or there is no photo.
    """
    folders = [path for path in arguments if path.is_dir()]
    for folder in folders:
        if output.exists() and folder.samefile(output):
            raise WrongUsageError(
                "Results must not be written into the folder that they are made of. "
                f"Received: {folder} as photos and as --output. Choose another --output."
            )
    found: list[tuple[Path, PurePath, Path]] = []  # file, place, and what tells equal places apart
    passed_over, links, unreadable = 0, [], []
    for argument in dict.fromkeys(arguments):
        if not argument.is_dir():
            found.append((argument, PurePath(argument.name), argument.absolute().parent))
            continue
        first = PurePath(argument.resolve().name) if len(folders) > 1 else PurePath()
        for kind, path, text in _walk(argument, output):
            if kind == "photo":
                place = first / path.relative_to(argument)
                found.append((path, place, argument.absolute().parent))
            elif kind == "link":
                links.append(path)
            elif kind == "unreadable":
                unreadable.append((path, text))
            else:
                passed_over += 1
    if not found and not unreadable:
        raise WrongUsageError(
            f"There must be photos to convert. Received: {', '.join(map(str, arguments))}, with none in it. "
            f"Files count as photos by their endings ({', '.join(sorted(PHOTO_SUFFIXES))}) or their content."
        )
    photos = [FoundPhoto(path, place) for path, place in _distinct(found)]
    return Walk(
        tuple(sorted(photos, key=lambda photo: str(photo.place))),
        passed_over,
        tuple(links),
        tuple(unreadable),
        bool(folders),
    )


def report_left_out(walk: Walk) -> None:
    """Prints what in the folders is not converted."""
    if walk.num_passed_over:
        click.echo(f"Passed over {walk.num_passed_over:,} files that are no photos")
    if walk.linked_folders:
        more = f" and {len(walk.linked_folders) - 1} more" if len(walk.linked_folders) > 1 else ""
        click.echo(f"Did not follow links to folders: {walk.linked_folders[0]}{more}")


def _walk(folder: Path, output: Path) -> Iterator[tuple[str, Path, str]]:
    errors: list[OSError] = []
    written = os.path.realpath(output)
    for parent, folders, files in os.walk(folder, onerror=errors.append):
        kept = []
        for name in sorted(folders):
            path = Path(parent, name)
            if path.is_symlink():
                yield "link", path, ""
            elif not is_hidden(name) and os.path.realpath(path) != written:
                kept.append(name)
        folders[:] = kept
        for name in sorted(files):
            if is_hidden(name):
                continue
            path = Path(parent, name)
            yield ("photo" if is_photo(path) else "other"), path, ""
    for error in errors:
        yield "unreadable", Path(os.fsdecode(error.filename)), error.strerror or "cannot be opened"


def _distinct(found: Iterable[tuple[Path, PurePath, Path]]) -> list[tuple[Path, PurePath]]:
    """Puts photos of equal places below the names of the folders they come from."""
    by_place: dict[PurePath, list[tuple[Path, Path]]] = {}
    for path, place, origin in found:
        by_place.setdefault(place, []).append((path, origin))
    result = []
    for place, alike in by_place.items():
        if len(alike) == 1:
            result.append((alike[0][0], place))
            continue
        num_parts = 1
        most_parts = max(len(origin.parts) for _, origin in alike)
        while num_parts < most_parts and len({_last(origin, num_parts) for _, origin in alike}) < len(alike):
            num_parts += 1
        result += [(path, _last(origin, num_parts) / place) for path, origin in alike]
    return result


def _last(folder: Path, num_parts: int) -> PurePath:
    return PurePath(*[part for part in folder.parts[-num_parts:] if part != folder.anchor])
