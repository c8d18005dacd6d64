"""Which layout a collection has."""

from pathlib import Path

import pytest

from imgprep.errors import RequestError
from imgprep.sources import SOURCES
from imgprep.sources.detect import recognise
from imgprep.sources.detect_columns import LabelAnswer
from imgprep.sources.split_names import UnclearSplitError
from tests.support.archives import KINDS, pack

FOLDERS = {
    "directory": (["cat/1.jpg", "dog/2.jpg", "dog/more/3.jpg", "README.md"], "directory"),
    "split": (["train/cat/1.jpg", "test/cat/2.jpg", "docs/readme.txt"], "split_directory"),
    "hierarchy": (["cat/persian/1.jpg", "cat/siamese/2.jpg", "dog/beagle/3.jpg", "dog/.DS_Store"], "hierarchy"),
    "dataset": (["dataset.json", "shard-00000-of-00001.h5"], "dataset"),
    "idx": (["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"], "idx"),
}


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


SPLITS = [
    (["train/a/1.jpg", "eval/a/1.jpg"], ""),
    (["seg_train/a/1.jpg", "seg_train/b/1.jpg", "seg_test/a/1.jpg", "seg_test/b/1.jpg"], ""),
    (["seg_train/seg_train/a/1.jpg", "seg_test/seg_test/a/1.jpg", "seg_pred/seg_pred/1.jpg"], ""),
    (["Train2017/a/1.jpg", "VAL2017/a/1.jpg"], ""),
    (["data/train/a/1.jpg", "data/dev/a/1.jpg", "README.md"], "data"),
    (["images/train/a/1.jpg", "images/val/a/1.jpg", "labels/train/1.txt", "labels/val/1.txt"], "images"),
]


@pytest.mark.parametrize(("names", "inner"), SPLITS)
def test_splits_by_the_words_in_their_names(tmp_path: Path, names: list[str], inner: str) -> None:
    touch(tmp_path, *names)
    assert recognise(tmp_path)[:3] == ("split_directory", tmp_path / inner, {})


@pytest.mark.parametrize(
    "names", [["train/1.jpg", "bus/1.jpg"], ["train_station/1.jpg", "test_tube/1.jpg", "car/1.jpg"]]
)
def test_classes_that_are_called_like_a_split(tmp_path: Path, names: list[str]) -> None:
    touch(tmp_path, *names)
    assert recognise(tmp_path)[:3] == ("directory", tmp_path, {})


@pytest.mark.parametrize(
    "names",
    [
        ["part1/a/1.jpg", "part1/b/1.jpg", "part2/a/1.jpg", "part2/b/1.jpg"],
        ["part1/a/1.jpg", "part1/b/1.jpg", "part1/c/1.jpg", "part2/a/1.jpg", "part2/b/1.jpg"],
        ["part1/a/1.jpg", "part2/a/1.jpg"],
        ["all/part1/a/1.jpg", "all/part2/a/1.jpg"],
    ],
)
def test_outer_folders_with_the_same_inner_ones_are_asked_about(tmp_path: Path, names: list[str]) -> None:
    touch(tmp_path, *names)
    with pytest.raises(UnclearSplitError, match=r"part1 and part2 hold folders of the same names.*--split part1=train"):
        recognise(tmp_path)


def test_inner_folders_that_differ_are_levels_of_the_class(tmp_path: Path) -> None:
    touch(tmp_path, "red/large/1.jpg", "red/small/1.jpg", "blue/large/1.jpg", "blue/tiny/1.jpg")
    assert recognise(tmp_path)[:3] == ("hierarchy", tmp_path, {})


IN_ARCHIVES = [
    (["cat/1.jpg", "dog/2.jpg", "dog/more/3.jpg", "README.md"], "directory", ""),
    (["pets/cat/1.jpg", "pets/dog/2.jpg", "__MACOSX/pets/._1.jpg"], "directory", "pets"),
    (["train/cat/1.jpg", "test/cat/2.jpg"], "split_directory", ""),
    (["pets/v2/train/cat/1.jpg", "pets/v2/test/cat/2.jpg"], "split_directory", "pets/v2"),
    (["data/train/a/1.jpg", "data/dev/a/1.jpg", "docs/README.md"], "split_directory", "data"),
    (["cat/persian/1.jpg", "cat/siamese/2.jpg", "dog/beagle/3.jpg"], "hierarchy", ""),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("names", "layout", "inner"), IN_ARCHIVES)
def test_folders_in_archives(tmp_path: Path, names: list[str], layout: str, inner: str, kind: str) -> None:
    touch(tmp_path / "unpacked", *names)
    archive = pack(tmp_path / "unpacked", tmp_path / f"pets.{kind}")
    assert recognise(archive)[:3] == (layout, archive / inner, {})


def test_the_only_archive_of_a_folder_is_its_collection(tmp_path: Path) -> None:
    touch(tmp_path / "unpacked", "cat/1.jpg", "dog/2.jpg")
    (tmp_path / "download").mkdir()
    archive = pack(tmp_path / "unpacked", tmp_path / "download" / "pets.zip")
    assert recognise(tmp_path / "download")[:3] == ("directory", archive, {})
    pack(tmp_path / "unpacked", tmp_path / "download" / "more.zip")
    with pytest.raises(RequestError, match=r"several archives: more\.zip, pets\.zip; give one of them"):
        recognise(tmp_path / "download")


def test_tables_in_and_beside_archives(tmp_path: Path) -> None:
    touch(tmp_path / "unpacked", "photos/1.jpg", "photos/2.jpg")
    beside = pack(tmp_path / "unpacked", tmp_path / "pets.zip")
    table = tmp_path / "labels.csv"
    table.write_text("label,location\ncat,1.jpg\ndog,2.jpg\n")
    assert recognise(table)[:3] == ("csv", table, {"image_root": str(beside / "photos")})
    table.rename(tmp_path / "unpacked" / "labels.csv")
    within = pack(tmp_path / "unpacked", tmp_path / "all.tar")
    assert recognise(within / "labels.csv").path == within / "labels.csv"
    assert recognise(within / "labels.csv").options == {"image_root": str(within / "photos")}
    with pytest.raises(RequestError, match=r"no file 'more\.csv' in the archive"):
        recognise(within / "more.csv")


@pytest.mark.parametrize("name", FOLDERS)
def test_folders(tmp_path: Path, name: str) -> None:
    names, layout = FOLDERS[name]
    touch(tmp_path, *names)
    assert recognise(tmp_path)[:3] == (layout, tmp_path, {})
    assert layout in SOURCES


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("t.csv", "label,location\ncat,1.jpg\n", {}),
        ("t.csv", "Label,Location\n'cat', 1.jpg\n", {}),
        ("t.csv", "file;class\na,b.jpg;cat\n", {"delimiter": ";", "label_column": "class", "location_column": "file"}),
        ("t.tsv", "species\tpath\ncat\t1.jpg\n", {"label_column": "species", "location_column": "path"}),
        (
            "t.jsonl",
            '{"category": "cat", "url": "http://h/1.jpg"}\n',
            {"label_column": "category", "location_column": "url"},
        ),
    ],
)
def test_tables(tmp_path: Path, name: str, text: str, options: dict[str, str]) -> None:
    path = tmp_path / name
    path.write_text(text)
    layout = "json" if "json" in name else "csv"
    assert recognise(path)[:3] == (layout, path, options)
    assert recognise(tmp_path)[:3] == (layout, path, options)


@pytest.mark.parametrize(("name", "layout"), [("a.h5", "hdf5"), ("a.HDF5", "hdf5"), ("mnist.npz", "npz")])
def test_containers(tmp_path: Path, name: str, layout: str) -> None:
    touch(tmp_path, name)
    assert recognise(tmp_path / name)[:3] == (layout, tmp_path / name, {})


def test_what_is_no_collection(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no such file or folder"):
        recognise(tmp_path / "none")
    with pytest.raises(RequestError, match="no folders in it"):
        recognise(tmp_path)
    touch(tmp_path, "a.h5", "b.npz", "c.jpg")
    with pytest.raises(RequestError, match=r"several tables: a\.h5, b\.npz"):
        recognise(tmp_path)
    with pytest.raises(RequestError, match="no known layout"):
        recognise(tmp_path / "c.jpg")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RequestError, match=r"no column like location, and none names files .*: a, b; rename one"):
        recognise(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("header", "row", "options"),
    [
        ("id,breed", "{n},{c}", {"label_column": "breed", "location_column": "id", "extension": "jpg"}),
        ("file_name,label", "{n}.jpg,{c}", {"location_column": "file_name"}),
        ("image_id,dx,age", "{n},{c},4{n}", {"label_column": "dx", "location_column": "image_id", "extension": "jpg"}),
        ("what,who", "{c},{n}.jpg", {"label_column": "what", "location_column": "who"}),
        ("nr,photo,kind", "{n},{n}.jpg,{c}", {"label_column": "kind", "location_column": "photo"}),
        ("img,grade,split", "{n}.jpg,{c},train", {"label_column": "grade", "location_column": "img"}),
    ],
)
def test_columns_of_any_name_are_told_by_what_they_hold(
    tmp_path: Path, header: str, row: str, options: dict[str, str]
) -> None:
    for number in range(6):
        touch(tmp_path, f"{number}.jpg")
    lines = [header, *(row.format(n=number, c="ab"[number % 2]) for number in range(6))]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert recognise(tmp_path / "t.csv").options == options
    assert recognise(tmp_path).options == options


def test_a_label_that_may_be_in_several_columns_is_asked_for(tmp_path: Path) -> None:
    for number in range(6):
        touch(tmp_path, f"{number}.jpg")
    rows = [f"{number}.jpg,{'ab'[number % 2]},{'xy'[number // 3]}" for number in range(6)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["img,colour,shape", *rows]) + "\n")
    with pytest.raises(RequestError, match="it may be colour or shape; init takes it as --label COLUMN"):
        recognise(table)
    assert recognise(table, LabelAnswer("Shape")).options == {"label_column": "shape", "location_column": "img"}
    with pytest.raises(RequestError, match=r"--label size: .*: no such column, there are: img, colour, shape"):
        recognise(table, LabelAnswer("size"))


@pytest.mark.parametrize(
    ("names", "asked", "kind"),
    [
        (["t.tfrecord"], "t.tfrecord", "TFRecord"),
        (["t.tfrecord.gz"], "t.tfrecord.gz", "TFRecord"),
        (["train.tfrecord", "README.md", "croissant.json"], "", "TFRecord"),
        (["mnist-train.tfrecord-00000-of-00001", "dataset_info.json", "features.json"], "", "TFRecord"),
        (["data.mdb", "lock.mdb"], "", "LMDB"),
        (["a/1.dcm", "a/2.dcm", "b/1.DCM", "notes.txt"], "", "DICOM"),
        (["1.dcm", "2.dcm"], "", "DICOM"),
        (["scan.DCM"], "scan.DCM", "DICOM"),
        (["images.7z"], "images.7z", "an archive"),
        (["images.tar.bz2"], "images.tar.bz2", "an archive"),
        (["images.tar.xz"], "images.tar.xz", "an archive"),
        (["Annotations/1.xml", "JPEGImages/1.jpg"], "", "Pascal VOC"),
        (["images/1.jpg", "labels/1.txt"], "", "YOLO"),
        (["images/train/1.jpg", "labels/train/1.txt", "images/val/2.jpg"], "", "YOLO"),
        (["train/images/1.jpg", "train/labels/1.txt", "data.yaml"], "", "YOLO"),
    ],
)
def test_kinds_that_are_not_read_are_refused_by_name(tmp_path: Path, names: list[str], asked: str, kind: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(RequestError, match=f": {kind}.* not read"):
        recognise(tmp_path / asked)


def test_coco_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_text('{"info": {}, "images": [], "annotations": [], "categories": []}')
    with pytest.raises(RequestError, match="COCO annotations, which are not read"):
        recognise(path)


@pytest.mark.parametrize(
    ("annotations", "image"),
    [
        ("instances.json", "images/1.jpg"),
        ("instances.json", "1.jpg"),
        ("annotations/instances_train2017.json", "train2017/1.jpg"),
        ("train/_annotations.coco.json", "train/1.jpg"),
    ],
)
def test_a_folder_of_coco_is_refused_by_name(tmp_path: Path, annotations: str, image: str) -> None:
    touch(tmp_path, annotations, image)
    (tmp_path / annotations).write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(RequestError, match="COCO annotations, which are not read"):
        recognise(tmp_path)


def test_folders_of_classes_are_read_with_coco_or_dicom_beside_them(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg", "cat/2.dcm", "dog/1.jpg")
    (tmp_path / "objects.json").write_text('{"images": [], "annotations": [], "categories": []}')
    assert recognise(tmp_path).layout == "directory"


@pytest.mark.parametrize("address", ["https://example.org/images.zip", "http://example.org/images"])
def test_an_address_is_refused_as_one(address: str) -> None:
    with pytest.raises(RequestError, match="an address, which is not read; download"):
        recognise(Path(address))


@pytest.mark.parametrize(
    ("names", "layout", "options"),
    [
        (["cat_1.jpg", "cat_2.jpg", "dog_1.jpg", "dog_2.jpg", "notes.txt", ".DS_Store"], "directory", "^(.+?)_"),
        (["train/cat.1.jpg", "train/dog.1.jpg", "test/cat.2.jpg", "test/dog.2.jpg"], "split_directory", r"/([^/]+?)\."),
        (["photos/cat_1.jpg", "photos/cat_2.jpg", "photos/dog_1.jpg", "photos/dog_2.jpg"], "directory", "/([^/]+?)_"),
        (["1.jpg", "2.jpg"], "directory", None),
        (["train/1.jpg", "test/2.jpg"], "split_directory", None),
    ],
)
def test_folders_that_say_no_class(tmp_path: Path, names: list[str], layout: str, options: str | None) -> None:
    touch(tmp_path, *names)
    expected = {"labels": "none"} if options is None else {"label_from": f"{options}[0-9]+[.][^.]+$"}
    assert recognise(tmp_path)[:3] == (layout, tmp_path, expected)


@pytest.mark.parametrize("names", [["a/cat_1.jpg", "a/dog_1.jpg", "b/x_1.jpg"], ["photos/1.jpg", "photos/2.jpg"]])
def test_folders_that_say_the_class(tmp_path: Path, names: list[str]) -> None:
    touch(tmp_path, *names)
    assert recognise(tmp_path)[:3] == ("directory", tmp_path, {})


def test_the_user_says_where_the_labels_are(tmp_path: Path) -> None:
    touch(tmp_path, "1-cat.jpg", "2-dog.jpg")
    assert recognise(tmp_path, LabelAnswer(pattern="-(.+)[.]")).options == {"label_from": "-(.+)[.]"}
    (tmp_path / "t.csv").write_text("file,a,b\n1-cat.jpg,1,2\n2-dog.jpg,1,2\n")
    expected = {"location_column": "file", "label_from": "-(.+)[.]"}
    assert recognise(tmp_path / "t.csv", LabelAnswer(pattern="-(.+)[.]")).options == expected


@pytest.mark.parametrize(
    ("header", "row", "options"),
    [
        ("file,label,phase", "{n}.jpg,{c},{s}", {"split_column": "phase"}),
        ("file,label,Subset", "{n}.jpg,{c},train", {"split_column": "Subset"}),
        ("file,kind,usage", "{n}.jpg,{c},{s}", {"split_column": "usage", "label_column": "kind"}),
        ("file,label,split,phase", "{n}.jpg,{c},{s},{s}", {}),
        ("file,label,one,other", "{n}.jpg,{c},{s},{s}", {}),
        ("file,label,mood", "{n}.jpg,{c},train", {}),
        ("file,patient,kind", "{n}.jpg,P{c},{c}", {"label_column": "kind"}),
    ],
)
def test_columns_of_splits_and_groups_are_no_labels(
    tmp_path: Path, header: str, row: str, options: dict[str, str]
) -> None:
    touch(tmp_path, *(f"{number}.jpg" for number in range(6)))
    rows = [row.format(n=number, c="ab"[number % 2], s=("train", "val")[number // 3]) for number in range(6)]
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    assert recognise(tmp_path / "t.csv").options == {"location_column": "file", **options}


@pytest.mark.parametrize(
    ("form", "options"),
    [("{c}_{n}.jpg", {"label_from": "^(.+?)_[0-9]+[.][^.]+$"}), ("{n}.jpg", {"labels": "none"})],
)
def test_a_table_without_a_column_of_labels(tmp_path: Path, form: str, options: dict[str, str]) -> None:
    names = [form.format(n=number, c=("cat", "dog")[number % 2]) for number in range(6)]
    touch(tmp_path, *names)
    (tmp_path / "t.csv").write_text("\n".join(["file,patient", *(f"{name},P1" for name in names)]) + "\n")
    assert recognise(tmp_path / "t.csv").options == {"location_column": "file", **options}


@pytest.mark.parametrize(
    ("header", "rows", "tags", "separator"),
    [
        ("location,label", ["a.png,cat", "b.png,cat|dog"], ("label",), "|"),
        ("location,label", ['a.png,"cat;dog"', "b.png,cat", "c.png,dog"], ("label",), ";"),
        ("location,cat,dog", ["a.png,1,0", "b.png,1,1"], ("cat", "dog"), "|"),
        ("location,cat,dog,weight", ["a.png,1,-1,3.5", "b.png,-1,1,4.5"], ("cat", "dog"), "|"),
        ("location,label,cat,dog", ["a.png,x,1,0", "b.png,y,1,1"], (), "|"),
        ("location,label", ["a.png,crane", 'b.png,"crane, bird"'], (), "|"),
        ("location,sick", ["a.png,1", "b.png,0", "c.png,1", "d.png,0"], (), "|"),
    ],
)
def test_columns_of_several_labels_are_told(
    tmp_path: Path, header: str, rows: list[str], tags: tuple[str, ...], separator: str
) -> None:
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    found = recognise(tmp_path / "t.csv")
    assert (found.tags, found.separator) == (tags, separator)
    assert (found.options.get("labels") == "none") is bool(tags)
