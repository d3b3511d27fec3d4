"""Renders an evaluation's report: one self-contained HTML page."""

from training.evaluation.meanings import meaning_of
from training.pages.html_page import HtmlPage
from training.runs.score import format_score

COLUMNS = ("score", "value (95 % interval)", "unit", "of", "baseline", "is", "measured with", "says")


def render_report(evaluation) -> str:
    """Returns the report as HTML.

    Args:
        evaluation: A `training.evaluation.evaluation.Evaluation`.
    """
    findings = evaluation.findings
    page = HtmlPage(f"{evaluation.model} on {evaluation.dataset}")
    pictures = f"{evaluation.num_images:,} {evaluation.split} pictures".replace("  ", " ")
    page.add_text(f"{evaluation.source}. {pictures}. {evaluation.data_source}")
    page.add_text(
        f"Judge: {evaluation.judge or 'none'}. Distances between sets of pictures: "
        f"{f'on {evaluation.extractor}' if evaluation.extractor else 'none'}. Seed {evaluation.seed}."
    )
    for note in findings.notes:
        page.add_text(note, is_warning=True)
    page.add_heading("Scores")
    page.add_text(
        "A baseline is the same measure, taken in the same evaluation, of something available without the "
        "model: real photos, bicubic interpolation or category means. In 95 of 100 cases, an interval holds "
        "the score that other photos or pictures of the same kind would have given."
    )
    page.add_table(COLUMNS, [_row(name, score) for name, score in findings.scores.items()])
    for caption, sheet in findings.sheets.items():
        page.add_sheet(caption, sheet)
    return page.render()


def _row(name: str, score) -> list[str]:
    baseline = "" if score.baseline is None else format_score(score.baseline)
    value, number = format_score(score) + score.mark, f"{score.num_samples:,}"
    method = score.measured_with
    return [name, value, score.unit, number, baseline, score.baseline_name, method, meaning_of(name)]
