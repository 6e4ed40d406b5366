"""What a source is, by its first bytes: compressed (and how), an archive, or neither. No I/O.

gzip is RFC 1952, zstd RFC 8878; xz and bzip2 are what their programs write.
"""

from __future__ import annotations

import bz2
import lzma
import re
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from loader.errors import SourceUnfit

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HEAD = 512  # bytes at the start of a source that tell what it is
_WINDOW_LOG = 27  # of 2: what `zstd -d` takes without being asked to take more
MEMORY = 2**_WINDOW_LOG  # bytes that a decompressor may hold; the largest preset of xz needs half

ERRORS = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError)  # OSError, EOFError: bz2's
_PLAIN = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[]|PAR1|SQLite format 3\0")  # JSON, and databases
_CELLS = re.compile(r"\.(?:csv|tsv|tab)\.\w+$", re.IGNORECASE)  # at the end of a name
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_ARCHIVES = {
    "a zip archive": re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)"),
    "a 7z archive": re.compile(rb"7z\xbc\xaf\x27\x1c"),
    "a rar archive": re.compile(rb"Rar!\x1a\x07"),
    "a tar archive": re.compile(rb".{257}ustar", re.DOTALL),
}


class Engine(Protocol):
    """Decompresses one member: what bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member's end was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes without more input."""

    @property
    def unused_data(self) -> bytes:
        """What came behind the member's end."""

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """At most so many bytes; no data where input is not needed."""


class _Gzip:
    """zlib, with the methods of the others."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # 16: with gzip's header and checksum
        self._full = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        # A piece that is as long as it may be leaves more inside, also where all input is taken.
        return not self._zlib.unconsumed_tail and not self._full

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        piece = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece


@dataclass(frozen=True, slots=True)
class Compression:
    """A way to compress.

    Attributes:
        name: as its own program is called, which also tests a file with ``-t``.
        suffix: of the names of such files.
        magic: the first bytes of each member.
        length: of the magic, in bytes.
        engine: makes what decompresses one member.
    """

    name: str
    suffix: str
    magic: re.Pattern[bytes]
    length: int
    engine: Callable[[], Engine]


COMPRESSIONS = (
    Compression("gzip", ".gz", re.compile(rb"\x1f\x8b\x08"), 3, _Gzip),
    Compression(
        "zstd",
        ".zst",
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # a frame, or one to be skipped
        4,
        lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}),
    ),
    Compression(
        "xz",
        ".xz",
        re.compile(rb"\xfd7zXZ\x00"),
        6,
        lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY),
    ),
    Compression(
        "bzip2",
        ".bz2",
        re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),  # a block, or the end of an empty stream
        10,
        bz2.BZ2Decompressor,
    ),
)


def named(name: str) -> Compression | None:
    """The format that a source's name claims."""
    return next((form for form in COMPRESSIONS if name.lower().endswith(form.suffix)), None)


def recognise(head: bytes, name: str) -> Compression | None:
    """The format of a source; None: it is not compressed.

    What it holds counts, not its name; but where the name claims a format, it must hold some format, or what
    looks like a source as it is: web servers and browsers decompress a file and leave it its name.

    Args:
        head: its first HEAD bytes, or all of it.
        name: its name.

    Raises:
        SourceUnfit: it is an archive, or neither what its name claims nor a source as it is.
    """
    found = next((form for form in COMPRESSIONS if form.magic.match(head)), None)
    if found is not None:
        return found
    refuse_archive(head, name)
    claimed = named(name)
    if claimed is None or _PLAIN.match(head) or (head and _CELLS.search(name) and not _CONTROL.search(head)):
        return None
    raise SourceUnfit(
        f"{name} is no {claimed.name}, though its name says so: it "
        + (f"begins with the bytes {head[:8].hex(' ')}" if head else "is empty"),
        advice="Get it again, whole; if it is a source as it stands, give it a name that says so.",
    )


def refuse_archive(head: bytes, name: str) -> None:
    """Tell an archive by its first HEAD bytes, as they are stored or decompressed.

    Raises:
        SourceUnfit: it is one.
    """
    for what, magic in _ARCHIVES.items():
        if magic.match(head):
            raise SourceUnfit(f"{name} is {what}", advice="Unpack it, and load the files that are in it.")


def refuse_unpacked(head: bytes, name: str) -> None:
    """Tell by the first HEAD decompressed bytes that what was compressed is not lines.

    Raises:
        SourceUnfit: it is an archive, or compressed once more.
    """
    refuse_archive(head, name)
    for form in COMPRESSIONS:
        if form.magic.match(head):
            raise SourceUnfit(
                f"{name} is compressed twice: there is {form.name} in it",
                advice="Decompress it once, and load what comes out.",
            )
