"""Sources as they are stored: plain, or compressed as their names say."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def zstandard(data: bytes, **options: int) -> bytes:
    """Return a frame with a checksum, as the program zstd writes it; options as in CompressionParameter."""
    named = {"checksum_flag": 1} | options
    return zstd.compress(data, options={zstd.CompressionParameter[name]: named[name] for name in named})


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstandard,
    ".xz": lzma.compress,
    ".bz2": lambda data: bz2.compress(data, 1),  # blocks of 100 KB
}
SUFFIXES = tuple(PACK)


def packed(name: str, data: bytes, members: int = 2) -> bytes:
    """Return the bytes of a file of this name; a compressed one has so many members, one after another."""
    pack = PACK.get(f".{name.rpartition('.')[2]}")
    if pack is None:
        return data
    step = -(-len(data) // members) or 1
    return b"".join(pack(data[begin : begin + step]) for begin in range(0, len(data) or 1, step))
