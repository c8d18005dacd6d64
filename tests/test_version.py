import importlib.metadata
import re

import imgprep
from imgprep.version import __version__


def test_the_version_is_that_of_the_package() -> None:
    assert importlib.metadata.version("imgprep") == __version__ == imgprep.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
