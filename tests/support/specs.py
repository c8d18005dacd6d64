"""Writes specs for tests through the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def write_spec(folder: Path, source: Mapping[str, Any], **sections: Any) -> Path:
    """Writes ``spec.yaml``: a source, an output beside the spec, one process, which starts quickest; and more.

    Args:
        folder: of the spec.
        source: its section.
        **sections: further sections, which replace those.
    """
    content = {"source": dict(source), "output": "out", "execution": {"engine": "serial"}} | sections
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path
