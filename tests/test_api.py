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
    assert set(imgprep.__all__) == {*api.__all__, "__version__", "errors"}
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


def test_the_names_of_the_package_are_the_api_and_nothing_else() -> None:
    assert dir(imgprep) == sorted(imgprep.__all__)
    for name in imgprep.__all__:
        assert getattr(imgprep, name) is not None
    assert issubclass(imgprep.errors.RequestError, imgprep.errors.ImgprepError)


def test_loading_waits_for_neither_opencv_nor_pydantic() -> None:
    code = "import imgprep, sys; imgprep.load, imgprep.folds; print({'cv2', 'pydantic', 'typer'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"


def test_a_spec_may_be_a_mapping(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = json.loads(spec.read_text()) | {"output": "beside"}
    written = imgprep.convert(content, settings={"convert.size": [6, 5]}, seed=3)
    assert written.folder == tmp_path / "beside" / "convert"
    assert written.manifest.image is not None
    assert (written.manifest.image.shape, written.manifest.seed) == ((6, 5, 3), 3)
    assert "convert" not in content
    assert imgprep.convert(content, output="other").folder == tmp_path / "other" / "convert"
    with pytest.raises(imgprep.errors.RequestError, match=r"convert\.sise: unknown key"):
        imgprep.convert({**content, "convert": {"sise": [1, 1]}})


def test_a_misspelt_option_is_refused(spec: Path) -> None:
    with pytest.raises(TypeError, match="unknown option 'sede'; did you mean 'seed'"):
        imgprep.convert(spec, sede=3)  # type: ignore[call-arg]


def test_progress_is_told_and_notes_are_logged(spec: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, int, int]] = []
    with caplog.at_level("INFO", "imgprep"):
        imgprep.convert(spec, progress=lambda *step: told.append(step))
        imgprep.convert(spec)
    assert ("convert", 0, 12) in told
    assert told[-1] == ("convert", 12, 12)
    assert [record.message for record in caplog.records if record.name == "imgprep"] == ["convert: up to date"]


def test_notebooks_show_reports_and_datasets_with_hostile_names_as_text(spec: Path) -> None:
    content = json.loads(spec.read_text()) | {"name": "<b>x", "audit": {"rules": {"class-size": {"min": 9}}}}
    report = imgprep.audit(content)
    assert "&lt;b&gt;x</b>: failed, 12 images" in report._repr_html_()
    assert "class-size" in report._repr_html_()
    assert repr(report).startswith("<Report ")
    assert "failed, 12 images, " in repr(report)
    dataset = imgprep.convert(spec).load()
    assert "<tr><td>ash</td><td>4</td></tr>" in dataset._repr_html_()


def test_findings_become_a_frame_where_pandas_is(spec: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = imgprep.audit(spec).to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert {"rule", "status", "severity", "subject", "observed"} <= set(frame.columns)
    assert "class-size" in set(frame["rule"])
