"""Faults, again and again: see `python -m tests.soak --help`."""
