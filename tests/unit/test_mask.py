"""Secrets do not leave the program, in whatever form others quote them."""

from __future__ import annotations

import base64
import json

import pytest

from loader import mask


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets of other tests are not hidden here, and those of here not elsewhere."""
    monkeypatch.setattr(mask, "_secrets", set())
    monkeypatch.setattr(mask, "_tokens", type(mask._tokens)())


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("http://user:hunter22@host/rows.csv", ["hunter22", "user:hunter22"]),
        ("http://user:pa/ss@host", ["pa/ss", "user:pa/ss"]),
        ("user:pass@host", ["pass", "user:pass"]),
        ("http:/user:pass@host", ["pass", "user:pass"]),
        ("http:user:pass@host", ["pass"]),
        ("//user:pass@host", ["user:pass"]),
        ("https://us%40er:p%2Fss%20w@host", ["p%2Fss%20w", "p/ss w"]),
        ("http://user:p@ss@host", ["p@ss"]),
        ("http://a-token-in-place-of-both@host/x", ["a-token-in-place-of-both"]),
        ("https://host/x.csv?X-Amz-Signature=0123456789abcdef&b=1", ["0123456789abcdef"]),
        ("https://x.blob.example/c/b?sv=2020&sig=AbCdEfGh%2Bxyz%3D", ["AbCdEfGh%2Bxyz%3D", "AbCdEfGh+xyz="]),
    ],
)
def test_the_secrets_of_an_address_are_hidden(address: str, secrets: list[str]) -> None:
    """Also those of a text that was meant to be one, and as Basic sends them."""
    mask.hide_in_address(address)

    for secret in secrets:
        assert "said *** here" == mask.masked(f"said {secret} here")
    if ":" in secrets[-1]:
        basic = base64.b64encode(secrets[-1].encode()).decode()
        assert basic.rstrip("=") not in mask.masked(f"Authorization: Basic {basic}")


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:3000",
        "http://localhost:3000/@user/rows.jsonl",
        "http://[::1]:3000/@x:y@z",
        "s3://bucket/a:b@c.jsonl",
        "https://host/@scope/x?format=csv&page=2",
        "rows.jsonl",
        "",
    ],
)
def test_an_address_without_a_secret_hides_nothing(address: str) -> None:
    """A host, a port or a path is no password."""
    mask.hide_in_address(address)

    assert set() == mask._secrets


@pytest.mark.parametrize(
    "quoted",
    [
        'a "secret" \\ with ünïcode',
        json.dumps('a "secret" \\ with ünïcode', ensure_ascii=False)[1:-1],
        repr('a "secret" \\ with ünïcode')[1:-1],
        "a%20%22secret%22%20%5C%20with%20%C3%BCn%C3%AFcode",
        base64.b64encode('a "secret" \\ with ünïcode'.encode()).decode(),
    ],
)
def test_a_secret_is_hidden_in_each_form(quoted: str) -> None:
    """JSON, Python, a URL and base64 write it in ways of their own."""
    mask.hide('a "secret" \\ with ünïcode')

    assert "<***>" == mask.masked(f"<{quoted}>")


def test_each_line_of_a_key_is_hidden() -> None:
    """Who quotes a key may quote a line of it."""
    mask.hide("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----")

    assert "line 2: ***" == mask.masked("line 2: AQEFAASCBKcwggSjAgEAAoIB")


def test_the_longer_of_two_secrets_is_hidden_first() -> None:
    """Nothing is left of it then."""
    mask.hide("secret")
    mask.hide("secret-and-more")

    assert "***, ***" == mask.masked("secret-and-more, secret")


def test_a_few_characters_are_no_secret() -> None:
    """They stand in too many texts."""
    mask.hide("api")
    mask.hide("")
    mask.hide(None)

    assert "api" == mask.masked("api")


def test_a_load_of_days_does_not_remember_all_its_tokens() -> None:
    """The last of them may still be quoted."""
    for number in range(1000):
        mask.hide_token(f"token-{number:04}")

    assert "*** token-0000" == mask.masked("token-0999 token-0000")
    assert 64 == len(mask._tokens)


def test_the_environment_of_object_stores_and_proxies_is_hidden() -> None:
    """What belongs to other programs is not: a password may be a common word."""
    mask.hide_in_environment(
        {
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
            "AWS_ENDPOINT_URL": "http://me:open-sesame@127.0.0.1:9000",
            "https_proxy": "http://me:through-it@proxy:8080",
            "PGRST_JWT_SECRET": "signs-it-all",
            "AWS_REGION": "eu-central-1",
            "DATABASE_URL": "postgres://postgres:postgres@localhost",
        }
    )

    text = "wJalrXUtnFEMI open-sesame through-it signs-it-all eu-central-1 postgres"
    assert "*** *** *** *** eu-central-1 postgres" == mask.masked(text)
