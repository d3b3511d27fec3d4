"""Sheets of labelled pictures for visual inspection."""

import dataclasses
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Pictures are shown at least this large, small ones by a whole factor, or their pixels would differ in size.
SMALLEST_TILE = 84
GAP, LABEL_HEIGHT, FONT_SIZE = 6, 18, 12
BACKGROUND, INK, NOTE_INK = (255, 255, 255), (40, 40, 40), (176, 0, 32)


@dataclasses.dataclass(frozen=True)
class PictureSheet:
    """Rows of pictures with labels and a note.

    Args:
        rows: Rows of uint8 arrays `[h, w, 1 or 3]`. Small pictures are enlarged by pixel repetition.
        column_labels: Text above each column.
        row_labels: Text to the left of each row.
        captions: Text under each picture, row by row.
        note: Text in red at the bottom that a viewer must know.

    Example:

    >>> sheet = PictureSheet(rows=[[np.zeros((28, 28, 1), "uint8")] * 2], column_labels=["bag", "dress"])
    >>> sheet.draw().shape
    (132, 186, 3)
    """

    rows: list[list[np.ndarray]]
    column_labels: list[str] = dataclasses.field(default_factory=list)
    row_labels: list[str] = dataclasses.field(default_factory=list)
    captions: list[list[str]] = dataclasses.field(default_factory=list)
    note: str = ""

    def draw(self) -> np.ndarray:
        """Returns the sheet as uint8 `[height, width, 3]`."""
        font = ImageFont.load_default(FONT_SIZE)
        largest = max(max(image.shape[:2]) for row in self.rows for image in row)
        tile = largest * max(1, -(-SMALLEST_TILE // largest))
        left = GAP + max([0, *(int(font.getlength(label)) + GAP for label in self.row_labels)])
        top = GAP + (LABEL_HEIGHT if self.column_labels else 0)
        row_height = tile + GAP + (LABEL_HEIGHT if self.captions else 0)
        width = left + (tile + GAP) * max(len(row) for row in self.rows)
        height = top + row_height * len(self.rows) + LABEL_HEIGHT
        sheet = Image.new("RGB", (max(width, int(font.getlength(self.note)) + 2 * GAP), height), BACKGROUND)
        draw = ImageDraw.Draw(sheet)

        def write(x, y, text, anchor, ink=INK):
            draw.text((x, y), text, fill=ink, font=font, anchor=anchor)

        for column, label in enumerate(self.column_labels):
            write(left + column * (tile + GAP) + tile // 2, GAP + LABEL_HEIGHT // 2, label, "mm")
        for row, images in enumerate(self.rows):
            y = top + row * row_height
            if self.row_labels:
                write(GAP, y + tile // 2, self.row_labels[row], "lm")
            for column, image in enumerate(images):
                x = left + column * (tile + GAP)
                sheet.paste(_to_tile(image, tile), (x, y))
                if self.captions:
                    caption = self.captions[row][column]
                    write(x + tile // 2, y + tile + LABEL_HEIGHT // 2, caption, "mm")
        write(GAP, height - LABEL_HEIGHT // 2, self.note, "lm", NOTE_INK)
        return np.asarray(sheet)

    def to_png(self) -> bytes:
        """Returns the sheet as the bytes of a PNG file."""
        buffer = io.BytesIO()
        Image.fromarray(self.draw()).save(buffer, format="PNG", optimize=True)
        return buffer.getvalue()


def _to_tile(image: np.ndarray, tile: int) -> Image.Image:
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("RGB")
    scale = tile / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    canvas = Image.new("RGB", (tile, tile), BACKGROUND)
    canvas.paste(
        picture.resize((width, height), Image.Resampling.NEAREST), ((tile - width) // 2, (tile - height) // 2)
    )
    return canvas


def middle(image: np.ndarray, side: int) -> np.ndarray:
    """Returns the middle of an image `[h, w, C]`, at most so many pixels high and wide."""
    top, left = ((length - min(length, side)) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]
