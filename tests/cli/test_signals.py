"""Signals at awkward moments, each in a process that sends them to itself: one line, the right code, no traceback."""

import os
import signal
import subprocess
import sys

import pytest

from imgprep.cli import signals
from imgprep.cli.signals import Stopped, stoppable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")
PROGRAM = """
import atexit, os, signal, sys, time
from imgprep import __main__
from imgprep.cli import signals
from imgprep.cli import exit_status

def send():
    os.kill(os.getpid(), signal.SIG{name})
{work}
exit_status._commanded = lambda _: app()
__main__.main()
"""
ONCE = """
def app(**_):
    send()
    time.sleep(60)
"""
LOST = """
class Late:
    def __del__(self):
        send()  # what the handler raises here, Python prints and forgets

def app(**_):
    Late()
    time.sleep(60)

sys.unraisablehook = lambda _: None
"""
TAKEN_BY_A_LIBRARY = """
def app(**_):
    try:
        send()
        time.sleep(60)
    except BaseException as error:
        raise ImportError("Importing the numpy C-extensions failed") from error  # as numpy does when it is stopped
"""
AGAIN_WHILE_CLEARING_UP = """
def app(**_):
    try:
        send()
        time.sleep(60)
    finally:
        send()
        sys.stderr.write("cleared up, ")
"""
AGAIN_WHEN_THAT_TAKES_LONG = """
signals.ECHO = 0

def app(**_):
    try:
        send()
        time.sleep(60)
    finally:
        time.sleep(0.01)
        send()
        time.sleep(60)
"""
AFTER_THE_END = """
atexit.register(time.sleep, 60)
atexit.register(send)

def app(**_):
    return 0
"""
BEFORE_THE_BEGINNING = """
class Finder:
    def find_spec(self, name, *_):
        if name == "imgprep.cli.exit_status":
            send()
            time.sleep(60)

del sys.modules["imgprep.cli.exit_status"]
sys.meta_path.insert(0, Finder())
app = None
"""
LINE = "imgprep: {how}; rerun the same command to resume\n"


@pytest.mark.parametrize(
    ("work", "said"),
    [
        pytest.param(ONCE, LINE, id="once"),
        pytest.param(LOST, LINE, id="lost by Python", marks=pytest.mark.slow),
        pytest.param(TAKEN_BY_A_LIBRARY, LINE, id="taken by a library"),
        pytest.param(AGAIN_WHILE_CLEARING_UP, "cleared up, " + LINE, id="again while clearing up"),
        pytest.param(AGAIN_WHEN_THAT_TAKES_LONG, "", id="again when that takes long"),
        pytest.param(AFTER_THE_END, "", id="after the end"),
        pytest.param(BEFORE_THE_BEGINNING, "", id="before the beginning"),
    ],
)
@pytest.mark.parametrize(("name", "how", "code"), [("INT", "interrupted", 130), ("TERM", "terminated", 143)])
def test_a_signal_ends_the_process_with_its_code(work: str, said: str, name: str, how: str, code: int) -> None:
    program = [sys.executable, "-c", PROGRAM.format(name=name, work=work)]
    # Coverage would take SIGTERM for itself.
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    done = subprocess.run(program, capture_output=True, text=True, timeout=40, check=False, env=plain)
    assert (done.returncode, done.stderr, done.stdout) == (code, said.format(how=how), "")


def test_handlers_are_those_of_before_when_the_block_is_over() -> None:
    before = {number: signal.getsignal(number) for number in signals.SIGNALS}
    with pytest.raises(Stopped) as caught, stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert (caught.value.how, caught.value.code) == ("terminated", 143)
    assert {number: signal.getsignal(number) for number in signals.SIGNALS} == before


def test_what_is_ignored_stays_ignored() -> None:
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, handler)
