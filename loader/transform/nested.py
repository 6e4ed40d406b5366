"""Records within a JSON value, such as the reply of an API, take its place among those of a source."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from loader.formats.origin import ElementOrigin
from loader.formats.records import Objects, Records, of_block
from loader.model import Block, Origin, Place, Reason
from loader.transform.presets import Preset
from loader.transform.presets.values import Member


async def unnested(pieces: AsyncGenerator[Records], start: Place, preset: Preset) -> AsyncGenerator[Records]:
    """Yield records; of a JSON value that holds many, yield those. They are numbered anew.

    Args:
        pieces: the records of a source; if they are JSON, from its beginning on.
        start: the place of the first record to yield. Of JSON only the number counts.
        preset: knows what holds many.
    """
    number = 1
    async with aclosing(pieces):
        async for piece in pieces:
            if not isinstance(piece, Block | Objects):
                yield piece
                continue
            unnested_records = _Unnested(of_block(piece) if isinstance(piece, Block) else piece, preset)
            begin, number = number, number + len(unnested_records.texts)
            if number > start.number:
                yield unnested_records.objects(begin, max(0, start.number - begin))


@dataclass(frozen=True, slots=True)
class _Unnested:
    """The records of a piece, those within others in the place of these.

    Attributes:
        texts: as Objects has them.
        refused: as Objects has them.
    """

    piece: Objects
    preset: Preset
    texts: list[bytes] = field(default_factory=list)
    refused: dict[int, Reason] = field(default_factory=dict)
    _origins: list[tuple[int, Member | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for index, text in enumerate(self.piece.texts):
            refused = self.piece.refused.get(index)
            members = None if refused or not text else self.preset.unnest(_raw(self.piece.origin, index))
            if members is None or isinstance(members, Reason):
                self._add(text, refused or members, index, None)
            else:
                for member in members:
                    if isinstance(member.text, Reason):
                        self._add(b"{}", member.text, index, member)
                    else:
                        self._add(member.text, None, index, member)

    def _add(self, text: bytes, reason: Reason | None, index: int, member: Member | None) -> None:
        if reason is not None:
            self.refused[len(self.texts)] = reason
        self.texts.append(text)
        self._origins.append((index, member))

    def objects(self, number: int, passed: int) -> Objects:
        """Return the records.

        Args:
            number: of the first.
            passed: how many of them are left out at their start.
        """
        origin = MemberOrigin(self.piece.origin, self._origins[passed:])
        refused = {index - passed: reason for index, reason in self.refused.items() if index >= passed}
        start = self.piece.start._replace(number=number + passed)
        end = self.piece.end._replace(number=number + len(self.texts))
        return Objects(start, end, self.texts[passed:], origin, refused)


@dataclass(frozen=True, slots=True)
class MemberOrigin:
    """The origin of records some of which are within others (an Origin).

    Attributes:
        outer: the origin of the records that may hold others.
        members: for each record the index of the outer one, and what it is in that; None: it is that.
    """

    outer: Origin
    members: Sequence[tuple[int, Member | None]]

    def data(self, index: int) -> bytes:
        """Return a record so that it can be loaded again: as it is in the source, with its id around it."""
        outer, member = self.members[index]
        return self.outer.data(outer) if member is None else member.source

    def line(self, index: int) -> int:
        """Return the line of the source on which a record begins."""
        outer, member = self.members[index]
        inner = 0 if member is None else _raw(self.outer, outer).count(b"\n", 0, member.offset)
        return self.outer.line(outer) + inner

    def offset(self, index: int) -> int:
        """Return the offset of a record in bytes."""
        outer, member = self.members[index]
        return self.outer.offset(outer) + (0 if member is None else member.offset)


def _raw(origin: Origin, index: int) -> bytes:
    """Return a record as its source has it, with its newlines."""
    return origin.texts[index] if isinstance(origin, ElementOrigin) else origin.data(index)
