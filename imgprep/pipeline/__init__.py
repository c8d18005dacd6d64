"""What stages run on: the workspace, plans of shards, workers, commits."""
