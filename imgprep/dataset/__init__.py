"""Datasets on disk: the index, the lines of samples.jsonl, how they are loaded and how they are verified."""
