"""What is wrong with a token that the server has refused, and what to change. No I/O.

PostgREST 12 says PGRST301 of all that is wrong with a token. Since 13 that code is for tokens that cannot be
decoded or verified, and PGRST303 for their claims, in other words (Error.hs at v12.0.2 and v13.0.8).
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Any

from loader.credentials.claims import claims, header
from loader.credentials.kind import Kind, kind_of
from loader.credentials.moments import distance, moment
from loader.model import Reason
from loader.settings import Settings

_SHOWN = 80  # characters of a claim
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")

ANONYMOUS = (
    "No token was sent. Set PGRST_JWT_SECRET to the server's secret, BULKLOAD_TOKEN to a token, or for "
    "Supabase BULKLOAD_APIKEY. docs/credentials.md has all kinds."
)


class Fault(Enum):
    """What is wrong with a token."""

    EXPIRED = auto()
    NOT_YET_VALID = auto()
    ISSUED_IN_FUTURE = auto()
    SIGNATURE = auto()
    UNSIGNED = auto()
    FORM = auto()
    CLAIM = auto()
    AUDIENCE = auto()
    OTHER = auto()


# By words of the message without its spaces, in lower case; the first that is in it counts.
_WORDS: dict[str, Fault] = {
    "notyetvalid": Fault.NOT_YET_VALID,
    "issuedatfuture": Fault.ISSUED_IN_FUTURE,
    "expired": Fault.EXPIRED,
    "audience": Fault.AUDIENCE,
    "claim": Fault.CLAIM,
    "nosignatures": Fault.UNSIGNED,
    "parts": Fault.FORM,
    "decode": Fault.FORM,
    "tokentype": Fault.FORM,
    "emptyjwt": Fault.FORM,
    "algorithm": Fault.SIGNATURE,
    "signature": Fault.SIGNATURE,
    "suitablekey": Fault.SIGNATURE,
    "cryptographic": Fault.SIGNATURE,
}


def fault_of(reason: Reason, token: str) -> Fault:
    """Return what is wrong with a token, by the server's words about it."""
    words = reason.message.lower().replace(" ", "")
    fault = next((fault for part, fault in _WORDS.items() if part in words), Fault.OTHER)
    is_unsigned = fault is Fault.SIGNATURE and str(header(token).get("alg")).lower() == "none"
    return Fault.UNSIGNED if is_unsigned else fault


def of_token(reason: Reason, token: str, settings: Settings | None, now: float) -> str:
    """Return what is wrong with a token, what it says, and what to change: a line each.

    Args:
        reason: the server's refusal.
        token: the one that was refused. Of it only claims are shown.
        settings: name the kind of credential; None: it is not known.
        now: seconds since 1970.
    """
    fault, kind = fault_of(reason, token), kind_of(settings)
    lines = [_wrong(fault, token, now), what_it_says(token, now), _remedy(fault, kind, token, settings, now)]
    return "\n".join(filter(None, lines))


def what_it_says(token: str, now: float) -> str:
    """Return the claims of a token that a server decides on, for people; empty if it is not a JWT.

    Args:
        token: it.
        now: seconds since 1970.
    """
    said, head = claims(token), header(token)
    if not head:
        return ""
    parts = [f"role {_value(said['role'])}" if "role" in said else "no role"]
    parts.append(f"aud {_value(said['aud'])}" if "aud" in said else "no aud")
    parts += [f"{name} {_time(said[name], now)}" for name in ("exp", "nbf", "iat") if name in said]
    if "exp" not in said:
        parts.append("no exp")
    parts += [f"{name} {_value(head[name])}" for name in ("alg", "kid") if name in head]
    return f"The token says: {', '.join(parts)}."


def without_role(token: str, settings: Settings | None) -> str:
    """Return what to do about a token that names no role, so that it runs as the anonymous role."""
    names = [name for name in claims(token) if name.isprintable()][:10]
    has = f"its claims are {', '.join(names)}" if names else "it has no claims"
    remedy = {
        Kind.SECRET: "--role names it.",
        Kind.KEY: "--role names it.",
        Kind.OAUTH: "Have the provider add the claim, or set PostgREST's jwt-role-claim-key to one that "
        "holds a role.",
    }.get(
        kind_of(settings),
        "Use a token with that claim, or set PostgREST's jwt-role-claim-key to a claim that holds a role.",
    )
    return f"The token names no role ({has}): it counts as anonymous. {remedy}"


def refused_by_gateway(token: str | None, settings: Settings | None) -> str:
    """Return what to do about a 401 that a gateway gives, of which it says nothing that is PostgREST's."""
    if settings is None or settings.apikey is None:
        if settings is not None and settings.is_supabase:
            return "The gateway of Supabase asks for an API key: set BULKLOAD_APIKEY, or give --apikey-file."
        if token is None:
            return ANONYMOUS
        return (
            "A gateway in front of the server refuses the request: does it ask for an API key "
            f"(BULKLOAD_APIKEY)? {_remedy(Fault.OTHER, kind_of(settings), token, settings, 0.0)}"
        )
    advice = "The gateway refuses the API key, or the token beside it: is --url the project of that key, and "
    advice += "is the key still active (API Keys in the project's settings)?"
    return (
        advice if token is None else f"{advice} {_remedy(Fault.OTHER, kind_of(settings), token, settings, 0)}"
    )


_WRONG: dict[Fault, str] = {
    Fault.NOT_YET_VALID: "The token is not valid yet by the server's clock (nbf).",
    Fault.ISSUED_IN_FUTURE: "The token was issued in the future by the server's clock (iat). PostgREST "
    "before 14.17 and 16.1 says so of fresh tokens, too (its issue 5159).",
    Fault.UNSIGNED: "The token is not signed (alg none).",
    Fault.CLAIM: "A claim of the token is of a type that the server does not take: exp must be a number.",
}


def _wrong(fault: Fault, token: str, now: float) -> str:
    """Return what is wrong, in words."""
    said, head = claims(token), header(token)
    match fault:
        case Fault.EXPIRED:
            expires = _number(said.get("exp"))
            if expires is not None and expires > now:
                return "The token has expired by the server's clock, and not by ours: they differ."
            return "The token has expired."
        case Fault.SIGNATURE:
            with_key = f", with the key {_value(head['kid'])}" if "kid" in head else ""
            return (
                "The server cannot verify the token: it has another secret or key. The token is signed by "
                f"{_value(head.get('alg'))}{with_key}."
            )
        case Fault.FORM:
            return _wrong_form(token)
        case Fault.AUDIENCE:
            return (
                f"The token is for another audience: its aud is {_value(said.get('aud'))}. It must be, or "
                "hold, PostgREST's jwt-aud, letter by letter."
            )
        case _:
            return _WRONG.get(fault, "The server refuses the token.")


def _wrong_form(token: str) -> str:
    if token.startswith("sb_"):
        return "What was sent as a token is an API key of Supabase: it belongs in BULKLOAD_APIKEY."
    if token.lower().startswith("bearer "):
        return "What was sent as a token begins with the word Bearer: give what follows it alone."
    if token.count(".") == 4:
        return "What was sent as a token is encrypted (JWE, five parts). PostgREST takes signed ones (three)."
    if token.count(".") != 2:
        return "What was sent as a token is not a JWT, which has three parts with dots between them."
    return "What was sent as a token has the three parts of a JWT, and the server cannot decode them."


_NEW_ONE = {
    Kind.GIVEN: "It came from BULKLOAD_TOKEN and cannot be renewed: put a new one there",
    Kind.FILE: "It came from --token-file: have a new one written there",
    Kind.COMMAND: "It came from --token-command: run that by hand and look at what it prints, with "
    "`bulkload token --decode` too",
    Kind.KEY_AS_TOKEN: "It is the API key: take a new one from the project's settings (API Keys)",
}
_CLOCKS = "Set the clocks of both machines right (NTP)"
_RESUME = ", then run the same command to resume."


def _remedy(fault: Fault, kind: Kind, token: str, settings: Settings | None, now: float) -> str:
    """Return what to change."""
    match fault:
        case Fault.EXPIRED:
            expires = _number(claims(token).get("exp"))
            if kind in _NEW_ONE and (expires is None or expires <= now):
                return _NEW_ONE[kind] + _RESUME
            ttl = ", or give a longer --jwt-ttl" if _is_minted(settings) else ""
            return f"{_CLOCKS}{ttl}{_RESUME}"
        case Fault.NOT_YET_VALID if _is_minted(settings):
            return f"{_CLOCKS}, or leave out --jwt-claim nbf=... ."
        case Fault.ISSUED_IN_FUTURE if _is_minted(settings):
            return f"Leave out --jwt-iat. {_CLOCKS}."
        case Fault.NOT_YET_VALID | Fault.ISSUED_IN_FUTURE:
            return f"{_CLOCKS}, or wait{_RESUME}"
        case Fault.AUDIENCE:
            return _AUDIENCE.get(kind, "Use a token for that audience, or change jwt-aud.")
        case Fault.SIGNATURE | Fault.UNSIGNED | Fault.OTHER:
            return _signature(kind, settings)
        case Fault.FORM:
            return _FORM.get(kind, "")
        case Fault.CLAIM:
            return "Mend --jwt-claim." if _is_minted(settings) else "Whoever issues the token must mend it."


_AUDIENCE = {
    **dict.fromkeys(
        (Kind.SECRET, Kind.KEY),
        "Give --jwt-aud with the value of jwt-aud (the default is the URL as written).",
    ),
    Kind.OAUTH: "Give --oauth-audience with the value of jwt-aud, if the provider knows audiences; or change "
    "jwt-aud.",
    Kind.LOGIN: "Supabase Auth says authenticated: change jwt-aud, or leave it out.",
}
_FORM = {
    Kind.GIVEN: "Mend BULKLOAD_TOKEN: it must hold the token alone.",
    Kind.FILE: "Mend --token-file: it must hold the token alone.",
    Kind.COMMAND: "--token-command must print a JWT that this server takes. Access tokens of Google and of "
    "others are none: have it print the identity token.",
    Kind.OAUTH: "The provider's access tokens are no JWTs. Name an API of it with --oauth-audience or "
    "--oauth-scope, or send the other token: --oauth-use id_token.",
}


def _signature(kind: Kind, settings: Settings | None) -> str:
    match kind:
        case Kind.SECRET if settings is not None:
            return (
                "PGRST_JWT_SECRET (or --jwt-secret-file) must be the server's jwt-secret, letter by letter. "
                f"{_secret_hint(settings)}"
                "If the server checks an asymmetric key (a JWKS), sign with that: --jwt-key-file."
            )
        case Kind.KEY:
            return (
                "The server's jwt-secret must hold the public key of --jwt-key-file. --jwt-kid must be a kid "
                "of its keys, and --jwt-alg their alg, if they have any."
            )
        case Kind.LOGIN:
            return "The token is of this project's Auth: does the PostgREST behind --url have its keys?"
        case Kind.KEY_AS_TOKEN:
            return (
                "The API key is of another project, or its keys were changed: take that of --url's project."
            )
        case Kind.OAUTH:
            return (
                "The server's jwt-secret must hold the keys of the provider (its jwks_uri), the newest too. "
                "--oauth-use id_token sends the other token."
            )
        case Kind.GIVEN | Kind.FILE | Kind.COMMAND:
            return (
                "Is it a token for this server, and has the server the newest keys of its issuer? "
                f"{_NEW_ONE[kind]}{_RESUME}"
            )
        case _:
            return "Check the credential against the server's jwt-secret."


def _secret_hint(settings: Settings) -> str:
    secret = settings.jwt_secret or ""
    if settings.jwt_secret_is_base64:
        return "Leave out --jwt-secret-is-base64 if the server does not have jwt-secret-is-base64. "
    if secret != secret.strip():
        return "It begins or ends with a blank: does the server's? "
    if _BASE64.fullmatch(secret):
        return "It looks like base64: if the server has jwt-secret-is-base64, give --jwt-secret-is-base64. "
    return ""


def _is_minted(settings: Settings | None) -> bool:
    return kind_of(settings) in (Kind.SECRET, Kind.KEY)


def _time(value: Any, now: float) -> str:
    seconds = _number(value)
    return _value(value) if seconds is None else f"{moment(seconds)} ({distance(seconds, now)})"


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        return None
    return float(value)


def _value(value: Any) -> str:
    """Return a claim as it may be shown: short, and on one line."""
    text = value if isinstance(value, str) and value.isprintable() and value else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
