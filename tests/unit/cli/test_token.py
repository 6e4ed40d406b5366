"""`bulkload token`: what it prints, for each kind of credential, and where."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jwt
import pytest

from tests.support.keys import jwk, make, pem
from tests.unit.cli.test_any_value import run

SECRET = "a-secret-of-at-least-thirty-two-characters"
URL = "--url=http://localhost:3000"
CLAIM = '"b":1.10,"é😀":12345678901234567890'
OPAQUE = "an-opaque-token-of-somebody"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_token_of_a_key_is_printed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It alone; the public half of the key checks it."""
    (folder / "key.pem").write_text(pem("Ed25519"))

    assert 0 == run("token", URL, "--jwt-key-file=key.pem", "--jwt-kid=k1")

    out, err = capfd.readouterr()
    assert ("", 1) == (err, len(out.splitlines()))
    assert "k1" == jwt.get_unverified_header(out.strip())["kid"]
    jwt.decode(out.strip(), make("Ed25519").public_key(), ["EdDSA"], audience=URL.removeprefix("--url="))


def test_decode_prints_claims_on_stdout_and_the_rest_beside(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The claims as the token has them, to the digit; algorithm, key id and expiry on standard error."""
    (folder / "key.json").write_text(json.dumps(jwk("P-256", kid="k1")))

    assert 0 == run("token", URL, "--decode", "--jwt-key-file=key.json", f"--jwt-claim=a={{{CLAIM}}}")

    out, err = capfd.readouterr()
    assert ("api_data_producer", "http://localhost:3000") == (json.loads(out)["role"], json.loads(out)["aud"])
    assert '"a": {\n    "b": 1.10,\n    "\\u00e9\\ud83d\\ude00": 12345678901234567890\n  }' in out
    assert ["signed by ES256, kid k1", "UTC, in 5 min"] == [
        err.splitlines()[0], err.splitlines()[1].split(" ", 4)[4],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("exp", "words"),
    [
        (lambda now: now + 98, "in 9"),
        (lambda now: now + 86400 * 30, "in 30 days"),
        (lambda now: now - 7200 * 2, "4 h ago"),
        (lambda _: 2**80, "seconds since 1970"),
        (lambda _: None, "it does not tell when it expires"),
        (lambda _: "soon", "it does not tell when it expires"),
    ],
    ids=["soon", "long", "expired", "far", "none", "a text"],
)
def test_decode_says_when_a_token_expires(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], exp: object, words: str
) -> None:
    """In words."""
    assert callable(exp)
    moment = exp(int(time.time()))
    token = jwt.PyJWS().encode(json.dumps({"role": "r", "exp": moment}).encode(), SECRET, "HS256")
    monkeypatch.setenv("BULKLOAD_TOKEN", token)

    assert 0 == run("token", URL, "--decode")

    out, err = capfd.readouterr()
    assert ({"role": "r", "exp": moment}, True) == (json.loads(out), words in err), err
    assert token not in err


@pytest.mark.parametrize("decode", [[], ["--decode"]], ids=["print", "decode"])
@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        pytest.param(
            {}, 2, ["PGRST_JWT_SECRET", "--jwt-key-file", "BULKLOAD_TOKEN", "--login"], id="none"
        ),
        pytest.param(
            {"BULKLOAD_APIKEY": "sb_secret_0123456789"}, 2, ["no bearer token", "header apikey alone"],
            id="a key that is no token",
        ),
        pytest.param(
            {"PGRST_JWT_SECRET": "kurz"}, 0, [], id="a short secret: the server may take it"
        ),
    ],
)  # fmt: skip
def test_each_credential_without_a_key_file(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    variables: dict[str, str], code: int, words: list[str], decode: list[str],
) -> None:  # fmt: skip
    """It gives a token, or says why there is none, and what to do; the credential is not shown."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert code == run("token", URL, *decode)

    out, err = capfd.readouterr()
    assert ([], code == 0) == ([each for each in words if each not in err], bool(out)), err
    assert [] == [value for value in variables.values() if value in out + err]


@pytest.mark.parametrize("variable", ["BULKLOAD_TOKEN", "BULKLOAD_APIKEY"])
def test_a_token_that_was_given_is_printed_and_decoded(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], variable: str
) -> None:
    """Also an API key that is a token itself, as anon and service_role are."""
    token = jwt.encode({"role": "anon"}, SECRET)
    monkeypatch.setenv(variable, token)

    assert (0, 0) == (run("token", URL), run("token", URL, "--decode"))

    out, err = capfd.readouterr()
    assert f'{token}\n{{\n  "role": "anon"\n}}\n' == out
    assert "signed by HS256, kid (none)\nit does not tell when it expires\n" == err


def test_an_opaque_token_is_printed_and_not_decoded(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It says where the token comes from, not what it is."""
    monkeypatch.setenv("BULKLOAD_TOKEN", OPAQUE)

    assert (0, 2) == (run("token", URL), run("token", URL, "--decode"))

    out, err = capfd.readouterr()
    assert (f"{OPAQUE}\n", True, False) == (
        out,
        "the token of BULKLOAD_TOKEN is no JWT" in err,
        OPAQUE in err,
    )
