"""Imports the parsers and decoders of all formats, for the process that workers are forked from."""

from imgprep.decoding.formats import FORMATS

CODECS = tuple(form.codec() for form in FORMATS)
