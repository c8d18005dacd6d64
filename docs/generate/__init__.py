"""Makes the pages of the documentation that are generated from the code; `hooks.py` adds them to the site."""
