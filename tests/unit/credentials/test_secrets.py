"""What --jwt-secret-file may hold: a secret, plain or in base64, a JWK or a JWKS with one."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import jwt
import pytest

from loader.credentials.keys import secret_key
from loader.errors import SettingsError
from tests.support.keys import jwk, jwks, public_jwk

SECRET = bytes(range(190, 190 + 63))  # its base64 has + and /, and padding
STANDARD = base64.b64encode(SECRET + b"!").decode()
URL_SAFE = base64.urlsafe_b64encode(SECRET + b"!").decode()


def oct_jwk(secret: bytes = SECRET, **members: Any) -> dict[str, Any]:
    """Return a secret as a JWK."""
    return {"kty": "oct", "k": base64.urlsafe_b64encode(secret).decode().rstrip("=")} | members


def test_the_secret_of_these_tests_needs_all_forms_of_base64() -> None:
    """Else they would test nothing."""
    assert (True, True, True) == ("+" in STANDARD, "/" in STANDARD, STANDARD.endswith("="))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(STANDARD, id="standard"),
        pytest.param(URL_SAFE, id="URL-safe"),
        pytest.param(STANDARD.rstrip("="), id="standard without padding"),
        pytest.param(URL_SAFE.rstrip("="), id="URL-safe without padding"),
        pytest.param(URL_SAFE.replace("=", "."), id="a dot for ="),
        pytest.param(f"{STANDARD[:64]}\n{STANDARD[64:]}\n", id="lines, as openssl rand -base64 writes them"),
    ],
)
def test_base64_is_decoded_as_the_server_does(text: str) -> None:
    """Both alphabets; padding may lack."""
    token = secret_key(text, is_base64=True).sign(b'{"sub":"me"}')

    assert {"sub": "me"} == jwt.decode(token, SECRET + b"!", ["HS256"])


@pytest.mark.parametrize("text", ["no base64!", "äöü", "a", "====", "%%%%", "\x00\x00\x00\x00", "ab=cd=ef"])
def test_what_is_no_base64_is_told(text: str) -> None:
    """And not quoted."""
    with pytest.raises(SettingsError, match="is not base64") as caught:
        secret_key(text, is_base64=True)
    assert text not in str(caught.value) or len(text) == 1


@pytest.mark.parametrize(
    ("text", "options", "alg", "kid"),
    [
        pytest.param(json.dumps(oct_jwk()), {}, "HS256", None, id="a JWK"),
        pytest.param(json.dumps(oct_jwk(SECRET + b"!", alg="HS512", kid="a")), {}, "HS512", "a", id="HS512"),
        pytest.param(jwks(public_jwk("P-256"), oct_jwk(kid="b")), {}, "HS256", "b", id="of a JWKS"),
        pytest.param(
            jwks(oct_jwk(b"x" * 32, kid="a"), oct_jwk(kid="b")), {"kid": "b"}, "HS256", "b", id="chosen"
        ),
        pytest.param(
            base64.b64encode(json.dumps(oct_jwk()).encode()).decode(), {"is_base64": True}, "HS256", None,
            id="a JWK in base64",
        ),
    ],
)  # fmt: skip
def test_the_secret_of_a_jwk_signs(text: str, options: dict[str, Any], alg: str, kid: str | None) -> None:
    """PostgREST takes such a jwt-secret, and so does bulkload."""
    token = secret_key(text, **options).sign(b'{"sub":"me"}')

    header = jwt.get_unverified_header(token)
    assert (alg, kid) == (header["alg"], header.get("kid"))
    assert {"sub": "me"} == jwt.decode(token, SECRET + (b"!" if alg == "HS512" else b""), [alg])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(json.dumps(jwk("P-256")), ["private key (kty EC)", "--jwt-key-file"], id="private"),
        pytest.param(jwks(public_jwk("P-256")), ["public keys", "--jwt-key-file"], id="the server's JWKS"),
        pytest.param('{"kty":"oct"}', ["k is no base64"], id="no k"),
        pytest.param('{"kty":"oct","k":7}', ["k is no base64"], id="k is a number"),
        pytest.param(json.dumps(oct_jwk(alg="RS256")), ["for RS256"], id="alg of RSA"),
        pytest.param(json.dumps(oct_jwk(alg=[])), ["is for []"], id="alg is a list"),
        pytest.param(jwks(oct_jwk(), oct_jwk(kid="b")), ["2 keys", "--jwt-kid: (none), b"], id="two"),
    ],
)
def test_a_jwk_without_one_secret_is_told(text: str, words: list[str]) -> None:
    """What it is, and what to give; never the key."""
    with pytest.raises(SettingsError) as caught:
        secret_key(text)

    message = str(caught.value)
    assert [] == [each for each in ["--jwt-secret-file", *words] if each not in message], message
    assert [] == [part for part in re.findall("[A-Za-z0-9_-]{24,}", text) if part in message]


@pytest.mark.parametrize("text", ['{"a":1}', "{not JSON", "[]", "[1]", '{"keys":{}}', "7"])
def test_other_json_is_a_secret_like_any_text(text: str) -> None:
    """As PostgREST sees it."""
    token = secret_key(text.ljust(32)).sign(b'{"sub":"me"}')

    assert {"sub": "me"} == jwt.decode(
        token, text.ljust(32), ["HS256"], {"enforce_minimum_key_length": False}
    )
