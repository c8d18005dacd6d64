import numpy as np
import pytest

from imgprep.checks.page.measures import MEASURES
from imgprep.checks.page.view import EXAMPLES, GALLERY, PER_CLASS, view_of
from imgprep.checks.rules import RULES
from imgprep.table.sample import Sample
from imgprep.testing.rules import make_evidence

DAY = 86400 * 10**9
RUNNING = {name: rule() for name, rule in RULES.items()}


def collection(count=40, classes=2, **measured):
    samples = [
        Sample(
            f"{n % classes}/{n}.png", "", str(n % classes), split="test" if n % 4 else "train", stamp=(100 + n, DAY * n)
        )
        for n in range(count)
    ]
    return make_evidence(samples, measured)


def test_the_worst_and_the_best_by_each_measure_outermost_first():
    blur = np.random.default_rng(0).permutation(40) * 10.0 + 5
    constant = (blur == 5).astype(float)
    view = view_of(collection(blur=blur, constant=constant), RUNNING)
    found = {each.name: each for each in view.extremes}
    (softest, soft), (sharpest, sharp) = found["sharpness"].ends
    order = np.argsort(blur)
    assert (softest, sharpest) == ("softest", "sharpest")
    assert [one.id for one in soft] == [f"{n % 2}/{n}.png" for n in order[1 : 1 + EXAMPLES]]
    assert [one.id for one in sharp] == [f"{n % 2}/{n}.png" for n in order[::-1][:EXAMPLES]]
    assert [one.value for one in soft][:2] == ["15", "25"]
    assert found["sharpness"].rule == "blur"


def test_a_measure_that_is_the_same_everywhere_has_no_extremes():
    assert view_of(collection(), RUNNING).extremes == ()


def test_every_measured_distribution_has_a_chart_with_its_thresholds():
    view = view_of(collection(width=np.arange(40) + 20, hue=120), RUNNING)
    charts = {chart.name: chart for chart in view.charts}
    assert list(charts) == [m.name for m in MEASURES if m.drawn] + ["bytes"]
    lines = {name: [line.says for line in chart.lines] for name, chart in charts.items() if chart.lines}
    assert lines == {
        "aspect": ["resolution.max_aspect 1/4", "resolution.max_aspect 4"],
        "dark-end": ["exposure.bright 0.75"],
        "light-end": ["exposure.dark 0.25"],
        "contrast": ["exposure.contrast 0.1"],
        "sharpness": ["blur.min 30"],
    }
    assert "from 100 to 139" in charts["bytes"].says


def test_the_size_that_convert_makes_is_drawn_and_rules_that_are_off_are_not():
    evidence = make_evidence([Sample(f"{n}.png", "", "a") for n in range(4)], {}, target_size=(48, 64))
    rules = {"resolution": RULES["resolution"](), "blur": RULES["blur"](severity="off")}
    charts = {chart.name: [line.says for line in chart.lines] for chart in view_of(evidence, rules).charts}
    assert (charts["height"], charts["width"]) == (["resolution.min 48"], ["resolution.min 64"])
    assert charts["sharpness"] == []


def test_splits_training_images_first():
    assert view_of(collection(), RUNNING).splits == {"train": {"0": 10, "1": 0}, "test": {"0": 10, "1": 20}}


def test_the_date_is_that_of_the_newest_file_and_not_of_the_clock():
    assert view_of(collection(), RUNNING).newest == "1970-02-09"
    assert view_of(make_evidence([Sample("a.png", "", "a")], {}), RUNNING).newest == ""


def test_a_gallery_of_each_class():
    (first, second) = view_of(collection(100), RUNNING).galleries
    assert (first.label, first.images, len(first.samples)) == ("0", 50, PER_CLASS)
    assert (first.samples[0], first.samples[-1]) == ("0/0.png", "0/98.png")
    assert len(set(second.samples)) == PER_CLASS


@pytest.mark.parametrize("classes", [1, 21, 300, 1000])
def test_galleries_of_many_classes_are_bounded(classes):
    galleries = view_of(collection(3 * classes, classes), RUNNING).galleries
    assert sum(len(gallery.samples) for gallery in galleries) <= GALLERY
    assert len(galleries) == min(classes, GALLERY // 2)


def test_of_what_was_not_measured_there_are_classes_only():
    evidence = make_evidence([Sample("a.png", "", "a"), Sample("b.png", "", "b")])
    view = view_of(evidence, RUNNING)
    assert view.charts == view.extremes == ()
    assert view.map is None
    assert [gallery.samples for gallery in view.galleries] == [(), ()]
