"""What to change where a server refuses a token: it depends on where the token comes from. No I/O."""

from __future__ import annotations

import re

from loader.credentials.claims import claims
from loader.credentials.keys import signing_key
from loader.credentials.kind import Kind, is_minted, kind_of
from loader.credentials.shown_claims import number
from loader.credentials.signing_key import SHORTEST_SECRET
from loader.postgrest.token_faults import Fault
from loader.settings import Settings

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")

_NEW_ONE = {
    Kind.GIVEN: "It came from BULKLOAD_TOKEN and cannot be renewed: put a new one there",
    Kind.FILE: "It came from --token-file: have a new one written there",
    Kind.COMMAND: "It came from --token-command: run that by hand and look at what it prints, with "
    "`bulkload token --decode` too",
    Kind.KEY_AS_TOKEN: "It is the API key: take a new one from the project's settings (API Keys)",
}
_CLOCKS = "Set the clocks of both machines right (NTP)"
_RESUME = ", then run the same command to resume."


def remedy(fault: Fault, token: str, settings: Settings | None, now: float) -> str:
    """Return what to change.

    Args:
        fault: what is wrong.
        token: the one that was refused.
        settings: name the kind of credential; None: it is not known.
        now: seconds since 1970.
    """
    kind = kind_of(settings)
    match fault:
        case Fault.EXPIRED:
            expires = number(claims(token).get("exp"))
            if kind in _NEW_ONE and (expires is None or expires <= now):
                return _NEW_ONE[kind] + _RESUME
            ttl = ", or give a longer --jwt-ttl" if is_minted(settings) else ""
            return f"{_CLOCKS}{ttl}{_RESUME}"
        case Fault.NOT_YET_VALID if is_minted(settings):
            return f"{_CLOCKS}, or leave out --jwt-claim nbf=... ."
        case Fault.ISSUED_IN_FUTURE if is_minted(settings):
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
            return "Mend --jwt-claim." if is_minted(settings) else "Whoever issues the token must mend it."


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
    key = signing_key(settings)
    if key is not None and key.is_short:
        return (
            f"It has less than {SHORTEST_SECRET} bytes, and PostgREST takes no token of such a secret: give "
            "the server a longer one. "
        )
    if settings.jwt_secret_is_base64:
        return "Leave out --jwt-secret-is-base64 if the server does not have jwt-secret-is-base64. "
    if secret != secret.strip():
        return "It begins or ends with a blank: does the server's? "
    if _BASE64.fullmatch(secret):
        return "It looks like base64: if the server has jwt-secret-is-base64, give --jwt-secret-is-base64. "
    return ""
