"""The rejected rows, byte for byte, and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson

from loader.model import Reject

ROWS, ERRORS = "rejects.jsonl", "rejects.errors.jsonl"


def write(folder: Path, rejects: Iterable[Reject], names: tuple[str, ...]) -> None:
    """Write two files: line N of the one says why line N of the other was rejected.

    They are not there where nothing was rejected.

    Args:
        folder: the run directory.
        rejects: in the order of the sources.
        names: the sources' names.

    Raises:
        OSError: the disk is full, or the like.
    """
    written = False
    rows_path, errors_path = folder / ROWS, folder / ERRORS
    with rows_path.open("wb") as rows, errors_path.open("wb") as errors:
        for reject in rejects:
            written = True
            rows.write(reject.data + b"\n")
            reason = reject.reason
            entry = {
                "source": names[reject.source],
                "line": reject.line,
                "offset": reject.offset,
                "code": reason.code,
                "message": reason.message,
                "details": reason.details,
                "hint": reason.hint,
            }
            errors.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
    if not written:
        rows_path.unlink()
        errors_path.unlink()
