"""The rejected rows, as their sources have them, and why."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import orjson

from loader.formats.encoding import error_handler
from loader.formats.source_format import JSONL, RejectFile, SourceFormat, is_reject_file
from loader.model import Reject
from loader.outgoing import json_bytes
from loader.run.new_files import NewFiles
from loader.run.own_files import ERRORS, OwnFiles


def files(folder: Path) -> list[Path]:
    """The files that an earlier load has left."""
    found = (path for path in folder.glob("rejects*") if path.name == ERRORS or is_reject_file(path.name))
    return sorted(found, key=lambda path: (len(path.name), path.name))


def write(
    own_files: OwnFiles,
    rejects: Iterable[Reject],
    names: tuple[str, ...],
    forms: Mapping[int, SourceFormat],
) -> None:
    """Write the rejected rows, and a line for each that says why it was rejected.

    There is a file for each header: ``rejects.csv``, ``rejects.2.csv``. None is there where nothing was
    rejected. Where they cannot be written, those of an earlier run stay.

    Args:
        own_files: those of the run directory.
        rejects: in the order of the sources.
        names: the sources' names.
        forms: how each source is written, by its number; one that is not there has JSON Lines.

    Raises:
        RunDirError, OSError: the disk is full, or the like.
    """
    with NewFiles(own_files, stale=lambda name: name == ERRORS or is_reject_file(name)) as new_files:
        errors: BinaryIO | None = None
        opened: dict[RejectFile, _Rows] = {}
        for reject in rejects:
            errors = errors or new_files.open(ERRORS)
            form = forms.get(reject.place.source)
            kind = JSONL if form is None else form.rejects
            if reject.reason.code == "not-csv":  # a quote in it may take what stands behind it
                kind = replace(kind, has_bad_quotes=True)
            if kind not in opened:
                opened[kind] = _Rows(new_files.open(_name(kind, opened)), kind)
            opened[kind].write(reject.data)
            errors.write(
                json_bytes(
                    _entry(reject, names, has_offsets=form is None or not form.is_database),
                    orjson.OPT_APPEND_NEWLINE,
                )
            )


class _Rows:
    """A file of rows."""

    def __init__(self, file: BinaryIO, kind: RejectFile) -> None:
        self._file = file
        self._encode = None
        if kind.encoding:  # one encoder for all of it: it may begin with a byte order mark
            self._encode = codecs.getincrementalencoder(kind.encoding)(error_handler(kind.encoding)).encode
        self._put(kind.header)

    def write(self, row: bytes) -> None:
        self._put(row + b"\n")

    def _put(self, data: bytes) -> None:
        text = data if self._encode is None else self._encode(data.decode(errors="surrogatepass"))
        self._file.write(text)


def _name(kind: RejectFile, opened: Iterable[RejectFile]) -> str:
    alike = sum(other.suffix == kind.suffix for other in opened)
    return f"rejects.{alike + 1}.{kind.suffix}" if alike else f"rejects.{kind.suffix}"


def _entry(reject: Reject, names: tuple[str, ...], *, has_offsets: bool) -> dict[str, object]:
    reason = reject.reason
    return {
        "source": names[reject.place.source],
        "line": reject.place.line,
        "offset": reject.place.offset if has_offsets else None,
        "code": reason.code,
        "message": reason.message,
        "details": reason.details,
        "hint": reason.hint,
        "column": reason.column,
    }
