"""The command of reviews, and the time in which its page is served."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from imgprep.cli.browser import browser_shows
from imgprep.cli.exit_codes import ExitCode
from imgprep.cli.options import (
    Class,
    Collect,
    Extend,
    Force,
    Mode,
    MoreTables,
    NoOpen,
    Page,
    ReviewMode,
    ReviewTable,
    Sample,
    Serve,
    SpecOptions,
    shared_options,
    spec_options,
)
from imgprep.cli.signals import SIGNALS, Stopped
from imgprep.cli.terminal import Terminal
from imgprep.errors import RequestError, ResourceError, one_line

if TYPE_CHECKING:
    from imgprep.commands.review_draw import Choice
    from imgprep.review.session import Session

DECIDING: Final = frozenset({ReviewMode.DUPLICATES, ReviewMode.GALLERY})
"""Modes that write decisions, not a review table."""


@shared_options(spec_options)
def review(
    given: SpecOptions,
    more: MoreTables = None,
    sample: Sample = None,
    table: ReviewTable = None,
    mode: Mode = ReviewMode.SAMPLE,
    label: Class = None,
    page: Page = None,
    extend: Extend = False,
    collect: Collect = None,
    serve: Serve = None,
    no_open: NoOpen = False,
    force: Force = False,
) -> int:
    """Has a second person label images. On a page in the browser, on a page in a file, or in a table."""
    from imgprep.commands import main
    from imgprep.commands.review_draw import Choice

    check_options(mode, label=label, more=more, collect=collect, extend=extend)
    request = given.request(force=force)
    if collect:
        with given.terminal as terminal:
            collected = main.collect_reviews(request, [*collect, *(more or [])], table)
        terminal.tell(collected.text())
        return ExitCode.DONE
    choice = Choice(sample, table, extend, mode.value, label)
    if page is not None:
        return _write_page(given, page, choice, force=force)
    if not (serve if serve is not None else no_open or sys.stdout.isatty()):
        if mode in DECIDING:
            raise RequestError(f"--mode {mode}: needs a page: --serve opens it here, --page FILE writes it as one file")
        with given.terminal as terminal:
            drawn = main.review(request, choice)
        terminal.tell(drawn.text())
        return ExitCode.DONE
    with given.terminal as terminal:
        session = main.open_review(request, choice)
    _show(terminal, session, browser=not no_open)
    terminal.tell(main.after_review(session, str(given.spec), choice))
    return ExitCode.DONE


def check_options(
    mode: ReviewMode,
    *,
    label: str | None,
    more: list[Path] | None,
    collect: list[Path] | None,
    extend: bool,
) -> None:
    """Refuses options that have no meaning together.

    Raises:
        RequestError: there are such.
    """
    if more and not collect:
        raise RequestError(f"{one_line(more[0])}: only --collect takes further tables")
    if label is not None and mode != ReviewMode.GALLERY:
        raise RequestError("--class: only --mode gallery shows one class; leave it out, or add the mode")
    if mode in DECIDING and (collect or extend):
        raise RequestError(f"--mode {mode}: has no sample to extend or tables to collect; leave the option out")


def _write_page(given: SpecOptions, page: Path, choice: "Choice", *, force: bool) -> int:
    from imgprep.commands import main
    from imgprep.commands.review_page import check_page, write_page

    request = given.request(force=force)
    check_page(page, request.load().spec.source.source.path)
    with given.terminal as terminal:
        session = main.open_review(request, choice, blank=True)
    write_page(page, session)
    terminal.tell(f"{page}: {len(session.images)} images, to be opened in any browser; it saves a table by download")
    if choice.mode in DECIDING:
        terminal.tell("then: name the table in the spec, under source: decisions")
    else:
        terminal.tell(f"then: imgprep review {given.spec} --collect TABLE")
    return ExitCode.DONE


def _show(terminal: Terminal, session: "Session", *, browser: bool) -> None:
    """Serves a review until its page says that it is over, or Ctrl-C does: every answer is saved by then."""
    from imgprep.review.server import ReviewServer

    try:
        server = ReviewServer(session)
    except OSError as error:
        raise ResourceError(f"no port of this machine can be listened on: {error.strerror}; use --page") from error
    try:
        with server:
            terminal.print(server.url)
            if browser and not browser_shows(server.url):
                terminal.say("no browser could be started here; open the address in one")
            terminal.say("every answer is saved at once; end with the button of the page, or with Ctrl-C")
            server.wait()
    except Stopped as stop:
        # The usual way to end it, and nothing is lost; a request to terminate is none of the reviewer's.
        if stop.how != SIGNALS[signal.SIGINT]:
            raise
