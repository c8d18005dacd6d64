from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from imgprep.commands import main
from imgprep.commands.session import Request, context_for, engine_for, workers_of
from imgprep.engines import ENGINES, launch
from imgprep.errors import RequestError, ResourceError
from imgprep.spec.loading import LoadedSpec
from imgprep.util.resources import available_cores

Load = Callable[..., LoadedSpec]


def test_the_engine_is_the_one_asked_for(loaded: Load) -> None:
    settings = {"engine": "processes", "workers": 3, "item_timeout": 7, "memory_limit": "1 GiB"}
    engine = engine_for(loaded(execution=settings))
    assert isinstance(engine, ENGINES["processes"])
    assert (engine.workers, engine.item_timeout, engine.memory_limit) == (3, 7.0, 2**30)
    assert isinstance(engine_for(loaded()), ENGINES["serial"])
    assert workers_of(loaded()) == available_cores()


def test_options_replace_what_the_spec_says(spec: Callable[..., Path], tmp_path: Path) -> None:
    request = Request(spec(), ["name=forest", "convert.size=[3, 4]"], tmp_path / "elsewhere", 9, 2)
    found = request.load().spec
    assert (found.name, found.convert.size) == ("forest", (3, 4))
    assert (found.output, found.seed, found.execution.workers) == (tmp_path / "elsewhere", 9, 2)


def test_a_spec_whose_source_is_missing_is_refused(spec: Callable[..., Path], tmp_path: Path) -> None:
    path = spec(source={"layout": "directory", "path": str(tmp_path / "gone")})
    with pytest.raises(RequestError, match="gone"):
        Request(path).load()


def test_the_output_is_held_while_the_machine_runs(spec: Callable[..., Path]) -> None:
    request = Request(spec(), force=True)
    found = request.load()
    with context_for(request, found) as context:
        assert context.force
        with pytest.raises(ResourceError, match="held by process"), context_for(request, found):
            pytest.fail("two runs hold the output")
    with context_for(request, found):
        pass


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, own_fork_servers: None) -> list[int]:
    """A number for every process that workers could come from."""
    found: list[int] = []
    usual = launch.ForkServer.__init__

    def counted(self: launch.ForkServer, modules: Sequence[str] = ()) -> None:
        found.append(len(found))
        usual(self, modules)

    monkeypatch.setattr(launch.ForkServer, "__init__", counted)
    return found


@pytest.mark.skipif(not launch.can_fork(), reason="forks no workers")
def test_a_process_that_workers_come_from_is_started_only_for_work(
    request_for: Callable[..., Request], tmp_path: Path, started: list[int]
) -> None:
    main.make(request_for(), "convert")
    assert started == []  # serial
    several = {"engine": "processes", "workers": 1}
    main.make(request_for(execution=several), "convert")
    assert started == []  # up to date
    with pytest.raises(RequestError):
        main.make(
            request_for(source={"layout": "directory", "path": str(tmp_path / "gone")}, execution=several), "convert"
        )
    assert started == []
    main.make(request_for("convert.size=[4, 4]", execution=several), "convert")
    assert started == [0]
    main.make(request_for("convert.size=[4, 4]", execution=several, output=str(tmp_path / "new")), "pack")
    assert started == [0, 1]  # one for all stages
