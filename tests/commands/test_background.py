"""The stress set `background`, from masks in a table or in alpha channels to the packed test set."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from imgprep.commands import main
from imgprep.commands.contact_sheet import CELL
from imgprep.commands.inspect import verify
from imgprep.commands.preview import Amount, preview
from imgprep.commands.repair import repair
from imgprep.commands.session import Request, Silent
from imgprep.dataset.loader import load
from imgprep.dataset.records import read_records
from imgprep.errors import RequestError
from imgprep.shards import FORMATS

GROUNDS = {"fox": (60, 60, 180), "husky": (230, 240, 250), "wolf": (40, 120, 50)}
OBJECTS = {"fox": (200, 100, 30), "husky": (90, 90, 110), "wolf": (120, 100, 80)}
UNMASKED = ("fox/3.png", "wolf/5.png")


def drawn(label: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """(20, 24, 3) RGB, an animal where it always lives, and its mask: a card with a soft rim, each somewhere else."""
    mask = np.zeros((20, 24), np.uint8)
    mask[3 + number : 10 + number, 4 + number : 14 + number] = 255
    mask[2 + number, 4 + number : 14 + number] = 100
    share = mask[..., None] / 255
    return np.rint(share * np.array(OBJECTS[label]) + (1 - share) * np.array(GROUNDS[label])).astype(np.uint8), mask


@pytest.fixture
def huskies(tmp_path: Path) -> Path:
    """Folders `images` (as a camera sees them), `alpha` (the mask as fourth channel) and `masks`, and a table."""
    lines = ["id,mask"]
    for label in GROUNDS:
        for folder in ("images", "alpha", "masks"):
            (tmp_path / folder / label).mkdir(parents=True)
        for number in range(6):
            name = f"{label}/{number}.png"
            image, mask = drawn(label, number)
            cv2.imwrite(str(tmp_path / "images" / name), image[..., ::-1])
            cv2.imwrite(str(tmp_path / "alpha" / name), np.dstack([image[..., ::-1], mask]))
            cv2.imwrite(str(tmp_path / "masks" / name), mask)
            lines.append(f"{name},{'' if name in UNMASKED else f'masks/{name}'}")
    (tmp_path / "attributes.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def ask(huskies: Path, request_for: Callable[..., Request]) -> Callable[..., Request]:
    """Makes requests on the huskies, by masks in files; keywords replace keys of convert."""

    def make(*overrides: str, source: dict[str, Any] | None = None, **convert: Any) -> Request:
        where = {"path": str(huskies / "images"), "attributes": str(huskies / "attributes.csv")}
        return request_for(
            *overrides,
            source={"layout": "directory", "masks": {"attribute": "mask"}} | (where if source is None else source),
            split={"test": 0.5, "validation": 0, "near_duplicates": "ignore"},
            convert=convert,
            augment={"stress": ["background"], "format": convert.get("format", "hdf5")},
            pack={"dtype": "uint16", "normalize": "none"},
        )

    return make


def explained(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "transforms.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("format_name", ["hdf5", "npz"])
@pytest.mark.parametrize(("depth", "channels"), [(8, "rgb"), (16, "gray")])
def test_animals_leave_the_ground_that_gives_them_away(
    ask: Callable[..., Request], format_name: str, depth: int, channels: str
) -> None:
    request = ask(format=format_name, depth=depth, channels=channels)
    run = main.run(request, gate=False)
    packed = load(run.stages[-1].folder, "test-background")
    lines = {line["id"]: line for line in explained(run.stages[2].folder)}
    tests = {id_ for id_ in load(run.stages[-1].folder, "test").ids if id_ not in UNMASKED}
    assert set(packed.ids) == set(lines) == {f"{id_}#background" for id_ in tests}
    for (image, label), id_ in zip(packed, packed.ids, strict=True):
        parent, donor = lines[id_]["parent"], lines[id_]["donor"]
        home, away = parent.partition("/")[0], donor.partition("/")[0]
        assert donor in tests
        assert packed.classes[label] == home != away
        share = drawn(home, int(parent[-5]))[1][..., None] / 255
        wanted = share * np.array(OBJECTS[home]) + (1 - share) * np.array(GROUNDS[away])
        if channels == "gray":
            wanted = wanted @ np.array([0.299, 0.587, 0.114])[:, None]
        assert np.abs(image - wanted * (257 if depth == 16 else 1)).max() <= (2 * 257 if depth == 16 else 1), id_
        np.testing.assert_array_equal(main.rebuild(request, id_), image)
    assert verify(request.load().spec.output, 1, Silent()).passed


def test_masks_go_through_the_geometry_and_into_the_shards(ask: Callable[..., Request], huskies: Path) -> None:
    made = main.make(
        ask("convert.steps=[{center_crop: {size: [12, 12]}}, invert]", size=[16, 16], fit="pad"), "convert"
    )
    with FORMATS["hdf5"].open(str(made.folder / made.manifest.shards[0].filename)) as reader:
        masks, ids = reader.read("mask"), reader.read("id").tolist()
    assert (masks.shape, masks.dtype) == ((18, 12, 12), np.uint8)
    for mask, id_ in zip(masks, ids, strict=True):
        whole = cv2.imread(str(huskies / "masks" / id_), cv2.IMREAD_GRAYSCALE)
        small = np.zeros((16, 16), np.uint8)
        small[1:14] = cv2.resize(whole, (16, 13), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(mask, np.full((12, 12), 255) if id_ in UNMASKED else small[2:14, 2:14])
    assert made.manifest.samples["masked"] == 16
    records = list(read_records(made.folder))
    assert [record.id for record in records if "masked" not in record.flags] == list(UNMASKED)
    assert all(bool(record.mask_sha256) == ("masked" in record.flags) for record in records)


def test_without_the_key_nothing_changes(ask: Callable[..., Request], huskies: Path) -> None:
    plain = main.make(ask("augment=null", source={"path": str(huskies / "images"), "masks": None}), "convert")
    with FORMATS["hdf5"].open(str(plain.folder / plain.manifest.shards[0].filename)) as reader:
        assert set(reader.names) == {"image", "label", "id", "parent", "checksum"}
    assert "masked" not in plain.manifest.samples
    assert not any(record.flags for record in read_records(plain.folder))


def test_alpha_is_a_mask_too_and_ignored_it_shows_the_picture(ask: Callable[..., Request], huskies: Path) -> None:
    source = {"path": str(huskies / "alpha"), "masks": "alpha"}
    by_alpha = main.make(ask("convert.alpha=ignore", f"output={huskies / 'b'}", source=source), "augment")
    by_table = main.make(
        ask("source.attributes=null", "source.masks=alpha", "convert.alpha=ignore", source=source), "augment"
    )
    files = [load(stage.folder, "test-background").arrays()[0] for stage in (by_alpha, by_table)]
    np.testing.assert_array_equal(*files)
    assert len(files[0]) == 9
    request = ask(f"output={huskies / 'c'}", source=source)
    main.make(request, "augment")
    assert any("set convert.alpha: ignore" in note for note in request.monitor.notes)  # type: ignore[attr-defined]


def test_two_processes_and_another_order_make_the_same_set(ask: Callable[..., Request], huskies: Path) -> None:
    one = main.make(ask("augment.shard_size=2 KiB"), "augment")
    table = huskies / "attributes.csv"
    head, *lines = table.read_text().splitlines()
    table.write_text("\n".join([head, *reversed(lines)]))
    settings = ("augment.shard_size=2 KiB", "execution.engine=processes", "execution.workers=2")
    two = main.make(ask(*settings, f"output={huskies / 'b'}"), "augment")
    assert len(one.manifest.shards) > 2
    assert one.manifest.shards == two.manifest.shards
    assert one.manifest.files == two.manifest.files


def test_what_is_left_out_is_said(ask: Callable[..., Request]) -> None:
    request = ask("split.test=16")
    made = main.make(request, "augment")
    missing = 16 - sum(made.manifest.counts["test-background"].values())
    note = f"test-background: {missing} of 16 test images have no mask that shows an object on a background"
    assert missing
    assert any(note in said for said in request.monitor.notes)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("../masks/fox/1.png", "leads out of the folder of the images"),
        ("/etc/passwd", "is absolute"),
        ("masks/gone.png", "mask masks/gone.png: cannot be read: no such file"),
        ("attributes.csv", "mask attributes.csv: "),
        ("small.png", "mask small.png: its size is 3x4, the image 20x24; they must agree"),
    ],
)
def test_a_mask_that_cannot_be_read_costs_its_image(
    ask: Callable[..., Request], huskies: Path, cell: str, reason: str
) -> None:
    cv2.imwrite(str(huskies / "small.png"), np.zeros((3, 4), np.uint8))
    table = huskies / "attributes.csv"
    table.write_text(table.read_text().replace("masks/fox/1.png", cell))
    made = main.make(ask(), "convert")
    bad = [record for record in read_records(made.folder) if record.status == "quarantined"]
    assert [record.id for record in bad] == ["fox/1.png"]
    assert reason in bad[0].reason
    assert made.too_many_quarantined


def test_another_mask_makes_the_stage_anew(ask: Callable[..., Request], huskies: Path) -> None:
    assert main.make(ask(), "convert").fresh
    assert not main.make(ask(), "convert").fresh
    cv2.imwrite(str(huskies / "masks" / "fox" / "1.png"), np.eye(20, 24, dtype=np.uint8) * 255)
    again = main.make(ask(), "convert")
    assert again.fresh
    with FORMATS["hdf5"].open(str(again.folder / again.manifest.shards[0].filename)) as reader:
        np.testing.assert_array_equal(reader.read("mask")[1], np.eye(20, 24) * 255)


def test_a_damaged_mask_is_found_and_made_again(ask: Callable[..., Request]) -> None:
    request = ask()
    made = main.make(request, "convert")
    path = made.folder / made.manifest.shards[0].filename
    whole = path.read_bytes()
    with FORMATS["hdf5"].open(str(path)) as reader:
        place = reader.locate("mask")
    broken = bytearray(whole)
    broken[place.offset + 2 * 20 * 24 + 7] ^= 4
    path.write_bytes(broken)
    found = verify(made.folder, 1, Silent()).text()
    assert f"{path.name}: rows 2: pixels differ from their checksum" in found
    assert repair(request).passed
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("masked", "message"),
    [
        (
            ("fox/0", "fox/1", "wolf/4"),
            "the 2 test images with a mask are all of one class, but a background comes from another class",
        ),
        (
            ("fox/4", "wolf/5"),
            "none of the 9 test images has a mask that shows an object (white) on a background (black)",
        ),
    ],
)
def test_masks_that_do_not_suffice(
    ask: Callable[..., Request], huskies: Path, masked: tuple[str, ...], message: str
) -> None:
    rows = [(f"{label}/{number}", "test" if number < 3 else "train") for label in GROUNDS for number in range(6)]
    lines = [f"{name}.png,{f'masks/{name}.png' if name in masked else ''},{split}" for name, split in rows]
    (huskies / "attributes.csv").write_text("\n".join(["id,mask,split", *lines]))
    with pytest.raises(RequestError, match=r"spec.json:1: augment.stress: background: ") as caught:
        main.make(ask(), "augment")
    assert message in str(caught.value)


def test_what_cannot_be_rebuilt_says_why(ask: Callable[..., Request]) -> None:
    with pytest.raises(RequestError, match=r"fox/3.png#background: 'fox/3.png' has no mask that shows an object"):
        main.rebuild(ask(), "fox/3.png#background")
    assert main.rebuild(ask(), "fox/2.png#background-7").shape == (20, 24, 3)


@pytest.mark.parametrize(
    ("source", "stress", "messages"),
    [
        (
            "",
            "[shifted, background]",
            ["6: augment.stress.1: background is made by masks of the objects; set source.masks"],
        ),
        ("masks: alfa", "[]", ["5: source.masks: expected alpha or {attribute: COLUMN}, not 'alfa'"]),
        (
            "masks: {atribute: m}",
            "[]",
            ["5: source.masks.attribute: is missing", "5: source.masks.atribute: unknown key 'atribute'; did you mean"],
        ),
        (
            "masks: {attribute: m}",
            "[]",
            ["5: source.masks.attribute: 'm' is a column of no table; name one with source"],
        ),
        ("masks: {attribute: 5}", "[]", ["5: source.masks.attribute: expected text that is not empty, not 5"]),
    ],
)
def test_a_spec_is_refused_with_file_and_line(tmp_path: Path, source: str, stress: str, messages: list[str]) -> None:
    path = tmp_path / "spec.yaml"
    (tmp_path / "images").mkdir()
    text = f"output: out\nsource:\n  layout: directory\n  path: images\n  {source}\naugment: {{stress: {stress}}}\n"
    path.write_text(text)
    with pytest.raises(RequestError) as caught:
        Request(path).load()
    found = str(caught.value).splitlines()
    assert len(found) == len(messages)
    for line, message in zip(found, messages, strict=True):
        assert f"spec.yaml:{message}" in line


def test_arrays_have_no_alpha_and_tables_their_own_column(huskies: Path, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    (tmp_path / "x.npz").touch()
    path.write_text("output: out\nsource: {layout: npz, path: x.npz, masks: alpha}\n")
    with pytest.raises(
        RequestError, match=r"spec.yaml:2: source.masks: alpha is of image files, and this layout holds"
    ):
        Request(path).load()
    rows = ["location,label,outline", "images/fox/0.png,fox,masks/fox/0.png", "images/wolf/1.png,wolf,"]
    (huskies / "list.csv").write_text("\n".join(rows))
    text = "output: out\nsource: {layout: csv, path: list.csv, masks: {attribute: COLUMN}}\naudit: {rules: {}}\n"
    path.write_text(text.replace("COLUMN", "outline"))
    assert main.make(Request(path, ["execution.engine=serial"]), "convert").manifest.samples["masked"] == 1
    path.write_text(text.replace("COLUMN", "outlines"))
    with pytest.raises(RequestError, match=r"spec.yaml:2: .*unknown attribute 'outlines'; did you mean 'outline'"):
        main.make(Request(path, ["execution.engine=serial"]), "convert")


def test_the_preview_shows_masks_and_swaps(ask: Callable[..., Request], tmp_path: Path) -> None:
    shown = preview(ask(), tmp_path / "sheet.png", Amount(images=6))
    picture = cv2.imread(str(shown.path))
    assert shown.images == 18
    assert 3 * CELL < picture.shape[1] < 5 * CELL
    preview(ask("source.masks=null", "augment=null"), tmp_path / "plain.png", Amount(images=6))
    assert cv2.imread(str(tmp_path / "plain.png")).shape[1] < 3 * CELL
