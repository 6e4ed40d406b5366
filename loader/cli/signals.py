"""SIGINT and SIGTERM: the first asks a load to stop, the second ends it at once."""

from __future__ import annotations

import signal

import anyio

from loader.errors import Interrupted
from loader.halt import Halt


async def watch(halt: Halt) -> None:
    """Pass signals on to a load until cancelled.

    Args:
        halt: the load's.
    """
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            if halt.error is None:
                halt.stop(Interrupted(number))
            else:
                halt.at_once.cancel()
