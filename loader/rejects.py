"""The rejected rows, byte for byte, and why."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import orjson

from loader.model import Reject

ROWS, ERRORS = "rejects.jsonl", "rejects.errors.jsonl"


class RejectFiles:
    """Two files in the run directory: line N of the one says why line N of the other was rejected.

    They are not there where nothing was rejected. In the end they are in the order of the sources.

    Args:
        folder: the run directory.
        names: the sources' names.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder = folder
        self._names = names
        self._rows: BinaryIO | None = None
        self._errors: BinaryIO | None = None
        self._places: list[tuple[int, int]] = []
        for name in (ROWS, ERRORS):
            (folder / name).unlink(missing_ok=True)

    def add(self, reject: Reject) -> None:
        """Write one down."""
        if self._rows is None or self._errors is None:
            self._rows = (self._folder / ROWS).open("wb")
            self._errors = (self._folder / ERRORS).open("wb")
        self._rows.write(reject.data + b"\n")
        reason = reject.reason
        self._errors.write(
            orjson.dumps(
                {
                    "source": self._names[reject.source],
                    "line": reject.line,
                    "offset": reject.offset,
                    "code": reason.code,
                    "message": reason.message,
                    "details": reason.details,
                    "hint": reason.hint,
                },
                option=orjson.OPT_APPEND_NEWLINE,
            )
        )
        self._places.append((reject.source, reject.line))

    def close(self) -> None:
        """Write all to disk, in the order of the sources: batches are settled in another."""
        if self._rows is None or self._errors is None:
            return
        self._rows.close()
        self._errors.close()
        if self._places != sorted(self._places):
            for name in (ROWS, ERRORS):
                self._sort(self._folder / name)

    def _sort(self, path: Path) -> None:
        starts, lengths, at = [], [], 0
        with path.open("rb") as unsorted:
            for line in unsorted:
                starts.append(at)
                lengths.append(len(line))
                at += len(line)
            temporary = path.with_suffix(".sorting")
            with temporary.open("wb") as output:
                for index in sorted(range(len(starts)), key=self._places.__getitem__):
                    unsorted.seek(starts[index])
                    output.write(unsorted.read(lengths[index]))
        temporary.replace(path)
