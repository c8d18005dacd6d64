import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imgprep.shards.memory import MemoryFile

steps = st.one_of(
    st.tuples(st.just("write"), st.binary(max_size=3000)),
    st.tuples(st.just("seek"), st.integers(0, 4000)),
    st.tuples(st.just("end"), st.integers(0, 2000)),
    st.tuples(st.just("truncate"), st.integers(0, 4000)),
    st.tuples(st.just("read"), st.integers(0, 3000)),
)


def do(file: io.RawIOBase | io.BytesIO, step: tuple) -> object:
    name, value = step
    if name == "end":
        return file.seek(value, io.SEEK_END)
    if name == "truncate":
        # BytesIO only cuts; a real file also grows.
        if isinstance(file, io.BytesIO) and value > len(file.getbuffer()):
            place = file.tell()
            file.seek(0, io.SEEK_END)
            file.write(bytes(value - file.tell()))
            file.seek(place)
        return file.truncate(value)
    return getattr(file, name)(value)


@settings(deadline=None, max_examples=50)
@given(st.lists(steps))
def test_it_is_a_file(script: list[tuple]) -> None:
    file, real = MemoryFile(0), io.BytesIO()
    file._buffer[:] = 0xAB  # what the memory held before
    for step in script:
        assert do(file, step) == do(real, step)
        assert file.tell() == real.tell()
        assert b"".join(file.blocks()) == real.getvalue()


def test_it_reads_into_buffers() -> None:
    file = MemoryFile(10)
    file.write(np.arange(3, dtype="<u2"))
    file.seek(2)
    target = bytearray(9)
    assert file.readinto(target) == 4
    assert target[:4] == b"\1\0\2\0"
