"""Turn the bytes of a source into records: detect the format, and read it.

Start at read.py, which lists the formats. Each has a module with a FormatReader (format_reader.py).
"""
