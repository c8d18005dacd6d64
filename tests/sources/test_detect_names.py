"""Labels in the names of files."""

import hashlib
import re

import pytest

from imgprep.sources.detect_names import label_from_names

PAIRS = [(label, number) for label in ("cat", "dog") for number in range(4)]


@pytest.mark.parametrize(
    ("form", "labels"),
    [
        ("{0}_{1:03}.jpg", {"cat", "dog"}),
        ("{0}.{1}.jpg", {"cat", "dog"}),
        ("{0}-{1}.PNG", {"cat", "dog"}),
        ("{0} {1}.jpg", {"cat", "dog"}),
        ("{0}{1:04}.jpg", {"cat", "dog"}),
        ("{0} ({1}).jpg", {"cat", "dog"}),
        ("big_{0}_{1}.jpg", {"big_cat", "big_dog"}),
        ("{0}_IMG_{1}_small.jpg", {"cat", "dog"}),
        ("{1:03}_{0}.jpg", {"cat", "dog"}),
        ("{1}. {0}.jpg", {"cat", "dog"}),
        ("image_{0}_{1}.jpg", {"image_cat", "image_dog"}),
        ("p{1}_{0}_1.jpg", {"cat", "dog"}),
        ("Patient-{1}_{0}_07.jpg", {"cat", "dog"}),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_obvious_labels(form: str, labels: set[str], inside: bool) -> None:
    names = [form.format(*pair) for pair in PAIRS]
    found = label_from_names(names, inside=inside)
    assert found is not None
    paths = [f"a/b_1/{name}" if inside else name for name in names]
    matches = [re.search(found, path) for path in paths]
    group = "label" if "<label>" in found else 1
    assert {match[group].strip() for match in matches if match} == labels
    assert all(match and label in match[group] for match, (label, _) in zip(matches, PAIRS, strict=True))


def test_groups_and_splits_before_the_label() -> None:
    names = [f"subject{person}_{label}_{n}.jpg" for person in range(3) for label in ("cat", "dog") for n in range(2)]
    found = label_from_names(names)
    assert found is not None
    match = re.search(found, "subject2_dog_1.jpg")
    assert match is not None
    assert match.groupdict() == {"group": "subject2", "label": "dog"}
    found = label_from_names([f"{side}_{label}_{n}.jpg" for side in ("train", "val") for label, n in PAIRS])
    assert found is not None
    match = re.search(found, "val_cat_3.jpg")
    assert match is not None
    assert match.groupdict() == {"split": "val", "label": "cat"}


def test_digits_are_labels_and_numbers_are_not() -> None:
    assert label_from_names([f"{digit}_{number:05}.png" for digit in range(10) for number in range(4)]) is not None
    assert label_from_names([f"{number:02}_{index}.png" for number in range(12) for index in range(4)]) is None


def test_synsets() -> None:
    names = [f"{synset}_{number}.JPEG" for synset in ("n01440764", "n02102040") for number in (18, 10026, 7)]
    assert label_from_names(names) == "^(.+?)_[0-9]+[.][^.]+$"


@pytest.mark.parametrize(
    "names",
    [
        [],
        [f"{number}.jpg" for number in range(30)],
        [f"cat_{number}.jpg" for number in range(30)],
        [f"{word}_{number:04}.jpg" for word in ("IMG", "DSC") for number in range(9)],
        [f"IMG_{day}_{number}.jpg" for day in ("20240101", "20240102") for number in range(9)],
        [f"patient{patient}_{number}.jpg" for patient in range(5) for number in range(9)],
        [f"p{patient}-s{number}.jpg" for patient in range(5) for number in range(9)],
        [f"{patient:03}_{number}.jpg" for patient in range(5) for number in range(9)],
        [f"p{patient}_{side}.jpg" for patient in range(5) for side in ("front", "left", "right")],
        [f"{word}_{number}.jpg" for word in ("train", "test") for number in range(9)],
        [f"{hashlib.sha256(bytes([number])).hexdigest()}.jpg" for number in range(30)],
        [f"{hashlib.sha256(bytes([number])).hexdigest()[:8]}-4c1b-{number}.jpg" for number in range(30)],
        [f"{chr(97 + number)}_1.jpg" for number in range(26)],
        [*(f"cat_{number}.jpg" for number in range(9)), *(f"{number}x.jpg" for number in range(9))],
    ],
)
def test_what_is_no_obvious_label(names: list[str]) -> None:
    assert label_from_names(names) is None


def test_a_few_names_may_be_odd() -> None:
    names = [f"{label}_{number}.jpg" for label in ("cat", "dog") for number in range(10)]
    assert label_from_names([*names, "cover.jpg", "back.jpg"]) is not None
    assert label_from_names([*names, *(f"cover{chr(97 + n)}.jpg" for n in range(5))]) is None
