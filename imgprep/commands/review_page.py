"""The page of a review as one file, for a colleague without imgprep."""

from pathlib import Path

from imgprep.dataset.manifest import commit
from imgprep.review.page import render
from imgprep.review.session import Session
from imgprep.util.output_file import check_output_file, check_outside


def check_page(path: Path, source: Path) -> None:
    """Refuses a place for the page, before its images are read.

    Args:
        path: of the page.
        source: of the images, which is only read.

    Raises:
        RequestError: its name is that of no page, or its folder is not there.
    """
    check_output_file(path, (".html", ".htm"), "a page is an HTML file")
    check_outside(path, source)


def write_page(path: Path, session: Session) -> None:
    """Writes the page, with all its images.

    Raises:
        ResourceError: it cannot be written.
    """
    commit(path, render(session.data(), images=session.images).encode())
