"""Zip and tar files of unknown origin: checked before they are read, and read without unpacking."""
