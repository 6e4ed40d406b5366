"""Sources with rows of all kinds, and what the table must hold once they are loaded."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = ("a", "b", "c")  # of api.faults, beside its key
Stored = dict[str, tuple[str | None, ...]]  # by key; values as PostgreSQL writes them


@dataclass(frozen=True)
class Source:
    """The lines of a source, and what a load of them must leave.

    Attributes:
        lines: its lines.
        stored: the table after it, under merge-duplicates.
        first: the table after it, under ignore-duplicates and none.
        rejects: the lines that must be rejected, in their order.
        repeats: the good lines whose key an earlier one has: rejected too, under none.
    """

    lines: list[str]
    stored: Stored
    first: Stored
    rejects: list[str]
    repeats: list[str] = field(default_factory=list)

    def refused(self, resolution: str) -> list[str]:
        """Return the lines that must be rejected under a resolution, in their order."""
        if resolution != "none":
            return self.rejects
        refused = {*self.rejects, *self.repeats}
        return [line for line in self.lines if line in refused]

    @property
    def data(self) -> bytes:
        """Its lines as the bytes of a file."""
        return "".join(f"{line}\n" for line in self.lines).encode()

    def write(self, path: Path) -> Path:
        """Write it as a file."""
        path.write_bytes(self.data)
        return path


def source(
    rows: int, *, seed: int = 0, bad: int = 6, repeats: float = 0.02, shapes: bool = True, wide: int = 0
) -> Source:
    """Return rows of two shapes, some with the key of an earlier row, and some that must be rejected.

    Args:
        rows: how many lines.
        seed: of what is random in them.
        bad: how many of them are bad, half of them in the server's eyes only.
        repeats: the share of rows that have an earlier row's key.
        shapes: whether there are rows that write fewer columns.
        wide: how many characters to add to a row.
    """
    chance = random.Random(seed)
    wrong = dict.fromkeys(sorted(chance.sample(range(rows), min(bad, rows))))
    lines: list[str] = []
    stored: Stored = {}
    first: Stored = {}
    rejects: list[str] = []
    repeated: list[str] = []
    for number in range(rows):
        if number in wrong:
            text = '{"id":"\\u0000","a":1}' if len(rejects) % 2 else f'{{"id":"bad{number}","a":"{number}x"}}'
            lines.append(text)
            rejects.append(text)
            continue
        earlier = number > 10 and chance.random() < repeats
        # Near ones and far ones: in the same batch, in one that is in flight, in one long settled.
        back = chance.choice([5, 300, number])
        key = f"k{chance.randrange(max(0, number - back), number) if earlier else number:07}"
        values = (
            str(number),
            f"{chance.randrange(10**9)}.{chance.randrange(10**18):018}",
            f"row {number}{'.' * wide}",
        )
        if shapes and chance.random() < 0.3:
            lines.append(f'{{"id":"{key}","a":{values[0]}}}')
            written: tuple[str | None, ...] = (values[0], *stored.get(key, (None, None, None))[1:])
            inserted: tuple[str | None, ...] = (values[0], None, None)
        else:
            lines.append(f'{{"id":"{key}","a":{values[0]},"b":{values[1]},"c":"{values[2]}"}}')
            written = inserted = values
        stored[key] = written
        if key in first:
            repeated.append(lines[-1])
        first.setdefault(key, inserted)
    return Source(lines, stored, first, rejects, repeated)
