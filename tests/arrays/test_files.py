import os
from pathlib import Path

import numpy as np
import pytest

from imgprep.arrays.files import ArrayLocation, refusing, regular_size
from imgprep.errors import ResourceError, SourceError


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SourceError, match="no regular file"):
        regular_size(str(pipe))


def test_maps_at_any_offset(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"abc" + np.arange(5, dtype="<u4").tobytes())
    found = ArrayLocation(str(path), np.dtype("<u4"), (5,), 3).map()
    np.testing.assert_array_equal(found, np.arange(5))
    assert not found.flags.writeable


def test_a_file_that_became_shorter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"abc")
    with pytest.raises(SourceError, match="data: cannot be read"):
        ArrayLocation(str(path), np.dtype("u1"), (4,), 0).map()


def test_errors_say_where_in_one_line() -> None:
    with pytest.raises(SourceError, match=r"^a\.h5: cannot be read: one\\ntwo$"), refusing("a.h5"):
        raise OSError("one\ntwo")
    with pytest.raises(ResourceError, match="permission"), refusing("a.h5"):
        raise PermissionError
