"""The headers that carry a bearer token and an API key. No I/O.

Supabase's docs, "API keys": each request carries the key in ``apikey``. Keys that begin with ``sb_`` are no
tokens and must not stand in Authorization: where that is absent, the gateway makes a token for the key. The
older keys, anon and service_role, are tokens, and stand in both.
"""

from __future__ import annotations

from loader.credentials.claims import claims, is_jwt


def headers(token: str | None, apikey: str | None) -> dict[str, str]:
    """Return the headers of a request.

    Args:
        token: the bearer token; None: there is none.
        apikey: the API key; None: there is none.
    """
    made = {} if apikey is None else {"apikey": apikey}
    return made if token is None else made | {"Authorization": f"Bearer {token}"}


def key_as_token(apikey: str | None) -> str | None:
    """Return the API key if it is a token itself, as the anon and service_role keys are."""
    return apikey if apikey is not None and is_jwt(apikey) else None


def is_public_key(apikey: str | None) -> bool:
    """Return whether this is a key that everybody may know: a publishable one, or the older anon key."""
    if apikey is None:
        return False
    return apikey.startswith("sb_publishable_") or claims(apikey).get("role") == "anon"
