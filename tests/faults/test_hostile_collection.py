"""The collection of odd, broken and hostile files through the command line: verdicts, accounting, pixels as Pillow."""

import io
import json
import sys
import tarfile
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the memory limits of Linux")
SIZE = 64
# What has no rule that both decoders keep; tests/decoding/test_hostile.py says what was decided.
DECIDED_OTHERWISE = {"LAB", "I;16"}
# Grey PNG of 2 and 4 bits with a transparent colour, which Pillow misses.
MISSED_BY_PILLOW = ("gray-2-tRNS.png", "gray-2-sRGB-tRNS.png", "gray-4-tRNS.png", "gray-4-linear-tRNS.png")


@pytest.fixture(scope="module")
def converted(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, new_case: Any) -> Any:
    """All 624 files below one folder, converted by worker processes: (case, expectations, records, how it ended)."""
    expected = json.loads((shared_data / "hostile.json").read_bytes())
    case = new_case(tmp_path_factory.mktemp("collection"))
    folder = case.source / "all"
    folder.mkdir(parents=True)
    with tarfile.open(shared_data / "hostile.tar.gz") as archive:
        members = [member for member in archive if member.name in expected]
        archive.extractall(folder, members, filter="data")
    limits = {"workers": 2, "item_timeout": 20, "memory_limit": "1 GiB"}
    case.write(convert={"size": [SIZE, SIZE], "interpolation": "area"}, execution=limits)
    done = case.run("convert", case.spec, "-q", timeout=300)
    return case, expected, case.samples(), done


def test_no_file_is_lost_and_the_run_survives(converted: Any) -> None:
    case, expected, records, done = converted
    assert done.returncode == 3
    assert done.stderr.count("\n") == 0
    missing = {f"all/{name}" for name in expected} - set(records)
    # A folder whose name begins with a dot is one entry, skipped as a whole.
    assert all("/." in name for name in missing)
    assert case.run("verify", case.output / "convert", "-q").returncode == 0


def test_verdicts(converted: Any) -> None:
    _, expected, records, _ = converted
    wrong = []
    for name, verdict in expected.items():
        record = records.get(f"all/{name}", {"status": "skipped", "reason": ""})
        accepted = record["status"] == "ok"
        if accepted and name.endswith(".heif"):  # read where a plug-in is installed
            continue
        if (verdict["expect"] == "accept" and not accepted) or (verdict["expect"].startswith("reject") and accepted):
            wrong.append((name, verdict["expect"], record["status"], record["reason"]))
    assert not wrong


def as_pillow_sees_it(data: bytes) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data))
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        if image.mode in {"LA", "PA", "La", "RGBA", "RGBa"} or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.asarray(image.convert("RGB"))


def test_pixels_are_pillows(converted: Any) -> None:
    import imgprep

    case, expected, records, _ = converted
    dataset = imgprep.load(case.output / "convert")
    row, wrong, compared = 0, [], 0
    for id_, record in records.items():
        if record["status"] != "ok":
            continue
        found = dataset[row][0].astype(int)
        row += 1
        verdict = expected[id_.removeprefix("all/")]
        if verdict["expect"] != "accept" or verdict.get("mode") in DECIDED_OTHERWISE:
            continue
        if id_.endswith(MISSED_BY_PILLOW):
            continue
        reference = as_pillow_sees_it((case.source / id_).read_bytes())
        levels = np.abs(found - cv2.resize(reference, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
        compared += 1
        if levels.mean() > 1.0 or np.percentile(levels, 99) > 8:
            wrong.append((id_, float(levels.mean()), float(np.percentile(levels, 99))))
    assert compared > 300
    assert not wrong
