"""SIGINT and SIGTERM: the first asks a load to stop, the second ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable

import anyio

from loader.errors import Interrupted
from loader.halt import Halt


async def watch(halt: Halt, say: Callable[[str], None] = lambda _: None) -> None:
    """Pass signals on to a load until cancelled.

    Args:
        halt: the load's.
        say: is told at once what a signal does.
    """
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            if isinstance(halt.error, Interrupted):
                say(f"{number.name} again: stopping now; what has no answer yet is sorted out on resuming")
                halt.at_once.cancel()
                continue
            say(_what_comes(number, *halt.waits_for()))
            halt.stop(Interrupted(number))


def _what_comes(number: signal.Signals, requests: int, seconds: float) -> str:
    """Return what happens after a signal."""
    if not requests:
        return f"{number.name}: stopping"
    waited_for = "1 request has" if requests == 1 else f"{requests} requests have"
    return (
        f"{number.name}: {waited_for} no answer yet: waiting for it, {max(seconds, 1):.0f} s at most; "
        "a second signal stops now, and the same command resumes"
    )
