"""The claims of --jwt-claim: how their text is read, and what they may say. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from loader.errors import SettingsError
from loader.settings.values import in_short

# Claims that each token has anew.
_RENEWED = {"exp": "--jwt-ttl says how long a token lasts.", "iat": "--jwt-iat adds it to each token."}


def parse_claim(text: str) -> tuple[str, str]:
    """Read ``name=JSON``, a claim of a token. Its name may hold dots and slashes.

    Raises:
        SettingsError: the name is missing, or the value is not JSON.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise SettingsError(f"--jwt-claim is {in_short(text)!r}", advice="Write it as in --jwt-claim sub=1.")
    _check_value(name, value)
    return name, value


def check_claims(claims: Iterable[tuple[str, str]], *, given: Iterable[tuple[str, str]] = ()) -> None:
    """Check the claims that are added to tokens.

    Args:
        claims: pairs of name and JSON.
        given: pairs of a claim and of the option that sets it already.

    Raises:
        SettingsError: a claim comes twice, is not for the user to set, or is not JSON.
    """
    options = dict(given)
    names: set[str] = set()
    for name, value in claims:
        _check_value(name, value)
        if name in names:
            raise SettingsError(f"--jwt-claim {in_short(name)} is given twice", advice="Give it once.")
        if name in _RENEWED:
            raise SettingsError(
                f"--jwt-claim cannot set {name}: each token has its own", advice=_RENEWED[name]
            )
        if name in options:
            raise SettingsError(
                f"{options[name]} and --jwt-claim {name} both set the claim {name}",
                advice="Give one of them.",
            )
        names.add(name)


def _check_value(name: str, value: str) -> None:
    """Check that a value is JSON that everybody reads alike: no name twice, no number beyond a double."""
    try:
        msgspec.json.decode(value.encode())  # is stricter than json about numbers and surrogates
        json.loads(value, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    except _TwiceError as error:
        raise SettingsError(
            f"--jwt-claim {in_short(name)}: {in_short(value)!r} has the name {str(error)!r} twice"
        ) from None
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError, ValueError):
        raise SettingsError(
            f"--jwt-claim {in_short(name)}: {in_short(value)!r} is not JSON",
            advice="""A text stands in double quotes, as in --jwt-claim 'sub="me"'.""",
        ) from None


class _TwiceError(Exception):
    """An object has a name twice."""


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            raise _TwiceError(in_short(name))
        names.add(name)
