"""The demo's page: sections with their texts and files, scores with what they say, and times."""

import json

import numpy as np
import pytest

from serving.demo.page import Section, write_page
from training.pages.picture_sheet import PictureSheet

SHEET = PictureSheet(rows=[[np.zeros((4, 4, 1), "uint8")]])


@pytest.fixture
def page(tmp_path):
    """A page of two sections and one run; returns its text and its directory."""
    run = tmp_path / "runs" / "a run"
    run.mkdir(parents=True)
    baseline = {"name": "real test pictures", "value": 0.9876}
    scores = {
        "recall": {"value": 0.123456, "unit": "share", "baseline": baseline},
        "parameters": {"value": 8129, "unit": "weights"},
        "precision": {"value": 1.0, "unit": "share", "doubt": "All look alike"},
    }
    (run / "evaluation.json").write_text(json.dumps({"scores": scores}))
    (tmp_path / "photos").mkdir()
    for name in ("p1-white.png", "p1-on-white-twice.png", "p2-2b4c7e.png"):
        (tmp_path / "photos" / name).write_bytes(b"")
    sections = [
        Section("Photos", "Some <are> wrong.", SHEET, "photos"),
        Section("Generated", "First seeds.", SHEET),
    ]
    seconds = {"train <dcgan>": 61.4, "serve and ask": 9.0}
    write_page(tmp_path, "Look.", "Drawn.", sections, {"dcgan": run}, seconds)
    return (tmp_path / "index.html").read_text(), tmp_path


def test_sections_have_their_sheet_text_and_files(page):
    text, directory = page
    assert "<p class=warning>Drawn.</p><p>Look.</p>" in text
    assert text.count("data:image/png;base64,") == 2
    assert (directory / "sheet-2.png").read_bytes() == SHEET.to_png()
    for part in (
        "<p>Some &lt;are&gt; wrong.</p>",
        '<a href="sheet-1.png">this sheet</a>',
        '<p>p1: <a href="photos/p1-on-white-twice.png">on white twice</a> <a href="photos/p1-white.',
        '<p>p2: <a href="photos/p2-2b4c7e.png">2b4c7e</a></p>',
        '<a href="runs/a%20run/report.html">report</a>',
    ):
        assert part in text


def test_scores_stand_beside_their_baseline_and_say_something(page):
    text, _ = page
    for row in (
        ("recall", "0.1235", "share", "0.9876", "real test pictures", "Share of the real pictures that look"),
        ("parameters", "8129", "weights", "", "", "Size of the model."),
        ("precision", "1, doubtful", "share", "", "", "All look alike. Share of"),
    ):
        assert "".join(f"<td>{cell}</td>" for cell in row).removesuffix("</td>") in text
    for row in (("train &lt;dcgan&gt;", "61"), ("total", "70")):
        assert "".join(f"<td>{cell}</td>" for cell in row) in text
