"""What every command that works on a spec needs: the spec, where it runs, and who watches."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imgprep.engines import ENGINES, Engine
from imgprep.pipeline.runner import Monitor, RunContext
from imgprep.pipeline.workspace import Workspace
from imgprep.spec.loading import LoadedSpec, load_spec
from imgprep.spec.paths import check_paths
from imgprep.util.resources import available_cores


class Silent:
    """A monitor that says nothing."""

    def begin(self, what: str, items: int, unit: str = "images") -> None:
        """See `Monitor`."""

    def advance(self, items: int) -> None:
        """See `Monitor`."""

    def end(self) -> None:
        """See `Monitor`."""

    def note(self, message: str) -> None:
        """See `Monitor`."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asks for, whatever the command.

    Attributes:
        spec: the path of the spec file.
        overrides: ``KEY=VALUE`` settings that replace those of the file.
        output: replaces the output of the spec.
        seed: replaces the seed of the spec.
        workers: replaces the number of workers.
        force: do again what is up to date.
        monitor: is told what happens.
    """

    spec: Path
    overrides: Sequence[str] = ()
    output: Path | None = None
    seed: int | None = None
    workers: int | None = None
    force: bool = False
    monitor: Monitor = field(default_factory=Silent)

    def load(self) -> LoadedSpec:
        """Reads the spec and holds it against the file system.

        Raises:
            RequestError: everything that is wrong with it.
        """
        loaded = load_spec(self.spec, self.overrides, self.output, self.seed, self.workers)
        check_paths(loaded)
        return loaded


def workers_of(loaded: LoadedSpec) -> int:
    """How many workers the spec asks for."""
    workers = loaded.spec.execution.workers
    return available_cores() if workers == "auto" else workers


def engine_for(loaded: LoadedSpec) -> Engine:
    """The engine that the spec asks for."""
    execution = loaded.spec.execution
    return ENGINES[execution.engine](
        workers=workers_of(loaded), item_timeout=execution.item_timeout, memory_limit=execution.memory_limit
    )


@contextmanager
def context_for(request: Request, loaded: LoadedSpec) -> Iterator[RunContext]:
    """The machine of a run; it holds the output until the run is over.

    Where there surely is work to do, the engine gets ready for it while the source is listed.

    Raises:
        ResourceError: another run holds the output, or it cannot be written.
    """
    workspace = Workspace(loaded.spec.output)
    with workspace.locked(lock=loaded.spec.execution.lock), closing(engine_for(loaded)) as engine:
        if request.force or workspace.is_new():
            engine.prepare()
        yield RunContext(workspace, engine, request.monitor, request.force)
