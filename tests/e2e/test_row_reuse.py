"""Rows that are copied from the last output: the bytes are those of a run from nothing, whatever the images became."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.project import Project

CONVERT: dict[str, Any] = {"size": [8, 8], "shard_size": 8 * 8 * 3 * 5}
"""Five images a shard."""
SECTIONS: dict[str, Any] = {
    "execution": {"engine": "serial"},
    "split": {"method": "hash", "near_duplicates": "ignore"},
    "convert": CONVERT,
}


@pytest.fixture
def project(new_project: Callable[..., Project], tmp_path: Path) -> Project:
    """24 converted images of two classes, one of them mirrored grey, and one that is damaged."""
    made = new_project(tmp_path / "images", **SECTIONS)
    made.draw(apple=14, pear=9)
    grey = cv2.imread(str(made.source / "apple" / "003.png"), cv2.IMREAD_GRAYSCALE)
    assert cv2.imwrite(str(made.source / "apple" / "grey.jpg"), grey)
    damaged = (made.source / "pear" / "002.png").read_bytes()
    (made.source / "pear" / "damaged.png").write_bytes(damaged[:60] + bytes(40) + damaged[100:])
    convert(made)
    return made


def convert(project: Project, stage: str = "convert", *options: object) -> str:
    """What the stage says when it is made."""
    done = project.call(stage, project.spec, "--set", "execution.max_quarantined=9", *options)
    assert done.returncode == 0, done.stderr
    return done.stderr


def rewrite(project: Project, **sections: Any) -> None:
    project.write(**{**SECTIONS, **sections})


def fresh(project: Project, stage: str = "convert", *options: object) -> dict[str, bytes]:
    """Every file of the stage from a run from nothing."""
    output = project.folder / "fresh"
    shutil.rmtree(output, ignore_errors=True)
    said = convert(project, stage, "--output", output, *options)
    assert "copied" not in said
    return files(output / stage)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def grown(project: Project, stage: str = "convert", *options: object) -> int:
    """Makes the stage again, compares it with a run from nothing, and gives the number of rows that were copied."""
    said = convert(project, stage, *options)
    assert files(project.output / stage) == fresh(project, stage, *options)
    assert not (project.output / ".imgprep" / f"{stage}.earlier").exists()
    assert project.leftovers() == []
    notes = [line for line in said.splitlines() if line.startswith(f"{stage}: ") and "rows were copied" in line]
    return int(notes[0].split()[1]) if notes else 0


def paint(path: Path, seed: int = 1) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), np.uint8)
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def shards(project: Project) -> list[Path]:
    return sorted((project.output / "convert").glob("shard-*"))


def test_images_that_come_go_and_are_renamed_cost_themselves(project: Project) -> None:
    images = project.source
    paint(images / "apple" / "0000.png")
    paint(images / "pear" / "a.png", 2)
    assert grown(project) == 24
    (images / "apple" / "004.png").unlink()
    assert grown(project) == 25 - 8  # of 25, two shards before the gap were finished with one image less
    (images / "apple" / "005.png").rename(images / "apple" / "zz.png")
    (images / "pear" / "003.png").rename(images / "apple" / "other class.png")
    paint(images / "pear" / "004.png", 3)
    assert grown(project) >= 15


def test_an_image_is_known_by_name_size_and_time_without_reading_it(project: Project) -> None:
    path = project.source / "apple" / "007.png"
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(bytes(len(content)))  # no image any more, but nobody looks at it
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (project.source / "apple" / "000.png").unlink()
    assert "23 of 23 rows were copied" in convert(project)
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files(project.output / "convert") == fresh(project)


def test_an_image_is_known_by_its_bytes_where_its_time_lies(project: Project) -> None:
    for path in project.source.rglob("*.*"):
        os.utime(path, ns=(7, 7))
    assert grown(project) == 24
    # The same name, size and time, but another collection: only its bytes count.
    other = project.folder / "moved"
    shutil.copytree(project.source, other)
    for path in (other / "apple").iterdir():
        os.utime(path, ns=(7, 7))
    first, second = other / "apple" / "000.png", other / "apple" / "001.png"
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    for path in (first, second):
        os.utime(path, ns=(7, 7))
    assert grown(project, "convert", "--set", f"source.path={other}") == 24


def test_flags_of_the_name_follow_the_new_name(project: Project) -> None:
    (project.source / "apple" / "006.png").rename(project.source / "apple" / "006.jpg")
    (project.source / "apple" / "grey.jpg").rename(project.source / "apple" / "grey.png")
    assert grown(project) >= 5
    flags = {name: record["flags"] for name, record in project.samples().items()}
    assert "wrong-extension" in flags["apple/006.jpg"]
    (project.source / "apple" / "006.jpg").rename(project.source / "apple" / "006.png")
    assert grown(project) >= 5
    assert "wrong-extension" not in project.samples()["apple/006.png"]["flags"]


@pytest.mark.parametrize(
    "setting",
    [
        "convert.format=npz",
        "convert.compression=gzip",
        "convert.shard_size=192",
        "convert.shard_size=64 MiB",
        "source.classes=[pear, apple, plum]",
    ],
)
def test_settings_that_do_not_change_a_pixel_decode_nothing(project: Project, setting: str) -> None:
    assert grown(project, "convert", "--set", setting) == 24
    paint(project.source / "apple" / "0000.png")
    assert grown(project) == 24


@pytest.mark.parametrize(
    "setting",
    [
        "convert.size=[9, 8]",
        "convert.channels=gray",
        "convert.fit=pad",
        "convert.steps=[median_blur]",
    ],
)
def test_settings_that_change_pixels_decode_all(project: Project, setting: str) -> None:
    assert grown(project, "convert", "--set", setting) == 0


def test_forced_all_is_decoded(project: Project) -> None:
    paint(project.source / "apple" / "0000.png")
    assert "copied" not in convert(project, "convert", "--force")


def test_images_of_their_own_size_are_copied_while_they_agree(project: Project) -> None:
    rewrite(project, convert={"shard_size": 20 * 24 * 3 * 5})
    assert grown(project) == 0
    paint(project.source / "apple" / "0000.png")
    assert grown(project) == 24


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = content.find(path.read_bytes()[len(content) // 2 :][:16])
    content[middle] ^= 1
    path.write_bytes(content)


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [_flip, _zero, _truncate, Path.unlink])
@pytest.mark.parametrize("format_", ["hdf5", "npz"])
def test_a_damaged_output_is_never_copied(project: Project, damage: Callable[[Path], None], format_: str) -> None:
    convert(project, "convert", "--set", f"convert.format={format_}")
    for path in shards(project)[1:]:
        damage(path)
    paint(project.source / "apple" / "0000.png")
    assert grown(project, "convert", "--set", f"convert.format={format_}") < 24


def test_every_bit_of_a_shard_is_checked(project: Project) -> None:
    original = {path: path.read_bytes() for path in shards(project)}
    random = np.random.default_rng(4)
    state = project.folder / "state"
    shutil.copytree(project.output, state)
    paint(project.source / "apple" / "0000.png")
    expected = fresh(project)
    for _ in range(5):
        shutil.rmtree(project.output)
        shutil.copytree(state, project.output)
        for path, content in original.items():
            damaged = bytearray(content)
            damaged[random.integers(len(content))] ^= 1 << random.integers(8)
            path.write_bytes(damaged)
        convert(project)
        assert files(project.output / "convert") == expected


@pytest.mark.parametrize("what", ["rows", "journal", "key", "all"])
def test_records_that_are_damaged_or_gone_cost_time_only(project: Project, what: str) -> None:
    private = project.output / ".imgprep"
    if what == "rows":
        for path in (private / "convert.samples").glob("*.rows"):
            _zero(path)
    elif what == "all":
        shutil.rmtree(private / "convert.samples")
    else:
        (private / f"convert.{what}{'.jsonl' if what == 'journal' else '.json'}").write_bytes(b"{]")
    paint(project.source / "apple" / "0000.png")
    assert grown(project) == (24 if what == "key" else 0)


def test_decisions_leave_out_and_relabel_copied_rows(project: Project) -> None:
    decisions = project.folder / "decisions.csv"
    decisions.write_text("id,action,value\napple/003.png,exclude,\napple/005.png,relabel,pear\n")
    assert grown(project, "convert", "--set", f"source.decisions={decisions}") == 23
    assert grown(project) == 23  # all but the one that was left out


def test_what_was_quarantined_is_looked_at_again_and_told_in_the_same_words(project: Project) -> None:
    before = project.samples()["pear/damaged.png"]
    assert before["status"] == "quarantined"
    paint(project.source / "apple" / "0000.png")
    grown(project)
    assert project.samples()["pear/damaged.png"] == before


def test_a_copy_of_an_image_is_copied_too(project: Project) -> None:
    shutil.copy(project.source / "apple" / "001.png", project.source / "pear" / "copy.png")
    assert "label-conflict" not in project.samples()["apple/001.png"]["flags"]
    assert grown(project) >= 10
    assert "label-conflict" in project.samples()["apple/001.png"]["flags"]
    (project.source / "pear" / "copy.png").unlink()
    grown(project)
    assert "label-conflict" not in project.samples()["apple/001.png"]["flags"]


def test_rows_of_an_array_file_are_known_by_their_pixels(project: Project) -> None:
    random = np.random.default_rng(3)
    images, labels = random.integers(0, 256, (20, 6, 5, 3), np.uint8), np.arange(20) % 3
    source = project.folder / "rows.npz"
    rewrite(project, source={"layout": "npz", "path": str(source)})
    np.savez(source, image=images, label=labels)
    assert grown(project) == 0
    more = np.insert(images, 4, random.integers(0, 256, (6, 5, 3)), axis=0)
    np.savez(source, image=more, label=np.arange(21) % 3)
    assert grown(project) == 20
    np.savez(source, image=more.reshape(21, 5, 6, 3), label=np.arange(21) % 3)  # the same bytes, another shape
    assert grown(project) == 0


def test_a_changed_mask_is_seen(project: Project) -> None:
    masks = project.source / "masks"
    rows = ["location,label,mask"]
    for number, path in enumerate(sorted(project.source.rglob("0*.png"))):
        mask = np.zeros((20, 24), np.uint8)
        mask[2 : 4 + number % 9, 5:20] = 255
        masks.mkdir(exist_ok=True)
        assert cv2.imwrite(str(masks / f"{number}.png"), mask)
        rows.append(f"{path.relative_to(project.source)},{path.parent.name},masks/{number}.png")
    table = project.folder / "table.csv"
    source = {"layout": "csv", "path": str(table), "image_root": str(project.source), "masks": {"attribute": "mask"}}
    table.write_text("\n".join(rows[:-1]))
    rewrite(project, source=source)
    assert grown(project) == 0
    table.write_text("\n".join(rows))
    assert grown(project) >= 15
    changed = np.zeros((20, 24), np.uint8)
    changed[:, :7] = 255
    assert cv2.imwrite(str(masks / "0.png"), changed)
    assert grown(project) == 22


def test_a_run_that_stopped_on_the_way_is_taken_up(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from imgprep.pipeline.writer import ShardWriter

    write, written = ShardWriter.write, 0

    def stop(self: ShardWriter, *arguments: Any, **options: Any) -> Any:
        nonlocal written
        written += 1
        if written > 2:
            raise KeyboardInterrupt
        return write(self, *arguments, **options)

    paint(project.source / "apple" / "0000.png")
    with monkeypatch.context() as patched:
        patched.setattr(ShardWriter, "write", stop)
        done = project.call("convert", project.spec)
        assert done.returncode == 130
    paint(project.source / "apple" / "0001.png", 7)
    assert (project.output / ".imgprep" / "convert.earlier").is_dir()
    assert grown(project) == 25


def test_an_image_that_is_tried_again_costs_itself(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from imgprep.errors import TransientError
    from imgprep.sources.directory import Directory

    reading = Directory.reading

    def failing(self: Directory) -> Callable[[Any], bytes]:
        read = reading(self)

        def fail(sample: Any) -> bytes:
            if sample.id == "apple/007.png":
                raise TransientError("no network")
            return read(sample)

        return fail

    for path in project.source.rglob("*.*"):
        os.utime(path, ns=(7, 7))
    shutil.rmtree(project.output)
    with monkeypatch.context() as patched:
        patched.setattr(Directory, "reading", failing)
        convert(project)
    assert grown(project) == 4


def test_files_in_an_archive_are_known_too(project: Project) -> None:
    def pack(folder: Path) -> str:
        return shutil.make_archive(str(project.folder / "images"), "zip", folder)

    (project.source / "pear" / "damaged.png").unlink()
    rewrite(project, source={"layout": "directory", "path": pack(project.source)})
    assert grown(project) == 24
    paint(project.source / "apple" / "0000.png")
    pack(project.source)
    assert grown(project) == 24


def test_parts_copy_rows_too(project: Project) -> None:
    paint(project.source / "apple" / "0000.png")
    expected = fresh(project)
    for part in (3, 1, 2, 3):
        assert project.call("work", project.spec, "--stage", "convert", "--part", f"{part}/3").returncode == 0
    convert(project)
    assert files(project.output / "convert") == expected
    assert not (project.output / ".imgprep" / "convert.earlier").exists()


def test_engines_copy_the_same_rows(project: Project) -> None:
    paint(project.source / "apple" / "0000.png")
    assert grown(project, "convert", "--set", "execution.engine=processes") == 24
    paint(project.source / "apple" / "0001.png", 5)
    assert grown(project, "convert", "--set", "execution.engine=threads") >= 20


def test_without_links_shards_are_moved(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    paint(project.source / "apple" / "0000.png")
    assert grown(project) == 24


def test_without_space_for_both_outputs_all_is_made_anew(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1000))
    paint(project.source / "apple" / "0000.png")
    said = convert(project)
    assert "too little space is free to keep the last output; all is made anew" in said
    assert "copied" not in said
    monkeypatch.undo()
    assert files(project.output / "convert") == fresh(project)


def test_a_repair_decodes_what_is_damaged(project: Project) -> None:
    before = files(project.output / "convert")
    _flip(shards(project)[1])
    done = project.call("repair", project.spec)
    assert done.returncode == 0, done.stdout
    assert files(project.output / "convert") == before


AUGMENT = {"per_image": 2, "transforms": [{"rotate": {"degrees": [-20, 20]}}, {"brightness": {"beta": [-50, 50]}}]}


def test_copies_of_images_that_stay_are_copied(project: Project) -> None:
    (project.source / "pear" / "damaged.png").unlink()
    rewrite(project, augment={**AUGMENT, "shard_size": 8 * 8 * 3 * 5})
    convert(project, "augment")
    made = project.manifest("augment")["samples"]["augmented"]
    paint(project.source / "apple" / "0000.png")
    (project.source / "pear" / "008.png").rename(project.source / "pear" / "zz.png")
    assert grown(project, "augment") >= made - 10  # some shards were finished, and the renamed one has other draws
    lines = (project.output / "augment" / "transforms.jsonl").read_bytes().splitlines()
    assert all(json.loads(line)["transforms"] for line in lines)
    rewrite(project, augment={**AUGMENT, "per_image": 3})
    assert grown(project, "augment") == project.manifest("augment")["samples"]["augmented"] * 2 // 3
    rewrite(project, augment={**AUGMENT, "transforms": AUGMENT["transforms"][:1]})
    assert grown(project, "augment") == 0


def test_status_tells_how_many_copies_are_reused(project: Project) -> None:
    (project.source / "pear" / "damaged.png").unlink()
    rewrite(project, augment=AUGMENT)
    convert(project, "augment")
    made = project.manifest("augment")["samples"]["augmented"]
    rewrite(project, augment={**AUGMENT, "per_image": 3})
    done = project.call("status", project.spec)
    assert f"  {made} of {made * 3 // 2} rows are reused from the last output" in done.stdout.splitlines()


def test_a_parent_with_other_pixels_is_augmented_anew(project: Project) -> None:
    (project.source / "pear" / "damaged.png").unlink()
    rewrite(project, augment=AUGMENT)
    convert(project, "augment")
    made = project.manifest("augment")["samples"]["augmented"]
    train = [name for name, record in project.samples("split").items() if record["split"] == "train"]
    paint(project.source / train[0], 11)
    assert grown(project, "augment") == made - 2
