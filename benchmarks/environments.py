"""The virtual environments of the peers: made when they are first asked for, then kept."""

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from benchmarks.measure import ContenderError
from benchmarks.peers import Peer

PATIENCE: Final = 900.0
"""Seconds that an installation may take."""
VERSIONS: Final = """
import importlib.metadata, json, sys
print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))
"""


def python_of(peer: Peer, folder: Path, *, install: bool = True) -> Path:
    """The Python that has a peer.

    Args:
        peer: what is to be installed.
        folder: holds the environments.
        install: makes what is not there.

    Raises:
        ContenderError: it cannot be installed.
    """
    if not peer.packages:
        return Path(sys.executable)
    place = folder / peer.name
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    complete = place / "complete.json"
    if complete.exists() and json.loads(complete.read_bytes()) == list(peer.packages):
        return python
    if not install:
        raise ContenderError("it is not installed")
    venv.create(place, clear=True, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise ContenderError(f"pip takes longer than {PATIENCE:g} s") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip fails"]
        raise ContenderError(f"pip: {lines[0].removeprefix('ERROR:').strip()[:300]}")
    complete.write_text(json.dumps(peer.packages), encoding="utf-8")
    return python


def versions_of(peer: Peer, python: Path) -> dict[str, str]:
    """The releases of what a peer was installed from."""
    if not peer.packages:
        return {}
    done = subprocess.run([str(python), "-c", VERSIONS, *peer.packages], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
