"""Renders a prepared data set as an HTML page, for its owner to inspect before training."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from training.data.catalog.catalog import describe_counts
from training.data.catalog.likely_typos import rename_option
from training.data.catalog.quarantine import FILE_NAME
from training.data.data_sets import DataSet, rendered_note
from training.data.picture_sizes import summarise_sizes
from training.data_page.survey import THUMBNAIL_PIXELS, UNKNOWN, DataSurvey, survey_data_set, to_thumbnail
from training.input.augmentation import Augmentation
from training.pages.html_page import HtmlPage
from training.pages.picture_sheet import PictureSheet
from zoo.pictures.resize import to_square

SHEET_COLUMNS = 8
MAX_SHEETS = 30
MAX_REFUSED_ROWS = 50
MAX_MISSING = 20
MAX_GROUPS = 12
MAX_TEXT_CHARACTERS = 400
MAX_GROUP_PICTURES = 6
NUM_AUGMENTED_PICTURES = 6


def make_data_report(data_set: DataSet, augment: Sequence[str] = ()) -> HtmlPage:
    """Makes a data set's page; reads every picture once.

    Args:
        data_set: A prepared data set.
        augment: Names of augmentations to show, from `training.input.augmentation.NAMES`.

    Returns:
        The page: counts, sizes, refused rows, typos, near-duplicates, sample pictures and augmentations.

    Raises:
        UnknownNameError: If an augmentation does not exist.

    Example:

    ```python
    page = make_data_report(load_data_set("fashion_mnist"), augment=["flip", "crop"])
    Path("fashion_mnist.html").write_text(page.render())
    ```
    """
    change = Augmentation(augment)
    report = data_set.report
    groups = report.get("near_duplicate_groups", [])[:MAX_GROUPS]
    derived = [name for name in data_set.attributes if f"derived_{name}" in report]
    sampled = [*list(data_set.attributes)[:1], *derived]
    files = {file for group in groups for file in group}
    survey = survey_data_set(data_set, dict.fromkeys(sampled), files)

    page = HtmlPage(data_set.name)
    num_images = ", ".join(f"{number:,} {split}" for split, number in data_set.num_images.items())
    page.add_text(f"{sum(data_set.num_images.values()):,} pictures: {num_images}. {data_set.source}")
    if rendered_note(data_set):
        page.add_text(rendered_note(data_set), is_warning=True)
    if report:
        _add_refusals(page, data_set, report)
        _add_typos(page, report)
    _add_counts(page, data_set, survey)
    if "splits" in report:
        page.add_text(f"Splits: {report['splits']}.")
    _add_sizes(page, survey, report)
    _add_numbers(page, survey)
    _add_near_duplicates(page, survey, report, groups)
    for name in dict.fromkeys(sampled):
        if name in derived:
            _explain_derived(page, report, name)
        _add_samples(page, survey, name, name in derived)
    _add_texts(page, survey)
    if augment:
        page.add_sheet(
            f"Training pictures with --augment {','.join(augment)}", _draw_augmented(data_set, change)
        )
    return page


def _add_refusals(page: HtmlPage, data_set: DataSet, report: dict) -> None:
    page.add_heading("Refused rows")
    page.add_text(f"{describe_counts(report)}.")
    if not report["quarantined"]:
        return
    page.add_table(["reason", "rows"], [[reason, f"{n:,}"] for reason, n in report["refusals"].items()])
    path = Path(data_set.builder.data_dir) / FILE_NAME
    if not path.is_file():
        page.add_text(f"{FILE_NAME} is missing from {path.parent}.", is_warning=True)
        return
    with open(path, encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    page.add_table(head, rows[:MAX_REFUSED_ROWS])
    if len(rows) > MAX_REFUSED_ROWS:
        page.add_text(f"These are the first {MAX_REFUSED_ROWS}. All {len(rows):,} of them: {path}")


def _add_typos(page: HtmlPage, report: dict) -> None:
    pairs = report.get("likely_typos", [])
    if not pairs:
        return
    page.add_heading("Likely typos")
    page.add_text(
        "These values are nearly equal but count as different. If they mean the same, build again with:",
        is_warning=True,
    )
    page.add_table(["rarer", "more frequent"], pairs)
    page.add_code("\n".join(rename_option(*pair) for pair in pairs))


def _add_counts(page: HtmlPage, data_set: DataSet, survey: DataSurvey) -> None:
    splits = list(data_set.num_images)
    for name, values in survey.counts.items():
        page.add_heading(f"Pictures of each {name}")
        rows = [
            [value, *(f"{counts[split]:,}" for split in splits), f"{counts.total():,}"]
            for value, counts in values.items()
        ]
        page.add_table([name, *splits, "all"], rows)
        missing = [
            f"{value} in {split}"
            for value, counts in values.items()
            for split in splits
            if counts[split] == 0 and value != UNKNOWN
        ]
        if missing:
            rest = len(missing) - MAX_MISSING
            more = f" and {rest:,} more" if rest > 0 else ""
            page.add_text(f"No picture of: {', '.join(missing[:MAX_MISSING])}{more}.", is_warning=True)


def _add_sizes(page: HtmlPage, survey: DataSurvey, report: dict) -> None:
    page.add_heading("Sizes")
    if "photo_sizes" in report:
        _add_size_summary(page, "The kept photos", report["photo_sizes"])
        page.add_text(f"Their preparation: {report['pictures']}.")
    _add_size_summary(page, "The data set's pictures", summarise_sizes(survey.sizes))


def _add_size_summary(page: HtmlPage, what: str, summary: dict) -> None:
    if summary["size"]:
        height, width = summary["size"]
        page.add_text(f"{what} are all {width} pixels wide and {height} pixels high.")
        return
    page.add_text(
        f"{what} have {summary['num_sizes']:,} different sizes. Shorter side: at least "
        f"{summary['smallest']} pixels, median {summary['median']}, at most {summary['largest']}."
    )
    total = sum(number for _, _, number in summary["bins"])
    rows = [
        [
            f"{low} pixels or more" if high is None else f"{low} to {high} pixels",
            f"{number:,}",
            f"{number / total:.1%}",
        ]
        for low, high, number in summary["bins"]
    ]
    page.add_table(["shorter side", "pictures", "share"], rows)


def _add_numbers(page: HtmlPage, survey: DataSurvey) -> None:
    if not survey.numbers:
        return
    page.add_heading("Numbers")
    rows = [
        [
            name,
            f"{summary.num_values:,}",
            f"{summary.num_missing:,}",
            *(
                [f"{summary.smallest:g}", f"{summary.total / summary.num_values:.4g}", f"{summary.largest:g}"]
                if summary.num_values
                else ["", "", ""]
            ),
        ]
        for name, summary in survey.numbers.items()
    ]
    page.add_table(["column", "values", "empty", "smallest", "mean", "largest"], rows)


def _add_near_duplicates(page: HtmlPage, survey: DataSurvey, report: dict, groups: list[list[str]]) -> None:
    if "num_near_duplicate_groups" not in report:
        return
    number = report["num_near_duplicate_groups"]
    if not number:
        page.add_heading("Near-duplicates")
        page.add_text("No two photos look alike.")
        return
    rows = [[file for file in group if file in survey.pictures][:MAX_GROUP_PICTURES] for group in groups]
    rows = [row for row in rows if row]
    caption = f"Near-duplicates: groups of photos that look alike ({number:,})"
    if rows:
        page.add_sheet(
            caption,
            PictureSheet(
                rows=[[survey.pictures[file] for file in row] for row in rows],
                captions=[[_shorten(Path(file).name) for file in row] for row in rows],
            ),
        )
    else:
        page.add_heading(caption)
    shown = f" The first {len(rows)} are shown." if number > len(rows) else ""
    page.add_text(f"Each row is a group. All photos of a group are in the same split.{shown}")


def _explain_derived(page: HtmlPage, report: dict, name: str) -> None:
    threshold = report[f"derived_{name}"]["threshold"]
    page.add_heading(f"Derived {name}")
    page.add_text(
        f"A {name} is assigned if its confidence is at least {threshold:.0%}; less certain photos are "
        f"{UNKNOWN}. The number under a picture is its confidence. Look through the sheet of each {name} "
        "before training."
    )


def _add_samples(page: HtmlPage, survey: DataSurvey, name: str, is_derived: bool) -> None:
    values = sorted(
        survey.counts[name], key=lambda value: (value == UNKNOWN, -survey.counts[name][value].total())
    )
    if len(values) > MAX_SHEETS:
        page.add_text(f"Pictures of the {MAX_SHEETS} most frequent of {len(values)} values of {name}:")
    for value in values[:MAX_SHEETS]:
        images = survey.samples.get((name, value))
        if not images:
            continue
        captions = []
        if is_derived:
            # Rounded down: a value just below the threshold must not appear to reach it.
            captions = _rows([f"{math.floor(100 * sure)} %" for sure in survey.confidences[name, value]])
        page.add_sheet(
            f"{name}: {value} ({survey.counts[name][value].total():,})",
            PictureSheet(rows=_rows(images), captions=captions),
        )


def _add_texts(page: HtmlPage, survey: DataSurvey) -> None:
    if not survey.texts:
        return
    page.add_heading("Some descriptions")
    texts = [
        (file, text if len(text) <= MAX_TEXT_CHARACTERS else f"{text[:MAX_TEXT_CHARACTERS]}…")
        for file, text in survey.texts
    ]
    if any(file for file, _ in texts):
        page.add_table(["file", "description"], texts)
    else:
        page.add_table(["description"], [[text] for _, text in texts])


def _draw_augmented(data_set: DataSet, change: Augmentation) -> PictureSheet:
    height, width = data_set.image_shape[:2]
    size = height if height and height == width else THUMBNAIL_PIXELS
    elements = data_set.read("train").take(NUM_AUGMENTED_PICTURES)
    raw_images = tf.stack([to_square(element["image"], size) for element in elements])
    columns = [raw_images, *(change(raw_images, seed=[0, step]) for step in range(1, SHEET_COLUMNS))]
    rows = np.stack(columns, axis=1)
    return PictureSheet(
        rows=[[to_thumbnail(image) for image in row] for row in rows],
        column_labels=["original", *(f"changed {number}" for number in range(1, SHEET_COLUMNS))],
    )


def _rows(items: list) -> list[list]:
    return [items[start : start + SHEET_COLUMNS] for start in range(0, len(items), SHEET_COLUMNS)]


def _shorten(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:6]}…{name[-7:]}"
