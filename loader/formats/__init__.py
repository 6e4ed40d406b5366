"""Bytes of a source -> its records: detect the format, read it."""
