"""Loads with tokens of an OAuth 2 provider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.oauth_provider import AUDIENCE, SECRET, OAuthProvider
from tests.support.processes import Loads


def client(name: str, provider: OAuthProvider, **changes: Any) -> dict[str, Any]:
    """Return the settings of one of the provider's clients."""
    proof = {"keyed": {"oauth_client_key": json.dumps(provider.client_key)}, "public": {}}
    return {
        "jwt_secret": None,
        "oauth_issuer": provider.issuer,
        "oauth_client_id": name,
        "oauth_scope": "write",
        "oauth_audience": AUDIENCE,
        **proof.get(name, {"oauth_client_secret": SECRET}),
        **changes,
    }


class OAuthLoads(Loads):
    """Loads by the provider's client `basic`, as processes of their own.

    Args:
        folder: where the sources are.
        url: of PostgREST.
        provider: gives the tokens.
        options: of each load.
    """

    def __init__(self, folder: Path, url: str, provider: OAuthProvider, *options: str) -> None:
        named = [
            f"--oauth-issuer={provider.issuer}",
            "--oauth-client-id=basic",
            "--oauth-scope=write",
            f"--oauth-audience={AUDIENCE}",
        ]
        super().__init__(folder, url, "", *named, *options)
        self.variables["BULKLOAD_OAUTH_CLIENT_SECRET"] = SECRET

    def environment(self) -> dict[str, str]:
        """Return the environment of a load, which has no other credential."""
        variables = super().environment()
        del variables["PGRST_JWT_SECRET"]
        return variables
