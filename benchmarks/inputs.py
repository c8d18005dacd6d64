"""The images that benchmarks work on: real ones where they are at hand, else drawn. Made once, then kept."""

import shutil
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT: Final = Path(__file__).resolve().parents[1]
SHARED: Final = ROOT.parent / "shared" / "data"
PHOTOS: Final = SHARED / "photos.tar"
SMALL: Final = SHARED / "cifar10.tar.gz"
CLASSES: Final = 10
SUFFIXES: Final = (".jpg", ".jpeg", ".png")


def _scene(shape: tuple[int, int], shapes: int, grain: float, random: np.random.Generator) -> NDArray[np.uint8]:
    """The smooth areas, edges and grain of a photograph."""
    height, width = shape
    scene = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((4, 110), (16, 60), (64, 40), (160 if width < 1000 else 512, 30)):
        grid = random.random((min(cells, height), min(cells, width), 3), dtype=np.float32)
        scene += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(shapes):
        center = (int(random.integers(width)), int(random.integers(height)))
        color = [float(value) for value in random.uniform(0, 255, 3)]
        radius = int(random.integers(1, max(2, min(height, width) // 9)))
        cv2.circle(scene, center, radius, color, -1, cv2.LINE_AA)
    scene += random.normal(0, grain, scene.shape)
    return np.clip(scene, 0, 255).astype(np.uint8)


def _jpeg(scene: NDArray[np.uint8], quality: int) -> bytes:
    return cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def drawn_photo(number: int) -> bytes:
    """A JPEG of about 500 x 375."""
    random = np.random.default_rng(number)
    return _jpeg(_scene((int(random.integers(333, 420)), int(random.integers(450, 540))), 40, 5, random), 92)


def drawn_large(number: int) -> bytes:
    """A JPEG of 12 megapixels."""
    return _jpeg(_scene((3024, 4032), 200, 5, np.random.default_rng(number)), 90)


def drawn_small(number: int) -> bytes:
    """A PNG of 32 x 32."""
    return cv2.imencode(".png", _scene((32, 32), 3, 5, np.random.default_rng(number)))[1].tobytes()


def _decoded(data: bytes) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8)


def archived(archive: Path) -> list[bytes]:
    """The image files of a tar."""
    with tarfile.open(archive) as tar:
        members = sorted((member for member in tar if member.isfile()), key=lambda member: member.name)
        files = [tar.extractfile(member) for member in members if member.name.lower().endswith(SUFFIXES)]
        return [file.read() for file in files if file is not None]


def originals(archive: Path | None) -> list[bytes]:
    """The JPEG files of a tar, or 200 drawn ones when there is none."""
    return [drawn_photo(number) for number in range(200)] if archive is None else archived(archive)


def lay_out(files: Sequence[bytes], number: int, folder: Path) -> None:
    """Writes so many files, in a folder for each class, repeating them under new names."""
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
    suffix = ".png" if files[0].startswith(b"\x89PNG") else ".jpg"
    for index in range(number):
        (folder / f"class-{index % CLASSES}" / f"{index:06d}{suffix}").write_bytes(files[index % len(files)])


@dataclass(frozen=True)
class Inputs:
    """Images of several kinds, each made when it is first asked for.

    Attributes:
        folder: where they are kept.
        photos: a tar of photographs; None: they are drawn.
        small: a tar of small images; None: they are drawn.
    """

    folder: Path
    photos: Path | None
    small: Path | None

    @property
    def origins(self) -> dict[str, str]:
        """Where the images come from, in words."""
        return {
            "photos": "drawn" if self.photos is None else f"those of {self.photos.name}, repeated under new names",
            "small images": "drawn" if self.small is None else f"those of {self.small.name}, repeated under new names",
        }

    def of_photos(self, number: int) -> Path:
        """So many JPEG files of mixed sizes, most about 500 x 375, in ten folders."""
        return self._folder(f"photos-{number}", self.photos, number, lambda: originals(self.photos))

    def of_small(self, number: int) -> Path:
        """So many files of 32 x 32, in ten folders."""

        def files() -> list[bytes]:
            count = min(number, 2000)
            return [drawn_small(each) for each in range(count)] if self.small is None else archived(self.small)

        return self._folder(f"small-{number}", self.small, number, files)

    def of_large(self, number: int) -> Path:
        """So many JPEG files of 12 megapixels, always drawn."""
        return self._folder(
            f"large-{number}", None, number, lambda: [drawn_large(each) for each in range(min(number, 4))]
        )

    def one_photo(self, side: int) -> Path:
        """(side, side, 3) uint8 RGB, one photograph as a file of numpy."""
        path = self.folder / f"photo-{side}.npy"
        image = _decoded(originals(self.photos)[0])
        np.save(path, cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)[..., ::-1])
        return path

    def rows(self, number: int, side: int) -> Path:
        """(number, side, side, 3) uint8, photographs as a file of numpy."""
        path = self.folder / f"rows-{number}-{side}.npy"
        files = sorted(file for label in self.of_photos(number).iterdir() for file in label.iterdir())
        rows = np.lib.format.open_memmap(path, "w+", np.uint8, (number, side, side, 3))
        for row, file in enumerate(files):
            image = _decoded(file.read_bytes())
            rows[row] = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)[..., ::-1]
        rows.flush()
        return path

    def _folder(self, name: str, archive: Path | None, number: int, files: Callable[[], list[bytes]]) -> Path:
        """A folder of images; a file beside it says that it is complete."""
        folder = self.folder / f"{name}-{'drawn' if archive is None else 'real'}"
        complete = folder.with_name(f"{folder.name}.complete")
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            lay_out(files(), number, folder)
            complete.touch()
        return folder
