import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import imgprep
from imgprep import api
from imgprep.spec.overrides import parse


@pytest.fixture
def spec(tmp_path: Path, collection: Path) -> Path:
    path = tmp_path / "spec.json"
    content = {
        "source": {"layout": "directory", "path": str(collection)},
        "output": str(tmp_path / "output"),
        "audit": {"rules": {"class-size": {"min": 3}}},
        "split": {"near_duplicates": "ignore"},
        "execution": {"engine": "serial"},
    }
    path.write_text(json.dumps(content))
    return path


def test_every_stage_returns_what_it_wrote(spec: Path, tmp_path: Path) -> None:
    report = imgprep.audit(spec)
    assert report.passed
    assert imgprep.convert(spec).manifest.samples["ok"] == 12
    assert imgprep.split(spec).manifest.counts["test"] == {"ash": 1, "elm": 1, "oak": 0}
    packed = imgprep.pack(str(spec))
    assert packed.folder == tmp_path / "output" / "pack"
    train = imgprep.load(packed.folder, split="train")
    assert len(train) == sum(packed.manifest.counts["train"].values())
    assert train.classes == ("ash", "elm", "oak")
    image, label = train[0]
    assert (image.shape, image.dtype) == ((12, 10, 3), np.float32)
    assert 0 <= label < 3
    again = imgprep.run(spec)
    assert [stage.fresh for stage in again.stages] == [False, False, False]
    assert again.report.passed


def test_settings_replace_those_of_the_spec(spec: Path, tmp_path: Path) -> None:
    written = imgprep.convert(
        spec,
        settings={"convert.size": [6, 5], "convert.alpha": "black", "name": "no"},
        output=tmp_path / "other",
        seed=3,
        workers=1,
    )
    assert written.folder == tmp_path / "other" / "convert"
    assert written.manifest.image is not None
    assert written.manifest.image.shape == (6, 5, 3)
    assert (written.manifest.name, written.manifest.seed) == ("no", 3)


@pytest.mark.parametrize("value", ["no", "1e3", "null", "", "a: b", "ä\n", True, None, 1.5, [1, 2], {"a": "#"}])
def test_values_arrive_as_they_are(value: object) -> None:
    (override,) = api.request("x", settings={"a.b": value}).overrides
    assert parse(override).value == value


def test_a_gate_can_be_passed(spec: Path) -> None:
    strict = {"audit.rules": {"class-size": {"min": 100}}}
    assert imgprep.run(spec, settings=strict).stages == ()
    assert len(imgprep.run(spec, settings=strict, gate=False).stages) == 3


def test_errors_are_those_of_imgprep(spec: Path) -> None:
    from imgprep.errors import RequestError

    with pytest.raises(RequestError, match="converrt"):
        imgprep.convert(spec, settings={"converrt.size": [1, 1]})
    with pytest.raises(TypeError):
        imgprep.convert(spec, sise=3)


def test_names_are_there_when_they_are_used() -> None:
    assert set(imgprep.__all__) == {*api.__all__, "__version__"}
    for name in api.__all__:
        assert getattr(imgprep, name) is getattr(api, name)
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = imgprep.colour


@pytest.mark.parametrize("before", ["import imgprep.checks.base", "import imgprep.commands.audit"])
def test_the_function_audit_is_not_hidden_by_a_module(before: str) -> None:
    program = f"import imgprep; {before}; print(imgprep.audit.__qualname__, imgprep.audit.__module__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "audit imgprep.api"


def test_importing_imgprep_costs_nothing() -> None:
    program = (
        "import imgprep, sys; print([name for name in ('cv2', 'h5py', 'numpy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
