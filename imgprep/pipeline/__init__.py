"""The machinery that stages run on: workspace, shard plans, workers, commits."""
