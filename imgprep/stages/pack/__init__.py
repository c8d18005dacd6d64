"""pack: normalised, label-encoded, shuffled shards for training."""
