"""What tests of several folders share; imported as `tests.support`, which pytest finds by its setting pythonpath."""
