"""The columns of the relation, and their types: what OpenAPI tells, and what else the server gives away."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from loader.events import Event, Requested
from loader.model import Decision
from loader.postgrest.base_types import PROBE, base_type, json_or, may_be_json, untold
from loader.postgrest.client import PostgREST
from loader.postgrest.description import Description

Answer = TypeVar("Answer")


async def describe(client: PostgREST, watch: Callable[[Event], None]) -> Description:
    """Return the columns, their types and the primary key; none where the server does not tell them.

    A column whose type nobody tells has an empty one. One whose type OpenAPI does not resolve (base_types)
    takes a request or two.

    Args:
        client: asks.
        watch: told of the requests.
    """
    told = await _timed(client.describe(), watch)
    formats = dict(told.types)
    for column in untold(formats):
        compared = await _timed(client.compare(column, PROBE), watch)
        formats[column] = base_type(formats[column], compared)
        if may_be_json(compared):
            cast = await _timed(client.cast(column, "json"), watch)
            formats[column] = json_or(formats[column], cast)
    return Description(formats, told.primary_key)


async def _timed(asked: Awaitable[Answer], watch: Callable[[Event], None]) -> Answer:
    started = time.monotonic()
    answer = await asked
    watch(Requested(0, 0, time.monotonic() - started, Decision.DONE))
    return answer
