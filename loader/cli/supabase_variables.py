"""Supabase's own variables, for what bulkload's do not say: the URL of the project, and its API key. No I/O.

Those of the environment go before those of ``.env``, and both after all that is said in bulkload's own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from loader.settings.checks import is_supabase

URL = "SUPABASE_URL"
_KEYS = ("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_KEY")
# A user who signs in needs a key for the gateway alone: the one that can do least comes first.
_KEYS_OF_A_USER = ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY", *reversed(_KEYS))
SECRETS = frozenset({*_KEYS, *_KEYS_OF_A_USER})
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is set. ``file``: the ``.env`` that it stands in; empty: the environment."""

    name: str
    value: str = field(repr=False)
    file: str = ""

    def __str__(self) -> str:
        return f"{self.name} of {self.file}" if self.file else self.name


@dataclass(frozen=True, slots=True)
class Variables:
    """Supabase's variables, of the environment and of a folder's ``.env``.

    Args:
        environment: all variables of the process.
        folder: those of ``.env``.
        file: its name.
    """

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Mapping[str, str] = field(default_factory=dict, repr=False)
    file: str = ""

    def first(self, *names: str) -> Variable | None:
        """Return the first of these variables that is set."""
        for variables, file in ((self.environment, ""), (self.folder, self.file)):
            for name in names:
                if variables.get(name):
                    return Variable(name, variables[name], file)
        return None

    @property
    def project(self) -> Variable | None:
        """The URL of the project."""
        return self.first(URL)


@dataclass(frozen=True, slots=True)
class Fallback:
    """What stands in for an API key that is not given.

    Attributes:
        apikey: has the key.
        unsent: has a key that is not sent.
        why: it is not.
    """

    apikey: Variable | None = None
    unsent: Variable | None = None
    why: str = ""


def api_key(variables: Variables, url: str, *, has_tokens: bool, signs_in: bool) -> Fallback:
    """Return the variable to take the API key from, where none is given in bulkload's own way.

    A key is sent to the project that SUPABASE_URL names, and to no other host. Where that is not set it is
    sent, unless a source of tokens says that the target may be anybody's PostgREST.

    Args:
        variables: Supabase's.
        url: of the target.
        has_tokens: whether a source of tokens is named, other than --login.
        signs_in: whether --login is.
    """
    key = variables.first(*(_KEYS_OF_A_USER if signs_in else _KEYS))
    if key is None:
        return Fallback()
    project = variables.project
    if project is None:
        if not has_tokens or is_supabase(url):
            return Fallback(key)
        return Fallback(unsent=key, why=f"{URL} is not set, and tokens come from elsewhere")
    if _origin(project.value) == _origin(url):
        return Fallback(key)
    return Fallback(unsent=key, why=f"{project} names another host than --url")


def told(url: Variable | None, fallback: Fallback) -> str:
    """Return in a line what was taken; empty where nothing was.

    Args:
        url: has the URL of the target, if that was taken.
        fallback: the API key.
    """
    parts = [f"the URL is that of {url}"] if url else []
    if fallback.apikey:
        parts.append(f"the API key is that of {fallback.apikey}")
    if fallback.unsent:
        parts.append(f"{fallback.unsent} is not sent: {fallback.why}")
    return "; ".join(parts)


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port of a URL; None where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, (parts.hostname or "").rstrip("."), port
