"""What the values of options must look like: URLs, secrets, keys, tokens, commands, paths, texts. No I/O."""

from __future__ import annotations

import codecs
import os
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from loader import mask
from loader.errors import SettingsError
from loader.settings.unix_sockets import socket_path

_SUPABASE = (".supabase.co", ".supabase.in", ".supabase.red")
_API_KEYS = ("sb_secret_", "sb_publishable_")
# The begin of a key file, and of a public key of OpenSSH: PyJWT signs with neither by HS256.
_KEY = re.compile(
    r"----[- ]BEGIN [A-Z0-9 ]*(?:KEY|CERTIFICATE|PARAMETERS|REQUEST|CRL)[- ]----"
    r"|^(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521))"
)
_BEARER = re.compile(r"\Abearer(?:\s+|\Z)", re.IGNORECASE)
# Encodings of host names and of Python itself, with underscores for what else may stand in their names.
_NO_FILES = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"})


def check_url(url: str) -> None:
    """Check that this is a base URL.

    Raises:
        SettingsError: it is no URL, or has a user, a query or a fragment.
    """
    mask.hide_in_address(url)
    if not is_web_address(url) and not _names_socket(url):
        raise SettingsError(
            f"--url {mask.masked(url)!r} is not a web address", advice="Write it as in http://localhost:3000."
        )
    parts = urlsplit(url)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingsError(
            "--url must be the base URL alone: no user, no ? and no #",
            advice="PostgREST reads query parameters as filters; tokens have settings of their own.",
        )


def check_secret(secret: str) -> None:
    """Check that a text can sign HS256 tokens, as PyJWT sees it.

    Raises:
        SettingsError: it is the key of an asymmetric algorithm, or not text.
    """
    mask.hide(secret)
    if not secret or not _is_text(secret):
        raise SettingsError("the secret that signs tokens is empty, or not UTF-8")
    if _KEY.search(secret):
        raise SettingsError(
            "the secret that signs tokens is a PEM or SSH key, which HS256 cannot sign with",
            advice="Give the server's jwt-secret itself, as its configuration has it; a private key as "
            "--jwt-key-file.",
        )


def bare_apikey(text: str) -> str:
    """Return an API key without the blanks that people copy along with it.

    Raises:
        SettingsError: it cannot stand in a header.
    """
    mask.hide(text)
    key = text.strip()
    mask.hide(key)
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            "the API key is empty, or not printable ASCII",
            advice="Copy the key from the project's settings (API Keys), with nothing around it.",
        )
    return key


def check_bearer(token: str, shown: str) -> None:
    """Check that a text can be a bearer token: that it is no API key of Supabase's newer kind.

    Args:
        token: the text.
        shown: what messages call it.

    Raises:
        SettingsError: it is such a key.
    """
    if token.startswith(_API_KEYS):
        mask.hide(token)
        raise SettingsError(
            f"{shown} is an API key of Supabase, which is no bearer token",
            advice="Give it alone, as BULKLOAD_APIKEY or --apikey-file: the gateway makes a token for it.",
        )


def bearer_token(text: str, name: str) -> str:
    """Return a bearer token without what people copy along with it: blanks, and the word Bearer.

    Args:
        text: as it was given.
        name: what messages call it. They do not quote it.

    Raises:
        SettingsError: it cannot stand in a header.
    """
    token = bare_token(text)
    for secret in (text, token):
        mask.hide(secret if _is_text(secret) else "")
    if not token:
        raise SettingsError(
            f"{name} is empty", advice="Give the token itself: three parts with dots between."
        )
    if not is_header_token(token):
        raise SettingsError(
            f"{name} cannot be sent in a header: {_unfit(token)}",
            advice="Give the token alone: one line of letters, digits, dots, hyphens and underscores.",
        )
    check_bearer(token, name)
    return token


def bare_token(text: str) -> str:
    """Return a text without blanks around it, and without the word Bearer before it."""
    return _BEARER.sub("", text.strip())


def is_header_token(text: str) -> bool:
    """Return whether a text can stand in a header as a token: printable ASCII without blanks."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _unfit(token: str) -> str:
    if len(token.splitlines()) > 1:
        return "it has several lines"
    return "it has a blank in it" if token.isascii() and token.isprintable() else "it is not printable ASCII"


def check_command(option: str, command: str) -> None:
    """Check that a command can be split into a program and its arguments, as a shell would do it.

    Raises:
        SettingsError: it cannot, or names no program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:  # its text does not quote the command
        raise SettingsError(
            f"{option} cannot be split into words: {str(error).lower()}", advice="Close each quote."
        ) from None
    if not words or not words[0]:
        raise SettingsError(f"{option} names no program", advice="Give a command that prints a token.")


def check_path(option: str, path: Path) -> None:
    """Check that the system can have a file of this name.

    Raises:
        SettingsError: it cannot.
    """
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:
        raise SettingsError(
            f"{option}: this locale cannot write the name {str(path)!r}", advice="Set LC_ALL=C.UTF-8."
        ) from None
    if b"\0" in name:
        raise SettingsError(f"{option} has a character U+0000 in it")


def check_text(option: str, text: str) -> None:
    """Check that a text can be sent: that it is UTF-8, without U+0000.

    Raises:
        SettingsError: it is not.
    """
    if "\0" in text or not _is_text(text):
        raise SettingsError(
            f"{option} is {text!r}", advice="It must be UTF-8 text without the character U+0000."
        )


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def check_encoding(name: str) -> None:
    """Check that Python can read text in this encoding.

    Raises:
        SettingsError: it cannot.
    """
    if not _is_encoding(name):
        raise SettingsError(
            f"--encoding is {name!r}, which is not an encoding of text",
            advice="Give one that Python knows, as in latin-1, cp1252 or utf-16.",
        )


def is_supabase(url: str) -> bool:
    """Return whether this is the URL of a Supabase project."""
    return (urlsplit(url).hostname or "").endswith(_SUPABASE)


def is_web_address(url: str) -> bool:
    """Return whether this is the URL of a web server."""
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        return (
            url.isprintable()
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        return False


def _names_socket(url: str) -> bool:
    """Return whether a URL names a unix socket; raise where it was meant to, and does not."""
    try:
        return url.isprintable() and socket_path(url) is not None
    except ValueError:
        return False


def _is_encoding(name: str) -> bool:
    try:
        codec = codecs.lookup(name).name.replace("-", "_")
        if codec in _NO_FILES:
            return False
        "".encode(codec)
    except (LookupError, UnicodeError, ValueError):
        return False  # LookupError also for a codec that is not of text
    return True
