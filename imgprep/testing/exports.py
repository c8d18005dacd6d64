"""The contract of export formats."""

from collections.abc import Sequence
from pathlib import Path

from imgprep.dataset.export.base import Export, Format


def check_export(form: Format, export: Export, folder: Path) -> None:
    """Holds a format to its contract.

    It yields each image of the export once; the same export makes the same files; the files of a split, and no others,
    match the pattern of the format; what it says to the card and to Croissant is well formed.

    Args:
        form: the format.
        export: what to export, of two or more images.
        folder: an empty folder for the files.

    Raises:
        AssertionError: it breaks the contract.
    """
    wanted = [(image.record.id, image.split) for image in export.images()]
    written = []
    for name in ("first", "second"):
        target = folder / name
        target.mkdir(parents=True)
        found = [(image.record.id, image.split) for image in form.write(export, target)]
        assert sorted(found) == sorted(wanted), "an image was left out, or yielded twice"
        written.append({path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()})
    first, second = written
    assert first, "nothing was written"
    assert first.keys() == second.keys(), "the same export made other files"
    assert all(first[name].read_bytes() == second[name].read_bytes() for name in first), "the bytes differ"
    splits = {split for _, split in wanted}
    matched = {split: set(_matching(folder / "first", form.pattern.format(split))) for split in splits}
    assert set().union(*matched.values()) == set(first), "a file is matched by the pattern of no split"
    assert sum(map(len, matched.values())) == len(first), "a file is matched by the patterns of two splits"
    _check_descriptions(form, export, sorted(first))


def _matching(folder: Path, pattern: str) -> list[str]:
    deep = pattern.replace("/**", "/**/*")
    return [path.relative_to(folder).as_posix() for path in folder.glob(deep) if path.is_file()]


def _check_descriptions(form: Format, export: Export, files: Sequence[str]) -> None:
    if form.features is not None:
        features = form.features(export)
        assert "image" in features.values(), "no column is an image"
        labels = [kind["class_label"]["names"] for kind in features.values() if "class_label" in kind]
        assert any(len(names) == len(export.classes) for names in labels), "the classes have no names"
    if form.records is not None:
        sets, fields = form.records(export, files)
        known = {each["@id"] for each in sets} | set(files)
        for field in fields:
            source = field["source"].get("fileSet") or field["source"]["fileObject"]
            assert source["@id"] in known, f"{field['@id']} is in a file that there is not"
