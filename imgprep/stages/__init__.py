"""The stages: each is a pure function from metadata to shards, run by one machine."""
