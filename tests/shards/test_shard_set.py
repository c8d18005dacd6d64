"""Finished shards, opened in one place."""

import multiprocessing
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from imgprep.errors import SourceError
from imgprep.shards import FORMATS
from imgprep.shards.base import text_array
from imgprep.shards.shard_set import (
    MAX_MAPPED,
    MAX_READERS,
    Shard,
    ShardSet,
    format_of,
    groups_of,
    open_shard,
    read_array,
)

UINT8 = np.dtype("u1")


def write(path: Path, compression: str = "none", rows: int = 4, first: int = 0) -> Shard:
    image = np.arange(first, first + rows * 12, dtype=np.uint8).reshape(rows, 2, 2, 3)
    mask = np.arange(rows * 4, dtype=np.uint8).reshape(rows, 2, 2)
    ids = text_array(f"{path.stem}/{row}" for row in range(rows))
    arrays = {"image": image, "label": np.arange(rows), "id": ids, "mask": mask}
    path.write_bytes(b"".join(format_of(path.name).write(arrays, compression)))
    return Shard(str(path), (rows, 2, 2, 3), UINT8)


def open_in(shards: ShardSet) -> Sequence[int]:
    """The shards whose files stay open: as maps, and with a reader."""
    return len(shards._mapped), len(shards._readers)


def test_the_format_follows_from_the_suffix() -> None:
    assert format_of("train-00000-of-00001.h5").name == "hdf5"
    assert format_of("train-00000-of-00001.npz").name == "npz"
    with pytest.raises(SourceError, match=r"train\.bin: no shard format has this suffix"):
        format_of("train.bin")


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("name", ["x.h5", "x.npz"])
def test_few_stay_open(tmp_path: Path, name: str, compression: str) -> None:
    shards = ShardSet([write(tmp_path / name, compression)] * 300)
    for number in range(300):
        opened = shards[number]
        assert opened.labels[3] == 3
        assert opened.images[2].ravel().tolist() == list(range(24, 36))
    assert open_in(shards) == ((MAX_MAPPED, 0) if compression == "none" else (0, MAX_READERS))
    assert shards[299] is opened


def test_compressed_npz_shards_stay_open_up_to_so_many_bytes(tmp_path: Path) -> None:
    written = [write(tmp_path / f"{number}.npz", "gzip") for number in range(4)]
    size = 4 * 12 + 4 * 8  # images, and labels as int64
    shards = ShardSet(written, held=2 * size)
    held = []
    for number in range(4):
        assert shards[number].images[1].ravel().tolist() == list(range(12, 24))
        held.append(open_in(shards)[1])
    assert held == [1, 2, 2, 2]
    one = ShardSet(written, held=1)
    assert one[0].held == size
    assert one[1] is one[1]
    assert open_in(one) == (0, 1)


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("name", ["x.h5", "x.npz"])
def test_a_piece_of_work_opens_what_it_needs_and_closes_it(tmp_path: Path, name: str, compression: str) -> None:
    paths = [tmp_path / f"{number}{name}" for number in range(5)]
    shards = ShardSet([write(path, compression, first=10 * number) for number, path in enumerate(paths)])
    with shards.opened(2) as own:
        for number in (0, 1, 2, 0, 4, 3, 0):
            assert own[number].images[0].ravel().tolist() == list(range(10 * number, 10 * number + 12))
            assert sum(open_in(own)) <= 2
        assert sum(open_in(own)) == 2
    assert open_in(own) == open_in(shards) == (0, 0)


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("name", ["x.h5", "x.npz"])
def test_other_arrays_are_there_too(tmp_path: Path, name: str, compression: str) -> None:
    shards = ShardSet([write(tmp_path / name, compression)])
    assert np.asarray(shards[0].rows("mask")[1]).tolist() == [[4, 5], [6, 7]]
    assert shards[0].rows("mask") is shards[0].rows("mask"), "read or mapped once"
    assert shards.texts(0, "id") == ["x/0", "x/1", "x/2", "x/3"]
    assert open_in(shards) == ((1, 0) if compression == "none" else (0, 1))
    with pytest.raises(SourceError, match="nothing does not exist; there are"):
        shards[0].rows("nothing")


def test_a_group_for_each_class(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    image = np.arange(60, dtype=np.uint8).reshape(5, 2, 2, 3)
    arrays = {"b/image": image[3:], "a/image": image[:3], "b/label": np.array([1, 1]), "a/label": np.array([0, 0, 0])}
    for compression in ("none", "gzip"):
        path.write_bytes(b"".join(FORMATS["hdf5"].write(arrays, compression)))
        opened = ShardSet([Shard(str(path), (5, 2, 2, 3), UINT8)])[0]
        assert opened.mapped == (compression == "none")
        assert [int(opened.labels[index]) for index in range(5)] == [0, 0, 0, 1, 1]
        assert read_array(str(path), "label").tolist() == [0, 0, 0, 1, 1]
        for index in range(5):
            np.testing.assert_array_equal(opened.images[index], image[index])
        for part in (slice(0, 5), slice(2, 4), slice(4, 5), slice(1, 1), slice(0, 5, 2)):
            np.testing.assert_array_equal(opened.images[part], image[part])
        with open_shard(str(path)) as reader:
            assert groups_of(reader) == ("a/", "b/")


def test_what_the_index_does_not_say_is_refused(tmp_path: Path) -> None:
    shard = write(tmp_path / "x.h5")
    for shape, dtype in (((3, 2, 2, 3), "u1"), ((4, 2, 2, 1), "u1"), ((4, 2, 2, 3), "f4")):
        with pytest.raises(SourceError, match=r"dataset\.json says"):
            ShardSet([Shard(shard.path, shape, np.dtype(dtype))])[0]


def test_a_shard_without_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(b"".join(FORMATS["hdf5"].write({"label": np.arange(3)})))
    with pytest.raises(SourceError, match="image does not exist; there are label"):
        ShardSet([Shard(str(path), (3, 2, 2, 3), UINT8)])[0]


def test_sets_are_joined(tmp_path: Path) -> None:
    one = ShardSet([write(tmp_path / "a.h5")])
    two = ShardSet([write(tmp_path / "b.npz", first=100), write(tmp_path / "c.h5", first=200)])
    joined = one + two
    assert len(joined) == 3
    assert [int(joined[number].images[0][0, 0, 0]) for number in range(3)] == [0, 100, 200]


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("name", ["x.h5", "x.npz"])
def test_nothing_open_is_pickled(tmp_path: Path, name: str, compression: str) -> None:
    shards = ShardSet([write(tmp_path / name, compression)])
    assert shards[0].labels[1] == 1
    again = pickle.loads(pickle.dumps(shards))
    assert open_in(again) == (0, 0)
    assert again[0].images[1].ravel().tolist() == list(range(12, 24))


def read_in_child(shards: ShardSet, queue: "multiprocessing.Queue[tuple[bool, list[int]]]") -> None:
    before = shards._readers.get(0)
    opened = shards[0]
    queue.put((opened is before, opened.images[1].ravel().tolist()))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.parametrize("name", ["x.h5", "x.npz"])
def test_a_forked_process_opens_compressed_shards_itself(tmp_path: Path, name: str) -> None:
    shards = ShardSet([write(tmp_path / name, "gzip")])
    assert shards[0].labels[1] == 1
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=read_in_child, args=(shards, queue))
    child.start()
    assert queue.get(timeout=60) == (False, list(range(12, 24)))
    child.join(60)
    assert child.exitcode == 0


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_threads_share_a_set(tmp_path: Path, compression: str) -> None:
    shards = ShardSet([write(tmp_path / f"{number}.h5", compression, first=number) for number in range(12)])

    def read(number: int) -> int:
        return int(shards[number % 12].images[3][1, 1, 2])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(240))) == [(number % 12 + 47) for number in range(240)]
