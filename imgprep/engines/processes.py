"""Plans in supervised worker processes: an image that hangs, crashes or devours memory costs that image.

Nothing is shared between workers, neither a queue nor a lock, so that one can be killed at any moment. Each has a
connection of its own, on which plans go out and values come back, and a heartbeat that tells which item it is at.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from imgprep.engines.base import Function, Outcome, P, R, Settings
from imgprep.engines.launch import Launchers
from imgprep.engines.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Processes(Settings):
    """Runs the plans in worker processes.

    An item that takes longer than `item_timeout` (up to a tenth longer), or of which a worker dies, is tried
    once more alone; if that fails too it is left out of its plan, and the plan is tried again. A worker may allocate
    `memory_limit` bytes (Linux); beyond that the function sees a `MemoryError`. One that dies while it processes none
    costs nothing, up to two times a plan.

    Attributes:
        launchers: where workers come from; those of somebody else may have been started before.
    """

    launchers: Launchers = field(default_factory=Launchers, repr=False, compare=False)

    def prepare(self) -> None:
        """See `Engine.prepare`."""
        self.launchers.prepare()

    def run(
        self, function: Function[P, R], plans: Iterable[P], progress: Callable[[int], None] | None = None
    ) -> Iterator[Outcome[P, R]]:
        """See `Engine.run`.

        Raises:
            ResourceError: no worker can be started.
        """
        pickled = pickle.dumps(function, pickle.HIGHEST_PROTOCOL)
        launcher = self.launchers.take()
        finished = False
        supervisor: Supervisor[P, R] = Supervisor(self, launcher, iter(plans), progress)
        try:
            launcher.load(pickled, Settings(self.workers, self.item_timeout, self.memory_limit))
            yield from supervisor.outcomes()
            supervisor.dismiss()
            finished = True
        finally:
            if not finished:
                launcher.close()
            supervisor.close()
            if finished:
                self.launchers.give_back(launcher)

    def close(self) -> None:
        """See `Engine.close`."""
        self.launchers.close()
