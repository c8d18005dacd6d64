"""One toy for each seam: a file that could be somebody else's package, registered by the one line of `register`."""
