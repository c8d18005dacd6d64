"""How far reviewers agree, on examples from the literature."""

from itertools import chain, repeat

import pytest

from imgprep.review.agreement import agreement, cohen_kappa, fleiss_kappa, in_words


def test_cohens_kappa_of_the_textbook_table():
    # 50 grants by two readers, 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: (0.7 - 0.5) / (1 - 0.5).
    counts = {("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}
    pairs = list(chain.from_iterable(repeat(pair, count) for pair, count in counts.items()))
    assert cohen_kappa(pairs) == pytest.approx(0.4, abs=1e-12)


def test_fleiss_kappa_of_the_published_example():
    # Fleiss (1971) by way of the usual worked example: 10 subjects, 14 raters, 5 categories, kappa 0.210.
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = [[str(kind) for kind, count in enumerate(row) for _ in range(count)] for row in table]
    assert fleiss_kappa(ratings) == pytest.approx(0.20993, abs=1e-5)


def test_one_label_only_is_undefined():
    assert cohen_kappa([("a", "a")] * 3) is None
    assert cohen_kappa([]) is None
    assert fleiss_kappa([("a", "a", "a")]) is None


def test_less_than_chance_is_negative():
    assert cohen_kappa([("a", "b"), ("b", "a")]) == -1
    assert in_words(-1.0) == "-1.00 (poor)"


def test_what_reviewers_say_together():
    found = agreement(
        {"anna": {"1": "a", "2": "b", "3": "a"}, "ben": {"1": "a", "2": "a"}, "cem": {"1": "a", "2": "b"}}
    )
    assert found.merged == {"1": "a", "3": "a"}
    assert found.differ == {"2": {"anna": "b", "ben": "a", "cem": "b"}}
    assert [(pair.first, pair.second, pair.shared, pair.same) for pair in found.pairs] == [
        ("anna", "ben", 2, 1),
        ("anna", "cem", 2, 2),
        ("ben", "cem", 2, 1),
    ]
