"""Which kind of credential a load has, and the role that it stands for. No I/O."""

from __future__ import annotations

from enum import Enum, auto

from loader.credentials.claims import claims
from loader.credentials.headers import key_as_token
from loader.settings import Settings


class Kind(Enum):
    """Where the bearer token of a load comes from, which decides what can be done about a wrong one."""

    UNKNOWN = auto()
    NONE = auto()
    SECRET = auto()  # signed here, by HS256
    KEY = auto()  # signed here, with a private key
    GIVEN = auto()  # BULKLOAD_TOKEN
    FILE = auto()
    COMMAND = auto()
    LOGIN = auto()  # Supabase Auth
    OAUTH = auto()
    KEY_AS_TOKEN = auto()  # an API key that is a token itself
    GATEWAY = auto()  # made by a gateway, for an API key


def kind_of(settings: Settings | None) -> Kind:
    """Return the kind of credential that settings name; None: they are not known."""
    if settings is None:
        return Kind.UNKNOWN
    named = {
        Kind.SECRET: settings.jwt_secret,
        Kind.KEY: settings.jwt_key,
        Kind.GIVEN: settings.token,
        Kind.FILE: settings.token_file,
        Kind.COMMAND: settings.token_command,
        Kind.LOGIN: settings.login,
        Kind.OAUTH: settings.oauth_issuer or settings.oauth_token_url,
        Kind.KEY_AS_TOKEN: key_as_token(settings.apikey),
        Kind.GATEWAY: settings.apikey,
    }
    return next((kind for kind, value in named.items() if value is not None), Kind.NONE)


def is_minted(settings: Settings | None) -> bool:
    """Return whether tokens are signed here."""
    return kind_of(settings) in (Kind.SECRET, Kind.KEY)


def role_of(settings: Settings | None, token: str | None) -> str:
    """Return the database role that requests run as; empty where nothing here tells it.

    Args:
        settings: of the load.
        token: the bearer token; None: none was sent, or it is not known.
    """
    if settings is not None and token is None:
        token = settings.token or key_as_token(settings.apikey)
    if token:
        role = claims(token).get("role")
        return role if isinstance(role, str) else ""
    match kind_of(settings):
        case Kind.SECRET | Kind.KEY if settings is not None:
            return settings.role
        case Kind.GATEWAY if settings is not None and settings.apikey is not None:
            return "service_role" if settings.apikey.startswith("sb_secret_") else "anon"
        case Kind.NONE if settings is not None and settings.is_supabase:
            return "anon"
        case _:
            return ""
