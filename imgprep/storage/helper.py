"""The helper process of `forked.ForkedStorage`."""

import os
import pickle
import sys
from typing import Any, BinaryIO

from imgprep.storage.opening import open_storage


def serve() -> None:
    """Answers requests of standard input until it ends, on standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    _answer(sys.stdin.buffer, answers)


def _answer(requests: BinaryIO, answers: BinaryIO) -> None:
    storage: Any = None
    while True:
        try:
            name, *given = pickle.load(requests)
        except EOFError:
            return
        outcome: tuple[Any, Exception | None]
        try:
            if name == "open":
                storage = open_storage(*given)
                outcome = None, None
            else:
                found = getattr(storage, name)(*given)
                outcome = (list(found) if name == "list" else found), None
        except Exception as error:  # noqa: BLE001 - it is raised on the other side
            outcome = None, error
        pickle.dump(outcome, answers)
        answers.flush()
