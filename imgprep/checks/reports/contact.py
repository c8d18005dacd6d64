"""A contact sheet for the second person of a review: every image drawn, with its label."""

import base64
from collections.abc import Iterable, Mapping
from html import escape as escape_html
from pathlib import Path

from imgprep.errors import one_line

HOW = "Write what each image shows into the column reviewed_label of the table; the label itself when it is right."


def contact_sheet(name: str, entries: Iterable[tuple[str, str]], thumbnails: Mapping[str, bytes]) -> str:
    """One self-contained page, by label.

    Args:
        name: of the collection.
        entries: id and label of each image of the review.
        thumbnails: JPEG bytes by id.
    """
    groups: dict[str, list[str]] = {}
    for sample, label in entries:
        groups.setdefault(label, []).append(sample)
    style = Path(__file__).with_name("style.css").read_text("utf-8")
    sections = "".join(
        f'<section><h2>{escape(label)} ({len(samples)})</h2><div class="images">'
        f"{''.join(figure(sample, thumbnails) for sample in samples)}</div></section>"
        for label, samples in sorted(groups.items())
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Review of {escape(name)}</title>'
        f'<link rel="icon" href="data:,"><style>{style}</style></head><body>'
        f"<header><h1>{escape(name)}</h1><p>{HOW}</p></header><main>{sections}</main></body></html>\n"
    )


def escape(text: str) -> str:
    """Text as it is, on one line, wherever in the page it stands."""
    return escape_html(one_line(text, 500))


def figure(sample: str, thumbnails: Mapping[str, bytes]) -> str:
    """An image with its id under it; the id alone when there is no thumbnail."""
    name = escape(sample)
    caption = f'<figcaption title="{name}">{name.replace("/", "/<wbr>")}</figcaption>'
    data = thumbnails.get(sample)
    if data is None:
        return f'<figure class="absent">{caption}</figure>'
    source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return f'<figure><div><img src="{source}" alt="{name}"></div>{caption}</figure>'
