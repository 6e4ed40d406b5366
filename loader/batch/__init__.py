"""Rows -> batches: checked, grouped by shape, in an order that keeps the rows of a key in theirs."""
