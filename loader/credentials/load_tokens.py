"""The tokens of a load: renewed in time, and its user is told what to know of them."""

from __future__ import annotations

from loader.credentials.choose import token_source
from loader.credentials.outlast import OutlastWatch
from loader.credentials.session import SessionStore
from loader.credentials.tokens import Tokens
from loader.events import HelperFailed, HelperOutput, Notice, Observers, Renewed
from loader.halt import Halt
from loader.settings import Settings
from loader.transport import Transport, clear_text_warning


def load_tokens(
    settings: Settings, transport: Transport, *, store: SessionStore, halt: Halt, observers: Observers
) -> Tokens:
    """Return the tokens that the requests of a load carry.

    Args:
        settings: name their source.
        transport: connects to whoever gives them.
        store: keeps a refresh token for a resume; a dry run, which is not resumed, leaves it alone.
        halt: ends waits.
        observers: told of renewals, of what a helper program says, and of a token that ends before the load.
    """

    def notice(text: str) -> None:
        observers.on(Notice(text))

    source = token_source(
        settings,
        transport=transport,
        store=None if settings.dry_run else store,
        notice=notice,
        tell=lambda line: observers.on(HelperOutput(line)),
        helper_failed=lambda: observers.on(HelperFailed()),
        stoppable=halt.cancels,
    )
    tokens = Tokens(
        source,
        lambda: observers.on(Renewed()),
        notice=notice,
        patience=settings.retry_for,
        refuse_expired=True,
        sleep=halt.sleep,
    )
    if warning := clear_text_warning(settings, transport):
        notice(warning)
    if not settings.dry_run:
        observers.add(OutlastWatch(tokens, notice))
    return tokens
