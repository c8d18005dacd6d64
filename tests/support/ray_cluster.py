"""A Ray cluster of processes of its own on this machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests.support.project import poll

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class Cluster:
    """A head node of two cores; a context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # a short path: sockets are in it
        self.port, self.client_port = free_port(), free_port()
        self.head: Any = None

    @property
    def address(self) -> str:
        """For RAY_ADDRESS, where `auto` finds it."""
        return f"127.0.0.1:{self.port}"

    @property
    def client(self) -> str:
        return f"ray://127.0.0.1:{self.client_port}"

    def __enter__(self) -> Self:
        options = {
            "--port": self.port,
            "--ray-client-server-port": self.client_port,
            "--node-ip-address": "127.0.0.1",
            "--num-cpus": 2,
            "--object-store-memory": 100 << 20,
            "--include-dashboard": "false",
            "--temp-dir": self.folder,
        }
        words = [word for option in options.items() for word in map(str, option)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
        log = self.folder / "head.log"
        with log.open("wb") as file:
            self.head = subprocess.Popen(
                [*command, *words], env=environment, stdout=file, stderr=file, start_new_session=True
            )
        poll(lambda: b"Ray runtime started" in log.read_bytes(), "the head node", during=self.head)
        return self

    def __exit__(self, *_: object) -> None:
        self.head.terminate()
        try:
            self.head.wait(20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.head.pid, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)
