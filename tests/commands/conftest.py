"""Fixtures for the commands: specs on a small collection, and a monitor that remembers."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from imgprep.commands.session import Request
from imgprep.spec.loading import LoadedSpec


@dataclass
class Recorder:
    """A monitor that remembers what it was told."""

    notes: list[str] = field(default_factory=list)
    began: list[str] = field(default_factory=list)

    def begin(self, what: str, items: int, unit: str = "images") -> None:
        self.began.append(what)

    def advance(self, items: int) -> None:
        pass

    def end(self) -> None:
        pass

    def note(self, message: str) -> None:
        self.notes.append(message)


MakeSpec = Callable[..., Path]
MakeRequest = Callable[..., Request]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written here need not survive a power cut; tests/test_manifest.py looks at durability."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def spec(tmp_path: Path, collection: Path) -> MakeSpec:
    """Writes a spec for the small collection; sections are replaced or added by keyword."""

    def make(**sections: Mapping[str, Any] | Any) -> Path:
        content = {
            "name": "trees",
            "source": {"layout": "directory", "path": str(collection)},
            "output": str(tmp_path / "output"),
            "seed": 5,
            "audit": {"rules": {"class-size": {"min": 3}}},
            "split": {"near_duplicates": "ignore"},
            "execution": {"engine": "serial"},
        }
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(content | sections))
        return path

    return make


@pytest.fixture
def request_for(spec: MakeSpec) -> MakeRequest:
    """Makes requests with a monitor that remembers."""

    def make(*overrides: str, force: bool = False, **sections: Any) -> Request:
        return Request(spec(**sections), overrides, force=force, monitor=Recorder())

    return make


@pytest.fixture
def loaded(spec: MakeSpec) -> Callable[..., LoadedSpec]:
    """Loads a spec on the small collection."""

    def make(*overrides: str, **sections: Any) -> LoadedSpec:
        return Request(spec(**sections), overrides).load()

    return make
