"""Whatever stands in a file with a key or a secret, it signs or is refused, and no message quotes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loader.errors import Exit
from tests.support.keys import jwk, pem
from tests.unit.cli.test_any_value import run

ENDS = {Exit.COMPLETE, Exit.USAGE}
LONG = 8  # characters of a text that cannot stand in a message by chance

LABELS = st.sampled_from(
    ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY",
     "PUBLIC KEY", "CERTIFICATE", "PGP PRIVATE KEY BLOCK"]
)  # fmt: skip
BODIES = st.one_of(st.text(max_size=80), st.text("ABCDEFGHabcdefgh0123+/=\n", max_size=200))
PEMS = st.builds("-----BEGIN {0}-----\n{1}\n-----END {0}-----\n".format, LABELS, BODIES)
VALUES = st.one_of(
    st.text(max_size=30), st.text("ABCabc012-_=", max_size=90), st.integers(), st.none(), st.lists(st.text()),
)  # fmt: skip
# What messages have anyway must not become a secret: it would be hidden in those of all tests.
WORDS = st.one_of(VALUES, st.sampled_from(["P-256", "P-521", "Ed25519", "X25519", "RS256", "HS512", "sig"]))
MEMBERS = {
    **dict.fromkeys(("n", "e", "d", "p", "q", "dp", "dq", "qi", "oth", "x", "y", "k"), VALUES),
    **dict.fromkeys(("crv", "alg", "kid", "use"), WORDS),
}
SOME: Any = st.fixed_dictionaries({}, optional=MEMBERS)
JWKS = st.one_of(
    SOME,
    # Real ones with some members changed.
    st.builds(
        lambda kind, changes, count: jwk(kind) | dict(list(changes.items())[:count]),
        st.sampled_from(["RSA-2048", "P-256", "Ed25519"]), SOME, st.integers(0, 2),
    ),
)  # fmt: skip
KEYS = st.builds(
    lambda key, kty: key if kty is None else key | {"kty": kty},
    JWKS,
    st.sampled_from([None, "RSA", "EC", "OKP", "oct", "", 1]),
)
TEXTS = st.one_of(
    st.text(max_size=60),
    PEMS,
    KEYS.map(json.dumps),
    st.lists(KEYS, max_size=3).map(lambda keys: json.dumps({"keys": keys})),
    st.integers(0, 200).map(lambda at: pem("P-256")[:at] + pem("P-256")[at + 1 :]),
)


def secrets(text: str) -> list[str]:
    """Return what no message may have: the text, and the members of keys that are secret."""
    found = [text.strip()]
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return found
    keys = value.get("keys", [value]) if isinstance(value, dict) else []
    names = ("d", "p", "q", "dp", "dq", "qi", "k")
    return found + [key[name] for key in keys for name in names if isinstance(key.get(name), str)]


@pytest.mark.parametrize(
    "options",
    [["--jwt-key-file=key"], ["--jwt-secret-file=key"], ["--jwt-secret-file=key", "--jwt-secret-is-base64"]],
    ids=["key", "secret", "base64"],
)
@given(text=TEXTS)
@example(text="[" * 2000)
@example(text='{"kty":' * 500)
@example(text="-----BEGIN PRIVATE KEY-----" * 500)
@example(text="ssh-rsa AAAA")
@example(text='{"kty":"RSA","n":"AQ","e":"AQ","d":"AQ"}')
@example(text='{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}')
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_signs_or_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], options: list[str], text: str
) -> None:
    """Exit 0 or 2, never a bug."""
    (tmp_path / "key").write_bytes(text.encode(errors="surrogatepass"))

    code = run("token", "--url=http://h", *(option.replace("=key", f"={tmp_path}/key") for option in options))

    out, err = capfd.readouterr()
    assert (True, code == 0) == (code in ENDS, bool(out)), err
    assert [] == [secret for secret in secrets(text) if len(secret) >= LONG and secret in out + err]
