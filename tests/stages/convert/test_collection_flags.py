"""Names, locations and bytes that occur twice."""

import json

from imgprep.stages.convert.collection_flags import collection_flags, label_conflicts
from imgprep.table.sample import Sample, SampleTable

A, B = "a" * 64, "b" * 64


def listed(*samples: tuple[str, str, str]) -> SampleTable:
    return SampleTable.of(Sample(id_, location, label) for id_, location, label in samples)


def files(*names: str) -> SampleTable:
    return listed(*((name, name, name.partition("/")[0]) for name in names))


def lines(*digests: str | None) -> list[bytes]:
    """The part of each line of samples.jsonl that the comparison looks at."""
    return [
        b'{"attributes":{"sha256":"%b"},"sha256":%b}\n' % (B.encode(), json.dumps(digest).encode())
        for digest in digests
    ]


def test_names_that_differ_in_case_only() -> None:
    found = collection_flags(files("a/X.png", "a/x.png", "A/x.PNG", "a/y.png", "b/\xc4.png", "b/\xe4.png"))
    assert found.flags == dict.fromkeys((0, 1, 2, 4, 5), ("case-twin",))
    assert found.notes == (
        "5 names (a/X.png, a/x.png ...) differ from another in case only; a system that ignores case keeps one of them",
    )


def test_a_location_that_is_listed_twice() -> None:
    table = listed(("1.png", "1.png", "a"), ("1.png#2", "1.png", "b"), ("2.png", "2.png", "a"))
    found = collection_flags(table)
    assert found.flags == {0: ("listed-twice",), 1: ("listed-twice",)}
    assert found.notes == ("2 rows (1.png, 1.png#2) name an image that another row names too",)


def test_what_is_no_image_is_not_compared() -> None:
    table = SampleTable.of(Sample(name, "", "", status="skipped", reason="hidden") for name in ("a/.x", "a/.X"))
    assert collection_flags(table) == ({}, ())
    assert collection_flags(files("a/1.png", "a/2.png")) == ({}, ())


def test_the_same_bytes_under_two_labels() -> None:
    table = files("a/1", "a/2", "b/1", "b/2", "b/3", "c/1")
    found = label_conflicts(lines(A, A, B, A, None, None), table)
    assert found.flags == dict.fromkeys((0, 1, 3), ("label-conflict",))
    assert found.notes == ("3 images (a/1, a/2 ...) have the same bytes as one of another class",)


def test_the_same_bytes_under_one_label_are_no_conflict() -> None:
    assert label_conflicts(lines(A, A, B, None), files("a/1", "a/2", "b/1", "c/1")) == ({}, ())
    assert label_conflicts([], files()) == ({}, ())
