"""A contact sheet: images in rows and columns, with captions."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

CELL: Final = 128
GAP: Final = 8
MARGIN: Final = 16
HEADER: Final = 28
SIDE: Final = 152
PAPER: Final = 255
INK: Final = (32, 32, 32)
FAINT: Final = (128, 128, 128)
LINE: Final = (220, 220, 220)
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
LARGE: Final = 0.45
SMALL: Final = 0.36
_ELLIPSIS: Final = "..."

NOTHING: Final = "none"
"""Text in the place of a missing picture."""

Picture = NDArray[np.uint8]
Cell = tuple[str, Picture | None]
"""(caption of the column, (H, W, 3) uint8 RGB picture or None)."""


class Row(NamedTuple):
    """One image on the sheet.

    Attributes:
        label: the name of its class.
        name: text below the label.
        cells: its pictures.
    """

    label: str
    name: str
    cells: tuple[Cell, ...]


def sheet(rows: list[Row]) -> Picture:
    """Lays the rows out.

    Args:
        rows: at least one; all have cells with the same captions, except for sizes.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    columns = max(len(row.cells) for row in rows)
    height = 2 * MARGIN + HEADER + len(rows) * (CELL + GAP) - GAP
    width = 2 * MARGIN + SIDE + columns * (CELL + GAP) - GAP
    paper = np.full((height, width, 3), PAPER, np.uint8)
    for column, caption in enumerate(_captions(rows)):
        _write(paper, caption, (MARGIN + SIDE + column * (CELL + GAP), MARGIN + HEADER - 12), CELL, faint=True)
    label = None
    for number, row in enumerate(rows):
        top = MARGIN + HEADER + number * (CELL + GAP)
        if row.label != label:
            if label is not None:
                cv2.line(paper, (MARGIN, top - GAP // 2), (width - MARGIN, top - GAP // 2), LINE, 1)
            _write(paper, row.label, (MARGIN, top + 16), SIDE - GAP)
            label = row.label
        for line, part in enumerate(_wrapped(row.name, SIDE - GAP)):
            _write(paper, part, (MARGIN, top + 36 + 16 * line), SIDE - GAP, faint=True)
        for column, (_, image) in enumerate(row.cells):
            left = MARGIN + SIDE + column * (CELL + GAP)
            if image is None:
                _write(
                    paper, NOTHING, (left + (CELL - _length(NOTHING, SMALL)) // 2, top + CELL // 2), CELL, faint=True
                )
            else:
                _place(paper, image, (top, left))
    return paper


def fitted(image: Picture, side: int) -> Picture:
    """The image scaled to fit a square of this side; small images are enlarged by whole factors, unblurred."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        factor = int(scale)
        return image.repeat(factor, axis=0).repeat(factor, axis=1)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def printable(text: str) -> str:
    r"""The text in ASCII, which is all that OpenCV's strokes can draw; other characters become escapes.

    >>> print(printable("pear"), printable("größe"), printable("a\nb"))
    pear gr\xf6\xdfe a\nb
    """
    ascii_text = text.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in ascii_text)


def _captions(rows: list[Row]) -> list[str]:
    """The captions of the columns; where rows differ (in their sizes) only what is common."""
    captions = []
    for column in zip(*(row.cells for row in rows), strict=True):
        names = {caption for caption, _ in column}
        captions.append(names.pop() if len(names) == 1 else column[0][0].partition(" ")[0])
    return captions


def _place(paper: Picture, image: Picture, corner: tuple[int, int]) -> None:
    """Puts an image into the middle of its cell, in a thin frame."""
    small = fitted(image, CELL)
    top, left = (start + (CELL - side) // 2 for start, side in zip(corner, small.shape[:2], strict=True))
    bottom, right = top + small.shape[0], left + small.shape[1]
    paper[top - 1 : bottom + 1, left - 1 : right + 1] = LINE  # so that white ends somewhere
    paper[top:bottom, left:right] = small


def _write(paper: Picture, text: str, place: tuple[int, int], width: int, *, faint: bool = False) -> None:
    """Writes one line, shortened to the width; the place is the left end of its base line."""
    scale, color = (SMALL, FAINT) if faint else (LARGE, INK)
    line = printable(text)
    if _length(line, scale) > width:
        while line and _length(line + _ELLIPSIS, scale) > width:
            line = line[:-1]
        line += _ELLIPSIS
    cv2.putText(paper, line, place, FONT, scale, color, 1, cv2.LINE_AA)


def _wrapped(text: str, width: int, lines: int = 4) -> Iterator[str]:
    """The text in lines of the width, broken anywhere as file names have no spaces; the last may be too long."""
    rest = printable(text)
    for _ in range(lines - 1):
        length = len(rest)
        while length > 1 and _length(rest[:length], SMALL) > width:
            length -= 1
        yield rest[:length]
        rest = rest[length:]
        if not rest:
            return
    yield rest


def _length(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, FONT, scale, 1)[0][0])
