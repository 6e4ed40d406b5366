"""Hide secrets in every text that leaves the program: messages, reports, reasons of rejects, tracebacks.

Whoever holds a secret calls `hide`, once; whoever writes text calls `masked`. The secrets belong to the
process: two loads in one process hide each other's, too. Rejected rows are not masked: they stay exact.
"""

from __future__ import annotations

import base64
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote

MASK = "***"

_SHORTEST = 4  # characters; anything shorter stands in many harmless texts
_PART = 8  # characters of a part of a password, or of a query parameter, that is hidden by itself
_LINE = 16  # characters of a line of a secret, as of a PEM key, that is hidden by itself
_TOKENS = 64  # the most tokens that are remembered; a load makes a new one every few minutes
_LONGEST_ADDRESS = 8192  # characters of a text that is searched for a user and a password

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*:/{1,3}"
# user:password@, in a URL or in what was meant to be one: the password may hold a slash.
_USER = re.compile(rf"(?:[A-Za-z][A-Za-z0-9+.-]*:/{{0,3}}|^(?!{_SCHEME})/{{0,2}})([^\s/?#:@]*:[^\s?#]*)@")
_HOST_AND_PORT = re.compile(
    r"(?:\[[^\]]*\]|[^\[:/]*)(?::\d*)?/"
)  # before a path that holds @: that is no password
_TOKEN_AS_USER = re.compile(rf"{_SCHEME}([^\s/?#:@]{{16,}})@")  # in place of user and password
_QUERY = re.compile(r"[?&;]([^=&;#\s]*)=([^&;#\s]*)")
# Query parameters that carry a signature or a credential, as object stores and gateways name them.
_SIGNED = re.compile(
    r"sig|token|secret|passw|pwd|credential|auth|jwt|api[-_]?key|access[-_]?key", re.IGNORECASE
)
# Variables of the environment that this program, or a library for it, reads, and those that hold a secret.
_OUR_VARIABLE = re.compile(r"(?:BULKLOAD|PGRST|AWS|AZURE|GOOGLE)_|.*_proxy$", re.IGNORECASE)
_SECRET_VARIABLE = re.compile(
    r"(?:SECRET|TOKEN|PASSWORD|ACCESS_KEY|ACCOUNT_KEY|STORAGE_KEY|API_?KEY|SAS_KEY)$"
)

_secrets: set[str] = set()  # in each form that they may be written in
_tokens: OrderedDict[str, None] = OrderedDict()  # the oldest first


def hide(secret: str | None) -> None:
    """Hide a secret from now on, in the forms in which others may quote it.

    Args:
        secret: one of less than four characters is not hidden, for it stands in many harmless texts.
    """
    for form in _forms(secret or ""):
        _secrets.add(form)


def hide_token(token: str | None) -> None:
    """Hide a bearer token; the last 64 of them are remembered."""
    if token and len(token) >= _SHORTEST:
        _tokens[token] = None
        while len(_tokens) > _TOKENS:
            _tokens.popitem(last=False)


def hide_in_address(text: str | None) -> None:
    """Hide user, password and signatures in a URL, or in a text that was meant to be one.

    Args:
        text: as in ``http://user:pa/ss@host``, ``user:pass@host``, ``https://host/file?sig=...``. A text
            without any is left alone.
    """
    text = (text or "")[:_LONGEST_ADDRESS]
    for match in (*_USER.finditer(text), *_TOKEN_AS_USER.finditer(text)):
        user = match[1]
        if _HOST_AND_PORT.match(user):
            continue
        for form in dict.fromkeys((user, unquote(user))):
            hide(form)
            hide(form.partition(":")[2])
            # What Basic sends (RFC 7617).
            hide(base64.b64encode(form.encode(errors="surrogateescape")).decode().rstrip("="))
        # A part of a password that holds a slash may be taken for a path, and be shown alone.
        for part in user.partition(":")[2].split("/"):
            hide(part if len(part) >= _PART else "")
    for name, value in _QUERY.findall(text):
        if _SIGNED.search(name) and len(value) >= _PART:
            hide(value)


def hide_in_environment(variables: Mapping[str, str]) -> None:
    """Hide the secrets of an environment: keys of object stores, passwords of proxies and endpoints."""
    for name, value in variables.items():
        if not _OUR_VARIABLE.match(name):
            continue
        if _SECRET_VARIABLE.search(name):
            hide(value)
        elif "@" in value or "?" in value:
            hide_in_address(value)


def masked(text: str) -> str:
    """Return a text with ``***`` in place of each secret."""
    present = [secret for secret in (*_secrets, *_tokens) if secret in text]
    for secret in sorted(present, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, MASK)
    return text


def _forms(secret: str) -> Iterator[str]:
    """Give the forms in which a secret may be quoted: as it is, percent-encoded, as in JSON or Python."""
    secret = secret.strip("\r\n")
    lines = [line for line in secret.splitlines() if len(line) >= _LINE and not line.startswith("-----")]
    try:
        safe = secret.encode(errors="surrogateescape")
    except UnicodeEncodeError:  # it is no text, and will be refused; until then it is hidden as it is
        safe = secret.encode(errors="replace")
    for form in (
        secret,
        " ".join(secret.split()),
        quote(safe, safe=""),
        quote(safe),
        unquote(secret),
        repr(secret)[1:-1],
        secret.replace("\\", "\\\\").replace('"', '\\"'),
        base64.b64encode(safe).decode(),
        *(lines if len(secret.splitlines()) > 1 else ()),
    ):
        if len(form) >= _SHORTEST:
            yield form
