"""An engine: the last plan first."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import imgprep.engines
from imgprep.engines.base import Function, Outcome, P, R
from imgprep.engines.serial import Serial


@dataclass(frozen=True, slots=True)
class Backwards(Serial):
    """Runs the plans in reverse order."""

    def run(
        self, function: Function[P, R], plans: Iterable[P], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[P, R]]:
        """See `Engine.run`."""
        return Serial.run(self, function, reversed(list(plans)), progress)


def register() -> None:
    imgprep.engines.ENGINES = {**imgprep.engines.ENGINES, "backwards": Backwards}  # type: ignore[misc]
