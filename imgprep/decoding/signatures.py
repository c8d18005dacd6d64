"""The first bytes of files, where both the table of formats and a parser look for them."""

from typing import Final

PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG_XL: Final = b"\xff\x0a"
"""A codestream without a box around it."""
JPEG_2000: Final = b"\xff\x4f\xff\x51"
"""The same."""
