"""The native code, which a process chooses once."""

from collections.abc import Iterator

import pytest

from imgprep.table import text_hashes
from imgprep.transforms import affine, area
from imgprep.util import checksum, native


@pytest.fixture
def native_chosen_anew() -> Iterator[None]:
    """What a test changes about the native code has a consequence in that test, and in no later one."""
    choices = (
        *(area._kernel, affine._kernel, text_hashes._kernel, checksum._fastest),
        *(native.native_files, native.native_find),
    )  # a test may put others in their place
    for choice in choices:
        choice.cache_clear()
    yield
    for choice in choices:
        choice.cache_clear()
