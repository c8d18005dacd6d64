"""One image preprocessed alone is the row that convert and pack made of it, bit for bit."""

import io
import json
import pickle
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

import imgprep
from imgprep.errors import ImageError, RequestError
from imgprep.transforms.normalize import KINDS
from tests.support import program

RANDOM = np.random.default_rng(11)
NORMALIZE: Mapping[str, Any] = {kind: kind for kind in KINDS if not kind.startswith(("standardize", "center"))} | {
    **{f"standardize-{scope}": {"standardize": scope} for scope in ("global", "channel", "pixel")},
    "standardize-position": {"standardize": {"pixel": "per_position"}},
    **{f"center-{scope}": {"center": scope} for scope in ("global", "channel", "pixel", "samplewise")},
}
Make = Callable[..., Path]


def drawn(height: int, width: int, channels: int = 3, dtype: type[np.generic] = np.uint8) -> NDArray[Any]:
    """A smooth image of random colours."""
    high = np.iinfo(dtype).max  # type: ignore[type-var]
    small = RANDOM.integers(0, high, (5, 4, channels)).repeat(8, 0).repeat(8, 1)[:height, :width]
    pixels: NDArray[Any] = small.astype(dtype)
    return pixels


def write_images(folder: Path) -> None:
    """Two classes of every kind of file: turned, transparent, of few and many levels, grey, ink, with a profile."""
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            Image.fromarray(drawn(20 + number, 24)).save(folder / label / f"plain{number}.png")
        turned = Image.Exif()
        turned[0x0112] = 6
        Image.fromarray(drawn(30, 20)).save(folder / label / "turned.jpg", exif=turned, quality=90)
        Image.fromarray(drawn(16, 16, 4), "RGBA").save(folder / label / "clear.png")
        Image.fromarray(drawn(16, 20, 1)[..., 0]).save(folder / label / "grey.png")
        Image.fromarray(drawn(18, 20, 1, np.uint16)[..., 0]).save(folder / label / "deep.png")
        Image.fromarray(drawn(22, 20)).quantize(16).save(folder / label / "palette.gif")
        Image.fromarray(drawn(22, 20, 4), "CMYK").save(folder / label / "ink.jpg")
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.fromarray(drawn(22, 20)).save(folder / label / "profile.png", icc_profile=profile)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "images"
    write_images(folder)
    return folder


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Make:
    """Packs the images, or another source, and gives the output; what was converted is used again."""
    folder = tmp_path_factory.mktemp("made")

    def made(output: str, source: Mapping[str, Any] | None = None, stage: str = "pack", **sections: Any) -> Path:
        spec = folder / f"{output}.json"
        content = {
            "source": source or {"layout": "directory", "path": str(images)},
            "output": str(folder / output),
            "split": {"near_duplicates": "ignore"},
            "execution": {"engine": "serial"},
        }
        spec.write_text(json.dumps(content | sections))
        getattr(imgprep, stage)(spec)
        return folder / output

    return made


def equal_rows(dataset: Path, source: Path) -> int:
    """Compares every original of a dataset with its file preprocessed alone, and counts them."""
    preprocessor = imgprep.Preprocessor(dataset)
    compared = 0
    for split in (None,) if dataset.name == "convert" else ("train", "validation", "test"):
        rows = imgprep.load(dataset, split)
        for row, name, parent in zip(rows.arrays()[0], rows.ids, rows.parents, strict=True):
            if parent in {"", name}:
                alone = preprocessor(source / name)
                assert (alone.dtype, alone.shape) == (row.dtype, row.shape)
                assert alone.tobytes() == row.tobytes(), name
                compared += 1
    return compared


@pytest.mark.parametrize("kind", NORMALIZE)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_every_normalisation(make: Make, images: Path, kind: str, dtype: str) -> None:
    assert {*NORMALIZE} == {*KINDS}
    output = make("normalisations", convert={"size": [12, 10]}, pack={"normalize": NORMALIZE[kind], "dtype": dtype})
    assert equal_rows(output / "pack", images) == 22


@pytest.mark.parametrize("format_", ["hdf5", "npz"])
@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("interpolation", ["auto", "pillow-bicubic"])
def test_every_fit_and_format(make: Make, images: Path, fit: str, format_: str, interpolation: str) -> None:
    convert = {"size": [12, 14], "fit": fit, "fill": "reflect", "interpolation": interpolation, "format": format_}
    output = make(f"{fit}-{format_}-{interpolation}", convert=convert, pack={"format": format_})
    assert equal_rows(output / "pack", images) == 22


@pytest.mark.parametrize(
    "convert",
    [
        {"channels": "gray", "depth": 16},
        {"alpha": [10, 200, 30]},
        {"alpha": "ignore", "color_profile": "srgb"},
        {"depth": {"from": 12, "to": 8}, "range": None},
        {"steps": ["equalize", {"clahe": {"clip": 3.0}}, {"pad": {"size": [20, 20], "value": [9, 8, 7]}}, "invert"]},
        {"steps": [{"threshold": {"method": "otsu"}}, {"repeat": {"factor": 2}}]},
        {"decode": "fast", "size": [5, 4]},
    ],
)
def test_every_kind_of_setting(make: Make, images: Path, convert: Mapping[str, Any]) -> None:
    rows = {"execution": {"engine": "serial", "max_quarantined": 100}, "pack": {"normalize": {"center": "channel"}}}
    output = make(f"settings-{sorted(convert)}-{len(str(convert))}", convert={"size": [12, 10], **convert}, **rows)
    assert equal_rows(output / "pack", images) >= 20


def test_layout_by_class_and_one_hot(make: Make, images: Path) -> None:
    pack = {"layout": "by_class", "labels": "one_hot", "normalize": "keras-caffe"}
    output = make("by-class", convert={"size": [8, 8]}, pack=pack)
    assert equal_rows(output / "pack", images) == 22
    assert imgprep.Preprocessor(output).color == "BGR"


def test_convert_and_augment_are_not_normalised(make: Make, images: Path) -> None:
    augment = {"per_image": 1, "transforms": ["flip"]}
    output = make("copies", convert={"size": [8, 9]}, augment=augment, pack={"normalize": {"standardize": "pixel"}})
    assert equal_rows(output / "convert", images) == 22
    assert equal_rows(output / "pack", images) == 22
    levels = imgprep.preprocess(images / "a" / "ink.jpg", output / "convert")
    assert levels.dtype == np.uint8
    np.testing.assert_array_equal(imgprep.preprocess(images / "a" / "ink.jpg", output / "augment"), levels)
    with pytest.raises(RequestError, match="the stage split holds no images"):
        imgprep.Preprocessor(output / "split")


def test_a_path_its_text_its_bytes_and_its_pixels(make: Make, images: Path) -> None:
    output = make("kinds", convert={"size": [12, 10]})
    path = images / "a" / "plain0.png"
    row = imgprep.preprocess(path, output / "pack")
    data, pixels = path.read_bytes(), np.asarray(Image.open(path))
    for given in (str(path), data, bytearray(data), memoryview(data), pixels, pixels[:, ::-1][:, ::-1]):
        assert imgprep.preprocess(given, output).tobytes() == row.tobytes()
    grey = np.asarray(Image.open(images / "a" / "grey.png"))
    alone = imgprep.preprocess(images / "a" / "grey.png", output)
    for shaped in (grey, grey[..., None], grey[..., None].repeat(3, 2)):
        assert imgprep.preprocess(shaped, output).tobytes() == alone.tobytes()


def test_pixels_are_neither_changed_nor_shared(make: Make) -> None:
    convert = make("given", convert={"size": [12, 10]}) / "convert"
    pixels = drawn(12, 10)
    before = pixels.copy()
    made = imgprep.preprocess(pixels, convert)
    assert not np.shares_memory(made, pixels)
    made[:] = 0
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize(
    "first", [{"stage": "convert"}, {"pack": {"normalize": "none", "dtype": "uint8"}}], ids=["convert", "pack"]
)
def test_a_dataset_as_a_source(make: Make, images: Path, first: Mapping[str, Any]) -> None:
    """A file goes through both; nothing tells that from a file that was never converted, so it must be recorded."""
    stage = "convert" if "stage" in first else "pack"
    earlier = make(f"earlier-{stage}", convert={"size": [20, 20], "steps": ["equalize"]}, **first)
    source = {"layout": "dataset", "path": str(earlier / stage)}
    output = make(f"later-{stage}", source, convert={"size": [9, 8]}, pack={"normalize": {"center": "pixel"}})
    assert equal_rows(output / "pack", images) == 22
    third = make(f"third-{stage}", {"layout": "dataset", "path": str(output / "convert")}, convert={"channels": "gray"})
    assert equal_rows(third / "pack", images) == 22


def test_a_dataset_from_one_that_recorded_nothing(make: Make) -> None:
    earlier = make("unrecorded", stage="convert", convert={"size": [20, 20]})
    index = earlier / "convert" / "dataset.json"
    content = json.loads(index.read_bytes())
    del content["preprocessing"], content["digest"]
    index.write_text(json.dumps(content))
    output = make("from-unrecorded", {"layout": "dataset", "path": str(earlier / "convert")}, convert={"size": [9, 8]})
    with pytest.raises(RequestError, match="did not record the preprocessing"):
        imgprep.Preprocessor(output)


def test_masks_change_nothing(make: Make, images: Path) -> None:
    source = {"layout": "directory", "path": str(images), "masks": "alpha"}
    output = make("masked", source, convert={"size": [9, 8], "fit": "pad"})
    assert equal_rows(output / "pack", images) == 22


def test_arrays_as_a_source(make: Make, tmp_path: Path) -> None:
    """Numbers of any type, with the range of the spec."""
    pixels = RANDOM.random((12, 9, 8)) * 40 - 20
    np.savez(tmp_path / "arrays.npz", images=pixels, labels=np.arange(12) % 2)
    source = {"layout": "npz", "path": str(tmp_path / "arrays.npz")}
    convert = {"range": [-20, 20], "channels": "gray"}
    output = make("arrays", source, convert=convert, pack={"normalize": "samplewise", "dtype": "float64"})
    made, compared = imgprep.Preprocessor(output), 0
    for split in ("train", "validation", "test"):
        rows = imgprep.load(output / "pack", split)
        for row, name in zip(rows.arrays()[0], rows.ids, strict=True):
            number = int("".join(filter(str.isdigit, name.rpartition("/")[2])))
            assert made(pixels[number]).tobytes() == row.tobytes()
            compared += 1
    assert compared == 12
    with pytest.raises(ImageError, match=r"beyond the -20 to 20 of convert\.range"):
        made(pixels[0] * 9)


def test_without_a_size_the_image_must_have_that_of_the_dataset(make: Make, tmp_path: Path) -> None:
    for number in range(8):
        folder = tmp_path / "same" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn(9, 8, 1, np.uint16)[..., 0]).save(folder / f"{number}.png")
    source = {"layout": "directory", "path": str(tmp_path / "same")}
    output = make("kept", source, convert={"channels": "keep", "depth": "keep"}, pack={"normalize": "unit"})
    assert equal_rows(output / "pack", tmp_path / "same") == 8
    made = imgprep.Preprocessor(output)
    for other in (drawn(8, 9, 1, np.uint16), drawn(9, 8, 3, np.uint16), drawn(9, 8, 1)):
        with pytest.raises(ImageError, match=r"comes out as .*, the images of the dataset are 9x8x1 uint16"):
            made(other)


def test_one_preprocessor_for_many_threads_and_processes(make: Make, images: Path) -> None:
    output = make("threads", convert={"size": [12, 10], "color_profile": "srgb"})
    made = imgprep.Preprocessor(output)
    files = sorted(images.rglob("*.*")) * 4
    alone = [made(path).tobytes() for path in files]
    with ThreadPoolExecutor(4) as pool:
        assert [row.tobytes() for row in pool.map(made, files)] == alone
    assert pickle.loads(pickle.dumps(made))(files[0]).tobytes() == alone[0]
    assert repr(made) == f"<Preprocessor {output / 'pack'}: (12, 10, 3) float32>"


def test_the_limit_of_the_spec_holds(make: Make, images: Path) -> None:
    output = make("limited", convert={"size": [4, 4], "max_pixels": 700})
    large = io.BytesIO()
    Image.fromarray(drawn(40, 32)).save(large, "PNG")
    with pytest.raises(ImageError, match="700"):
        imgprep.preprocess(large.getvalue(), output)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("missing.png", RequestError, "missing.png: no such file"),
        (b"", ImageError, "empty file"),
        (b"no image", ImageError, "not an image that imgprep reads"),
        (np.zeros((4, 4, 2), np.uint8), ImageError, "pixels of shape"),
        (np.zeros((4, 4, 3), np.float32), ImageError, "type float32"),
        (np.zeros((0, 4, 3), np.uint8), ImageError, "no pixels"),
        (3, RequestError, "an image is a path, bytes or a NumPy array, not int"),
        (Image.new("RGB", (3, 3)), RequestError, r"numpy\.asarray\(image\)"),
    ],
)
def test_what_is_no_image_is_refused(make: Make, given: Any, error: type[Exception], message: str) -> None:
    output = make("refusing", convert={"size": [4, 4]})
    with pytest.raises(error, match=message) as raised:
        imgprep.preprocess(given, output)
    assert "\n" not in str(raised.value)


def test_a_folder_is_no_image(make: Make, images: Path) -> None:
    with pytest.raises(ImageError, match="images: not a regular file but a directory"):
        imgprep.preprocess(images, make("refusing", convert={"size": [4, 4]}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preprocessing.source": {"stage": "convert"}}, r"preprocessing\.source\.image: is missing"),
        ({"preprocessing": None}, "older imgprep .* did not record the preprocessing; make the dataset again"),
        ({"preprocessing.size": ...}, r"preprocessing\.size is missing"),
        ({"preprocessing.sharpen": 3}, r"preprocessing\.sharpen: unknown here; use the imgprep that wrote it"),
        ({"preprocessing.channels": "lab"}, r"preprocessing\.channels: expected .*lab"),
        ({"preprocessing.steps": ["posterize"]}, r"preprocessing\.steps\.0: unknown step 'posterize'.*plug-ins"),
        ({"preprocessing.steps": [{"clahe": {"clop": 2}}]}, r"preprocessing\.steps\.0\.clahe\.clop: unknown key"),
        ({"preprocessing.fit": 7}, r"preprocessing\.fit: expected"),
        ({"normalization.kind": "whiten"}, "normalization: unknown kind 'whiten'"),
        ({"normalization.mean": ...}, "normalization: mean does not fit"),
    ],
)
def test_an_index_that_does_not_say_it_is_refused(
    make: Make, tmp_path: Path, change: Mapping[str, Any], message: str
) -> None:
    output = make("index", convert={"size": [4, 4]}, pack={"normalize": {"standardize": "channel"}})
    content = json.loads((output / "pack" / "dataset.json").read_bytes())
    for key, value in change.items():
        *path, last = key.split(".")
        inner = content
        for name in path:
            inner = inner[name]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(RequestError, match=message) as raised:
        imgprep.Preprocessor(tmp_path)
    assert "\n" not in str(raised.value)
    assert str(tmp_path / "dataset.json") in str(raised.value)


def test_libraries_do_not_print_beside_the_command(
    make: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """libpng tells standard error itself what is wrong with the compressed pixels."""
    content = io.BytesIO()
    Image.fromarray(drawn(12, 10)).save(content, "PNG")
    data = content.getvalue()
    start = data.index(b"IDAT")
    length = int.from_bytes(data[start - 4 : start], "big")
    chunk = data[start : start + length] + bytes([data[start + length] ^ 1, *data[start + length + 1 :][:3]])
    sealed = chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[start + length + 8 :]
    (tmp_path / "damaged.png").write_bytes(data[:start] + sealed)
    output = make("command", convert={"size": [8, 9]})
    done = program.call("preprocess", output, tmp_path / "damaged.png", "-o", "x.npy", cwd=tmp_path)
    assert done.returncode == 4
    assert "damaged.png: damaged: its compressed pixels have an error" in done.stderr
    assert "libpng" not in capfd.readouterr().err
    with pytest.raises(ImageError, match="compressed pixels"):
        imgprep.preprocess(tmp_path / "damaged.png", output)
    assert "libpng" in capfd.readouterr().err, "or it says nothing any more, and nothing need be silenced"


def test_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"dataset\.json is missing"):
        imgprep.Preprocessor(tmp_path)


def test_a_step_of_somebodys_own_is_read_back_where_it_is_known(
    make: Make, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import imgprep.transforms
    from tests.support.toys.step import Posterize

    known = {**imgprep.transforms.STEPS, "posterize": Posterize}
    with monkeypatch.context() as registered:
        registered.setattr(imgprep.transforms, "STEPS", known)
        output = make("own-step", convert={"size": [4, 4], "steps": [{"posterize": {"bits": 3}}]})
        assert equal_rows(output / "pack", images) == 22
    with pytest.raises(RequestError, match="unknown step 'posterize'"):
        imgprep.Preprocessor(output)


def test_the_index_of_every_stage_records_it(make: Make) -> None:
    augment = {"per_image": 1, "transforms": ["flip"]}
    output = make("recorded", convert={"size": [8, 9], "steps": [{"gaussian_blur": {"sigma": 2}}]}, augment=augment)
    recorded = {
        stage: json.loads((output / stage / "dataset.json").read_bytes())["preprocessing"]
        for stage in ("convert", "augment", "pack")
    }
    assert recorded["convert"]["size"] == [8, 9]
    assert recorded["convert"]["steps"] == [{"gaussian_blur": {"sigma": 2}}]
    assert recorded["convert"] == recorded["augment"] == recorded["pack"]


def test_the_command_writes_the_row(make: Make, images: Path, tmp_path: Path) -> None:
    output, image = make("command", convert={"size": [8, 9]}), images / "a" / "turned.jpg"
    done = program.call("preprocess", output, image, "-o", tmp_path / "x.npy", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "x.npy"))
    written = np.load(tmp_path / "x.npy", allow_pickle=False)
    assert (written.shape, written.dtype) == ((8, 9, 3), np.float32)
    assert written.tobytes() == imgprep.preprocess(image, output / "pack").tobytes()


@pytest.mark.parametrize(
    ("image", "output", "status", "message"),
    [
        ("a/turned.jpg", "x.npz", 2, "x.npz: the result is an array of NumPy; give a name that ends in .npy"),
        ("a/turned.jpg", "x", 2, "x: the result is an array of NumPy; give a name that ends in .npy"),
        ("a/turned.jpg", "nowhere/x.npy", 2, "nowhere: no such folder; make it first"),
        ("a/none.jpg", "x.npy", 2, "none.jpg: no such file"),
        ("a", "x.npy", 4, "a: not a regular file but a directory"),
    ],
)
def test_the_command_refuses_in_one_line(
    make: Make, images: Path, tmp_path: Path, image: str, output: str, status: int, message: str
) -> None:
    dataset = make("command", convert={"size": [8, 9]})
    done = program.call("preprocess", dataset, images / image, "-o", output, cwd=tmp_path)
    assert done.returncode == status
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
