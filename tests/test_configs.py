"""Every spec in configs/ runs as it stands."""

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

CONFIGS = sorted((Path(__file__).resolve().parents[1] / "configs").glob("*.yaml"))
ELSEWHERE = {"mnist", "in_the_wild"}
"""Those whose images are not in the repository."""


@pytest.mark.slow
@pytest.mark.parametrize("config", [path for path in CONFIGS if path.stem not in ELSEWHERE], ids=lambda path: path.stem)
def test_config_runs(config: Path, root: Path, tmp_path: Path, imgprep: Callable[..., CompletedProcess[str]]) -> None:
    for name in ("configs", "sample_data"):
        shutil.copytree(root / name, tmp_path / name)
    done = imgprep("run", f"configs/{config.name}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("build/*/pack/dataset.json"))


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_config_lacks_nothing_but_its_images(
    name: str, root: Path, tmp_path: Path, imgprep: Callable[..., CompletedProcess[str]]
) -> None:
    shutil.copytree(root / "configs", tmp_path / "configs")
    done = imgprep("convert", f"configs/{name}.yaml", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "source.path: there is no file or folder" in line


def test_the_grid_of_keras_has_288_generators(root: Path) -> None:
    from imgprep.spec.loading import load_spec

    section = load_spec(root / "configs" / "keras_grid.yaml").spec.augment
    assert section is not None
    (grid,) = section.transforms
    assert len(set(grid.variants)) == 288
    assert {variant.rotation_range for variant in grid.variants} == {0, 60, 120}
    assert all(variant.horizontal_flip != variant.vertical_flip for variant in grid.variants)
    assert all(variant.width_shift_range == variant.shear_range for variant in grid.variants)
