"""How a load is told to stop: what is in flight is finished, nothing new is begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from loader.errors import LoadError


class Halted(Exception):  # noqa: N818 - it is no error: somebody else's error is why
    """Raised where work ends because a stop was asked for."""


class Halt:
    """A request to stop, made by anyone and seen by everyone. The first reason counts.

    It is made inside the event loop.
    """

    def __init__(self) -> None:
        self.error: LoadError | None = None
        self.at_once = anyio.CancelScope()  # around all work, for those who cannot wait
        # How many requests are without an answer, and for how many seconds at most they are waited for.
        self.waits_for: Callable[[], tuple[int, float]] = lambda: (0, 0.0)
        self._scopes: set[anyio.CancelScope] = set()

    def stop(self, error: LoadError) -> None:
        """Ask everyone to stop, because of ``error``."""
        if self.error is None:
            self.error = error
            for scope in self._scopes:
                scope.cancel()

    def check(self) -> None:
        """Go no further if a stop was asked for.

        Raises:
            Halted: it was.
        """
        if self.error is not None:
            raise Halted

    @contextmanager
    def cancels(self) -> Iterator[None]:
        """What is awaited inside is left off when a stop is asked for."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            if self.error is not None:
                scope.cancel()
            try:
                yield
            finally:
                self._scopes.discard(scope)

    async def sleep(self, seconds: float) -> None:
        """Wait, but not beyond a stop.

        Raises:
            Halted: a stop was asked for, before or meanwhile.
        """
        with self.cancels():
            await anyio.sleep(seconds)
        self.check()
