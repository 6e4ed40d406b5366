"""Name the columns of a table from its first line and from what the command says of it. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loader.errors import SourceUnfit
from loader.formats.header_evidence import Verdict, fold, judge
from loader.formats.source_hints import SourceHints

_LISTED = 20  # columns
_SHOWN = 60  # characters of a line
_ADVICE = "Give the source a header, or name its columns with --columns if it has none."


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the columns, and whether the first line is a header, not a row."""

    columns: tuple[str, ...]
    is_header: bool


def list_columns(columns: Sequence[str]) -> str:
    """Return how many columns there are, and the names of the first, for people."""
    names = [name if name.isprintable() else repr(name) for name in columns[:_LISTED]]
    listed = ", ".join(names) + (", ..." if len(columns) > _LISTED else "")
    return f"{len(columns)} column{'s' if len(columns) != 1 else ''}: {listed}"


def name_columns(
    cells: Sequence[str],
    rows: Sequence[Sequence[str]],
    where: str,
    *,
    hints: SourceHints,
    above: int,
    line_above: int | None,
    is_reject_file: bool,
) -> Names:
    """Return the names of the columns.

    Args:
        cells: those of the first line.
        rows: some that follow it.
        where: its place, for messages.
        hints: --header, --columns, --skip-lines, and the columns that --map names by position.
        above: how many lines stand above the first.
        line_above: how many cells the last line has that --skip-lines passes over; None: it passes over none.
        is_reject_file: whether the source holds rejected rows. Then a first row may have a wrong length.

    Raises:
        SourceUnfit: the first line cannot be a header, or may be a row as well.
    """
    # The command passes over nothing, or over a line that is as long as a header.
    rows_follow = hints.skip_lines == 0 or line_above == len(cells)
    if hints.header is not None:
        if rows and all(len(row) == len(hints.header) == len(cells) + 1 for row in rows):
            cells = ["", *cells]  # R leaves out the name of the row's names
        return _by_position(
            cells,
            rows,
            where,
            hints=hints,
            above=above,
            rows_follow=rows_follow,
            is_reject_file=is_reject_file,
        )
    if hints.columns is not None:
        columns, expected = hints.columns, hints.expected_columns
        if _lacks_header(
            cells, columns, expected, where, rows_follow=rows_follow, is_reject_file=is_reject_file
        ):
            return Names(columns, is_header=False)
        # A column without a name gets a name: --columns cannot choose it.
        cells = [
            cell if cell.strip() or number in hints.positions else f"column {number}"
            for number, cell in enumerate(cells, 1)
        ]
    cells = _with_positions(cells, hints.positions)
    _check_names(cells, where)
    return Names(tuple(cells), is_header=True)


def _by_position(
    cells: Sequence[str],
    rows: Sequence[Sequence[str]],
    where: str,
    *,
    hints: SourceHints,
    above: int,
    rows_follow: bool,
    is_reject_file: bool,
) -> Names:
    """Return the names of --header, and whether the first line is a header that they replace.

    Raises:
        SourceUnfit: the line has another number of cells, or may be a header or a row.
    """
    names = hints.header or ()
    if lacking := [column for column in hints.expected_columns if column not in names]:
        raise SourceUnfit(f"{where}: --header lacks {', '.join(lacking)}, which --columns names")
    verdict: Verdict = "row"
    if not rows_follow:
        verdict = judge(cells, rows, names, only_by_names=is_reject_file)
    if len(cells) != len(names) and not (is_reject_file and verdict == "row"):
        raise SourceUnfit(
            f"{where}: {len(cells)} cells, and --header names {len(names)} columns",
            advice="--header names all columns of the source, in their order.",
        )
    if verdict == "doubt":
        row = (
            "--skip-lines 0" if above == 0 or hints.skip_lines is None else f"--columns {_join(names)} alone"
        )
        raise SourceUnfit(
            f"{where}: {_shown(cells)} may be a header or a row",
            advice=f"If it is a header, pass over it with --skip-lines {above + 1}. If it is a row: {row}.",
        )
    return Names(names, is_header=verdict == "header")


def _lacks_header(
    cells: Sequence[str],
    columns: tuple[str, ...],
    expected: tuple[str, ...],
    where: str,
    *,
    rows_follow: bool,
    is_reject_file: bool,
) -> bool:
    """Return whether a first line is a row, whose cells --columns names, and not a header.

    Raises:
        SourceUnfit: it is neither, or may be both.
    """
    missing = [column for column in expected if column not in cells]
    near = {fold(cell): cell for cell in cells if cell.strip()}
    renamed = {column: near[fold(column)] for column in missing if fold(column) in near}
    maps = " ".join(f"--map {_quote(f'{column}={cell}')}" for column, cell in renamed.items())
    if missing and len(missing) < len(expected):
        raise SourceUnfit(
            f"{where}: the header lacks {', '.join(missing)}, which --columns names",
            advice=f"It has {', '.join(cells)}." + (f" Rename columns with {maps}." if maps else ""),
        )
    if renamed and not rows_follow:
        row = "--skip-lines 0" if len(cells) == len(columns) else "name all its columns with --columns"
        raise SourceUnfit(
            f"{where}: {_shown(cells)} is almost what --columns names: it may be a header or a row",
            advice=f"If it is a header: {maps}. If it is a row: {row}.",
        )
    if missing and len(cells) != len(columns) and not is_reject_file:
        raise SourceUnfit(
            f"{where}: {len(cells)} cells, and --columns names {len(columns)} columns",
            advice="Without a header, --columns names all columns of the source, in their order.",
        )
    return bool(missing)


def _with_positions(cells: Sequence[str], positions: frozenset[int]) -> list[str]:
    """Return the cells of a header, those that have no name of their own named by their position.

    Args:
        cells: the header's.
        positions: columns that the command names like that, as in ``#3``.
    """
    counts = Counter(cells)
    return [
        f"#{number}" if number in positions and (not cell.strip() or counts[cell] > 1) else cell
        for number, cell in enumerate(cells, 1)
    ]


def _check_names(cells: Sequence[str], where: str) -> None:
    """Check that each column has a name of its own.

    Raises:
        SourceUnfit: a name is missing, repeated, not UTF-8, or contains NUL.
    """
    if any("\0" in cell for cell in cells):
        raise SourceUnfit(
            f"{where}: the header contains NUL bytes",
            advice="Is it whole? A crash may leave NULs. Or is it UTF-16: --encoding?",
        )
    if not all(cell.strip() for cell in cells):
        position = next(number for number, cell in enumerate(cells, 1) if not cell.strip())
        raise SourceUnfit(
            f"{where}: column {position} of the header has no name",
            advice=_advice(cells, position) if any(cell.strip() for cell in cells) else _ADVICE,
        )
    if repeated := [cell for cell, count in Counter(cells).items() if count > 1]:
        position = len(cells) - cells[::-1].index(repeated[0])
        raise SourceUnfit(
            f"{where}: the header has {', '.join(repeated)} twice", advice=_advice(cells, position)
        )
    try:
        "".join(cells).encode()
    except UnicodeEncodeError as error:
        raise SourceUnfit(
            f"{where}: the header is not in the encoding of its source, which is UTF-8 without --encoding",
            advice="Name another encoding, as in --encoding latin-1.",
        ) from error


def _advice(cells: Sequence[str], position: int) -> str:
    """Return how to name a column that has no name of its own."""
    names = [cell if cell.strip() else "COLUMN" for cell in cells]
    names[position - 1] = "COLUMN"
    return (
        f"Name it with --map COLUMN=#{position}, or leave it out with --drop '#{position}'. "
        f"Or name all columns by their position: --header {_join(names)}."
    )


def _join(names: Sequence[str]) -> str:
    return _quote(",".join(f'"{name}"' if "," in name else name for name in names))


def _quote(text: str) -> str:
    """Return a value as a shell takes it."""
    return (
        text
        if all(char.isalnum() or char in "_=,.-" for char in text)
        else "'" + text.replace("'", "'\\''") + "'"
    )


def _shown(cells: Sequence[str]) -> str:
    text = ",".join(cells)
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return text if text.isprintable() else repr(text)
