"""Datasets on disk: the index, samples.jsonl, loading and verification."""
