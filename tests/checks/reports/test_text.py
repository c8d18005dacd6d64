from imgprep.checks.reports.text import render


def test_worst_first(mixed):
    lines = render(mixed).splitlines()
    marks = [line.split()[0] for line in lines[1:]]
    assert lines[0] == "fruits: FAILED (12 images; 1 error, 2 warnings, 1 inconclusive, 1 skipped, 1 excused, 1 passed)"
    assert marks == ["FAIL", "WARN", "WARN", "?", "skip", "excused", "pass"]
    assert lines[2].endswith("too soft  [plum/1.jpg, plum/2.jpg]")


def test_fits_a_screen(long):
    lines = render(long).splitlines()
    assert len(lines) < 40
    assert "and 197 more" in lines[1]
    assert "more findings of blur" in "".join(lines)


def test_colour_only_when_asked(mixed):
    assert "\x1b" not in render(mixed)
    assert "\x1b[" in render(mixed, color=True)
