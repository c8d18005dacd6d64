"""The set-up shared by all commands on a spec: request, engine and run context."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgprep.commands.stored_inputs import with_fetched_files
from imgprep.engines import Engine
from imgprep.errors import one_line
from imgprep.spec.installed import INSTALLED
from imgprep.spec.loading import LoadedSpec, load_spec, spec_from_mapping
from imgprep.spec.paths import check_paths
from imgprep.stages import STAGES
from imgprep.util.addresses import address_of
from imgprep.util.installation import mixed_opencvs
from imgprep.util.resources import available_cores

if TYPE_CHECKING:
    from imgprep.engines.launch import Launchers
    from imgprep.pipeline.inputs import StageResult
    from imgprep.pipeline.parts import Part
    from imgprep.pipeline.runner import Monitor, RunContext
    from imgprep.pipeline.workspace import Workspace

Share = tuple[str, "Part"]
"""The name of a stage, and which part of it."""


class Silent:
    """A monitor that shows nothing."""

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
    """The options of the user that all commands share.

    Attributes:
        spec: the path of the spec file; for a spec that is no file, of the folder that its paths are relative to.
        overrides: ``KEY=VALUE`` settings that replace those of the file.
        output: replaces the output of the spec.
        seed: replaces the seed of the spec.
        workers: replaces the number of workers.
        force: make stages again that are up to date.
        monitor: shows progress and notes.
        content: a spec that is no file, with all options in it.
        launchers: where worker processes come from, if they were started ahead; whoever started them ends them.
    """

    spec: Path
    overrides: Sequence[str] = ()
    output: Path | None = None
    seed: int | None = None
    workers: int | None = None
    force: bool = False
    monitor: "Monitor" = field(default_factory=Silent)
    content: Mapping[str, Any] | None = None
    launchers: "Launchers | None" = None

    def load(self) -> LoadedSpec:
        """Reads the spec and checks its paths in the file system; a doubtful installation is noted.

        Raises:
            RequestError: lists all errors of the spec.
        """
        if doubt := mixed_opencvs():
            self.monitor.note(doubt)
        if self.content is None:
            loaded = load_spec(self.spec, self.overrides, self.output, self.seed, self.workers)
        else:
            loaded = spec_from_mapping(self.content, self.spec)
        loaded = with_fetched_files(loaded)
        check_paths(loaded)
        return loaded


def workers_of(loaded: LoadedSpec) -> int:
    """The number of workers of the spec."""
    workers = loaded.spec.execution.workers
    return available_cores() if workers == "auto" else workers


def engine_for(loaded: LoadedSpec, launchers: "Launchers | None" = None) -> Engine:
    """The engine of the spec; where it is that of worker processes these come from the launchers, if there are any."""
    execution = loaded.spec.execution
    ahead = {} if launchers is None or execution.engine != "processes" else {"launchers": launchers}
    engine: Engine = INSTALLED.engines[execution.engine](  # the table that has checked the name
        workers=workers_of(loaded),
        item_timeout=execution.item_timeout,
        memory_limit=execution.memory_limit,
        address=execution.address,
        **ahead,
    )
    return engine


@contextmanager
def context_for(request: Request, loaded: LoadedSpec, share: Share | None = None) -> "Iterator[RunContext]":
    """The context of a run; it locks the output until the run is over.

    If there is certainly work to do, the engine starts up while the source is listed.

    Args:
        request: the options.
        loaded: the spec.
        share: what of which stage is made, while others make other parts of it; None for all.

    Raises:
        ResourceError: another run has locked the output, or it cannot be written.
    """
    from imgprep.pipeline.runner import RunContext

    with (
        workspace_of(loaded).locked(lock=loaded.spec.execution.lock, shared=share is not None),
        _published(loaded, request.monitor, share) as workspace,
        closing(engine_for(loaded, request.launchers)) as engine,
    ):
        if request.force or workspace.is_new():
            engine.prepare()
        yield RunContext(workspace, engine, request.monitor, request.force)


def workspace_of(loaded: LoadedSpec) -> "Workspace":
    """The output of a spec; for one in an object store the folder on disk in which it is made."""
    from imgprep.pipeline.workspace import Workspace

    address = address_of(loaded.spec.output)
    if address is None:
        return Workspace(loaded.spec.output)
    from imgprep.pipeline.remote_output import working_folder

    return Workspace(working_folder(address))


def in_output(loaded: LoadedSpec, made: "StageResult") -> "StageResult":
    """A stage where the spec has its output, which is not where it was made if that is in an object store."""
    return replace(made, folder=loaded.spec.output / made.manifest.stage)


@contextmanager
def _published(loaded: LoadedSpec, monitor: "Monitor", share: Share | None) -> "Iterator[Workspace]":
    """Brings the folder up to date with an output in an object store before, and the other way round after success.

    Yields:
        The folder in which the stages are made.
    """
    workspace, address = workspace_of(loaded), address_of(loaded.spec.output)
    if address is None:
        yield workspace
        return
    lock, sent = loaded.spec.execution.lock, 0
    if share is not None:
        from imgprep.pipeline.remote_part import RemotePart

        part = RemotePart(address, STAGES, *share)
        with part.working(lock=lock) as workspace:
            yield workspace
        sent = part.sent
    else:
        from imgprep.pipeline.remote_output import RemoteOutput

        remote = RemoteOutput(address, STAGES)
        with remote.locked(lock=lock):
            remote.pull()
            yield workspace
            sent = remote.publish()
    if sent:
        monitor.note(f"{one_line(address)}: {sent} files published")


@contextmanager
def looking_at(loaded: LoadedSpec) -> "Iterator[Workspace]":
    """The output of a spec as it is now, to be read only.

    Raises:
        ResourceError: it lies in an object store, and another run on this machine writes there.
    """
    workspace, address = workspace_of(loaded), address_of(loaded.spec.output)
    if address is None:
        yield workspace
        return
    with workspace.locked(lock=loaded.spec.execution.lock):
        from imgprep.pipeline.remote_output import RemoteOutput

        RemoteOutput(address, STAGES).pull()
        yield workspace
