"""Self-contained HTML pages of text, tables and picture sheets."""

import base64
import html
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from training.pages.picture_sheet import PictureSheet

# Only longer words may break in the middle; the longest score names have 35 characters.
MAX_WHOLE_CHARACTERS = 40
STYLE = """
body { font-family: sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; display: block; max-width: 100%; overflow-x: auto; }
th, td { text-align: left; padding: 0.3rem 0.8rem; border-bottom: 1px solid #ddd; }
td { unicode-bidi: isolate; }
h1, h2, p, td.long { overflow-wrap: anywhere; }
td + td { font-variant-numeric: tabular-nums; }
img { max-width: 100%; image-rendering: pixelated; }
pre { overflow-x: auto; }
code, pre { background: #f4f4f4; padding: 0.15rem 0.3rem; }
.warning { color: #b00020; font-weight: 600; }
"""


class HtmlPage:
    """A page assembled from top to bottom; all text is escaped.

    Args:
        title: Title and first heading.

    Example:

    >>> page = HtmlPage("Bags & shoes")
    >>> page.add_text("2 pictures")
    >>> "<h1>Bags &amp; shoes</h1>" in page.render()
    True
    """

    def __init__(self, title: str):
        self._title = html.escape(title)
        self._parts = [f"<h1>{self._title}</h1>"]

    def add_heading(self, text: str) -> None:
        """Adds a second-level heading."""
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def add_text(self, text: str, is_warning: bool = False) -> None:
        """Adds a paragraph, in red for a warning."""
        self._parts.append(f"<p{' class=warning' if is_warning else ''}>{html.escape(text)}</p>")

    def add_code(self, text: str) -> None:
        """Adds preformatted lines, e.g. of a command line."""
        self._parts.append(f"<pre>{html.escape(text)}</pre>")

    def add_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Adds a table with a header row."""
        head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
        body = "".join("<tr>" + "".join(_render_cell(str(cell)) for cell in row) + "</tr>" for row in rows)
        self._parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")

    def add_links(self, text: str, links: Mapping[str, str]) -> None:
        """Adds a paragraph of links.

        Args:
            text: What stands before them.
            links: Addresses, relative to the page, by the text to click on.
        """
        anchors = " ".join(
            f'<a href="{html.escape(quote(address))}">{html.escape(label)}</a>'
            for label, address in links.items()
        )
        self._parts.append(f"<p>{html.escape(text)} {anchors}</p>")

    def add_sheet(self, caption: str, sheet: PictureSheet) -> None:
        """Adds a picture sheet under a heading; the image is embedded in the page."""
        self.add_heading(caption)
        data = base64.b64encode(sheet.to_png()).decode()
        self._parts.append(f'<img alt="{html.escape(caption)}" src="data:image/png;base64,{data}">')

    def render(self) -> str:
        """Returns the page's HTML."""
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{self._title}</title>'
            f"<style>{STYLE}</style></head><body>{''.join(self._parts)}</body></html>\n"
        )


def _render_cell(text: str) -> str:
    is_long = max(map(len, text.split()), default=0) > MAX_WHOLE_CHARACTERS
    return f"<td{' class=long' if is_long else ''}>{html.escape(text)}</td>"
