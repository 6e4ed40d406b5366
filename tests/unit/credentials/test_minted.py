"""The claims of tokens that are signed here, and the key that signs them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from loader.cli.config import FolderSettings, secret
from loader.credentials.claims import payload
from loader.credentials.minted import Minted
from loader.errors import SettingsError, TargetError
from loader.settings import Settings
from loader.settings.jwt_claims import parse_claim
from tests.support.keys import make, pem

SECRET = "a-secret-of-at-least-thirty-two-characters"
URL = "http://localhost:3000"
TWO = (("aud", '["a","b"]'),)


def minted(**settings: Any) -> Minted:
    """Return the source that settings ask for."""
    source = Minted.of(Settings(**{"url": URL, "jwt_secret": SECRET} | settings))
    assert source is not None
    return source


def claims(source: Minted) -> dict[str, Any]:
    """Return the claims of a token, without exp."""
    told = jwt.decode(source.mint(), SECRET, ["HS256"], {"verify_aud": False, "verify_iat": False})
    assert isinstance(told.pop("exp"), int)
    return told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        pytest.param({}, {"role": "api_data_producer", "aud": URL}, id="the usual ones"),
        pytest.param({"role": ""}, {"aud": URL}, id="no role"),
        pytest.param({"jwt_aud": ""}, {"role": "api_data_producer"}, id="no aud"),
        pytest.param(
            {"role": "", "jwt_claim": (("https://example.com/role", '"writer"'), ("a.b", '{"c":[1,null]}'))},
            {"aud": URL, "https://example.com/role": "writer", "a.b": {"c": [1, None]}},
            id="names with slashes and dots, and an object",
        ),
        pytest.param(
            {"jwt_claim": (("role", '"other"'), ("aud", '["a","b"]'))},
            {"role": "other", "aud": ["a", "b"]},
            id="in place of ours",
        ),
    ],
)
def test_a_token_has_the_claims_that_are_asked_for(settings: dict[str, Any], told: dict[str, Any]) -> None:
    """role, aud and exp, and those of --jwt-claim, which may replace role and aud."""
    assert told == claims(minted(**settings))


def test_a_claim_keeps_its_digits() -> None:
    """It stands in the token as it was written."""
    value = '{"big":123456789012345678901234567890,"exact":1.10,"small":0.12345678901234567890}'
    source = minted(jwt_claim=(("x", value),), role="", jwt_aud="")

    assert f'"x":{value}}}'.encode() in payload(source.mint())


@pytest.mark.parametrize(("ahead", "iat"), [(0, -30), (300, 270)])
def test_iat_is_back_dated_by_the_servers_clock(ahead: float, iat: float) -> None:
    """For servers that take a fresh token for one of the future."""
    source = minted(jwt_iat=True)
    source.adjust_clock(time.time() + ahead)

    assert claims(source)["iat"] == pytest.approx(time.time() + iat, abs=3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({"jwt_claim": (("exp", "1"),)}, ["cannot set exp", "--jwt-ttl"], id="exp"),
        pytest.param({"jwt_claim": (("iat", "1"),)}, ["cannot set iat", "--jwt-iat"], id="iat"),
        pytest.param({"jwt_claim": (("a", "1"), ("a", "2"))}, ["--jwt-claim a is given twice"], id="twice"),
        pytest.param(
            {"jwt_claim": (("role", '"a"'),), "role": "b"}, ["--role and --jwt-claim role"], id="role twice"
        ),
        pytest.param(
            {"jwt_claim": (("aud", '"a"'),), "jwt_aud": "b"},
            ["--jwt-aud and --jwt-claim aud"],
            id="both",
        ),
        pytest.param({"jwt_claim": (("a", "{"),)}, ["is not JSON"], id="no JSON"),
        pytest.param({"jwt_secret": "@/etc/secret"}, ["names a file", "--jwt-secret-file"], id="@file"),
        pytest.param({"jwt_secret": None, "jwt_kid": "a"}, ["--jwt-kid needs"], id="kid without a key"),
        pytest.param({"jwt_alg": "PS256"}, ["--jwt-alg needs --jwt-key-file"], id="alg without a key"),
        pytest.param({"jwt_key": "x"}, ["--jwt-secret-file", "--jwt-key-file", "both say"], id="both"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], words: list[str]) -> None:
    """Before anything is sent."""
    with pytest.raises(SettingsError) as caught:
        minted(**settings)
    assert [] == [each for each in words if each not in str(caught.value)], str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["a", "=1", " =1", "a=NaN", "a=x", "a=", "a=1e400", 'a={"b":1,"b":2}', 'a=[{"b":{"c":1,"c":1}}]',
     'a="\\ud800"', "a=" + "[" * 5000 + "]" * 5000, "a=" + "9" * 5000, "a=01", "a=1 2", 'a="\n"'],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_is_no_claim_is_refused(text: str) -> None:
    """Also JSON that readers differ about: a name twice, a number beyond a double."""
    with pytest.raises(SettingsError, match="--jwt-claim"):
        parse_claim(text)


async def test_a_key_is_read_again_when_the_server_refuses_it(tmp_path: Path) -> None:
    """Not before: the server may not know the new one yet."""
    path = tmp_path / "key.pem"
    path.write_text(pem("P-256"))
    source = minted(jwt_secret=None, jwt_key=secret("jwt_key", path, FolderSettings()))
    path.write_text(pem("P-256", 1))

    for refused, number in ((None, 0), ("a token", 1)):
        token = await source.fetch(refused)
        jwt.decode(token.text, make("P-256", number).public_key(), ["ES256"], audience=URL)


@pytest.mark.parametrize(
    ("text", "words"), [(None, "no such file"), ("", "is empty"), (pem("X25519"), "type X25519")],
    ids=["gone", "empty", "no key"],
)  # fmt: skip
async def test_a_key_that_cannot_be_read_again_stops_the_load(
    tmp_path: Path, text: str | None, words: str
) -> None:
    """It is resumable: rows were sent before."""
    path = tmp_path / "key.pem"
    path.write_text(pem("P-256"))
    source = minted(jwt_secret=None, jwt_key=secret("jwt_key", path, FolderSettings()))
    if text is None:
        path.unlink()
    else:
        path.write_text(text)

    with pytest.raises(TargetError, match=f"cannot be read again: --jwt-key-file .*{words}"):
        await source.fetch("a token")


@pytest.mark.parametrize(
    ("settings", "described"),
    [
        ({}, "the secret, for the role api_data_producer and the audience http://localhost:3000"),
        (
            {"jwt_secret": "q9w8e7", "role": "", "jwt_aud": ""},
            "less than the 32 bytes that PostgREST asks for",
        ),
        (
            {
                "jwt_secret": None,
                "jwt_key": pem("P-256"),
                "jwt_kid": "k1",
                "jwt_claim": (("aud", '["a","b"]'),),
            },
            "the key (ES256, kid k1), for the role api_data_producer and the audience a, b",
        ),
        (
            {"role": "", "jwt_claim": (("role", '["x"]'), ("aud", "7"))},
            "the secret, for the role x and the audience 7",
        ),
        ({"role": ""}, "the secret, for the audience http://localhost:3000, without a role"),
    ],
    ids=["secret", "short", "key", "replaced", "no role"],
)
def test_it_says_how_tokens_are_made(settings: dict[str, Any], described: str) -> None:
    """In words, for the plan of a load."""
    assert described in minted(**settings).describe()
