"""The bearer token that a helper program prints."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import PurePath

from loader import mask
from loader.child_environment import child_environment
from loader.credentials import token_output
from loader.credentials.helper import Ended, run
from loader.credentials.server_clock import ServerClock
from loader.credentials.token_source import Token, TokensUnavailable
from loader.errors import LoadError, SettingsError, TargetError

_TIME_LIMIT = 60.0  # seconds: a person may have to touch a key, or to log in with a browser
# A JWT in what a helper writes for its user, as `set -x` does. Other tokens cannot be told from words.
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_SHELL = frozenset("|&;<>$`~*")  # characters of words that only a shell would understand


class TokenCommand:
    """Tokens that a program prints (a GivenTokens). It is run for each; Tokens says when.

    Args:
        command: the program and its arguments, as a shell splits them.
        tell: given each line that it writes to stderr, without the JWTs in it. Nobody keeps them.
        failed: called where it gave no token.
        stoppable: what is awaited inside is left off when the load is to stop.
        time_limit: seconds that it may take.
    """

    can_renew = True

    def __init__(
        self,
        command: str,
        *,
        tell: Callable[[str], None] = lambda _: None,
        failed: Callable[[], None] = lambda: None,
        stoppable: Callable[[], AbstractContextManager[None]] = nullcontext,
        time_limit: float = _TIME_LIMIT,
    ) -> None:
        self._words = shlex.split(command)
        # Of the words only this one is shown. NAME=value is for a shell, and may hold a secret.
        self._shown = self._words[0].partition("=")[0]
        self._program = PurePath(self._shown).name
        self.origin = f"--token-command {self._program}"
        self.mend = "Run it by hand: it must print a new token. Then run the same command."
        self._tell: Callable[[str], None] = lambda line: tell(_JWT.sub(mask.MASK, line))
        self._failed = failed
        self._stoppable = stoppable
        self._time_limit = time_limit
        self._clock = ServerClock()
        self._has_begun = False

    async def fetch(self, refused: str | None = None) -> Token:
        """Run the program, and return the token that it prints.

        Raises:
            SettingsError: it cannot be run, or what it prints is no token, for the first time.
            TargetError: it has failed, the first time.
            TokensUnavailable: likewise, later.
        """
        del refused
        try:
            with self._stoppable():
                return await self._token()
        except LoadError as error:
            self._failed()
            if not self._has_begun:
                raise
            raise TokensUnavailable(error.message, advice=error.advice, needs_mending=True) from error
        raise TokensUnavailable(f"{self.origin} was ended, as the load is to stop")

    def changed(self) -> bool:
        """Return False: what it would print is not known."""
        return False

    def adjust_clock(self, server_time: float) -> None:
        """Learn the server's time, in seconds since 1970."""
        self._clock.adjust(server_time)

    def describe(self) -> str:
        """Return where tokens come from."""
        return f"tokens that {self._program} prints (--token-command)"

    async def _token(self) -> Token:
        began = time.time()
        environment = child_environment(os.environ)
        try:
            ended = await run(
                self._words, environment=environment, tell=self._tell, time_limit=self._time_limit
            )
        except (OSError, ValueError) as error:
            raise self._not_run(error) from error
        if (why := self._failure(ended)) is not None:
            raise why
        try:
            given = token_output.read(ended.output, began)
        except token_output.NoTokenError as error:
            raise SettingsError(
                f"{self.origin}: what it printed {error}",
                advice="It must print a bearer token and nothing else, or JSON with one.",
            ) from None
        self._has_begun = True
        return Token(given.token, self._clock.seconds_until(given.expires))

    def _failure(self, ended: Ended) -> TargetError | None:
        """Return the error for a helper that has failed; None: it has not."""
        if ended.too_much:
            return TargetError(f"{self.origin} printed more than 1 MiB, and was ended")
        if ended.code is None:
            return TargetError(
                f"{self.origin} gave no token within {self._time_limit:g} s, and was ended",
                advice="It cannot ask for anything: it has no terminal and no input. Run it by hand first.",
            )
        if ended.code == 0:
            return None
        how = (
            f"was ended by {_signal(-ended.code)}" if ended.code < 0 else f"ended with exit code {ended.code}"
        )
        return TargetError(
            f"{self.origin} {how}, and gave no token",
            advice="What it wrote about that is shown above. Run it by hand: it must print a token.",
        )

    def _not_run(self, error: OSError | ValueError) -> SettingsError:
        """Return the error for a helper that cannot be run."""
        program = self._words[0]
        shown = f"--token-command: {self._shown}"
        needs_shell = _SHELL & set("".join(self._words)) or "=" in program
        shell = " No shell runs it; if it needs one: sh -c '...'." if needs_shell else ""
        if isinstance(error, FileNotFoundError) and shutil.which(program) is None:
            return SettingsError(f"{shown}: there is no such program", advice=f"Give its path.{shell}")
        if isinstance(error, FileNotFoundError):
            return SettingsError(f"{shown} names an interpreter in its first line that is not there")
        if isinstance(error, PermissionError):
            return SettingsError(f"{shown} must not be run", advice=f"Is it a program (chmod +x)?{shell}")
        why = getattr(error, "strerror", None) or "it cannot be run"
        return SettingsError(
            f"{shown}: {why.lower()}", advice=f"Is it a program, with a first line #!...?{shell}"
        )


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
