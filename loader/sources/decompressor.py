"""Decompress a source, a bounded piece at a time. No I/O.

A source may be several members (gzip), frames (zstd) or streams (xz, bzip2) one after another. NUL bytes
between and after them are ignored: tapes leave them as padding.
"""

from __future__ import annotations

import re

from loader.errors import SourceError
from loader.sources.compression import ERRORS, MEMORY, Compression, MemberDecompressor

_TOO_MUCH_MEMORY = re.compile("too much memory|memory usage limit", re.IGNORECASE)  # as zstd and xz say it


class Decompressor:
    """Decompresses one source. It holds the data of one call, and the state that the compression needs.

    Args:
        compression: how the source is compressed.
        name: the source's name, for messages.
    """

    def __init__(self, compression: Compression, name: str) -> None:
        self._compression = compression
        self._name = name
        self._member: MemberDecompressor | None = compression.new_decompressor()
        self._after_member = b""  # input after the end of a member, without leading NULs
        self._input_size = 0  # bytes

    @property
    def needs_input(self) -> bool:
        """Whether more input is needed before there is more output."""
        if self._member is not None:
            return self._member.needs_input
        return len(self._after_member) < self._compression.magic_size

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return the next decompressed bytes. An empty result does not mean the end.

        Args:
            data: the next bytes of the source if ``needs_input`` is true, otherwise none.
            max_length: of the result in bytes, at least 1.

        Raises:
            SourceError: the source is damaged. The piece that contains the damage is lost, because nothing
                tells how much of it is correct.
        """
        self._input_size += len(data)
        if self._member is None:
            self._after_member = (self._after_member + data).lstrip(b"\0")
            if len(self._after_member) < self._compression.magic_size:
                return b""
            if not self._compression.magic.match(self._after_member):
                raise self._trailing_data_error()
            data, self._after_member = self._after_member, b""
            self._member = self._compression.new_decompressor()
        try:
            piece = self._member.decompress(data, max_length=max_length)
        except ERRORS as error:
            raise self._damage_error(error) from error
        if self._member.eof:
            self._after_member = self._member.unused_data.lstrip(b"\0")
            self._member = None
        return piece

    def finish(self) -> None:
        """Check that the source is complete. Call this at its end, when ``needs_input`` is true.

        Raises:
            SourceError: the source is cut off, or something else follows its last member.
        """
        if self._member is not None:
            raise SourceError(
                f"{self._name} is cut off after {self._input_size:,} bytes: "
                f"the end of its {self._compression.name} data is missing",
                advice="Get it again, whole, and load it with --fresh. "
                "Rows that were sent before are loaded.",
            )
        if self._after_member:
            raise self._trailing_data_error()

    def _trailing_data_error(self) -> SourceError:
        offset = self._input_size - len(self._after_member)
        return SourceError(
            f"{self._name} continues after its end, at byte {offset:,}, "
            f"with data that is not {self._compression.name}: {self._after_member[:8].hex(' ')}",
            advice="Get it again, or cut it there, and load it with --fresh. The rows before it are loaded.",
        )

    def _damage_error(self, error: Exception) -> SourceError:
        program = self._compression.name
        if _TOO_MUCH_MEMORY.search(str(error)):
            return SourceError(
                f"{self._name} needs more than {MEMORY // 2**20} MiB of memory to decompress: {error}",
                advice="Decompress it yourself (`zstd -d --long=31`, `xz -d`), and load the result.",
            )
        return SourceError(
            f"{self._name} is damaged, at byte {self._input_size:,} or before: {program} says: {error}",
            advice=(
                f"Get it again, whole (test it with `{program} -t`), and load it with --fresh. Rows that "
                "were sent before are loaded, and may be wrong: the checksum comes after them."
            ),
        )
