"""The stages: each is a pure function from metadata to shards."""
