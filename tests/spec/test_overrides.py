from pathlib import Path
from typing import Any

import pytest

from imgprep.settings.problems import SpecError
from imgprep.spec.loading import load_spec
from imgprep.spec.overrides import Override, parse, put


@pytest.mark.parametrize(
    ("argument", "keys", "value"),
    [
        ("a=1", ("a",), 1),
        ("a.b.0=[x, no]", ("a", "b", "0"), ["x", "no"]),
        ("a={b: {c: 1}}", ("a",), {"b": {"c": 1}}),
        ("a==", ("a",), "="),
        ("a=", ("a",), None),
    ],
)
def test_reads_key_and_value(argument: str, keys: tuple[str, ...], value: object) -> None:
    assert parse(argument) == Override(keys, value, f"--set {argument}")


@pytest.mark.parametrize("argument", ["", "a", "=", ".=1", "a.=1", "a=[", "a=!x 1", "a=b: c: d"])
def test_refuses_what_is_no_assignment(argument: str) -> None:
    with pytest.raises(SpecError):
        parse(argument)


@pytest.mark.parametrize(
    ("data", "keys", "result", "new"),
    [
        (None, ("a", "b"), {"a": {"b": 9}}, ("a",)),
        ({"a": 1}, ("a",), {"a": 9}, ("a",)),
        ({"a": None}, ("a", "b"), {"a": {"b": 9}}, ("a",)),
        ({"a": {"c": 1}}, ("a", "b", "d"), {"a": {"c": 1, "b": {"d": 9}}}, ("a", "b")),
        ({"a": [1, {"b": 2}]}, ("a", "1", "b"), {"a": [1, {"b": 9}]}, ("a", 1, "b")),
        ({"a": ["clahe"]}, ("a", "0", "clahe", "clip"), {"a": [{"clahe": {"clip": 9}}]}, ("a", 0, "clahe", "clip")),
    ],
)
def test_puts_a_value_in(data: Any, keys: tuple[str, ...], result: object, new: object) -> None:
    assert put(data, Override(keys, 9, "")) == (result, new)


@pytest.mark.parametrize(
    ("data", "keys", "where"),
    [
        ({"a": 1}, ("a", "b"), ("a",)),
        ({"a": [1]}, ("a", "1"), ("a",)),
        ({"a": [1]}, ("a", "-1"), ("a",)),
        (5, ("a",), ()),
    ],
)
def test_refuses_what_leads_nowhere(data: Any, keys: tuple[str, ...], where: object) -> None:
    with pytest.raises(SpecError) as caught:
        put(data, Override(keys, 9, ""))

    assert caught.value.problems[0].keys == where


def test_paths_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read lies beside the spec, else in the working directory; what is written lies beside the spec."""
    spec = tmp_path / "configs/spec.yaml"
    for folder in ("configs/both", "here/both", "here/images", "here/out"):
        (tmp_path / folder).mkdir(parents=True)
    spec.write_text("source: {layout: directory, path: images}\noutput: out\n", "utf-8")
    monkeypatch.chdir(tmp_path / "here")

    def paths(*settings: str) -> list[str]:
        loaded = load_spec(spec, settings).spec
        return [path.relative_to(tmp_path).as_posix() for path in (loaded.source.source.path, loaded.output)]

    assert paths() == ["configs/images", "configs/out"]
    assert paths("source.path=images", "output=out") == ["here/images", "configs/out"]
    assert paths("source.path=both") == ["configs/both", "configs/out"]
    assert paths("source={layout: directory, path: images}") == ["here/images", "configs/out"]
    assert paths("source.path=nowhere") == ["configs/nowhere", "configs/out"]
