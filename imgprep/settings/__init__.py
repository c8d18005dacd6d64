"""The building blocks of settings classes: field types, checks, and messages about wrong values."""
