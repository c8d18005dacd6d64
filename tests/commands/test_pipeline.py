import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgprep.commands import main
from imgprep.commands.pipeline import Pipeline
from imgprep.commands.session import Request, Silent, context_for
from imgprep.dataset.records import read_records
from imgprep.engines import ENGINES
from imgprep.errors import RequestError
from imgprep.pipeline.runner import RunContext
from imgprep.pipeline.workspace import Workspace
from imgprep.spec.loading import LoadedSpec
from imgprep.stages import STAGES

MakeRequest = Callable[..., Request]


def fresh(request: Request) -> dict[str, bool]:
    """Which stages a `pack` made anew."""
    loaded = request.load()
    with context_for(request, loaded) as context:
        pipeline = Pipeline(loaded, context)
        pipeline.bring("pack")
        return {name: pipeline.bring(name).fresh for name in ("convert", "split", "pack")}


def _command(name: str) -> Callable[[Request], object]:
    return main.run if name == "run" else lambda request: main.make(request, name)


ALL = {"convert": True, "split": True, "pack": True}
NONE = dict.fromkeys(ALL, False)


def test_a_stage_brings_those_it_needs_up_to_date(request_for: MakeRequest, tmp_path: Path) -> None:
    request = request_for()
    written = main.make(request, "pack")
    assert written.fresh
    assert written.folder == tmp_path / "output" / "pack"
    assert {path.name for path in (tmp_path / "output").iterdir()} == {".imgprep", "convert", "split", "pack"}
    again = request_for()
    assert fresh(again) == NONE
    assert again.monitor.notes == ["convert: up to date", "split: up to date", "pack: up to date"]


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("convert.size=[6, 5]", ALL),
        ("split.test=0.5", {"convert": False, "split": True, "pack": True}),
        ("pack.dtype=float64", {"convert": False, "split": False, "pack": True}),
        ("seed=6", ALL),
        ("name=forest", ALL),
        ("execution.engine=threads", NONE),
        ("audit.rules={}", NONE),
    ],
)
def test_what_a_setting_makes_anew(request_for: MakeRequest, override: str, changed: dict[str, bool]) -> None:
    main.make(request_for(), "pack")
    assert fresh(request_for(override)) == changed


def test_force_makes_everything_anew(request_for: MakeRequest) -> None:
    main.make(request_for(), "pack")
    assert fresh(request_for(force=True)) == ALL


def test_a_new_name_reaches_the_index_without_a_shard_made_anew(request_for: MakeRequest) -> None:
    main.make(request_for(), "pack")
    request = request_for("name=forest")
    written = main.make(request, "pack")
    assert written.manifest.name == "forest"
    assert "pack: 3 of 3 shards were finished already" in request.monitor.notes


def test_a_changed_image_is_noticed_and_so_is_a_new_one(request_for: MakeRequest, collection: Path) -> None:
    first = main.make(request_for(), "pack")
    (collection / "oak" / "0002.png").rename(collection / "oak" / "0009.png")
    second = main.make(request_for(), "pack")
    assert second.fresh
    assert first.manifest.fingerprint != second.manifest.fingerprint
    assert "oak/0009.png" in {line.id for line in read_records(second.folder)}


def test_a_touched_image_changes_nothing_downstream(request_for: MakeRequest, collection: Path) -> None:
    main.make(request_for(), "pack")
    os.utime(collection / "oak" / "0002.png", ns=(1, 1))
    assert fresh(request_for()) == {"convert": True, "split": False, "pack": False}


@pytest.mark.parametrize("name", ["convert/samples.jsonl", "split/splits.npz", "pack/train-00000-of-00001.h5"])
def test_a_lost_file_is_made_again(request_for: MakeRequest, tmp_path: Path, name: str) -> None:
    main.make(request_for(), "pack")
    path = tmp_path / "output" / name
    content = path.read_bytes()
    path.unlink()
    main.make(request_for(), "pack")
    assert path.read_bytes() == content


def test_run_ends_with_a_failed_audit_unless_told_otherwise(request_for: MakeRequest, tmp_path: Path) -> None:
    strict = {"rules": {"class-size": {"min": 4}}}
    stopped = main.run(request_for(audit=strict))
    assert not stopped.report.passed
    assert stopped.stages == ()
    assert not (tmp_path / "output" / "convert").exists()
    done = main.run(request_for(audit=strict), gate=False)
    assert [stage.folder.name for stage in done.stages] == ["convert", "split", "pack"]
    assert main.run(request_for()).report.passed


def test_more_quarantined_than_allowed(request_for: MakeRequest, collection: Path) -> None:
    (collection / "elm" / "broken.png").write_bytes(b"\x89PNG")
    assert main.make(request_for(), "convert").too_many_quarantined
    assert not main.make(
        request_for(execution={"engine": "serial", "max_quarantined": 1}), "convert"
    ).too_many_quarantined
    assert not main.make(
        request_for(execution={"engine": "serial", "max_quarantined": 0.1}), "convert"
    ).too_many_quarantined
    assert main.make(
        request_for(execution={"engine": "serial", "max_quarantined": 0.05}), "convert"
    ).too_many_quarantined


@pytest.mark.parametrize(
    "sections",
    [
        {"split": {"method": "predefined"}},
        {"split": {"group": "station"}},
        {"pack": {"layout": "by_class", "format": "npz"}},
    ],
    ids=["predefined", "group", "by_class"],
)
@pytest.mark.parametrize("command", ["split", "pack", "run"])
def test_a_request_that_cannot_be_met_writes_nothing(
    request_for: MakeRequest, tmp_path: Path, command: str, sections: dict[str, Any]
) -> None:
    if command == "split" and "pack" in sections:
        pytest.skip("split does not look at pack")
    with pytest.raises(RequestError):
        _command(command)(request_for(**sections))
    assert not (tmp_path / "output").exists()


def test_a_written_stage_can_be_read(request_for: MakeRequest) -> None:
    written = main.make(request_for(), "pack")
    assert len(written.load("train")) == sum(written.manifest.counts["train"].values())


def test_any_stage_can_start_from_another_dataset(request_for: MakeRequest, tmp_path: Path) -> None:
    first = main.make(request_for(), "pack")
    source = {"layout": "dataset", "path": str(first.folder.parent / "convert")}
    second = main.make(request_for(source=source, output=str(tmp_path / "second")), "pack")
    assert second.manifest.samples == first.manifest.samples
    assert second.manifest.counts == first.manifest.counts


def test_journals_are_one_record_for_each_shard(request_for: MakeRequest, tmp_path: Path) -> None:
    written = main.make(request_for(), "pack")
    lines = (tmp_path / "output" / ".imgprep" / "pack.journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["record"]["filename"] for line in lines] == [
        shard.filename for shard in written.manifest.shards
    ]


def test_every_setting_of_convert_changes_the_key(loaded: Callable[..., LoadedSpec]) -> None:
    def key(*overrides: str) -> str:
        spec = loaded(*overrides)
        context = RunContext(Workspace(spec.spec.output), ENGINES["serial"](workers=1), Silent())
        return STAGES["convert"].definition().work(Pipeline(spec, context)).key()

    overrides = [
        "convert.channels=gray",
        "convert.size=[6, 5]",
        "convert.fit=pad",
        "convert.interpolation=cubic",
        "convert.depth=16",
        "convert.alpha=black",
        "convert.steps=[invert]",
        "convert.steps=[equalize]",
        "convert.format=npz",
        "convert.shard_size=1 MiB",
        "name=other",
        "seed=6",
    ]
    assert len({key(), *map(key, overrides)}) == len(overrides) + 1
    same = ["execution.workers=3", "execution.engine=threads", "split.test=0.5", "pack.dtype=float64"]
    assert {key(override) for override in same} == {key()}
