"""Object stores: one interface over the libraries that reach them, a cache of what was fetched, checked uploads."""
