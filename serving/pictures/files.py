"""Reads photos and writes pictures as PNG files, for the commands."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click
from tqdm import tqdm

from serving.client.errors import PredictionError, RowError
from serving.pictures.attribute_options import raise_if_unknown_value
from serving.wire.status import InvalidArgument
from zoo.files.atomic_write import write_bytes
from zoo.pictures.photo_files import UnreadablePhotoError


def convert_photos(
    photos: Sequence[Path],
    output: Path,
    convert: Callable[[bytes], bytes | Sequence[bytes]],
    endings: Sequence[str] = (".png",),
    report: Callable[[Path], None] | None = None,
    overwrite: bool = False,
) -> None:
    """Converts each photo to files of the same name in `output`; a bad photo does not stop the others.

    Args:
        photos: Photo files.
        output: Directory of the results.
        convert: Turns a photo's bytes into the bytes of a file, or of one for each ending.
        endings: What the results' names add to the photo's name without its suffix.
        report: Called for each photo whose results are written.
        overwrite: Whether results that exist are replaced.

    Raises:
        click.UsageError: Two results would have the same name, a result would replace its photo or, without
            `overwrite`, another file, or an option's value is unknown.
        click.ClickException: Some photos could not be converted; the others were.
    """
    targets = [result_paths(photo, output, endings) for photo in photos]
    for of_one_ending in zip(*targets, strict=True):
        _check_targets(photos, of_one_ending)
    if not overwrite:
        check_absent([path for paths in targets for path in paths])
    failures = []
    for photo, paths in tqdm(list(zip(photos, targets, strict=True)), unit="photo", delay=2):
        try:
            results = convert(photo.read_bytes())
            for path, content in zip(
                paths, [results] if isinstance(results, bytes) else results, strict=True
            ):
                write_bytes(path, content)
            if report is not None:
                report(photo)
        except RowError as error:
            raise_if_unknown_value(error)
            failures.append(f"{photo}: {next(iter(error.errors.values()))}")
        except PredictionError as error:
            # Damage that only the decoder finds.
            if error.http_status != InvalidArgument.http_status:
                raise
            failures.append(f"{photo}: {error.message}")
        except UnreadablePhotoError as error:
            failures.append(f"{photo}: {error}")
        except OSError as error:
            failures.append(f"{photo}: {error}")
    num_written = len(photos) - len(failures)
    # Without a result the directory may not exist.
    where = f" to {output}" if num_written else ""
    click.echo(f"Wrote {num_written} of {len(photos)} pictures{where}")
    if failures:
        raise click.ClickException(" ".join(failures))


def result_paths(photo: Path, output: Path, endings: Sequence[str]) -> list[Path]:
    """Returns the paths of a photo's results.

    Example:

    >>> [path.as_posix() for path in result_paths(Path("a.jpg"), Path("out"), [".png", "-mask.png"])]
    ['out/a.png', 'out/a-mask.png']
    """
    return [output / f"{photo.stem}{ending}" for ending in endings]


def print_result_paths(photos: Sequence[Path], output: Path, endings: Sequence[str]) -> None:
    """Prints the paths of all photos' results, for `--dry-run`."""
    for photo in photos:
        for path in result_paths(photo, output, endings):
            click.echo(path)


def check_absent(paths: Sequence[Path]) -> None:
    """Raises `click.UsageError` if one of the results exists already."""
    existing = [path for path in paths if path.exists() or path.is_symlink()]
    if existing:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise click.UsageError(
            f"A result must not replace a file that exists. Received: {existing[0]}{more}. Choose another "
            "`--output`, or add `--overwrite`."
        )


def _check_targets(photos: Sequence[Path], targets: Sequence[Path]) -> None:
    seen: dict[Path, Path] = {}
    for photo, target in zip(photos, targets, strict=True):
        if target in seen:
            raise click.UsageError(
                f"Two photos would become {target}. Received: {seen[target]} and {photo}. Convert them into "
                "different `--output` directories."
            )
        seen[target] = photo
        if target.exists() and target.samefile(photo):
            raise click.UsageError(
                f"A result must not replace its photo. Received: {photo}. Choose another `--output`."
            )
