"""Fixtures for the commands: specs on a small collection, and a monitor that remembers."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from imgprep.commands.session import Request
from imgprep.spec.loading import LoadedSpec
from tests.support.recorder import Recorder

MakeSpec = Callable[..., Path]
MakeRequest = Callable[..., Request]


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
