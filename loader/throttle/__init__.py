"""Decide how many requests are in flight, and how large they are."""
