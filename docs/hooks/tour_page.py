"""A hook of MkDocs that shows `tour.ipynb` as the page `tour.md`: text, code and saved outputs."""

import json
from pathlib import Path

from mkdocs.structure.files import File

NOTEBOOK = "tour.ipynb"
PAGE = "tour.md"


def on_files(files, config):
    """Adds the page to the files of the site; MkDocs calls it before it builds the navigation."""
    notebook = json.loads((Path(config.docs_dir) / NOTEBOOK).read_text(encoding="utf-8"))
    files.append(File.generated(config, PAGE, content=to_markdown(notebook["cells"])))
    return files


def to_markdown(cells: list[dict]) -> str:
    """Returns the cells of a notebook, with their saved outputs, as Markdown."""
    return "\n\n".join(part for cell in cells for part in _parts(cell)) + "\n"


def _parts(cell: dict) -> list[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [source]
    return [f"```python\n{source}\n```", *map(_shown, cell["outputs"])]


def _shown(output: dict) -> str:
    if output["output_type"] == "stream":
        return f"```text\n{''.join(output['text'])}```"
    png = "".join(output["data"]["image/png"]).replace("\n", "")
    return f"![Output of the cell](data:image/png;base64,{png})"
