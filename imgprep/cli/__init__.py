"""The command line: options, progress and tables, exit status."""
