"""Judging collections: evidence is measured once (`measure`), rules judge it (`rules`), reports tell it (`report`)."""
