"""Judging collections: evidence is measured once (`measure`), rules judge it (`rules`), reports show it (`reports`)."""
