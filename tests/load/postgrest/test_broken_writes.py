"""A connection that is found closed when a request is written."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import aiohttp
import pytest

from loader.postgrest.connections import BodyRequest
from tests.support.servers import Servers


class _Closing(BodyRequest):
    """Finds its connection closed."""

    async def write_bytes(self, writer: Any, conn: Any, content_length: int | None = None) -> None:
        conn.transport.abort()
        await super().write_bytes(writer, conn, content_length)


@pytest.mark.parametrize("expects", [False, True])
async def test_the_request_fails_and_nothing_else_is_said(target: Servers, expects: bool) -> None:
    """Python would print the error of a task that nobody asks for it, with a traceback."""
    unasked: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unasked.append(context))

    async with aiohttp.ClientSession(request_class=_Closing) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(target.url, data=b"[]", expect100=expects)
    gc.collect()

    assert [] == unasked
