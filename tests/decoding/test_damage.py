import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from imgprep.decoding.damage import quiet_stderr, watched
from imgprep.decoding.decode import decode
from imgprep.errors import ImageError


def shout(text):
    os.write(2, text)
    return len(text)


def test_watched_hears_and_forgets():
    for _ in range(2):
        assert watched(shout, b"one\ntwo\n") == (8, "one; two")
        assert watched(shout, b"") == (0, "")


def test_buffer_does_not_grow_and_long_text_is_cut():
    with quiet_stderr():
        for _ in range(50):
            assert len(watched(shout, b"x" * 9000)[1]) == 4096
        assert os.fstat(2).st_size == 4096


def test_errors_pass_through_and_leave_it_usable():
    def fail():
        os.write(2, b"noise")
        raise KeyError("x")

    with quiet_stderr():
        for _ in range(2):
            with pytest.raises(KeyError):
                watched(fail)
            assert watched(shout, b"") == (0, "")


def test_restores_descriptor_and_stream(capfd):
    before = os.fstat(2).st_ino
    with quiet_stderr():
        with quiet_stderr():
            assert os.fstat(2).st_ino != before
        assert os.fstat(2).st_ino != before
        os.write(2, b"hidden")
    assert os.fstat(2).st_ino == before
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_python_messages_reach_the_real_stderr():
    program = """
import os, sys
from imgprep.decoding.damage import quiet_stderr
print("before", file=sys.stderr)
old = sys.stderr
with quiet_stderr(), quiet_stderr():
    print("during", file=sys.stderr)
    os.write(2, b"hidden")
assert sys.stderr is old
print("after", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stderr.split() == ["before", "during", "after"]


def test_closed_stderr_is_no_obstacle():
    program = """
import os
os.close(2)
from imgprep.decoding.damage import watched
assert watched(os.write, 2, b"w") == (1, "w")
try:
    os.fstat(2)
except OSError:
    os._exit(7)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 7


@pytest.mark.parametrize("outside", [True, False])
def test_threads_blame_the_right_image(draw, save, outside):
    good = [save(draw(64, 64, seed=i), "JPEG") for i in range(24)]
    files = []
    for number, data in enumerate(good):
        middle = len(data) * 3 // 5
        files += [data, data[:middle] + b"\xff\xd9"] if number % 3 == 0 else [data]
    bad = {i for i, data in enumerate(files) if data not in good}

    def judge(item):
        index, data = item
        try:
            return index, decode(data).pixels.shape == (64, 64, 3)
        except ImageError:
            return index, False

    barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4, initializer=barrier.wait) as pool:
        if outside:
            with quiet_stderr():
                results = list(pool.map(judge, list(enumerate(files)) * 6))
        else:
            results = list(pool.map(judge, list(enumerate(files)) * 3))
    assert {index for index, fine in results if not fine} == bad
    assert {index for index, fine in results if fine} == set(range(len(files))) - bad
    assert np.mean([fine for _, fine in results]) == pytest.approx(1 - len(bad) / len(files))


def test_opencv_keeps_silent_while_nobody_listens(capfd):
    """OpenCV 4 says what libtiff finds only when it says much else."""
    log = getattr(cv2.utils, "logging", cv2)
    assert log.getLogLevel() == 0
    with quiet_stderr():
        assert log.getLogLevel() > 0
        with quiet_stderr():
            pass
        assert log.getLogLevel() > 0
    assert log.getLogLevel() == 0
    cv2.resize(np.zeros((400, 400, 3), np.uint8), (99, 99))
    assert capfd.readouterr().err == ""
