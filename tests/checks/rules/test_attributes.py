import pytest

from imgprep.checks.rules.attributes import NoneClass, Progression, SecondaryFeature
from imgprep.checks.rules.license import License


def values(*runs):
    return [value for value, count in runs for _ in range(count)]


@pytest.mark.parametrize(("stems", "status"), [(49, "fail"), (50, "pass"), (51, "pass"), (951, "fail"), (950, "pass")])
def test_secondary_feature(evidence, images, stems, status):
    column = values(("yes", stems), ("no", 1000 - stems))
    (finding,) = SecondaryFeature()(evidence(images({"apple": 1000}, stem=column)))
    assert (finding.status, finding.severity) == (status, "error")


def test_feature_of_some_classes_only(evidence, images, statuses):
    column = values(("yes", 5), ("no", 5), ("", 10))
    assert statuses(SecondaryFeature(), evidence(images({"apple": 10, "banana": 10}, stem=column))) == {"apple": "pass"}


def test_feature_that_is_mostly_unknown(evidence, images, statuses):
    column = values(("yes", 1), ("no", 5), ("", 94))
    assert statuses(SecondaryFeature(), evidence(images({"apple": 100}, stem=column))) == {"apple": "inconclusive"}


def test_columns_that_are_no_feature(evidence, images, statuses):
    collection = evidence(images({"apple": 4}, size=["1", "2", "3", "4"], license=["yes"] * 4))
    assert statuses(SecondaryFeature(), collection) == {None: "skipped"}
    assert statuses(SecondaryFeature(features=("leaf",)), collection) == {None: "skipped"}


@pytest.mark.parametrize(("spoiled", "status"), [(199, "fail"), (200, "pass"), (201, "pass")])
def test_progression(evidence, images, spoiled, status):
    column = values(("spoiled", spoiled // 2), ("sliced", spoiled - spoiled // 2), ("fresh", 1000 - spoiled))
    (finding,) = Progression(base="fresh")(evidence(images({"apple": 1000}, state=column)))
    assert (finding.status, finding.severity, finding.observed) == (status, "error", spoiled / 1000)


def test_progression_takes_the_most_frequent_state_for_the_base(evidence, images):
    column = values(("ripe", 85), ("spoiled", 15))
    (finding,) = Progression()(evidence(images({"apple": 100}, state=column)))
    assert (finding.status, finding.observed) == ("fail", 0.15)
    assert "other than ripe" in finding.message


def test_progression_says_which_base_it_took_and_that_the_finding_depends_on_it(evidence, images):
    """Of 100 fruits 85 are ripe and 15 fresh: with the base fresh, 85 % are in another state."""
    collection = evidence(images({"apple": 100}, state=values(("ripe", 85), ("fresh", 15))))
    (finding,) = Progression()(collection)
    assert (
        "no base is given, so the most frequent state, ripe, was taken, and the finding depends on it"
        in finding.message
    )
    (finding,) = Progression(base="Fresh")(collection)
    assert (finding.status, finding.observed) == ("pass", 0.85)
    assert "depends" not in finding.message
    (finding,) = Progression(base="ripe")(collection)
    assert (finding.status, "depends" in finding.message) == ("fail", False)
    even = evidence(images({"apple": 100}, state=values(("ripe", 60), ("fresh", 40))))
    (finding,) = Progression()(even)
    assert (finding.status, "depends" in finding.message) == ("pass", False)


def test_progression_from_a_base_that_no_image_is_in_is_inconclusive(evidence, images):
    collection = evidence(images({"apple": 4, "pear": 2}, state=["ripe", "fresh", "fresh", "", "ripe", "ripe"]))
    (finding,) = Progression(base="frehs")(collection)
    assert (finding.status, finding.subject) == ("inconclusive", None)
    assert "no image is in the base state frehs" in finding.message
    assert "there are: fresh, ripe" in finding.message
    assert [f.status for f in Progression(base="fresh")(collection)] == ["pass", "pass"]


def test_progression_with_an_empty_column(evidence, images, statuses):
    assert statuses(Progression(), evidence(images({"apple": 2}, state=["", " "]))) == {None: "skipped"}


def test_progression_without_states(evidence, images, statuses):
    assert statuses(Progression(), evidence(images({"apple": 3}))) == {None: "skipped"}


@pytest.mark.parametrize(("name", "status"), [("Not-Any", "pass"), ("none", "pass"), ("apple", "fail")])
def test_none_class(evidence, images, name, status):
    (finding,) = NoneClass()(evidence(images({name: 1, "pear": 3})))
    assert (finding.status, finding.severity) == (status, "info")


def test_empty_none_class_does_not_count(evidence, images, statuses):
    assert statuses(NoneClass(), evidence(images({"pear": 3}), classes=("none", "pear"))) == {None: "fail"}


@pytest.mark.parametrize(
    ("licenses", "deny", "offenders"),
    [
        (["cc0", "cc-by-4.0"], (), ()),
        (["cc0", ""], (), ("pear/1.png",)),
        (["cc0", "CC-BY-NC-4.0"], ("*-nc-*",), ("pear/1.png",)),
        (["proprietary", ""], ("proprietary",), ("pear/1.png", "pear/0.png")),
    ],
)
def test_license(evidence, images, licenses, deny, offenders):
    found = list(License(deny=deny)(evidence(images({"pear": 2}, license=licenses))))
    assert sum((finding.samples for finding in found), ()) == offenders
    assert {finding.status for finding in found} == ({"fail"} if offenders else {"pass"})
    assert {finding.severity for finding in found} == {"warning"}


def test_license_without_a_column(evidence, images, statuses):
    assert statuses(License(), evidence(images({"pear": 2}))) == {None: "skipped"}
