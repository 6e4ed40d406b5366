"""``bulkload token``: prints the bearer token that a load would send, or what stands in it."""

from __future__ import annotations

import json
from functools import partial

import anyio

from loader.cli.terminal import print_out
from loader.credentials.choose import token_source
from loader.credentials.claims import claims
from loader.credentials.tokens import Tokens
from loader.errors import SettingsError
from loader.settings import Settings


def print_token(settings: Settings, *, decode: bool) -> None:
    """Print a token on standard output.

    Args:
        settings: of a load.
        decode: whether to print its claims instead.

    Raises:
        SettingsError: there is no token.
        TargetError: none can be had.
    """
    tokens = Tokens(token_source(settings), lambda: None)
    token = anyio.run(partial(tokens.current))
    if token is None:
        raise SettingsError(
            "there is no secret to sign with", advice="Set PGRST_JWT_SECRET or --jwt-secret-file."
        )
    print_out(json.dumps(claims(token), indent=2) if decode else token)
