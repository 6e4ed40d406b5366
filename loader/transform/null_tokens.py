"""The texts of cells that mean null: --null. No I/O.

The cells themselves become null in cell_column.py and cells.py. formats/quoted_cells.py marks those that
stood in quotes, which are text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from loader.errors import SourceUnfit

_EMPTY = frozenset({""})


@dataclass(frozen=True, slots=True)
class NullTokens:
    """The texts that mean null where they stand bare, without quotes.

    Attributes:
        anywhere: those that mean null in each column.
        by_column: those that mean it in this column of the source, besides.
    """

    anywhere: frozenset[str] = _EMPTY
    by_column: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Return the tokens of --null.

        Args:
            pairs: (column, text); the column is empty where the text means null in each. Without such a
                text, an empty cell means null.
        """
        pairs = list(pairs)
        by_column = {
            column: frozenset(text for name, text in pairs if name == column)
            for column in dict.fromkeys(name for name, _ in pairs if name)
        }
        return cls(frozenset(text for name, text in pairs if not name) or _EMPTY, by_column)

    @property
    def texts(self) -> tuple[str, ...]:
        """All of them, of whichever column (SourceHints.null_tokens)."""
        return tuple(sorted(self.anywhere.union(*self.by_column.values())))

    def of_column(self, column: str) -> frozenset[str]:
        """Return those of a column of the source."""
        return self.anywhere | self.by_column.get(column, frozenset())

    def check_columns(self, name: str, columns: Sequence[str]) -> None:
        """Check that a source has the columns that --null names.

        Raises:
            SourceUnfit: it lacks one.
        """
        if missing := [column for column in self.by_column if column not in columns]:
            raise SourceUnfit(
                f"{name} lacks {', '.join(missing)}, which --null names",
                advice=f"It has {', '.join(columns)}. Name a column for a text with = in it: COLUMN=TEXT.",
            )
