"""Where bearer tokens come from, and their renewal."""
