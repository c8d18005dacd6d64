"""The page of a review as one file, for a colleague without imgprep."""

from pathlib import Path

from imgprep.dataset.manifest import commit
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.review.page import render
from imgprep.review.session import LabelSession


def write_page(path: Path, session: LabelSession) -> None:
    """Writes the page, with all its images.

    Raises:
        RequestError: its name is that of no page.
        ResourceError: it cannot be written.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise RequestError(f"{one_line(path)}: a page is an HTML file; give a name that ends in .html")
    if not path.absolute().parent.is_dir():
        raise ResourceError(
            f"{one_line(path)}: cannot write: there is no folder '{one_line(path.parent)}'; make it first"
        )
    commit(path, render(session.data(), images=session.images).encode())
