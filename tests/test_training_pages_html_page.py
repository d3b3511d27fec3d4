"""HTML pages, read back by a parser."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from training.pages.html_page import HtmlPage
from training.pages.picture_sheet import PictureSheet

NASTY = "<script>alert('x')</script> & \"quotes\""


class Reader(HTMLParser):
    """Collects the text and attributes of every element, in the order in which they begin."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.feed(page.removesuffix("\n"))

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])

    def handle_data(self, data):
        self.elements[-1][2] += data

    def texts(self, *tags):
        return [text for tag, _, text in self.elements if tag in tags]

    def attributes(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]


def test_parts_stand_in_the_order_in_which_they_are_added():
    page = HtmlPage("Shoes")
    page.add_text("first")
    page.add_heading("second")
    page.add_code("third")
    page.add_table(["fourth"], [["fifth"]])
    reader = Reader(page.render())
    assert reader.texts("title", "h1") == ["Shoes", "Shoes"]
    assert reader.texts("p", "h2", "pre", "th", "td") == ["first", "second", "third", "fourth", "fifth"]


@pytest.mark.parametrize(
    ("add", "tags"),
    [
        (lambda page: page.add_text(NASTY), ["p"]),
        (lambda page: page.add_text(NASTY, is_warning=True), ["p"]),
        (lambda page: page.add_heading(NASTY), ["h2"]),
        (lambda page: page.add_code(NASTY), ["pre"]),
        (lambda page: page.add_table([NASTY], [[NASTY]]), ["th", "td"]),
    ],
)
def test_text_stays_text(add, tags):
    page = HtmlPage(NASTY)
    add(page)
    reader = Reader(page.render())
    assert reader.texts("title", "h1", *tags) == [NASTY] * (2 + len(tags))
    assert reader.texts("script") == []


def test_only_warnings_are_marked():
    page = HtmlPage("Shoes")
    page.add_text("fine")
    page.add_text("drawn, no photos", is_warning=True)
    assert Reader(page.render()).attributes("p") == [{}, {"class": "warning"}]


def test_numbers_may_be_cells():
    page = HtmlPage("Shoes")
    page.add_table(["name", "value"], [["a", 1], ["b", 2.5]])
    assert Reader(page.render()).texts("td") == ["a", "1", "b", "2.5"]


def test_only_very_long_words_of_a_table_may_break():
    short = ["329", "bicubic", "31.62 (31.55 to 31.7)", "pairwise_distance_within_category", "two " * 50, ""]
    long = ["a" * 41, "on " + "photos/" * 20, "12345678" * 6]
    page = HtmlPage("Shoes")
    page.add_table(["name"], [[text] for text in short + long])
    classes = [attributes.get("class") for attributes in Reader(page.render()).attributes("td")]
    assert classes == [None] * len(short) + ["long"] * len(long)


def test_sheets_travel_in_the_page():
    sheet = PictureSheet(rows=[[np.full((4, 4, 3), 7, "uint8")]])
    page = HtmlPage("Shoes")
    page.add_sheet(NASTY, sheet)
    reader = Reader(page.render())
    (image,) = reader.attributes("img")
    assert reader.texts("h2") == [NASTY]
    assert image["alt"] == NASTY
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/png;base64"
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    np.testing.assert_array_equal(drawn, sheet.draw())
