"""What would become of each column of a source, and of the table's other columns. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loader.postgrest.description import Description
from loader.transform.mapping import ColumnMapping
from loader.transform.near_names import map_option, near_names


class Fate(StrEnum):
    """What would happen to a column."""

    SAME = "same name"
    MAPPED = "--map"
    SET = "--set"
    NEAR = "near match"
    UNTOLD = "the table's columns are not known"
    LEFT_OUT = "left out"
    UNKNOWN = "no such column"
    MISSING_KEY = "key, and missing"
    REQUIRED = "required and missing"
    NOT_WRITTEN = "not written"
    UNREAD = "no source is read"


@dataclass(frozen=True, slots=True)
class PlannedColumn:
    """A column of the source beside that of the table; one of the two may be None.

    Attributes:
        source: its name in the source.
        target: its name in the table.
        type: of the table's, as OpenAPI names it; empty where it is not known.
        fate: what would happen.
        remark: why, or what to do; may be empty.
    """

    source: str | None
    target: str | None
    type: str
    fate: Fate
    remark: str = ""


def suggested_names(
    columns: Sequence[str], mapping: ColumnMapping, description: Description
) -> dict[str, str]:
    """Return the columns of a source that the table lacks and has a near name for: source -> target."""
    if not description.types:
        return {}
    targets = mapping.targets(columns)
    written = {*targets, *(name for name, _ in mapping.constants)}
    free = [name for name in description.types if name not in written]
    if mapping.all_written is not None:
        free = [name for name in free if name in mapping.all_written]
    unknown = [
        source for target, source in targets.items() if target == source and target not in description.types
    ]
    return near_names(unknown, free)


def planned_columns(
    columns: Sequence[str],
    mapping: ColumnMapping,
    description: Description,
    *,
    key: Sequence[str],
    near: dict[str, str],
) -> list[PlannedColumn]:
    """Return what would become of each column.

    Args:
        columns: the source's.
        mapping: --map, --set, --drop and --columns.
        description: of the table.
        key: columns that each row must have; none for plain inserts.
        near: the names of ``suggested_names``.
    """
    targets = {source: target for target, source in mapping.targets(columns).items()}
    types = description.types
    planned = [_of_source(name, targets, mapping, types, near) for name in columns]
    planned += [
        PlannedColumn(None, name, types.get(name, ""), _known(name, types, Fate.SET), f"={value}")
        for name, value in mapping.constants
    ]
    if not planned:
        return [PlannedColumn(None, name, type_name, Fate.UNREAD) for name, type_name in types.items()]
    written = {column.target for column in planned if column.fate is not Fate.LEFT_OUT}
    return planned + [_of_table(name, description, key) for name in _all(types, key) if name not in written]


def _of_source(
    name: str, targets: dict[str, str], mapping: ColumnMapping, types: Mapping[str, str], near: dict[str, str]
) -> PlannedColumn:
    if name in mapping.dropped:
        return PlannedColumn(name, None, "", Fate.LEFT_OUT, "--drop")
    target = targets.get(name)
    if target is None:
        return PlannedColumn(name, None, "", Fate.LEFT_OUT, "--map or --set gives this column")
    if name in near:
        target = near[name]
        return PlannedColumn(name, target, types.get(target, ""), Fate.NEAR, map_option(target, name))
    if mapping.all_written is not None and target not in mapping.all_written:
        return PlannedColumn(name, None, "", Fate.LEFT_OUT, "--columns does not name it")
    fate = _known(target, types, Fate.SAME if target == name else Fate.MAPPED)
    return PlannedColumn(name, target if fate is not Fate.UNKNOWN else None, types.get(target, ""), fate)


def _known(target: str, types: Mapping[str, str], fate: Fate) -> Fate:
    if not types:
        return Fate.UNTOLD if fate is Fate.SAME else fate
    return fate if target in types else Fate.UNKNOWN


def _all(types: Mapping[str, str], key: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*types, *key]))


def _of_table(name: str, description: Description, key: Sequence[str]) -> PlannedColumn:
    """Return what would become of a column that nothing is written to."""
    type_name = description.types.get(name, "")
    if name in key:
        return PlannedColumn(None, name, type_name, Fate.MISSING_KEY, f"--map {name}=COLUMN gives it")
    if name not in description.required or name in description.defaults:
        return PlannedColumn(None, name, type_name, Fate.NOT_WRITTEN)
    remark = "NOT NULL: rows are refused, unless the database fills it"  # nextval() is not told
    return PlannedColumn(None, name, type_name, Fate.REQUIRED, remark)
