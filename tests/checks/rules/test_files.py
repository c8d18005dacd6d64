from imgprep.checks.rules.files import Unreadable
from imgprep.table.sample import Sample


def bad(name, reason, label="plum"):
    return Sample(name, "", label, status="quarantined", reason=reason)


def test_passes_when_all_can_be_read(evidence, images, statuses):
    assert statuses(Unreadable(), evidence(images({"plum": 2}))) == {"plum": "pass"}


def test_lists_files_by_reason(evidence, images):
    samples = [*images({"plum": 2, "pear": 1}), bad("x", "empty"), bad("y", "truncated"), bad("z", "empty")]
    found = {(f.subject, f.status): f for f in Unreadable()(evidence(samples)) if "truncated" not in f.message}
    assert found["plum", "fail"].samples == ("x", "z")
    assert "empty" in found["plum", "fail"].message
    assert found["plum", "fail"].observed == 3
    assert found["pear", "pass"].observed == 0


def test_skipped_files_are_no_images(evidence, images, statuses):
    samples = [*images({"plum": 2}), Sample("notes.txt", "", "plum", status="skipped", reason="no image")]
    assert statuses(Unreadable(), evidence(samples)) == {"plum": "pass"}


def test_file_without_a_class(evidence, images, statuses):
    assert statuses(Unreadable(), evidence([*images({"plum": 1}), bad("x", "no label", "")]))[None] == "fail"


def test_threshold(evidence, images, statuses):
    samples = [*images({"plum": 2}), bad("x", "empty")]
    assert statuses(Unreadable(max=1), evidence(samples)) == {"plum": "pass"}
    assert statuses(Unreadable(max=0), evidence(samples)) == {"plum": "fail"}
