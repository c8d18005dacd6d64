"""What `audit` says besides its report: where the page is; and that opening it never fails."""

import json
import webbrowser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from imgprep.cli.quality import audit


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), random.integers(0, 256, (8, 8, 3), np.uint8))
    content = {"name": "pets", "source": {"layout": "directory", "path": "images"}, "output": "out"}
    content["execution"] = {"engine": "serial"}
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(content))
    return path


def run(spec: Path, **options: Any) -> int:
    return audit(spec=spec, quiet=False, verbose=False, no_progress=True, **SHARED | options)  # type: ignore[call-arg]


SHARED = {"context": SimpleNamespace(obj=None), "workers": None, "settings": None, "output": None, "seed": None}


def test_it_says_where_the_page_and_the_table_are(spec: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(spec, report_format="json") == 1
    out, err = capsysbinary.readouterr()
    assert json.loads(out)["name"] == "pets"
    folder = spec.parent / "out" / "audit"
    said = f"the page is {folder / 'report.html'}, every measure of each image {folder / 'images.csv'}"
    assert said in err.decode()
    assert (folder / "report.html").is_file()
    assert (folder / "images.csv").is_file()


def test_findings_as_csv(spec: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(spec, report_format="csv") == 1
    header, *rows = capsysbinary.readouterr().out.decode().splitlines()
    assert header.startswith("rule,status,severity,class,id,")
    assert "class-size,fail,error,cat,,2,1000," in "\n".join(rows)


@pytest.mark.parametrize("browser", [True, False, webbrowser.Error("none"), OSError("none")], ids=str)
def test_open_shows_the_page_and_does_not_fail_where_there_is_no_browser(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], browser: Any
) -> None:
    opened: list[str] = []

    def start(address: str) -> bool:
        opened.append(address)
        if isinstance(browser, Exception):
            raise browser
        return bool(browser)

    monkeypatch.setattr(webbrowser, "open", start)
    assert run(spec, show=True) == 1
    assert opened == [(spec.parent / "out" / "audit" / "report.html").as_uri()]
    assert (b"no browser could be started" in capsysbinary.readouterr().err) is (browser is not True)
