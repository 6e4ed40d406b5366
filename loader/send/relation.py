"""The relation that is loaded into: asked for before the first row is sent."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from loader.batch.key_equality import ReadKey, reader
from loader.errors import TargetError, words
from loader.model import Reason, Shape
from loader.postgrest.description import Description
from loader.postgrest.error_codes import NO_UNIQUE_CONSTRAINT
from loader.postgrest.write import Write
from loader.send.result import Accepted, Cause, Refused, Unusable
from loader.send.retry import Requests
from loader.send.wrong_columns import unknown_name, wrong_columns
from loader.settings import Settings

_PATIENCE = 10.0  # seconds: a wrong URL should be told at once
USUAL_KEY = ("id",)
# What an assumed key is refused with, where the relation has another: no unique constraint, no such column.
_KEY_REFUSED = frozenset({NO_UNIQUE_CONSTRAINT, "42703", "PGRST204"})


@dataclass(frozen=True, slots=True)
class Relation:
    """The target's relation, as far as it has told.

    Attributes:
        name: as --table has it.
        key: the columns that identify a row.
        types: the types of columns, as OpenAPI or --types tells them; empty where nothing is told.
        first: the shape that the load began with: the relation takes rows of that shape.
        description: what OpenAPI tells.
    """

    name: str
    key: tuple[str, ...]
    types: Mapping[str, str]
    first: Shape
    description: Description = field(default_factory=Description)

    @property
    def read_key(self) -> ReadKey | None:
        """How its keys are compared; None where equal keys are equal texts."""
        return reader(self.key, self.types)

    def unknown_columns(self, columns: Iterable[str]) -> list[str]:
        """Return the columns that it lacks, as far as it has told its own."""
        own = self.description.types
        return [column for column in columns if column not in own] if own else []

    def wrong_columns(self, reason: Reason) -> TargetError:
        """Return the error for a load whose first rows have columns that it does not take."""
        unknown = self.unknown_columns(self.first.columns)
        return wrong_columns(self.name, self.first.columns, self.description.types, unknown, reason)


async def ask(
    requests: Requests, settings: Settings, shape: Shape, named: Mapping[str, Sequence[str]]
) -> Relation:
    """Ask the target whether it would take rows of the first shape, and for its columns and key.

    The key is --on-conflict, else the primary key that the API's description tells (PostgREST's docs,
    "OpenAPI"), else ``id``.

    Args:
        requests: makes the requests.
        settings: table, on_conflict, resolution, retry_for.
        shape: the columns of the first rows.
        named: the columns that options name, by option.

    Raises:
        TargetError: it would not take them, or lacks a column that an option names.
        TargetUnavailable: it cannot be reached.
        Halted: a stop was asked for meanwhile.
    """
    patience = min(_PATIENCE, settings.retry_for)
    key = settings.on_conflict or USUAL_KEY
    answer = await requests.preflight(Write(settings.resolution, key), shape, patience)
    if isinstance(answer, Unusable) and answer.reason.code not in _KEY_REFUSED:
        raise answer.error
    description = await requests.describe()
    if isinstance(answer, Unusable) and settings.on_conflict:
        raise _wrong_key(answer, settings, description)
    told = settings.on_conflict or description.primary_key or USUAL_KEY
    types = {**description.types, **dict(settings.types)}
    relation = Relation(settings.table, told, types, shape, description)
    _check_names(relation, settings, named)
    if told != key and settings.resolution != "none":  # a plain insert names no key
        answer = await requests.preflight(Write(settings.resolution, told), shape, patience)
    match answer:
        case Accepted():
            return relation
        case Unusable(error=error):
            raise _assumed_key(answer, error, settings, description)
        case Refused(cause=cause, reason=reason):
            if missing := relation.unknown_columns(told):
                message = f"{relation.name} tells no primary key, and has no column {', '.join(missing)}"
                advice = (
                    f"Name its key with --on-conflict: {relation.name} has {', '.join(description.types)}."
                )
                raise TargetError(message, said=words(reason), advice=advice)
            if cause is Cause.COLUMNS:
                raise relation.wrong_columns(reason)
            raise TargetError("the target refuses a request without rows", said=words(reason))
        case _:
            assert_never(answer)


def _wrong_key(answer: Unusable, settings: Settings, description: Description) -> TargetError:
    """Return the error for an --on-conflict that names no key, with the key that the API tells."""
    error = answer.error
    if answer.reason.code == NO_UNIQUE_CONSTRAINT and description.primary_key:
        key = ",".join(description.primary_key)
        told = f"The primary key of {settings.table} is {key}: --on-conflict {shlex.quote(key)} names it."
        return TargetError(error.message, said=error.said, advice=f"{error.advice}\n{told}")
    return error


def _assumed_key(
    answer: Unusable, error: TargetError, settings: Settings, description: Description
) -> TargetError:
    """Return the error, with the reason why the key is a guess, if it is one and is refused."""
    told = settings.on_conflict or description.primary_key or settings.resolution == "none"
    if answer.reason.code == NO_UNIQUE_CONSTRAINT and not told:
        assumed = f"The key was taken to be {', '.join(USUAL_KEY)}, for the server tells none."
        return TargetError(error.message, said=error.said, advice=f"{error.advice}\n{assumed}")
    return error


async def described_key(
    requests: Requests, settings: Settings, named: Mapping[str, Sequence[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the load's key, and the relation's primary key, where there is no row to ask the target with.

    The primary key is the one that the API's description tells; it is empty where that tells none.

    Args:
        requests: makes the request.
        settings: table, on_conflict.
        named: the columns that options name, by option.

    Raises:
        TargetError: the relation lacks a column that an option names.
    """
    description = await requests.describe()
    relation = Relation(settings.table, (), {}, Shape(()), description)
    _check_names(relation, settings, named)
    key = settings.on_conflict or description.primary_key or USUAL_KEY
    return key, description.primary_key


def _check_names(relation: Relation, settings: Settings, named: Mapping[str, Sequence[str]]) -> None:
    own = {"--on-conflict": settings.on_conflict or (), "--types": [name for name, _ in settings.types]}
    for option, names in (own | dict(named)).items():
        if unknown := relation.unknown_columns(names):
            raise unknown_name(option, unknown, relation.name, relation.description.types)
