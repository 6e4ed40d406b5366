"""The certificates to trust (--ca-file), and the one that we show (--client-cert).

Both files are read and checked before anything is sent. Nothing here turns the checks of TLS off.
"""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import SettingsError
from loader.private_files import NotRegularError, open_regular

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_LARGEST = 16 * 1024 * 1024  # bytes; the bundle of a system has a fourth of a megabyte
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_ENCRYPTED = re.compile(rb"-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED")
_MAKE_PEM = "A PEM file has lines like -----BEGIN CERTIFICATE-----; openssl makes it of other files."


def make_context(ca_file: Path | None, client_cert: Path | None) -> ssl.SSLContext:
    """Return what TLS connections are made with.

    Args:
        ca_file: PEM file with the certificates to trust; None: the system's.
        client_cert: PEM file with a client certificate and its key; None: none is shown.

    Raises:
        SettingsError: a file cannot be read, or is not what it should be.
    """
    authorities = None if ca_file is None else _authorities(ca_file)
    try:
        context = ssl.create_default_context(cadata=authorities)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(
            f"--ca-file {ca_file} holds no certificate that can be read: {_words(error)}", advice=_MAKE_PEM
        ) from error
    if authorities is not None:
        # What the file names is trusted, be it an authority's certificate or the server's own. Python 3.13
        # also asks certificates for extensions that self-signed ones often lack.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if client_cert is not None:
        _show(context, client_cert)
    return context


def _authorities(path: Path) -> str:
    """Return the certificates of a file, without the words around them, which need not be ASCII."""
    found = _CERTIFICATE.findall(_read("--ca-file", path))
    if not found:
        raise SettingsError(f"--ca-file {path} has no certificate in it", advice=_MAKE_PEM)
    text = b"\n".join(found).decode("ascii", errors="replace")
    certificates = _parsed(text.encode())
    if certificates and all(map(_is_over, certificates)):
        last = max(certificate.not_valid_after_utc for certificate in certificates)
        raise SettingsError(
            f"--ca-file {path}: no certificate in it is valid after {last:%Y-%m-%d %H:%M} UTC",
            advice="Ask whoever runs the server for the certificate that is valid now.",
        )
    return text


def _show(context: ssl.SSLContext, path: Path) -> None:
    """Let a context show a client certificate."""
    data = _read("--client-cert", path)
    shown = f"--client-cert {path}"
    if not (certificates := _CERTIFICATE.findall(data)) or not _KEY.search(data):
        missing = "no private key" if certificates else "no certificate"
        if not certificates and not _KEY.search(data):
            missing = "neither a certificate nor a private key"
        raise SettingsError(
            f"{shown} has {missing} in it",
            advice="Put both into one PEM file: cat client.crt client.key > client.pem",
        )
    if _ENCRYPTED.search(data):
        raise SettingsError(
            f"{shown}: its private key is encrypted",
            advice="Decrypt it into a file that only you can read: openssl pkey -in client.key",
        )
    for certificate in _parsed(certificates[0])[:1]:
        if _is_over(certificate):
            raise SettingsError(
                f"{shown} is valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC only",
                advice="Ask whoever has issued the certificate for a new one.",
            )
    try:
        context.load_cert_chain(path, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        differ = isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH"
        what = "the key is not that of the certificate" if differ else _words(error)
        raise SettingsError(
            f"{shown} cannot be used: {what}",
            advice="The certificate must come before those of its issuers, and its key be in the same file.",
        ) from error


def _read(option: str, path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_LARGEST + 1)
    except NotRegularError:
        what = "is a directory" if path.is_dir() else "is not a regular file"
        raise SettingsError(f"{option} {path} {what}") from None
    except OSError as error:
        raise SettingsError(f"{option} {path}: {(error.strerror or str(error)).lower()}") from error
    if len(data) > _LARGEST:
        raise SettingsError(f"{option} {path} has more than 16 MiB: it is no PEM file", advice=_MAKE_PEM)
    return data


def _parsed(data: bytes) -> list[Certificate]:
    """Return certificates with what stands in them; none where only OpenSSL can read them."""
    from cryptography.x509 import load_pem_x509_certificates  # 30 ms, and only needed with these options

    try:
        return load_pem_x509_certificates(data)
    except ValueError:
        return []


def _is_over(certificate: Certificate) -> bool:
    return certificate.not_valid_after_utc < datetime.now(UTC)


def _words(error: Exception) -> str:
    """Return OpenSSL's words, without where in its source they stand."""
    reason = getattr(error, "reason", None)
    return str(reason or getattr(error, "strerror", None) or error).replace("_", " ").lower()
