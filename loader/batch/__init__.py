"""Rows -> batches: check rows, group them by shape, and keep rows of one key in order."""
