"""Compiles `imgprep._native` for the wheel, where a C compiler is; the wheel is pure Python where none is.

The wheel also gets the manual page, where typer is there to make it.

Set IMGPREP_NATIVE=0 to build without it, IMGPREP_NATIVE=1 to fail where it cannot be built.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PARTS = ("area", "blake2b", "crc", "files", "find", "place", "warp")
WHERE = Path("imgprep")


class NativeBuildHook(BuildHookInterface[Any]):
    """Adds the extension, and the tag of the wheel that says for which machines and Pythons it is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the extension beside the package, for a wheel and for an editable installation alike."""
        if self.target_name == "wheel" and version == "standard":
            self._add_manual(build_data)
        wish = os.environ.get("IMGPREP_NATIVE", "")
        if self.target_name != "wheel" or wish == "0":
            return
        try:
            built = compiled(Path(self.root))
        except Exception as error:  # setuptools raises many kinds, and SystemExit is none of them
            if wish == "1":
                raise
            self.app.display_warning(f"imgprep._native was not built ({error}); imgprep works without it, more slowly")
            return
        build_data["pure_python"] = False
        build_data["artifacts"].append(f"/{WHERE}/{built.name}")
        build_data["tag"] = f"cp311-abi3-{platform_tag()}"

    def _add_manual(self, build_data: dict[str, Any]) -> None:
        """Has the command line write its manual page."""
        page = Path(self.root) / "build" / "man" / "imgprep.1"
        page.parent.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"PYTHONPATH": self.root, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "imgprep.cli.man"], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
            self.app.display_warning(f"the manual page was not made ({said}); imgprep --help says the same")
            return
        page.write_text(done.stdout, encoding="utf-8")
        build_data.setdefault("shared_data", {})[str(page)] = "share/man/man1/imgprep.1"


def compiled(root: Path) -> Path:
    """Compiles the extension into the package's folder."""
    from setuptools import Distribution, Extension  # noqa: PLC0415 - after the check whether it is wanted
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415

    # Visual C contracts nothing by itself.
    exact = ["/O2"] if sys.platform == "win32" else ["-O3", "-g0", "-ffp-contract=off"]
    extension = Extension(
        "imgprep._native",
        [str(root / "native" / f"{part}.c") for part in ("module", *PARTS)],
        depends=[str(root / "native" / f"{part}.h") for part in PARTS],
        extra_compile_args=exact,
        py_limited_api=True,
    )
    with tempfile.TemporaryDirectory() as work:
        command = build_ext(Distribution({"ext_modules": [extension], "packages": ["imgprep"]}))
        command.build_lib, command.build_temp = str(Path(work, "lib")), str(Path(work, "temp"))
        command.ensure_finalized()
        command.run()
        found = Path(command.get_ext_fullpath("imgprep._native"))
        # A process that has the old file open keeps it.
        temporary = root / WHERE / f".{found.name}.{os.getpid()}"
        shutil.copyfile(found, temporary)
        return temporary.replace(root / WHERE / found.name)


def platform_tag() -> str:
    """The machine of the wheel: what auditwheel and cibuildwheel then make of it is theirs."""
    if sys.platform == "darwin":
        from packaging.tags import mac_platforms  # noqa: PLC0415

        return next(iter(mac_platforms()))
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
