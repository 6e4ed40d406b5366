"""What a token endpoint answers: a token, or an error in words. No I/O.

RFC 6749 has the form of both: section 5.1 and 5.2. RFC 8707 adds ``invalid_target``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from loader import mask
from loader.credentials.claims import expiry
from loader.credentials.endpoint import Answer, quoted
from loader.credentials.token_output import number
from loader.credentials.token_source import Token, TokensUnavailable
from loader.errors import TargetError

_NAMES = 8  # of a reply's members that a message names
_LATER = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_ADVICE = {
    "invalid_client": "Check --oauth-client-id, and the client's secret or key. --oauth-issuer learns from "
    "the provider whether it takes the secret in the body alone, and signs for the issuer as audience; "
    "--oauth-token-url alone sends the secret in the header, and signs for the token URL.",
    "invalid_scope": "Check --oauth-scope, and which scopes the provider lets this client ask for.",
    "unauthorized_client": "Allow the client this grant, or this scope or audience, at the provider.",
    "unsupported_grant_type": "The provider has this grant turned off, or it is not the token URL.",
    "invalid_target": "Check --oauth-audience, and whether the client is allowed it at the provider.",
    "access_denied": "Check --oauth-audience and --oauth-scope, and allow the client both at the provider.",
    "invalid_request": "See what the provider misses: --oauth-scope and --oauth-audience are sent if given.",
}
_REFRESH_ADVICE = (
    "The refresh token has expired, was revoked, was used before, or belongs to another client. "
    "Sign in again, and give the new one."
)


@dataclass(frozen=True, slots=True)
class TokenReply:
    """What a token endpoint gives.

    Attributes:
        token: the one to send.
        refresh_token: the next one, if it has given one.
    """

    token: Token
    refresh_token: str | None = field(repr=False)


def read_token(answer: Answer, *, use: str, grant: str, now: float) -> TokenReply:
    """Return the token of a reply.

    Args:
        answer: the reply.
        use: which token to send, ``access_token`` or ``id_token``.
        grant: that was asked for, as ``refresh_token``.
        now: seconds since 1970, by the clock of whoever checks the token.

    Raises:
        TokensUnavailable: the provider says that later there may be one.
        TargetError: it has none.
    """
    if "error" in answer.body or answer.status != 200:
        raise _refusal(answer, grant)
    if not answer.body:
        raise TargetError(
            f"{answer.shown} answers with something else than JSON",
            said=answer.text if answer.text.startswith("<") else "",  # anything else may hold a token
            advice="Check that --oauth-token-url is where tokens are fetched, and not a page for people.",
        )
    text = answer.body.get(use)
    if not isinstance(text, str) or not text:
        raise _without(answer, use)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise TargetError(f"{answer.shown} gives an {use} that no header can carry")
    mask.hide_token(text)
    kind = answer.body.get("token_type")
    if use == "access_token" and kind is not None and str(kind).lower() != "bearer":
        raise TargetError(
            f"{answer.shown} gives a token of the type {quoted(kind)}, and only Bearer can be sent",
            advice="Turn the binding of tokens (DPoP, mTLS) off for this client, at the provider.",
        )
    # expires_in tells of the access token.
    lifetime = _seconds(answer.body.get("expires_in")) if use == "access_token" else None
    if lifetime is None:
        expires = expiry(text)
        lifetime = math.inf if expires is None else expires - now
    refresh = answer.body.get("refresh_token")
    refresh = refresh if isinstance(refresh, str) and refresh else None
    mask.hide_token(refresh)
    return TokenReply(Token(text, lifetime), refresh)


def _seconds(value: object) -> float | None:
    """Return a time that may be a number, or a text with one; None if it is neither, or not above 0."""
    seconds = number(value)
    return seconds if seconds is not None and seconds > 0 else None


def _refusal(answer: Answer, grant: str) -> TargetError:
    code, description = answer.body.get("error"), answer.body.get("error_description")
    if not isinstance(code, str) or not code:
        moved = answer.status in range(300, 400)
        return TargetError(
            f"{answer.shown} answers {answer.status} to a request for a token",
            said=answer.text,
            advice="Redirects are not followed: give the URL that it leads to as --oauth-token-url."
            if moved
            else "Check --oauth-token-url: tokens are fetched there by POST.",
        )
    said = quoted(description) if description else ""
    if code in _LATER:
        return TokensUnavailable(f"{answer.shown} has no token for now: {quoted(code)}", said=said)
    advice = _ADVICE.get(code, "")
    if code == "invalid_grant":
        advice = _REFRESH_ADVICE if grant == "refresh_token" else _ADVICE["unauthorized_client"]
    return TargetError(
        f"{answer.shown} refuses a token by {grant}: {quoted(code)} ({answer.status})",
        said=said,
        advice=advice,
    )


def _without(answer: Answer, use: str) -> TargetError:
    names = ", ".join(map(quoted, list(answer.body)[:_NAMES]))
    return TargetError(
        f"{answer.shown} gives no {use}, but {names}",
        advice="Add openid to --oauth-scope. Many providers give an id_token only to people who sign in: "
        "then a refresh token of theirs is needed."
        if use == "id_token"
        else "Check that it is the token URL; --oauth-use id_token sends the other token.",
    )
