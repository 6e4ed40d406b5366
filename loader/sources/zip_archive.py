"""Sources in a zip archive, as exchanges and data portals hand out their exports."""

from __future__ import annotations

import lzma
import zlib
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipExtFile, ZipFile, ZipInfo

from loader.errors import SourceMissing
from loader.sources.compression import compression_by_name
from loader.sources.file_names import format_by_name

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED = 0x1  # of the flags of a member (APPNOTE.TXT 4.4.4)
# A file in an archive that is a document of its own kind -> what it is, and how to get a source of it.
_DOCUMENTS = {
    "xl/workbook.xml": ("an Excel workbook", "Save the sheet as CSV (UTF-8), and load that."),
    "xl/workbook.bin": ("an Excel workbook", "Save the sheet as CSV (UTF-8), and load that."),
    "content.xml": ("an OpenDocument file", "Save the sheet as CSV (UTF-8), and load that."),
    "word/document.xml": ("a Word document", "Save its table as CSV (UTF-8), and load that."),
}
_SUFFIXES = {
    (".xlsx", ".xlsm", ".xlsb"): _DOCUMENTS["xl/workbook.xml"],
    (".ods", ".odt"): _DOCUMENTS["content.xml"],
    (".docx",): _DOCUMENTS["word/document.xml"],
}
# What zipfile raises over a damaged or unsupported member; NotImplementedError: its compression method.
DAMAGE = (BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def is_zip(path: Path) -> bool:
    """Return whether a regular file is a zip archive, by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def members(path: Path, name: str) -> list[tuple[int, ZipInfo]]:
    """Return the members of an archive that are sources, each with its index, in their order.

    The only file in an archive is one, whatever its name. Of several files those are whose names tell a
    format.

    Args:
        path: the archive.
        name: the archive's name, for messages.

    Raises:
        SourceMissing: it is damaged, encrypted, a document of another kind, or has no such member.
    """
    try:
        with ZipFile(path) as archive:
            infos = archive.infolist()
    except (BadZipFile, OSError, ValueError) as error:
        for suffixes, (title, advice) in _SUFFIXES.items():
            if name.lower().endswith(suffixes):
                raise SourceMissing(f"{name} is {title}, and damaged", advice=advice) from None
        message = f"{name} cannot be read as a zip archive: {error}"
        raise SourceMissing(message, advice="Is it whole?") from None
    names = {info.filename for info in infos}
    for document, (title, advice) in _DOCUMENTS.items():
        if document in names:
            raise SourceMissing(f"{name} is {title}", advice=advice)
    files = [info for info in infos if not info.is_dir() and not _is_extra(info.filename)]
    sources = files if len(files) == 1 else [info for info in files if _tells_format(info.filename)]
    if not files:
        raise SourceMissing(f"{name}: there is no file in the archive")
    if not sources:
        raise SourceMissing(
            f"{name}: no file in the archive has a name that tells its format",
            advice="Unpack it, and name the files in it.",
        )
    if any(info.flag_bits & _ENCRYPTED for info in sources):
        raise SourceMissing(f"{name} is encrypted", advice="Unpack it with its password, and load the files.")
    return [(infos.index(info), info) for info in sources]


def left_out(path: Path, name: str) -> list[str]:
    """Return the names of the files in an archive that are no sources, except those that macOS adds."""
    chosen = {info.filename for _, info in members(path, name)}
    with ZipFile(path) as archive:
        return [
            info.filename
            for info in archive.infolist()
            if not info.is_dir() and not _is_extra(info.filename) and info.filename not in chosen
        ]


def _is_extra(filename: str) -> bool:
    return filename.startswith("__MACOSX/") or filename.rpartition("/")[2].startswith(".")


def _tells_format(filename: str) -> bool:
    return format_by_name(filename) is not None or compression_by_name(filename) is not None


class ZipMember:
    """The bytes of one member of an archive; they can be read from any offset.

    Args:
        path: the archive.
        index: of the member in the archive: two may have one name.

    Raises:
        OSError: the archive cannot be opened.
        BadZipFile, NotImplementedError: the archive or the member cannot be read.
    """

    def __init__(self, path: Path, index: int) -> None:
        self._archive = ZipFile(path)
        self._file: IO[bytes] | ZipExtFile = self._archive.open(self._archive.infolist()[index])

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes; none at the end, once the checksum was compared."""
        return self._file.read(size)

    def seek(self, offset: int) -> None:
        """Go to an offset; what comes before it is decompressed and dropped."""
        self._file.seek(offset)

    def close(self) -> None:
        """Close the archive."""
        self._file.close()
        self._archive.close()
