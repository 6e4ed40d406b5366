"""What the settings of OAuth 2 must look like."""

from __future__ import annotations

from typing import Any

import pytest

from loader.credentials.choose import token_source
from loader.credentials.oauth import OAuth
from loader.errors import SettingsError
from loader.settings import Settings

TOKEN_URL = "https://id/token"
GOOD: dict[str, Any] = {
    "oauth_token_url": TOKEN_URL,
    "oauth_client_id": "me",
    "oauth_client_secret": "hush-hush",
}


def settings(**changes: Any) -> Settings:
    """Return settings with a good client, but for the changes."""
    return Settings(url="http://localhost:3000", **GOOD | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"oauth_client_id": None}, "needs --oauth-client-id"),
        ({"oauth_client_id": ""}, "needs --oauth-client-id"),
        ({"oauth_client_secret": ""}, "the client's secret of OAuth 2 is empty"),
        ({"oauth_refresh_token": " "}, "the refresh token of OAuth 2 is empty"),
        ({"oauth_client_key": "key"}, "both say how the client proves itself"),
        ({"oauth_client_secret": None}, "needs the client's secret or key, or a refresh token"),
        ({"oauth_token_url": "id/token"}, "--oauth-token-url is not a web address"),
        ({"oauth_token_url": "http://id/token"}, "in the clear"),
        ({"oauth_token_url": "http://localhost.id/token"}, "in the clear"),
        ({"oauth_token_url": "https://me:hush-hush@id/token"}, "has a user"),
        ({"oauth_issuer": "http://id"}, "--oauth-issuer is http://id, where secrets"),
        ({"oauth_issuer": "https://id?a=b"}, r"--oauth-issuer has a \?"),
        ({"jwt_secret": "s" * 32}, "both say where tokens come from"),
    ],
)
def test_settings_that_do_not_belong_together_are_refused(changes: dict[str, Any], message: str) -> None:
    """Before anything is sent, and without a word of the secret."""
    with pytest.raises(SettingsError, match=message) as raised:
        settings(**changes)

    assert "hush" not in str(raised.value)


def test_a_client_key_that_is_none_is_refused() -> None:
    """The error names the option, and quotes nothing."""
    keyed = settings(oauth_client_secret=None, oauth_client_key="hush-hush")

    with pytest.raises(SettingsError, match="--oauth-client-key-file") as raised:
        token_source(keyed)

    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"oauth_issuer": "https://id"},
        {"oauth_token_url": "https://id/token?p=policy"},
        {"oauth_token_url": "http://127.0.0.1:8080/token"},
        {"oauth_token_url": "http://[::1]:8080/token"},
        {"oauth_token_url": "http://localhost:8080/token"},
        {"oauth_client_secret": None, "oauth_refresh_token": "hush-hush"},
    ],
)
def test_settings_of_a_client_make_its_source_of_tokens(changes: dict[str, Any]) -> None:
    """A public client needs a refresh token alone, and http:// is for this machine alone."""
    source = token_source(settings(**changes))

    assert isinstance(source, OAuth)
    assert "the OAuth client me" in source.describe()
