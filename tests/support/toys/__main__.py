"""Runs imgprep with a toy registered: ``python -m toys NAME ARGUMENTS...``."""

import importlib
import sys

importlib.import_module(f"toys.{sys.argv.pop(1)}").register()

from imgprep.__main__ import main  # noqa: E402 - after the toy is in its table

sys.exit(main())
