"""The compressions that are supported, and how a source shows that it is compressed. No I/O.

The first bytes decide: gzip is specified in RFC 1952, zstd in RFC 8878; for xz and bzip2 their own programs
are the reference. A new compression is an entry in COMPRESSIONS.
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

HEAD = 512  # bytes at the start of a source that show whether it is compressed, or an archive
_WINDOW_LOG = 27  # log2 of the largest window: the limit of `zstd -d` without --long
MEMORY = 2**_WINDOW_LOG  # bytes that a decompressor may use; the largest preset of xz needs half of it

ERRORS = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError)  # bz2 raises OSError and EOFError
_PLAIN = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[]|PAR1|SQLite format 3\0")  # JSON, Parquet, SQLite
_CSV_NAME = re.compile(r"\.(?:csv|tsv|tab)\.\w+$", re.IGNORECASE)
_CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_ARCHIVES = {
    "a zip archive": re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)"),
    "a 7z archive": re.compile(rb"7z\xbc\xaf\x27\x1c"),
    "a rar archive": re.compile(rb"Rar!\x1a\x07"),
    "a tar archive": re.compile(rb".{257}ustar", re.DOTALL),
}


class MemberDecompressor(Protocol):
    """Decompresses one member of a source. The classes of bz2, lzma and zstd have these methods."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether more input is needed before there is more output."""

    @property
    def unused_data(self) -> bytes:
        """The input after the end of the member."""

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """Return at most ``max_length`` bytes. Pass no data unless ``needs_input`` is true."""


class _GzipDecompressor:
    """A MemberDecompressor for gzip, on top of zlib."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # 16: with gzip's header and checksum
        self._output_is_full = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        # Output of the largest size may mean that zlib holds more, even if it has taken all of the input.
        return not self._zlib.unconsumed_tail and not self._output_is_full

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        piece = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._output_is_full = len(piece) == max_length
        return piece


@dataclass(frozen=True, slots=True)
class Compression:
    """A way to compress.

    Attributes:
        name: the name of its program, which tests a file with ``-t``.
        suffix: of the names of compressed files.
        magic: the first bytes of each member.
        magic_size: how many bytes those are.
        new_decompressor: creates the decompressor of one member.
    """

    name: str
    suffix: str
    magic: re.Pattern[bytes]
    magic_size: int
    new_decompressor: Callable[[], MemberDecompressor]


COMPRESSIONS = (
    Compression("gzip", ".gz", re.compile(rb"\x1f\x8b\x08"), 3, _GzipDecompressor),
    Compression(
        "zstd",
        ".zst",
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # a frame, or a skippable frame
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


def compression_by_name(name: str) -> Compression | None:
    """Return the compression that the suffix of a source's name stands for; None if it stands for none."""
    return next((entry for entry in COMPRESSIONS if name.lower().endswith(entry.suffix)), None)


def detect_compression(head: bytes, name: str) -> Compression | None:
    """Return the compression of a source; None if it is not compressed.

    The content decides, not the name: web servers and browsers decompress a file and keep its name. But if
    the name stands for a compression, the content must be compressed or look like a supported format.

    Args:
        head: the first HEAD bytes of the source, or all of it.
        name: the source's name.

    Raises:
        SourceUnfit: it is an archive, or neither compressed as its name says nor a supported format.
    """
    detected = next((entry for entry in COMPRESSIONS if entry.magic.match(head)), None)
    if detected is not None:
        return detected
    refuse_archive(head, name)
    claimed = compression_by_name(name)
    is_plain_csv = head and _CSV_NAME.search(name) and not _CONTROL_CHARACTERS.search(head)
    if claimed is None or _PLAIN.match(head) or is_plain_csv:
        return None
    raise SourceUnfit(
        f"{name} is not {claimed.name}, although its name says so: it "
        + (f"begins with the bytes {head[:8].hex(' ')}" if head else "is empty"),
        advice="Get it again, whole. If it is not compressed, rename it.",
    )


def refuse_archive(head: bytes, name: str) -> None:
    """Refuse an archive.

    Args:
        head: the first HEAD bytes of the source, as they are stored or decompressed.
        name: the source's name.

    Raises:
        SourceUnfit: it is an archive.
    """
    for title, magic in _ARCHIVES.items():
        if magic.match(head):
            raise SourceUnfit(f"{name} is {title}", advice="Unpack it, and load the files that are in it.")


def refuse_nested(head: bytes, name: str) -> None:
    """Refuse a compressed source that contains an archive or other compressed data.

    Args:
        head: the first HEAD decompressed bytes of the source.
        name: the source's name.

    Raises:
        SourceUnfit: it contains either.
    """
    refuse_archive(head, name)
    for compression in COMPRESSIONS:
        if compression.magic.match(head):
            raise SourceUnfit(
                f"{name} is compressed twice: it contains {compression.name} data",
                advice="Decompress it once, and load the result.",
            )
