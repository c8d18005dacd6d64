"""A lock in a store is held by one, is renewed, and is taken over from the dead only."""

import json
from collections.abc import Iterator

import pytest

from imgprep.errors import ResourceError
from imgprep.storage import lease as leasing
from imgprep.storage import opening
from imgprep.storage.lease import Lease, PartLease
from imgprep.storage.opening import is_there, open_storage
from imgprep.util.addresses import Address
from tests.support.project import poll

pytest.importorskip("obstore")
ADDRESS = Address("memory", "bucket", "out/.imgprep/lock")


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    """An empty store in memory."""
    opening._opened.cache_clear()
    yield
    opening._opened.cache_clear()


def _lease(owner: str) -> Lease:
    return Lease(open_storage(ADDRESS), ADDRESS, owner)


def _content() -> dict[str, str]:
    content: dict[str, str] = json.loads(open_storage(ADDRESS).get(ADDRESS.key, 10_000)[0])
    return content


def test_one_holds_it_until_the_end() -> None:
    first = _lease("one")
    first.take()
    with first.renewing():
        first.check()
        with pytest.raises(ResourceError, match=r"memory://bucket/out: held by process \d+ on .* since 20.*; wait for"):
            _lease("two").take()
        first.check()
    assert not is_there(ADDRESS)
    _lease("two").take()


def test_it_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leasing, "RENEWED", 0.01)
    times = iter(f"2026-01-01T00:00:{second:02d}+00:00" for second in range(60))
    monkeypatch.setattr(leasing, "_now", lambda: next(times, "2026-01-01T00:01:00+00:00"))
    held = _lease("one")
    held.take()
    with held.renewing():
        poll(lambda: _content()["renewed"] >= "2026-01-01T00:00:05+00:00", "five renewals")
        held.check()
    assert not is_there(ADDRESS)


def test_that_of_a_dead_holder_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = _lease("one")
    dead.take()
    monkeypatch.setattr(leasing, "STALE", -1.0)
    other = _lease("two")
    other.take()
    with other.renewing():
        other.check()
        with pytest.raises(ResourceError, match="another run has taken over; run again"):
            dead.check()
    assert not is_there(ADDRESS)


def test_the_same_owner_takes_it_over_at_once() -> None:
    dead, again = _lease("one"), _lease("one")
    dead.take()
    again.take()
    again.check()
    with pytest.raises(ResourceError, match="taken over"):
        dead.check()


def test_who_lost_it_does_not_remove_that_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    held = _lease("one")
    held.take()
    with held.renewing():
        _lease("one").take()
    assert is_there(ADDRESS)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"nothing", b'{"renewed": 5}'])
def test_what_is_no_lock_is_that_of_a_dead_holder(content: bytes) -> None:
    open_storage(ADDRESS).put(ADDRESS.key, content)
    held = _lease("one")
    held.take()
    held.check()


def _part(owner: str, part: str) -> PartLease:
    return PartLease(open_storage(ADDRESS), ADDRESS, owner, part)


def test_parts_hold_theirs_beside_each_other_and_keep_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    several = [_part("one", "convert.part-1-of-2"), _part("two", "convert.part-2-of-2")]
    for part in several:
        part.take()
    for part in several:
        part.check()
    with pytest.raises(ResourceError, match=r"memory://bucket/out: held by convert.part-1-of-2, process \d+ on"):
        _lease("three").take()
    assert not is_there(ADDRESS)
    monkeypatch.setattr(leasing, "STALE", -1.0)
    _lease("three").take()
    assert [entry.key for entry in open_storage(ADDRESS).list("out")] == [ADDRESS.key]


def test_no_part_begins_or_goes_on_beside_a_run() -> None:
    part = _part("one", "pack.part-1-of-2")
    part.take()
    _lease("one").take()  # of the same folder, which it has locked: so that part is dead
    for other in (part, _part("one", "pack.part-1-of-2")):
        other.check()  # and so is a run of the same folder, for a part
    with pytest.raises(ResourceError, match=r"held by process \d+ on"):
        _part("two", "pack.part-2-of-2").take()
    assert [entry.key for entry in open_storage(ADDRESS).list("out/.imgprep/locks")] == [
        "out/.imgprep/locks/pack.part-1-of-2"
    ]


def test_a_part_made_twice_keeps_its_lock_until_both_have_ended() -> None:
    first, second = _part("one", "convert.part-1-of-2"), _part("two", "convert.part-1-of-2")
    first.take()
    with first.renewing():
        second.take()
        with second.renewing():
            first.check()
        first.check()  # the second has taken it away
        with pytest.raises(ResourceError, match="held by convert"):
            _lease("three").take()
    assert not list(open_storage(ADDRESS).list("out"))
