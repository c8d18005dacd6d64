"""The pages of the documentation; `docs.generate` makes those that are generated from the code."""
