"""The page of an audit: counts, and a table that can be filtered by place, rule and kind."""

import base64
import datetime
import html
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from serving.audit.findings import BREACH, Audited
from serving.audit.measures import NOT_CHECKED
from serving.audit.rules import Place
from serving.jobs.failures import printable
from training.pages.html_page import STYLE

# Photos with a thumbnail: more would make the page too large to open.
MAX_THUMBNAILS = 400
THUMBNAIL_SIDE = 72
# More rows than this are in the table of all findings alone.
MAX_ROWS = 5000
_HEAD = "".join(
    f"<th>{title}</th>"
    for title in ("", "photo", "place", "kind", "rule", "measured", "required", "what mends it", "mended")
)
_SCRIPT = """
const selects = [...document.querySelectorAll("select")];
function filter() {
  let shown = 0;
  for (const row of document.querySelectorAll("tbody.findings tr")) {
    row.hidden = selects.some(select => select.value && row.dataset[select.name] !== select.value);
    shown += !row.hidden;
  }
  document.querySelector("output").textContent = shown;
}
selects.forEach(select => select.addEventListener("change", filter));
filter();
"""
_MORE_STYLE = """
label { margin-right: 1rem; } tbody tr[data-kind=breach] td:nth-child(4) { color: #b00020; font-weight: 600; }
.thumbnail { width: 72px; height: 72px; background: #eee center / contain no-repeat; }
"""


def make_thumbnail(raw_image) -> bytes:
    """Returns a photo, uint8 `[h, w, 3]`, as the bytes of a small JPEG file."""
    picture = Image.fromarray(raw_image)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def render(
    audited: Sequence[Audited],
    places: Sequence[Place],
    thumbnails: Mapping[Path, bytes],
    today: datetime.date,
    has_masks: bool,
) -> str:
    """Returns the page's HTML, which needs nothing beside it.

    Args:
        audited: What was found out about each photo.
        places: The places whose rules were compared.
        thumbnails: Small JPEG files by photo, for some photos.
        today: The date, which tells old rules.
        has_masks: Whether products were told from their grounds.
    """
    passed = sum(one.passes for one in audited)
    rows = [(one, finding) for one in audited for finding in one.findings]
    numbers = {photo: number for number, photo in enumerate(thumbnails)}
    mended = sum(one.is_mended for one in audited)
    text = f"{len(audited):,} photos: {passed:,} pass, {len(audited) - passed:,} do not."
    if any(finding.mended for _, finding in rows):
        text += f" Mended versions of {mended:,} of these do."
    parts = [
        "<h1>Audit</h1>",
        f"<p>{text}</p>",
        _render_places(audited, places, today),
        _render_unchecked(audited, has_masks),
        "<h2>Findings</h2>",
        _render_filters(rows),
        f"<p>Shown: <output>{len(rows)}</output></p>",
        f"<table><thead><tr>{_HEAD}</tr></thead><tbody class=findings>",
        *(_render_row(finding, numbers) for _, finding in rows[:MAX_ROWS]),
        "</tbody></table>",
    ]
    if len(rows) > MAX_ROWS:
        parts.append(f"<p class=warning>audit.csv has the other {len(rows) - MAX_ROWS:,} findings.</p>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Audit</title>'
        f"<style>{STYLE}{_MORE_STYLE}{_render_thumbnails(thumbnails)}</style></head><body>{''.join(parts)}"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _render_places(audited, places, today) -> str:
    rows = []
    for place in places:
        refused = sum(
            any(finding.place == place.name and finding.kind == BREACH for finding in one.findings)
            for one in audited
        )
        note = "its own page" if place.is_official else "pages of others: check before you rely on it"
        if place.is_ageing(today):
            note += "; read long ago: it may have changed"
        cells = (place.title, f"{refused:,}", note, place.read, ", ".join(place.sources))
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return (
        "<table><thead><tr><th>place</th><th>photos it would refuse</th><th>rules from</th><th>read</th>"
        f"<th>sources</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _render_unchecked(audited, has_masks: bool) -> str:
    unknown = Counter(title for one in audited for title in one.unknown)
    items = [*NOT_CHECKED, *(f"{title}, of {count:,} photos" for title, count in unknown.items())]
    if not has_masks:
        items.append("whatever needs the product's mask")
    text = "; ".join(items)
    return f"<p>Not checked: {html.escape(text)}.</p>"


def _render_filters(rows) -> str:
    labels = []
    for name in ("place", "rule", "kind"):
        counts = Counter(getattr(finding, name) for _, finding in rows)
        options = "".join(
            f'<option value="{html.escape(value)}">{html.escape(value or "any place")} ({count:,})</option>'
            for value, count in counts.most_common()
            if value
        )
        labels.append(
            f'<label>{name} <select name="{name}"><option value="">all</option>{options}</select></label>'
        )
    return f"<p>{''.join(labels)}</p>"


def _render_thumbnails(thumbnails) -> str:
    """Returns a style for each photo: a photo with many findings stands in the page once."""
    urls = (f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" for data in thumbnails.values())
    return "".join(f".t{number} {{ background-image: url({url}); }}" for number, url in enumerate(urls))


def _render_row(finding, thumbnails) -> str:
    number = thumbnails.get(finding.photo)
    image = "" if number is None else f'<div class="thumbnail t{number}"></div>'
    sure = "" if finding.is_sure else " (unsure)"
    cells = (
        *(printable(str(finding.photo)), finding.place, finding.kind, finding.rule),
        *(f"{finding.measured}{sure}", finding.required, finding.remedy),
        printable(finding.mended),
    )
    attributes = " ".join(
        f'data-{name}="{html.escape(getattr(finding, name))}"' for name in ("place", "rule", "kind")
    )
    body = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
    return f"<tr {attributes}><td>{image}</td>{body}</tr>"
