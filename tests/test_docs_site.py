"""The documentation site is built without a warning, without TensorFlow, and loads nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
BUILD = """
import sys
from mkdocs.__main__ import cli
try:
    cli(["build", "--strict", "--site-dir", sys.argv[1]])
finally:
    if "tensorflow" in sys.modules or "keras" in sys.modules:
        sys.exit("Building the site must not import TensorFlow or Keras.")
"""
_LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\bsrc=\"?([^\"\s>]+)|<link[^>]*\bhref=\"?([^\"\s>]+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-c", BUILD, str(site)], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    return site


def test_site_has_every_page(site):
    pages = (REPOSITORY / "docs").rglob("*.md")
    expected = {path.relative_to(REPOSITORY / "docs").with_suffix(".html") for path in pages}
    assert expected <= {path.relative_to(site) for path in site.rglob("*.html")}


def test_site_loads_nothing_from_elsewhere(site):
    loaded = [
        (path.name, address)
        for path in site.rglob("*.html")
        for groups in _LOADED.findall(path.read_text(encoding="utf-8"))
        for address in groups
        if address.startswith(("http:", "https:", "//"))
    ]
    assert loaded == []


def test_tour_is_a_page_with_its_pictures(site):
    text = (site / "tour.html").read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 7
    assert "PSNR on Set5" in text


def test_reference_has_signatures_and_docstrings(site):
    text = (site / "reference" / "models.html").read_text(encoding="utf-8")
    for name in ("DCGAN", "ConditionalVAE", "FSRCNN", "Classifier", "from_preset"):
        assert name in text
    assert "Length of the latent vectors" in text
