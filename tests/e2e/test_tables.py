"""Tables through the command line: attributes, and downloads that fail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.support.specs import write_spec


def write(folder: Path, source: dict[str, Any], **sections: Any) -> Path:
    return write_spec(folder, source, **{"convert": {"size": [8, 8]}} | sections)


def samples(folder: Path, stage: str = "convert") -> dict[str, dict[str, Any]]:
    lines = (folder / "out" / stage / "samples.jsonl").read_bytes().splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


IDS = [*(f"ash/{n:04d}.png" for n in range(4)), *(f"oak/{n:04d}.png" for n in range(3))]


def attributes(folder: Path, ids: list[str], **columns: Callable[[int], str]) -> str:
    """Writes a table of attributes and gives its name."""
    lines = [",".join(["id", *columns])]
    lines += [",".join([id_, *(of(row) for of in columns.values())]) for row, id_ in enumerate(ids)]
    (folder / "attributes.csv").write_text("\n".join(lines) + "\n")
    return "attributes.csv"


def test_attributes_reach_every_stage_and_what_is_unmatched_is_said(
    tmp_path: Path, collection: Path, imgprep: Callable[..., Any]
) -> None:
    table = attributes(tmp_path, [*IDS, "elm/9999.png"], color=lambda row: f"c{row}")
    spec = write(tmp_path, {"layout": "directory", "path": "collection", "attributes": table})
    done = imgprep("pack", spec)
    assert done.returncode == 0, done.stderr
    assert "source.attributes: 5 images without a row in the table (elm/0000.png" in done.stderr
    assert "1 rows without an image (elm/9999.png)" in done.stderr
    for stage in ("convert", "split", "pack"):
        found = samples(tmp_path, stage)
        assert [found[id_]["attributes"] for id_ in IDS] == [{"color": f"c{row}"} for row in range(7)]
        assert found["elm/0000.png"]["attributes"] == {}


def test_a_column_of_the_attributes_groups_the_split(
    tmp_path: Path, collection: Path, imgprep: Callable[..., Any]
) -> None:
    ids = [path.relative_to(collection).as_posix() for path in sorted(collection.rglob("*.png"))]
    for group in ("patient", "group"):
        table = attributes(tmp_path, ids, **{group: lambda row: f"p{row % 4}"})
        split = {"test": 0.25, "validation": 0.25} | ({} if group == "group" else {"group": group})
        spec = write(tmp_path, {"layout": "directory", "path": "collection", "attributes": table}, split=split)
        done = imgprep("split", spec)
        assert done.returncode == 0, done.stderr
        found = samples(tmp_path, "split")
        places: dict[str, set[str]] = {}
        for row, id_ in enumerate(ids):
            places.setdefault(f"p{row % 4}", set()).add(found[id_]["split"])
        assert [len(splits) for splits in places.values()] == [1] * 4
        assert set().union(*places.values()) == {"train", "validation", "test"}


def test_a_split_column_of_the_attributes_is_the_predefined_split(
    tmp_path: Path, collection: Path, imgprep: Callable[..., Any]
) -> None:
    ids = [path.relative_to(collection).as_posix() for path in sorted(collection.rglob("*.png"))]
    names = ("Train", "val", "test")
    table = attributes(tmp_path, ids, split=lambda row: names[row % 3])
    spec = write(tmp_path, {"layout": "directory", "path": "collection", "attributes": table})
    done = imgprep("pack", spec, "--set", "split.near_duplicates=ignore")
    assert done.returncode == 0, done.stderr
    found = samples(tmp_path, "pack")
    assert [found[id_]["split"] for id_ in ids] == [("train", "validation", "test")[row % 3] for row in range(12)]


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1])


def test_a_failed_download_is_listed_and_tried_again_by_the_next_run(
    tmp_path: Path, server: Any, imgprep: Callable[..., Any]
) -> None:
    urls = [server.body(f"/{number}.png", png(number)) for number in range(12)]
    broken = {"/3.png": 404, "/7.png": 503}
    for path, status in broken.items():
        server.body(path, b"no", status)
    rows = [f"{'ab'[number % 2]},{url}" for number, url in enumerate(urls)]
    (tmp_path / "table.csv").write_text("label,location\n" + "\n".join(rows) + "\n")
    remote = {"cache": "cache", "allow_private": True, "retries": 0}
    source = {"layout": "csv", "path": "table.csv", "remote": remote}
    spec = write(tmp_path, source, convert={"size": [8, 8], "shard_size": 3 * 8 * 8 * 3})
    done = imgprep("convert", spec)
    assert done.returncode == 3, done.stderr
    found = samples(tmp_path)
    assert [id_ for id_ in urls if found[id_]["status"] == "quarantined"] == [urls[3], urls[7]]
    assert found[urls[3]]["reason"] == "the server answered 404"
    assert found[urls[7]]["reason"] == "cannot be fetched: the server answered 503"

    # Nothing is mended: only the two are asked for again.
    server.requests.clear()
    assert imgprep("convert", spec).returncode == 3
    assert sorted(server.requests) == ["/3.png", "/7.png"]

    # One is mended, also for the audit, which had seen it fail.
    assert imgprep("audit", spec).returncode == 1
    for path in broken:
        server.body(path, png(int(path[1])))
    server.requests.clear()
    done = imgprep("convert", spec)
    assert done.returncode == 0, done.stderr
    assert "2 of 4 shards were finished already" in done.stderr
    assert sorted(server.requests) == ["/3.png", "/7.png"]
    assert all(record["status"] == "ok" for record in samples(tmp_path).values())
    imgprep("audit", spec)
    report = json.loads((tmp_path / "out" / "audit" / "report.json").read_bytes())
    unreadable = [finding["status"] for finding in report["findings"] if finding["rule"] == "unreadable"]
    assert set(unreadable) == {"pass"}

    # All is there: the network is left alone.
    server.requests.clear()
    assert "convert: up to date" in imgprep("convert", spec).stderr
    assert imgprep("convert", spec, "--output", tmp_path / "other").returncode == 0
    assert server.requests == []
