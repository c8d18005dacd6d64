"""repair: what verify rejects is made again, to the same bytes, and nothing else is touched."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SECTIONS: dict[str, Any] = {
    "convert": {"size": [8, 8], "shard_size": "1 KiB"},
    "augment": {"per_class": 8, "transforms": [{"flip": {"horizontal": 0.5}}, {"rotate": {"degrees": [-20, 20]}}]},
    "pack": {"dtype": "uint8", "normalize": "none", "shard_size": "1 KiB"},
}


@pytest.fixture
def finished(case: Any, imgprep: Callable[..., Any]) -> Any:
    case.draw(ash=7, oak=6)
    case.write(**SECTIONS)
    assert imgprep("run", case.spec, "-q").returncode == 0
    return case


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 16
    path.write_bytes(content)


def stamps(case: Any) -> dict[str, tuple[int, int]]:
    files = (path for path in case.output.rglob("*-of-*.h5"))
    return {str(path.relative_to(case.output)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("stage", ["convert", "augment", "pack"])
@pytest.mark.parametrize("how", DAMAGE)
def test_only_the_damaged_shard_is_made_again(finished: Any, imgprep: Callable[..., Any], stage: str, how: str) -> None:
    before, files = finished.content(), stamps(finished)
    path = min((finished.output / stage).glob("*-of-*.h5"))
    DAMAGE[how](path)
    assert imgprep("verify", finished.output, "-q").returncode == 1
    done = imgprep("repair", finished.spec, "-q")
    assert done.returncode == 0, done.stdout
    assert f"{stage}: repaired to the same bytes: {path.name}" in done.stdout
    assert finished.content() == before
    changed = {name for name, stamp in stamps(finished).items() if files[name] != stamp}
    assert changed == {f"{stage}/{path.name}"}
    assert imgprep("verify", finished.output, "-q").returncode == 0


@pytest.mark.parametrize(
    "name",
    ["convert/samples.jsonl", "split/splits.npz", "split/train.csv", "split/samples.jsonl", "augment/transforms.jsonl",
     "pack/samples.jsonl", "convert/dataset.json", "pack/dataset.json"],
)  # fmt: skip
@pytest.mark.parametrize("how", ["flipped", "missing"])
def test_other_files_are_made_again_too(finished: Any, imgprep: Callable[..., Any], name: str, how: str) -> None:
    before, files = finished.content(), stamps(finished)
    DAMAGE[how](finished.output / name)
    done = imgprep("repair", finished.spec, "-q")
    assert done.returncode == 0, done.stdout
    assert Path(name).name in done.stdout
    assert finished.content() == before
    assert stamps(finished) == files


def test_damage_everywhere_is_repaired_from_the_source_on(finished: Any, imgprep: Callable[..., Any]) -> None:
    before = finished.content()
    for path in finished.output.rglob("*-of-*.h5"):
        flip(path)
    done = imgprep("repair", finished.spec, "-q")
    assert done.returncode == 0, done.stdout
    assert finished.content() == before


def test_swapped_shards_are_put_right(finished: Any, imgprep: Callable[..., Any]) -> None:
    before = finished.content()
    first, second, *_ = sorted((finished.output / "convert").glob("*-of-*.h5"))
    first.rename(first.with_suffix(".x"))
    second.rename(first)
    first.with_suffix(".x").rename(second)
    assert imgprep("repair", finished.spec, "-q").returncode == 0
    assert finished.content() == before


def test_what_is_well_stays_as_it_is(finished: Any, imgprep: Callable[..., Any]) -> None:
    before = stamps(finished)
    done = imgprep("repair", finished.spec, "-q")
    assert done.returncode == 0
    assert [line.rpartition(": ")[2] for line in done.stdout.splitlines()] == ["ok"] * 4
    assert stamps(finished) == before


def test_a_changed_source_is_not_passed_off_as_a_repair(finished: Any, imgprep: Callable[..., Any]) -> None:
    shutil.copy(finished.source / "oak" / "001.png", finished.source / "ash" / "001.png")
    damaged = min((finished.output / "convert").glob("*-of-*.h5"))
    flip(damaged)
    before = finished.content()
    done = imgprep("repair", finished.spec, "-q")
    assert done.returncode == 1
    assert "convert: not repaired: the source or the spec is not what it was made from" in done.stdout
    assert finished.content() == before


def test_packed_shards_are_repaired_though_the_source_has_changed(finished: Any, imgprep: Callable[..., Any]) -> None:
    (finished.source / "oak" / "001.png").unlink()
    before = finished.content()
    flip(min((finished.output / "pack").glob("*-of-*.h5")))
    assert imgprep("repair", finished.spec, "-q").returncode == 0
    assert finished.content() == before


def test_without_a_finished_stage_there_is_nothing_to_repair(case: Any, imgprep: Callable[..., Any]) -> None:
    case.draw(ash=4)
    done = imgprep("repair", case.spec)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nothing to repair" in done.stderr
    assert not case.output.exists()


@pytest.mark.parametrize("stage", ["convert", "augment", "pack"])
def test_a_shard_that_is_not_listed_is_removed_and_a_strange_file_is_named(
    finished: Any, imgprep: Callable[..., Any], stage: str
) -> None:
    before = finished.content()
    shard = min((finished.output / stage).glob("*-of-*.h5"))
    extra = shard.with_name("train-00007-of-00009.h5")
    shutil.copy(shard, extra)
    found = imgprep("verify", finished.output, "-q")
    assert (found.returncode, f"{extra.name}: is not listed in dataset.json" in found.stdout) == (1, True)
    assert imgprep("repair", finished.spec, "-q").returncode == 0
    assert finished.content() == before
    (finished.output / stage / "notes.txt").write_text("mine")
    done = imgprep("repair", finished.spec, "-q")
    assert done.returncode == 1
    assert "not repaired: not written by imgprep: notes.txt; move it out of the folder" in done.stdout
    assert (finished.output / stage / "notes.txt").read_text() == "mine"
