"""The demo's page: what a server answered, how good it is, how long it took, and where every file lies."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.evaluation.meanings import meaning_of
from training.pages.html_page import HtmlPage
from training.pages.picture_sheet import PictureSheet
from training.runs import run_directory
from training.runs.score import DOUBTFUL
from zoo.files.atomic_write import write_bytes, write_text
from zoo.presets.registry import score_value

_SCORE_COLUMNS = ("score", "value", "unit", "for comparison", "that is", "says")
_FILES_OF_RUNS = {
    "report": run_directory.REPORT,
    "scores": run_directory.EVALUATION,
    "model card": run_directory.MODEL_CARD,
    "settings": run_directory.CONFIG,
    "metrics of every epoch": run_directory.METRICS,
}


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        caption: Its heading.
        text: What the pictures show, and what is wrong with them.
        sheet: The pictures.
        folder: Folder of the pictures as files of their own, in the demo's directory; empty if there is none.
    """

    caption: str
    text: str
    sheet: PictureSheet
    folder: str = ""


def write_page(
    directory: Path,
    introduction: str,
    warning: str,
    sections: Sequence[Section],
    runs: Mapping[str, Path],
    seconds: Mapping[str, float],
) -> None:
    """Writes `index.html` and, beside it, each sheet as a PNG file.

    Args:
        directory: The demo's directory.
        introduction: What the reader sees first.
        warning: What the reader must know before; empty if there is nothing.
        sections: The pictures, those of presets first.
        runs: Evaluated run directories in the demo's directory, by model.
        seconds: Duration of each stage.
    """
    page = HtmlPage("Product image zoo: the demo's pictures")
    if warning:
        page.add_text(warning, is_warning=True)
    page.add_text(introduction)
    for number, section in enumerate(sections, start=1):
        name = f"sheet-{number}.png"
        write_bytes(directory / name, section.sheet.to_png())
        page.add_sheet(section.caption, section.sheet)
        page.add_text(section.text)
        page.add_links("Files:", {"this sheet": name})
        if section.folder:
            _add_files(page, directory, section.folder)
    for model, run in runs.items():
        page.add_heading(f"Scores of {model} on the test split")
        page.add_table(_SCORE_COLUMNS, _score_rows(run))
        where = run.relative_to(directory).as_posix()
        files = {label: f"{where}/{name}" for label, name in _FILES_OF_RUNS.items()}
        page.add_links("Files:", files)
    page.add_heading("Time")
    total = sum(seconds.values())
    page.add_table(
        ["stage", "seconds"],
        [*([name, f"{value:.0f}"] for name, value in seconds.items()), ["total", f"{total:.0f}"]],
    )
    page.add_text(f"Largest process: {_largest_process_gib():.1f} GiB.")
    write_text(directory / "index.html", page.render())


def _add_files(page: HtmlPage, directory: Path, folder: str) -> None:
    """Adds a line of links for each photo; a result's name begins with its photo's."""
    by_photo: dict[str, dict[str, str]] = {}
    for path in sorted((directory / folder).iterdir()):
        photo, _, what = path.stem.partition("-")
        by_photo.setdefault(photo, {})[what.replace("-", " ") or photo] = f"{folder}/{path.name}"
    for photo, files in by_photo.items():
        page.add_links(f"{photo}:", files)


def _score_rows(run: Path) -> list[list[str]]:
    scores = json.loads((run / run_directory.EVALUATION).read_text(encoding="utf-8"))["scores"]
    rows = []
    for name, score in scores.items():
        baseline = score.get("baseline")
        beside = ["", ""] if baseline is None else [_format(score_value(baseline)), baseline["name"]]
        doubt = score.get("doubt", "")
        value = _format(score_value(score)) + (DOUBTFUL if doubt else "")
        said = f"{doubt}. {meaning_of(name)}" if doubt else meaning_of(name)
        rows.append([name, value, score["unit"], *beside, said])
    return rows


def _format(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _largest_process_gib() -> float:
    import resource  # not everywhere, and needed here alone

    largest = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return largest / 2**20
