"""What a source of bearer tokens does. A new kind is a new class with these methods, entered in choose.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from loader.errors import TargetError


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token.

    Attributes:
        text: as it is sent.
        lifetime: seconds for which it is good from now on; infinite where that is not known.
    """

    text: str = field(repr=False)
    lifetime: float = float("inf")


class TokenSource(Protocol):
    """Makes or fetches bearer tokens.

    Attributes:
        can_renew: whether a later call of ``fetch`` may give another token.
    """

    can_renew: bool

    async def fetch(self, refused: str | None = None) -> Token | None:
        """Return a token that is good now; None: requests carry none.

        Args:
            refused: the token that the server has refused, if that is why another one is needed.

        Raises:
            TokensUnavailable: there is none for now; later there may be.
            TargetError: something must be mended first.
            SettingsError: an option is wrong.
        """

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970, from a reply."""

    def describe(self) -> str:
        """Return where tokens come from, for people, as in ``tokens signed with the secret``."""


@runtime_checkable
class GivenTokens(TokenSource, Protocol):
    """Tokens that somebody else makes and leaves somewhere: they may be expired, or change at any time.

    Attributes:
        origin: where they are found, as in ``BULKLOAD_TOKEN``.
    """

    origin: str

    @property
    def mend(self) -> str:
        """What the user can do for a new one, in a sentence."""

    def changed(self) -> bool:
        """Return whether another token may be there by now. It is asked before each request."""


class TokensUnavailable(TargetError):  # noqa: N818 - it reads as what it says
    """No token can be had for now: whoever gives it cannot be reached, or is overloaded.

    Args:
        message: why, in one sentence.
        said: the words of whoever gives tokens.
        advice: what the user can do about it.
        after: seconds that it asked to wait.
        needs_mending: whether the user must do something about it, if it lasts.
    """

    def __init__(
        self,
        message: str,
        *,
        said: str = "",
        advice: str = "",
        after: float | None = None,
        needs_mending: bool = False,
    ) -> None:
        super().__init__(message, said=said, advice=advice)
        self.after = after
        self.needs_mending = needs_mending
