import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgprep.errors import RequestError, ResourceError
from imgprep.settings.tables import Tables
from imgprep.spec.loading import load_spec, spec_from_mapping

Load = Callable[..., Any]
Refused = Callable[..., list[str]]

EVERYTHING = """\
name: fruits
source:
  layout: directory
  path: ../sample_data/fruits
  attributes: ../sample_data/fruits.csv
output: ../build/fruits
seed: 101

audit:
  rules:
    class-size: {min: 1000}
    label-errors: {budget: 0.04, review: ../sample_data/review.csv, confidence: 0.95}
    background: {severity: error}
  waivers: []

convert:
  channels: rgb
  size: [128, 128]
  fit: stretch
  interpolation: auto
  depth: 8
  alpha: white
  steps: []

split:
  test: auto
  validation: 0.1
  method: stratified
  group: null
  near_duplicates: together
  folds: 5
  fraction: 1.0

augment:
  per_class: 1000
  transforms:
    - flip: {horizontal: 0.5}
    - rotate: {degrees: [-15, 15]}
    - zoom: {factor: [0.8, 1.2]}
    - shift: {x: [-0.1, 0.1], y: [-0.1, 0.1], fill: reflect}
    - brightness: {alpha: [0.8, 1.2], beta: [-20, 20]}
  stress: [inverted, shifted]

pack:
  format: hdf5
  layout: flat
  dtype: float32
  normalize: unit
  labels: index
  shuffle: true
  shard_size: 64 MiB
  compression: none

execution:
  workers: auto
  engine: processes
  item_timeout: 30
  memory_limit: 2 GiB
  max_quarantined: 0
"""


def test_the_whole_spec_becomes_live_objects(load: Load, tmp_path: Path) -> None:
    spec = load(EVERYTHING).spec

    here = tmp_path.resolve().parent
    assert spec.source.source.path == here / "sample_data/fruits"
    assert spec.source.attributes == here / "sample_data/fruits.csv"
    assert spec.output == here / "build/fruits"
    assert spec.audit.rules["label-errors"].review == here / "sample_data/review.csv"
    assert spec.audit.rules["background"].severity == "error"
    assert spec.convert.size == (128, 128)
    assert [type(transform).__name__ for transform in spec.augment.transforms] == [
        "Flip",
        "Rotate",
        "Zoom",
        "Shift",
        "Brightness",
    ]
    assert spec.augment.transforms[1].degrees == (-15.0, 15.0)
    assert [type(stress).__name__ for stress in spec.augment.stress] == ["Invert", "Shift"]
    assert spec.pack.shard_size == 64 * 2**20
    assert spec.execution.memory_limit == 2 * 2**30


def test_the_defaults_are_those_of_the_contract(load: Load) -> None:
    short, whole = load("..\n").spec, load(EVERYTHING).spec

    for section in ("convert", "pack", "execution"):
        given, default = getattr(whole, section), getattr(short, section)
        assert default == given.model_copy(update={"size": None}) if section == "convert" else default == given
    assert short.split == whole.split.model_copy(update={"validation": None, "method": None})
    assert short.audit.rules["class-size"] == whole.audit.rules["class-size"]
    assert short.augment is None
    assert (short.name, short.seed) == ("fruits", 0)


def test_empty_sections_have_their_defaults(load: Load) -> None:
    text = "".join(f"{section}:\n" for section in ("audit", "convert", "split", "augment", "pack", "execution"))

    assert load("..\n" + text).spec == load("..\n").spec


def test_where_names_file_and_line(load: Load) -> None:
    loaded = load(EVERYTHING, "convert.fit=pad", seed=7)

    assert loaded.where("convert", "size") == "fruits.yaml:18"
    assert loaded.where("convert", "size", 1) == "fruits.yaml:18"
    assert loaded.where("augment", "transforms", 2, "zoom", "factor") == "fruits.yaml:39"
    assert loaded.where("pack", "nothing") == "fruits.yaml:44"
    assert loaded.where("convert", "fit") == "--set convert.fit=pad"
    assert loaded.where("seed") == "--seed"
    assert (loaded.line("convert", "size"), loaded.line("convert", "fit"), loaded.line()) == (18, 1, 1)
    assert str(loaded.error("is odd", "convert", "size")) == "fruits.yaml:18: convert.size: is odd"


def test_all_errors_come_at_once_in_the_order_of_the_file(refused: Refused) -> None:
    lines = refused(
        "name: [fruits]\n..\nconvert:\n  chanels: rgb\n  size: 3\n  fit: pad\n  fit: !x crop\nseed: -1\n",
        "convert.depth=9",
        "split",
    )

    assert [line.split(":")[:2] for line in lines] == [
        ["fruits.yaml", "1"],
        ["fruits.yaml", "5"],
        ["fruits.yaml", "6"],
        ["fruits.yaml", "8"],
        ["fruits.yaml", "9"],
        ["--set split", " expected KEY=VALUE with a dotted key, such as convert.size=[64,64]"],
        ["--set convert.depth=9", " convert.depth"],
    ]


def test_the_errors_of_a_text_that_is_no_yaml_name_the_file(refused: Refused) -> None:
    assert refused("a:\n\t- b") == ["fruits.yaml:2: is not YAML: a tab in the indentation; use spaces"]
    assert refused("# nothing\n") == ["fruits.yaml:1: is empty; a spec needs at least source and output"]
    assert refused("- a\n") == ["fruits.yaml:1: expected a mapping of keys, not ['a']"]
    assert refused("x" * 20_000_000) == ["fruits.yaml: is larger than 16 MiB; a spec is a short text"]


def test_a_name_cannot_forge_lines(tmp_path: Path) -> None:
    file = tmp_path / "a\nb.yaml"
    file.write_text("x: 1\n")
    with pytest.raises(RequestError) as caught:
        load_spec(file)

    assert all("a\\nb.yaml:1: " in line for line in str(caught.value).split("\n"))


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(RequestError, match=r"^none.yaml: there is no such file; `imgprep init` writes a starter spec$"):
        load_spec(Path("none.yaml"))
    with pytest.raises(RequestError, match=r"^\.: is a folder, not a spec; write one for its images: imgprep init \.$"):
        load_spec(Path())

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ResourceError, match=r"^x.yaml: cannot be read: Permission denied$"):
        load_spec(Path("x.yaml"))


@pytest.mark.parametrize(
    ("arguments", "keys", "value"),
    [
        (["convert.size=[64, 32]"], "convert.size", (64, 32)),
        (["pack.normalize={standardize: channel}"], "pack.kind", "standardize-channel"),
        (["split.group=no"], "split.group", "no"),
        (["split.group=a=b"], "split.group", "a=b"),
        (["split.fraction=0.5", "split.fraction=0.25"], "split.fraction", 0.25),
        (["split.folds=3", "split={test: 10}"], "split.folds", 5),
        (["augment=null"], "augment", None),
        ([" pack.shuffle =false"], "pack.shuffle", False),
        (["split.group="], "split.group", None),
    ],
)
def test_set_puts_yaml_values_in(load: Load, arguments: list[str], keys: str, value: object) -> None:
    found = load(EVERYTHING, *arguments).spec
    for key in keys.split("."):
        found = getattr(found, key)

    assert found == value


def test_set_reaches_into_lists_and_names_without_options(load: Load) -> None:
    text = "..\nconvert:\n  steps: [clahe, invert]\n"

    assert load(text, "convert.steps.0.clahe.clip=3").spec.convert.steps[0].clip == 3.0
    assert load(EVERYTHING, "augment.transforms.0.flip.horizontal=0.1").spec.augment.transforms[0].horizontal == 0.1


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("convert.size=x", "--set convert.size=x: convert.size: expected two integers [height, width], not 'x'"),
        ("convrt.size=1", "--set convrt.size=1: convrt: unknown key 'convrt'; did you mean 'convert'?"),
        ("a", "--set a: expected KEY=VALUE with a dotted key, such as convert.size=[64,64]"),
        ("=1", "--set =1: expected KEY=VALUE with a dotted key, such as convert.size=[64,64]"),
        ("a..b=1", "--set a..b=1: expected KEY=VALUE with a dotted key, such as convert.size=[64,64]"),
        ("seed=!!int 1", "--set seed=!!int 1: has the tag 'tag:yaml.org,2002:int'; tags are not supported, remove it"),
        ("seed.x=1", "--set seed.x=1: seed: is 101 and has no keys; set seed itself"),
        (
            "augment.transforms.9.flip=1",
            "--set augment.transforms.9.flip=1: augment.transforms: has 5 items, counted from 0; there is no '9'",
        ),
        (
            "augment.transforms.1.rotate.degrees=[1]",
            "--set augment.transforms.1.rotate.degrees=[1]: augment.transforms.1.rotate.degrees: expected two numbers",
        ),
        (
            "convert.x.y.z=1",
            "--set convert.x.y.z=1: convert.x: unknown key 'x'; known are alpha, channels, color_profile,",
        ),
    ],
)
def test_errors_point_at_set(refused: Refused, argument: str, line: str) -> None:
    (said,) = refused(EVERYTHING, argument)

    assert said.startswith(line)


def test_options_of_their_own_win(load: Load, refused: Refused, tmp_path: Path) -> None:
    loaded = load("..\n", "seed=1", "output=x", output=Path("out/here"), seed=2, workers=3)

    assert (loaded.spec.output, loaded.spec.seed, loaded.spec.execution.workers) == (tmp_path / "out/here", 2, 3)
    assert loaded.where("output") == "--output"
    assert refused("..\n", workers=0) == [
        "--workers: execution.workers: expected auto or an integer of at least 1, not 0"
    ]
    assert load("source: {layout: directory, path: x}\n", output=Path("/o")).spec.output == Path("/o")


def test_paths_are_relative_to_the_file_that_holds_them(tmp_path: Path, tables: Tables) -> None:
    folder = tmp_path / "real" / "configs"
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    (folder / "a.yaml").write_text(
        "source: {layout: directory, path: ../x}\noutput: /abs/./out\nsplit: {test: {from: d}}"
    )
    spec = load_spec(tmp_path / "link" / "a.yaml", tables=tables).spec

    assert spec.source.source.path == tmp_path.resolve() / "real" / "x"
    assert spec.output == Path("/abs/out")
    assert spec.split.test.path == folder.resolve() / "d"


def test_plain_data_makes_a_spec_too(tables: Tables, tmp_path: Path) -> None:
    data: dict[str, Any] = {"source": {"layout": "directory", "path": tmp_path}, "output": "out"}
    loaded = spec_from_mapping(data, tmp_path, tables=tables)

    assert loaded.spec.output == tmp_path.resolve() / "out"
    assert loaded.spec.source.source.path == tmp_path
    assert loaded.where("output") == "spec"
    with pytest.raises(RequestError, match=r"^spec: convert.fit: expected stretch, pad or crop, not 'x'$"):
        spec_from_mapping({**data, "convert": {"fit": "x"}}, tables=tables)


def test_objects_are_taken_as_they_are(tables: Tables, load: Load) -> None:
    spec = load(EVERYTHING).spec
    again = spec_from_mapping(
        {
            "source": spec.source,
            "output": spec.output,
            "audit": {"rules": spec.audit.rules},
            "augment": {"per_image": 1, "transforms": spec.augment.transforms},
        },
        tables=tables,
    ).spec

    assert again.source is spec.source
    assert again.audit == spec.audit
    assert again.augment is not None
    assert again.augment.transforms == spec.augment.transforms
