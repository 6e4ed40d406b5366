"""--ca-file and --client-cert: files that are not what they should be are refused before anything is sent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from loader.errors import SettingsError
from loader.settings import Settings
from loader.transport import Transport
from tests.support.ways import LONG_AGO, THEN, ca_file, client_cert

CA = trustme.CA()
LEAF = CA.issue_cert("loader@example.com")
CERTIFICATE = LEAF.cert_chain_pems[0].bytes()
KEY = LEAF.private_key_pem.bytes()


def encrypted(style: PrivateFormat) -> bytes:
    """Return the key, encrypted."""
    key = load_pem_private_key(KEY, None)
    return key.private_bytes(Encoding.PEM, style, BestAvailableEncryption(b"pass"))


def expired() -> bytes:
    """Return an expired certificate with its key."""
    leaf = CA.issue_cert("loader@example.com", not_before=LONG_AGO, not_after=THEN)
    return leaf.private_key_and_cert_chain_pem.bytes()


def refusal(**files: Path) -> str:
    """Return why settings are refused."""
    with pytest.raises(SettingsError) as caught:
        Transport.of(Settings(url="https://server.example", **files))  # type: ignore[arg-type]
    return str(caught.value)


def test_files_that_are_right(tmp_path: Path) -> None:
    """No error; the order in the file does not matter."""
    swapped = tmp_path / "swapped.pem"
    swapped.write_bytes(CERTIFICATE + KEY)

    Transport.of(Settings(url="https://a", ca_file=ca_file(CA, tmp_path), client_cert=swapped))
    Transport.of(Settings(url="https://a", client_cert=client_cert(CA, tmp_path)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (CERTIFICATE, "has no private key in it.*one PEM file"),
        (KEY, "has no certificate in it.*one PEM file"),
        (b"\x30\x82 no PEM", "has neither a certificate nor a private key in it"),
        (b"", "has neither"),
        (CERTIFICATE + encrypted(PrivateFormat.PKCS8), "its private key is encrypted.*openssl pkey"),
        (CERTIFICATE + encrypted(PrivateFormat.TraditionalOpenSSL), "its private key is encrypted"),
        (CERTIFICATE + trustme.CA().issue_cert("a").private_key_pem.bytes(), "the key is not that of the"),
        (CERTIFICATE.replace(b"M", b"!") + KEY, "cannot be used"),
        (expired(), "is valid until 2020-01-02 00:00 UTC only"),
    ],
)
def test_a_client_certificate_that_cannot_be_used(tmp_path: Path, data: bytes, says: str) -> None:
    """The message names the option and the file, and says what to do."""
    path = tmp_path / "client.pem"
    path.write_bytes(data)

    said = refusal(client_cert=path)

    assert said.startswith(f"--client-cert {path}")
    assert re.search(says, said, re.DOTALL), said


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (KEY, "has no certificate in it"),
        (b"\x30\x82 no PEM", "has no certificate in it"),
        (CA.cert_pem.bytes().replace(b"M", b"!"), "holds no certificate that can be read"),
        (expired(), "no certificate in it is valid after 2020-01-02 00:00 UTC"),
    ],
)
def test_a_ca_file_that_cannot_be_used(tmp_path: Path, data: bytes, says: str) -> None:
    """Likewise."""
    path = tmp_path / "ca.pem"
    path.write_bytes(data)

    said = refusal(ca_file=path)

    assert said.startswith(f"--ca-file {path}")
    assert says in said


def unreadable(path: Path) -> None:
    """Let a link lead to itself: root may read all files, but not that one."""
    path.symlink_to(path)


@pytest.mark.parametrize("option", ["ca_file", "client_cert"])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _: None, "no such file or directory"),
        (Path.mkdir, "is a directory"),
        (os.mkfifo, "is not a regular file"),
        (unreadable, "too many levels of symbolic links"),
    ],
)
def test_a_file_that_cannot_be_read(
    tmp_path: Path, option: str, make: Callable[[Path], object], says: str
) -> None:
    """The message says why; nothing waits for a pipe."""
    path = tmp_path / "file"
    make(path)

    said = refusal(**{option: path})

    assert said.startswith(f"--{option.replace('_', '-')} {path}")
    assert says in said
