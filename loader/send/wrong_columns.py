"""What to tell where the relation does not take the columns of the rows. No I/O."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from loader.errors import TargetError, words
from loader.model import Reason
from loader.postgrest.advice import RELOAD
from loader.transform.near_names import map_option, near_names

_NAMES = 10  # columns that a message lists
_LISTED = 50  # columns of the relation that are listed
_ROWS = 12  # of the table that shows both
_GENERATED = "428C9"  # generated_always: the column is computed, or an identity
_COMPUTED = "0A000"  # feature_not_supported: the column of a view is an expression
_COLUMN = re.compile(r'column "(.+?)"')


def wrong_columns(
    table: str, columns: Sequence[str], types: Mapping[str, str], unknown: Sequence[str], reason: Reason
) -> TargetError:
    """Return the error for a load whose first rows have columns that the table does not take.

    Args:
        table: its name.
        columns: what the rows write.
        types: the type of each of the table's columns; empty where the API tells none.
        unknown: those of ``columns`` that the table lacks.
        reason: the refusal.
    """
    message = f"the rows have columns that {table} cannot take"
    if unknown:
        message = f"the rows have columns that {table} lacks: {shortened(unknown)}"
    said = words(reason)
    if reason.code in (_GENERATED, _COMPUTED) and (name := _COLUMN.search(reason.message)):
        drop = f"--drop {shlex.quote(name[1])}"
        advice = f"The database makes the values of {name[1]} itself: {drop} leaves out those of the source."
        return TargetError(message, said=said, advice=advice)
    if not unknown:
        return TargetError(message, said=said, advice=stale_cache("they"))
    near = near_names(unknown, [name for name in types if name not in columns])
    lines = [f"{table} has {shortened(types, _LISTED)}.", *columns_beside(table, columns, types, near)]
    if near:
        lines.append(f"To load: {' '.join(map_option(target, source) for source, target in near.items())}")
    if others := [name for name in unknown if name not in near]:
        drops = " ".join(f"--drop {shlex.quote(name)}" for name in others[:_NAMES])
        lines.append(stale_cache(shortened(others)))
        lines.append(
            f"Else add to {table} what it lacks, or write to another of its columns: --map TARGET=SOURCE. "
            f"{drops} loads the rows without these values, if nobody needs them."
        )
    return TargetError(message, said=said, advice="\n".join(lines))


def columns_beside(
    table: str, columns: Sequence[str], types: Mapping[str, str], near: Mapping[str, str]
) -> list[str]:
    """Return a short table of the rows' columns beside those of the relation: the wrong ones come first."""
    entries = [
        (name, _target(near.get(name), types), _remark(name, table, near))
        for name in columns
        if name not in types
    ]
    entries += [(name, _target(name, types), "same name") for name in columns if name in types]
    lines = _aligned([("source", table, ""), *entries[:_ROWS]])
    if len(entries) > _ROWS:
        lines.append(f"  and {len(entries) - _ROWS} more")
    return lines


def _target(name: str | None, types: Mapping[str, str]) -> str:
    return "-" if name is None else f"{name} {types[name]}".rstrip()


def _remark(name: str, table: str, near: Mapping[str, str]) -> str:
    return f"near match: {map_option(near[name], name)}" if name in near else f"{table} has no such column"


def _aligned(entries: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the entries as lines, their parts in columns."""
    shown = [[part if part.isprintable() else repr(part) for part in entry] for entry in entries]
    widths = [max(map(len, parts)) for parts in zip(*shown, strict=True)]
    return [
        "  " + "  ".join(part.ljust(width) for part, width in zip(entry, widths, strict=True)).rstrip()
        for entry in shown
    ]


def unknown_name(option: str, names: Sequence[str], table: str, types: Mapping[str, str]) -> TargetError:
    """Return the error for an option that names columns which the table lacks."""
    near = near_names(names, types)
    lines = [f"{table} has {shortened(types, _LISTED)}."]
    lines += [f"Is {target} meant by {name}?" for name, target in near.items()]
    if len(near) < len(names):
        lines.append(stale_cache(shortened(name for name in names if name not in near)))
    return TargetError(f"{option} names {', '.join(names)}, which {table} lacks", advice="\n".join(lines))


def stale_cache(new: str) -> str:
    """Return the advice for a server that may not know of new columns yet.

    PostgREST answers by its schema cache, and not by the table (its docs, "Schema Cache").
    """
    return (
        f"If {new} came to the table only lately, the server's schema cache is stale. "
        f"Run in the database: {RELOAD}"
    )


def shortened(names: Iterable[str], most: int = _NAMES) -> str:
    """Return the first of these names, and how many more there are."""
    names = [name if name.isprintable() and name == name.strip() else repr(name) for name in names]
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
