"""The place of a batch among those in flight."""

from __future__ import annotations

from typing import Protocol


class Turn(Protocol):
    """Knows whether all batches before one are settled."""

    @property
    def has_come(self) -> bool:
        """Whether they are."""

    async def wait(self) -> None:
        """Wait until they are."""


class Alone:
    """The turn of a batch that is sent while no other is."""

    has_come = True

    async def wait(self) -> None:
        """Go on at once."""


ALONE = Alone()
