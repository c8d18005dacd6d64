import pytest

from imgprep.checks.rules.quality import Blur, Encoding, Exposure, Resolution


def judged(rule, collection):
    found = list(rule(collection))
    return {finding.status for finding in found}, sum((finding.samples for finding in found), ())


@pytest.mark.parametrize(
    ("height", "width", "status"),
    [(31, 64, "fail"), (32, 64, "pass"), (33, 64, "pass"), (32, 63, "fail"), (40, 161, "fail"), (40, 160, "pass")],
)
def test_resolution_against_the_target(evidence, images, height, width, status):
    collection = evidence(images({"a": 1}), {"height": height, "width": width}, target_size=(32, 64))
    assert judged(Resolution(), collection)[0] == {status}


@pytest.mark.parametrize(("height", "status"), [(159, "pass"), (160, "pass"), (161, "fail")])
def test_resolution_outlier_of_its_class(evidence, images, height, status):
    heights = [10, 10, 10, height]
    collection = evidence(images({"a": 4}), {"height": heights, "width": [40, 40, 40, 40]})
    assert judged(Resolution(max_aspect=100), collection)[0] == {status}


def test_smallest_size_of_the_spec_comes_first(evidence, images):
    collection = evidence(images({"a": 1}), {"height": 30, "width": 30}, target_size=(64, 64))
    assert judged(Resolution(min=(30, 30)), collection)[0] == {"pass"}
    assert judged(Resolution(), collection)[0] == {"fail"}


@pytest.mark.parametrize(
    ("low", "high", "problem"),
    [
        (0.0, 0.249, "dark"),
        (0.0, 0.25, None),
        (0.751, 1.0, "bright"),
        (0.75, 1.0, None),
        (0.4, 0.499, "contrast"),
        (0.4, 0.5, None),
    ],
)
def test_exposure(evidence, images, low, high, problem):
    found = list(Exposure()(evidence(images({"a": 1}), {"low": low, "high": high})))
    assert [finding.status for finding in found] == ["fail" if problem else "pass"]
    assert problem is None or problem in found[0].message


def test_constant_image_has_one_problem(evidence, images):
    found = list(Exposure()(evidence(images({"a": 1}), {"constant": 1, "low": 0, "high": 0, "spread": 0, "blur": 0})))
    assert [finding.message for finding in found] == ["a: 1 image is constant"]


@pytest.mark.parametrize(("blur", "status"), [(29.9, "fail"), (30.0, "pass"), (30.1, "pass")])
def test_blur(evidence, images, blur, status):
    assert judged(Blur(), evidence(images({"a": 1}), {"blur": blur}))[0] == {status}


def test_offenders_are_named_by_class(evidence, images):
    found = list(Blur()(evidence(images({"a": 2, "b": 2}), {"blur": [1, 100, 100, 2]})))
    assert [(f.subject, f.status, f.samples) for f in found] == [
        ("a", "fail", ("a/0.png",)),
        ("b", "fail", ("b/1.png",)),
    ]


@pytest.mark.parametrize(("grey", "status"), [(1, "pass"), (2, "pass"), (3, "fail")])
def test_encoding_mixed_between_classes(evidence, images, flags, grey, status):
    words = [flags("grey")] * grey + [0] * (20 - grey) + [0] * 20
    found = {f.subject: f for f in Encoding()(evidence(images({"a": 20, "b": 20}), {"flags": words}))}
    assert (found["a"].status, found["a"].observed) == (status, grey / 20)
    assert len(found["a"].samples) == (grey if status == "fail" else 0)
    assert f"{grey} grey" in found[None].message


def test_encoding_mixed_alike_in_all_classes(evidence, images, flags):
    words = [flags("alpha", "16-bit"), 0] * 20
    assert judged(Encoding(), evidence(images({"a": 20, "b": 20}), {"flags": words}))[0] == {"pass"}


@pytest.mark.parametrize("rule", [Resolution(), Exposure(), Blur(), Encoding()])
def test_nothing_measured(evidence, images, rule):
    assert judged(rule, evidence(images({"a": 1})))[0] == {"skipped"}


@pytest.mark.parametrize("rule", [Resolution(), Exposure(), Blur()])
def test_images_without_measurements_are_left_out(evidence, images, rule):
    collection = evidence(images({"a": 2, "b": 1}), {"valid": [1, 0, 0], "blur": [500, 0, 0]})
    assert judged(rule, collection) == ({"pass", "skipped"}, ())
