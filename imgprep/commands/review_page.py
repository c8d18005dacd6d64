"""The page of a review as one file, for a colleague without imgprep."""

from pathlib import Path

from imgprep.dataset.manifest import commit
from imgprep.errors import RequestError, ResourceError, one_line
from imgprep.review.page import render
from imgprep.review.session import Session


def check_page(path: Path) -> None:
    """Refuses a place for the page, before its images are read.

    Raises:
        RequestError: its name is that of no page.
        ResourceError: its folder is not there.
    """
    if path.suffix.lower() not in {".html", ".htm"}:
        raise RequestError(f"{one_line(path)}: a page is an HTML file; give a name that ends in .html")
    if not path.absolute().parent.is_dir():
        raise ResourceError(
            f"{one_line(path)}: cannot write: there is no folder '{one_line(path.parent)}'; make it first"
        )


def write_page(path: Path, session: Session) -> None:
    """Writes the page, with all its images.

    Raises:
        ResourceError: it cannot be written.
    """
    commit(path, render(session.data(), images=session.images).encode())
