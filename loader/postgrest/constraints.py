"""What PostgreSQL's words tell of a violated constraint. No I/O.

The words follow the server's lc_messages, and the DETAIL leaves the values out, or is missing, where the
role may not read the table (as under a view). So all of this may be unknown. Texts: PostgreSQL's
ri_triggers.c and nbtinsert.c.
"""

from __future__ import annotations

import re

from loader.model import Reason

FOREIGN_KEY, UNIQUE, EXCLUSION = "23503", "23505", "23P01"

_COLUMNS = re.compile(r"\((.+?)\)=\(", re.DOTALL)  # Key (boss)=(17) is not present ...; in any language
_WRITTEN = re.compile(r'insert or update on table "(.+?)" violates')
_ABSENT_FROM = re.compile(r'is not present in table "(.+?)"')
_STILL_REFERENCED = re.compile(r"update or delete on table .+ violates|is still referenced from table")
_CONSTRAINT = re.compile(r'"([^"]+)"')


def key_columns(reason: Reason) -> tuple[str, ...]:
    """Return the columns whose values are to blame; none where they are not told."""
    match = _COLUMNS.search(reason.details or "")
    return tuple(name.strip(' "') for name in match[1].split(",")) if match else ()


def is_primary_key(reason: Reason, key: tuple[str, ...]) -> bool:
    """Return whether a violated unique constraint is that of the key; by its name where no column is told."""
    if columns := key_columns(reason):
        return set(columns) == set(key)
    match = _CONSTRAINT.search(reason.message)
    return match is not None and match[1].endswith("_pkey")


def may_refer_to_own_table(reason: Reason, relation: str) -> bool:
    """Return whether the row that a foreign key misses may be one of the table that is written.

    Not so only where the words name two tables. A partition counts as its table: its name begins with that
    of the table as a rule.

    Args:
        reason: of a violated foreign key.
        relation: what is written to, by its name in the API.
    """
    if _STILL_REFERENCED.search(f"{reason.message} {reason.details or ''}"):
        return False
    written = _WRITTEN.search(reason.message)
    absent_from = _ABSENT_FROM.search(reason.details or "")
    if written is None or absent_from is None:
        return True
    return absent_from[1] == relation or written[1].startswith(absent_from[1])
