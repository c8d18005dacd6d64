"""Every spec in configs/ runs as it stands."""

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_config_runs(config: Path, root: Path, tmp_path: Path, run_cli: Callable[..., CompletedProcess[str]]) -> None:
    for name in ("configs", "sample_data"):
        shutil.copytree(root / name, tmp_path / name)
    done = run_cli("run", f"configs/{config.name}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("build/*/pack/dataset.json"))
