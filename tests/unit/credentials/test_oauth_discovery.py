"""What a provider's discovery document tells."""

from __future__ import annotations

from typing import Any

import pytest

from loader.credentials.endpoint import Answer
from loader.credentials.oauth_discovery import Provider, discovery_urls, read_discovery
from loader.errors import TargetError


def read(document: dict[str, Any], issuer: str = "https://id") -> Provider:
    """Read a document."""
    return read_discovery(Answer(200, document, "", "https://id/.well-known/openid-configuration"), issuer)


@pytest.mark.parametrize(
    ("issuer", "openid", "oauth"),
    [
        (
            "https://id",
            "https://id/.well-known/openid-configuration",
            "https://id/.well-known/oauth-authorization-server",
        ),
        (
            "https://id:8443/realms/a/",
            "https://id:8443/realms/a/.well-known/openid-configuration",
            "https://id:8443/.well-known/oauth-authorization-server/realms/a",
        ),
    ],
)
def test_the_path_of_an_issuer_stands_where_each_standard_has_it(
    issuer: str, openid: str, oauth: str
) -> None:
    """OpenID puts it in front, RFC 8414 at the end."""
    assert (openid, oauth) == discovery_urls(issuer)


def test_a_document_tells_where_and_how() -> None:
    """Also where the issuer was given without the slash that it ends with: it calls itself by it."""
    document = {
        "issuer": "https://id/",
        "token_endpoint": "https://id/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": ["PS256", 3],
    }

    assert Provider("https://id/token", "https://id/", ("client_secret_post",), ("PS256",)) == read(document)


def test_a_document_need_not_tell_how() -> None:
    """The standard has a default."""
    assert Provider("https://id/token", "https://id") == read(
        {"issuer": "https://id", "token_endpoint": "https://id/token"}
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"issuer": "https://evil", "token_endpoint": "https://id/token"}, "of another issuer: https://evil"),
        ({"token_endpoint": "https://id/token"}, "of another issuer"),
        ({"issuer": "https://id"}, "names no token_endpoint"),
        ({"issuer": "https://id", "token_endpoint": "http://id/token"}, "in the clear"),
        ({"issuer": "https://id", "token_endpoint": "/token"}, "not a web address"),
    ],
)
def test_a_document_that_cannot_be_believed_is_refused(document: dict[str, Any], message: str) -> None:
    """No secret is sent then."""
    with pytest.raises(TargetError, match=message):
        read(document)
