"""Further PostgRESTs over the database of the tests, each with a jwt-secret of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loader.sandbox import find_postgrest
from tests.support.harness import Target
from tests.support.servers import LaunchablePostgREST


@contextmanager
def running_postgrest(target: Target, jwt_secret: str, **settings: str) -> Iterator[LaunchablePostgREST]:
    """A PostgREST that ends with the block.

    Args:
        target: whose database it serves.
        jwt_secret: a secret, a JWK, a JWKS, or ``@`` and the name of a file with one.
        settings: further ones, as in ``jwt_aud="me"``.
    """
    variables = {f"PGRST_{name.upper()}": value for name, value in settings.items()}
    server = LaunchablePostgREST(find_postgrest(), target.box.authenticator, jwt_secret, None, variables)
    server.start()
    try:
        yield server
    finally:
        server.stop()
