"""What to tell of a token that the server has refused: what is wrong, what it says, what to do. No I/O."""

from __future__ import annotations

from loader.credentials.claims import claims, header
from loader.credentials.kind import Kind, kind_of
from loader.credentials.shown_claims import number, shown, what_it_says
from loader.model import Reason
from loader.postgrest.token_faults import Fault, fault_of
from loader.postgrest.token_remedies import remedy
from loader.settings import Settings

ANONYMOUS = (
    "No token was sent. Set PGRST_JWT_SECRET to the server's secret, BULKLOAD_TOKEN to a token, or for "
    "Supabase BULKLOAD_APIKEY. docs/credentials.md has all kinds."
)


def of_token(reason: Reason, token: str, settings: Settings | None, now: float) -> str:
    """Return what is wrong with a token, what it says, and what to change: a line each.

    Args:
        reason: the server's refusal.
        token: the one that was refused. Of it only claims are shown.
        settings: name the kind of credential; None: it is not known.
        now: seconds since 1970.
    """
    fault = fault_of(reason, token)
    lines = [_wrong(fault, token, now), what_it_says(token, now), remedy(fault, token, settings, now)]
    return "\n".join(filter(None, lines))


def without_role(token: str, settings: Settings | None) -> str:
    """Return what to do about a token that names no role, so that it runs as the anonymous role."""
    names = [shown(name) for name in claims(token)][:10]
    has = f"its claims are {', '.join(names)}" if names else "it has no claims"
    to_do = {
        Kind.SECRET: "--role names it.",
        Kind.KEY: "--role names it.",
        Kind.OAUTH: "Have the provider add the claim, or set PostgREST's jwt-role-claim-key to one that "
        "holds a role.",
    }.get(
        kind_of(settings),
        "Use a token with that claim, or set PostgREST's jwt-role-claim-key to a claim that holds a role.",
    )
    return f"The token names no role ({has}): it counts as anonymous. {to_do}"


def refused_by_gateway(token: str | None, settings: Settings | None) -> str:
    """Return what to do about a 401 that a gateway gives, of which it says nothing that is PostgREST's."""
    if settings is None or settings.apikey is None:
        if settings is not None and settings.is_supabase:
            return "The gateway of Supabase asks for an API key: set BULKLOAD_APIKEY, or give --apikey-file."
        if token is None:
            return ANONYMOUS
        return (
            "A gateway in front of the server refuses the request: does it ask for an API key "
            f"(BULKLOAD_APIKEY)? {remedy(Fault.OTHER, token, settings, 0.0)}"
        )
    advice = (
        "The gateway refuses the API key (BULKLOAD_APIKEY or --apikey-file), or the token beside it: is "
        "--url the project of that key, and is the key still active (API Keys in the project's settings)?"
    )
    return advice if token is None else f"{advice} {remedy(Fault.OTHER, token, settings, 0.0)}"


_WRONG: dict[Fault, str] = {
    Fault.NOT_YET_VALID: "The token is not valid yet by the server's clock (nbf).",
    Fault.ISSUED_IN_FUTURE: "The token was issued in the future by the server's clock (iat). PostgREST "
    "before 14.17 and 16.1 says so of fresh tokens, too (its issue 5159).",
    Fault.UNSIGNED: "The token is not signed (alg none).",
    Fault.CLAIM: "A claim of the token is of a type that the server does not take: exp must be a number, aud "
    "a text or a list of texts.",
}


def _wrong(fault: Fault, token: str, now: float) -> str:
    """Return what is wrong, in words."""
    said, head = claims(token), header(token)
    match fault:
        case Fault.EXPIRED:
            expires = number(said.get("exp"))
            if expires is not None and expires > now:
                return "The token has expired by the server's clock, and not by ours: they differ."
            return "The token has expired."
        case Fault.SIGNATURE:
            with_key = f", with the key {shown(head['kid'])}" if "kid" in head else ""
            return (
                "The server cannot verify the token: it has another secret or key. The token is signed by "
                f"{shown(head.get('alg'))}{with_key}."
            )
        case Fault.FORM:
            return _wrong_form(token)
        case Fault.AUDIENCE:
            return (
                f"The token is for another audience: its aud is {shown(said.get('aud'))}. It must be, or "
                "hold, PostgREST's jwt-aud, letter by letter."
            )
        case _:
            return _WRONG.get(fault, "The server refuses the token.")


def _wrong_form(token: str) -> str:
    if token.lower().startswith("bearer "):
        return "What was sent as a token begins with the word Bearer: give what follows it alone."
    if token.count(".") == 4:
        return "What was sent as a token is encrypted (JWE, five parts). PostgREST takes signed ones (three)."
    if token.count(".") != 2:
        return "What was sent as a token is not a JWT, which has three parts with dots between them."
    return "What was sent as a token has the three parts of a JWT, and the server cannot decode them."
