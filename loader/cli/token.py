"""``bulkload token``: prints the bearer token that a load would send, or what stands in it."""

from __future__ import annotations

import re
import time
from functools import partial

import anyio
import msgspec

from loader.cli.terminal import print_line, print_out
from loader.credentials.choose import token_source
from loader.credentials.claims import expiry, header, is_jwt, payload
from loader.credentials.moments import distance, moment
from loader.credentials.tokens import Tokens
from loader.errors import SettingsError
from loader.settings import Settings

_WAYS = (
    "Set PGRST_JWT_SECRET, or give --jwt-secret-file or --jwt-key-file to sign tokens; or give a token by "
    "BULKLOAD_TOKEN, --token-file, --token-command, --login or --oauth-issuer."
)
_NOT_ASCII = re.compile(r"[^\n\x20-\x7e]")


def print_token(settings: Settings, *, decode: bool) -> None:
    """Print a token on standard output.

    Args:
        settings: of a load.
        decode: whether to print its claims instead, and on standard error what its header says and when it
            expires.

    Raises:
        SettingsError: there is no token, or nothing in it to decode.
        TargetError: none can be had.
    """
    source = token_source(settings, tell=print_line)
    token = anyio.run(partial(Tokens(source, lambda: None).current))
    if token is None and settings.apikey is not None:
        raise SettingsError(
            "no bearer token is sent: the API key goes in the header apikey alone",
            advice="The gateway makes a token for it. To send a user's token beside the key, give --login, "
            "BULKLOAD_TOKEN or --token-file.",
        )
    if token is None:
        raise SettingsError("there is no token, and nothing to make one of", advice=_WAYS)
    if not decode:
        print_out(token)
        return
    if not is_jwt(token):
        raise SettingsError(
            f"there is nothing to decode: {source.describe()} is no JWT",
            advice="Only whoever issued it knows what it stands for.",
        )
    print_line(_header(token))
    print_line(_expiry(token))
    print_out(_claims(token))


def _header(token: str) -> str:
    """Return what the header of a token says."""
    said = header(token)
    return f"signed by {said.get('alg', 'nothing')}, kid {said.get('kid', '(none)')}"


def _expiry(token: str) -> str:
    """Return when a token expires."""
    at = expiry(token)
    if at is None:
        return "it does not tell when it expires"
    now = time.time()
    return f"{'expires' if at > now else 'expired'} at {moment(at)}, {distance(at, now)}"


def _claims(token: str) -> str:
    """Return the claims of a token as its JSON has them, to the digit, in ASCII."""
    text = msgspec.json.format(payload(token), indent=2).decode()
    return _NOT_ASCII.sub(_escaped, text)  # which can only stand in a text of JSON


def _escaped(character: re.Match[str]) -> str:
    units = character[0].encode("utf-16-be")
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))
