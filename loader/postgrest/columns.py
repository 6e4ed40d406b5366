"""Ask the server for the columns of the relation and their types."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from loader.events import Event, Requested
from loader.model import Decision
from loader.postgrest.client import PostgREST
from loader.postgrest.column_types import PROBE, ambiguous_columns, base_type, json_or, may_be_json
from loader.postgrest.description import Description

Answer = TypeVar("Answer")


async def describe(client: PostgREST, watch: Callable[[Event], None]) -> Description:
    """Return the columns, their types and the primary key; none where the server does not tell them.

    The type of a column is empty where the server does not tell it. A type that OpenAPI does not resolve
    (column_types.py) costs a request or two.

    Args:
        client: sends the requests.
        watch: told of each request.
    """
    told = await _timed(client.describe(), watch)
    formats = dict(told.types)
    for column in ambiguous_columns(formats):
        compared = await _timed(client.compare(column, PROBE), watch)
        formats[column] = base_type(formats[column], compared)
        if may_be_json(compared):
            cast = await _timed(client.cast(column, "json"), watch)
            formats[column] = json_or(formats[column], cast)
    return replace(told, types=formats)


async def _timed(asked: Awaitable[Answer], watch: Callable[[Event], None]) -> Answer:
    started = time.monotonic()
    answer = await asked
    watch(Requested(0, 0, time.monotonic() - started, Decision.DONE))
    return answer
