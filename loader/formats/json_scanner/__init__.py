"""Split a JSON array of any size into its elements, as the bytes arrive. No I/O.

Start at scanner.py. Most elements are found many at a time (element_runs.py): a piece that begins where an
element begins, and ends where one seems to end, is decoded at once; it decodes only if it is whole elements.
If that fails, one element is looked for alone (element_end.py), by its strings and brackets only, because an
element that is not valid JSON must end somewhere, too.
"""

from loader.formats.json_scanner.scanner import Elements, JsonScanner

__all__ = ["Elements", "JsonScanner"]
