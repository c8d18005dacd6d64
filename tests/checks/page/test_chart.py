import numpy as np
import pytest

from imgprep.checks.page.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Titles, chart
from imgprep.checks.page.measures import Bound

TITLES = Titles("x", "Sharpness", "variance")


def test_the_bars_hold_every_value_once():
    values = np.random.default_rng(1).normal(0.5, 0.1, 1000)
    drawn = chart(TITLES, values)
    counts = [int(bar.says.rpartition(": ")[2].replace(",", "")) for bar in drawn.bars]
    assert sum(counts) == 1000
    assert max(counts) == np.histogram(values, 32)[0].max()
    tallest = max(drawn.bars, key=lambda bar: bar.height)
    assert (tallest.y, tallest.height) == (TOP, HEIGHT - BOTTOM - TOP)
    assert drawn.levels[1].label == str(max(counts))


def test_a_threshold_is_drawn_where_its_value_is():
    drawn = chart(TITLES, np.array([0.0, 1.0]), [Bound(0.25, "exposure.dark 0.25")], limits=(0, 1))
    (line,) = drawn.lines
    assert line.x == pytest.approx(LEFT + 0.25 * (WIDTH - LEFT - RIGHT), abs=0.06)
    assert line.says == "exposure.dark 0.25"
    assert "exposure.dark 0.25" in drawn.says


def test_a_threshold_beyond_the_values_is_on_the_axis_too():
    drawn = chart(TITLES, np.array([100.0, 400.0]), [Bound(30, "blur.min 30")], "log")
    assert drawn.lines[0].x == LEFT
    first = min(bar.x for bar in drawn.bars)
    share = np.log(100 / 30) / np.log(400 * 1.0001 / 30)
    assert first == pytest.approx(LEFT + share * (WIDTH - LEFT - RIGHT), abs=(WIDTH - LEFT - RIGHT) / 32 + 1)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("values", [[32.0], [0.0, 0.0], [1.0, 1e9], [np.nan, 5.0], [-0.5, -0.25]])
def test_any_values_make_a_picture_within_its_frame(scale, values):
    drawn = chart(TITLES, np.array(values), scale=scale)
    assert drawn.ticks
    for bar in drawn.bars:
        assert LEFT <= bar.x < bar.x + bar.width <= WIDTH - RIGHT + 0.6
        assert TOP <= bar.y <= HEIGHT - BOTTOM - bar.height + 0.2
    assert len({tick.label for tick in drawn.ticks}) == len(drawn.ticks)


def test_the_chart_is_said_in_words():
    says = chart(TITLES, np.array([1.0, 2.0, 9.0, np.nan])).says
    assert says == "Sharpness of 3 images: from 1 to 9, median 2."


def test_no_values_no_chart():
    assert chart(TITLES, np.array([np.nan])) is None
    assert chart(TITLES, np.zeros(0)) is None


def test_colours_are_drawn_in_their_colour():
    drawn = chart(Titles("hue", "Colours", "degrees"), np.array([120.0, 121.0]), limits=(0, 360))
    assert {bar.fill for bar in drawn.bars} == {"hsl(118 70% 50%)"}
