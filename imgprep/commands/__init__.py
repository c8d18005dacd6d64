"""One function for each command: they take a spec and return what was done; only the command line prints."""
