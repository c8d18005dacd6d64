"""The command of reviews, and the time in which its page is served."""

import signal
import sys
from typing import TYPE_CHECKING

from imgprep.cli.browser import browser_shows
from imgprep.cli.exit_codes import ExitCode
from imgprep.cli.options import (
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

if TYPE_CHECKING:
    from imgprep.review.session import Session


@shared_options(spec_options)
def review(
    given: SpecOptions,
    more: MoreTables = None,
    sample: Sample = None,
    table: ReviewTable = None,
    mode: Mode = ReviewMode.SAMPLE,
    page: Page = None,
    extend: Extend = False,
    collect: Collect = None,
    serve: Serve = None,
    no_open: NoOpen = False,
    force: Force = False,
) -> int:
    """Has a second person label images. On a page in the browser, on a page in a file, or in a table."""
    from imgprep.commands import main
    from imgprep.commands.review import next_step
    from imgprep.commands.review_draw import Choice
    from imgprep.errors import RequestError

    request = given.request(force=force)
    if more and not collect:
        raise RequestError(f"{more[0]}: only --collect takes further tables")
    if collect:
        with given.terminal as terminal:
            collected = main.collect_reviews(request, [*collect, *(more or [])], table)
        terminal.print(collected.text())
        return ExitCode.DONE
    choice = Choice(sample, table, extend, mode.value)
    if page is not None:
        from imgprep.commands.review_page import write_page

        with given.terminal as terminal:
            session = main.open_review(request, choice, blank=True)
        write_page(page, session)
        terminal.print(
            f"{page}: {len(session.images)} images, to be opened in any browser; it saves a table by download"
        )
        terminal.print(f"then: imgprep review {given.spec} --collect TABLE")
        return ExitCode.DONE
    if not (serve if serve is not None else no_open or sys.stdout.isatty()):
        with given.terminal as terminal:
            drawn = main.review(request, choice)
        terminal.print(drawn.text())
        return ExitCode.DONE
    with given.terminal as terminal:
        session = main.open_review(request, choice)
    _show(terminal, session, browser=not no_open)
    done = sum(map(bool, session.answers))
    terminal.print(f"{session.file.path}: {done} of {len(session.answers)} images are labelled")
    terminal.print(next_step(str(given.spec), session.file.path, mode.value))
    return ExitCode.DONE


def _show(terminal: Terminal, session: "Session", *, browser: bool) -> None:
    """Serves a review until its page says that it is over, or Ctrl-C does: every answer is saved by then."""
    from imgprep.errors import ResourceError
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
