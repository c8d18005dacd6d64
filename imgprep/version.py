"""The version of imgprep."""

__version__ = "0.1.0"
