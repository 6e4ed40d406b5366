"""Compressed bytes in, decompressed bytes out, a bounded piece at a time. No I/O.

A source may be several members (gzip), frames (zstd) or streams (xz, bzip2) one after another. NUL bytes
may stand between and behind them, as tapes leave them.
"""

from __future__ import annotations

import re

from loader.errors import SourceError
from loader.sources.compression import ERRORS, MEMORY, Compression, Engine

_TOO_LARGE = re.compile("too much memory|memory usage limit", re.IGNORECASE)  # zstd's words, and xz's


class Unpacker:
    """Decompresses one source. It holds what one call has given it, and what the format must remember.

    Args:
        form: the source's format.
        name: the source's, for messages.
    """

    def __init__(self, form: Compression, name: str) -> None:
        self._form = form
        self._name = name
        self._engine: Engine | None = form.engine()
        self._rest = b""  # behind the end of a member, without the NULs
        self._given = 0  # bytes

    @property
    def hungry(self) -> bool:
        """Whether nothing more can be had without more input."""
        return self._engine.needs_input if self._engine is not None else len(self._rest) < self._form.length

    def unpack(self, data: bytes, most: int) -> bytes:
        """The next piece; perhaps none, also where it is not the end.

        Args:
            data: more of the source where this is hungry, else none.
            most: bytes, at least 1.

        Raises:
            SourceError: the source is damaged; what was in this piece is lost with it, for nobody knows
                how much of it is right.
        """
        self._given += len(data)
        if self._engine is None:
            self._rest = (self._rest + data).lstrip(b"\0")
            if len(self._rest) < self._form.length:
                return b""
            if not self._form.magic.match(self._rest):
                raise self._garbage()
            data, self._rest, self._engine = self._rest, b"", self._form.engine()
        try:
            piece = self._engine.decompress(data, max_length=most)
        except ERRORS as error:
            raise self._damage(error) from error
        if self._engine.eof:
            self._rest = self._engine.unused_data.lstrip(b"\0")
            self._engine = None
        return piece

    def end(self) -> None:
        """All of the source was given, and this is hungry.

        Raises:
            SourceError: it is cut off, or goes on with something else.
        """
        if self._engine is not None:
            raise SourceError(
                f"{self._name} is cut off after {self._given:,} bytes: its {self._form.name} has no end",
                advice="Get it again, whole, and load it with --fresh. "
                "Rows that were sent before are loaded.",
            )
        if self._rest:
            raise self._garbage()

    def _garbage(self) -> SourceError:
        return SourceError(
            f"{self._name} goes on after its end, at byte {self._given - len(self._rest):,}, "
            f"with what is no {self._form.name}: {self._rest[:8].hex(' ')}",
            advice="Get it again, or cut it there, and load it with --fresh. The rows before it are loaded.",
        )

    def _damage(self, error: Exception) -> SourceError:
        form = self._form
        if _TOO_LARGE.search(str(error)):
            return SourceError(
                f"{self._name} takes more than {MEMORY // 2**20} MiB of memory to decompress: {error}",
                advice="Decompress it yourself (`zstd -d --long=31`, `xz -d`), and load what comes out.",
            )
        return SourceError(
            f"{self._name} is damaged, at byte {self._given:,} or before: {form.name} says: {error}",
            advice=(
                f"Get it again, whole (`{form.name} -t` tells), and load it with --fresh. Rows that "
                "were sent before are loaded, and may be wrong: the checksum stands behind them."
            ),
        )
