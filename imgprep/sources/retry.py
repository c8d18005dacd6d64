"""Tries again what may succeed later, as long as there is time."""

import time
from collections.abc import Callable
from typing import Final

from imgprep.errors import ImageError

_BACK_OFF: Final = 0.5


class RetryableError(Exception):
    """The server or the network may do better next time.

    Attributes:
        reason: one line.
        wait: seconds that the server asks to wait; 0 when it does not.
    """

    def __init__(self, reason: str, wait: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait


def retried(get: Callable[[float], bytes], timeout: float, retries: int) -> bytes:
    """Calls a function until it succeeds, waiting twice as long after each failure.

    Args:
        get: takes the seconds that are left.
        timeout: seconds for all attempts together.
        retries: number of further attempts after the first.

    Raises:
        ImageError: no attempt succeeded, or the last one may not be repeated.
    """
    end = time.monotonic() + timeout
    reason = "no time was left"
    for attempt in range(retries + 1):
        try:
            return get(end - time.monotonic())
        except RetryableError as error:
            reason = error.reason
            wait = max(_BACK_OFF * 2**attempt, error.wait)
            if attempt == retries or time.monotonic() + wait >= end:
                break
            time.sleep(wait)
    raise ImageError(f"cannot be fetched: {reason}")
