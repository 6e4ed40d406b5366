"""The keys of a Supabase project: what travels in which header, and what each may do."""

from __future__ import annotations

import time

import jwt
import pytest

from loader.credentials.claims import claims
from tests.support.harness import line
from tests.support.servers import Servers
from tests.support.supabase import PUBLISHABLE_KEY, SECRET_KEY, Supabase, wire_credentials

ROWS = [line({"id": f"public-{number}", "a": number}) for number in range(2500)]
COUNT = "select count(*), count(distinct a) from public.faults"


def key(supabase: Supabase, kind: str) -> str:
    """Return a key of the project."""
    keys = {"secret": SECRET_KEY, "publishable": PUBLISHABLE_KEY}
    return keys.get(kind) or str(getattr(supabase, kind))


@pytest.mark.parametrize("kind", ["secret", "publishable", "anon", "service_role"])
async def test_each_kind_of_key_loads_rows(target: Servers, supabase: Supabase, kind: str) -> None:
    """Keys of the newer kind stand in apikey alone, the older ones, which are tokens, in both headers."""
    apikey = key(supabase, kind)

    loaded = await target.load(
        ROWS, url=supabase.url, jwt_secret=None, apikey=apikey, table="faults", batch_rows=300
    )

    authorization = f"Bearer {apikey}" if kind in ("anon", "service_role") else ""
    assert ("complete", (2500, 0, 0, 0)) == (loaded.report.status, loaded.counts)
    assert {(apikey, authorization)} == wire_credentials(supabase.seen)
    assert [(2500, 2500)] == target.sql(COUNT)


@pytest.mark.parametrize("kind", ["given", "minted"])
@pytest.mark.parametrize("apikey", ["publishable", "anon"])
async def test_a_token_stands_beside_the_key(
    target: Servers, supabase: Supabase, kind: str, apikey: str
) -> None:
    """The token is in Authorization and says who writes; the key is in apikey, of whichever kind it is."""
    token = jwt.encode({"role": "authenticated", "exp": int(time.time()) + 600}, target.secret)
    credential = {"token": token, "jwt_secret": None} if kind == "given" else {"role": "authenticated"}

    loaded = await target.load(
        ROWS, url=supabase.url, apikey=key(supabase, apikey), table="faults", **credential
    )

    assert ("complete", [(2500, 2500)]) == (loaded.report.status, target.sql(COUNT))
    ((sent_key, authorization),) = wire_credentials(supabase.seen)
    assert key(supabase, apikey) == sent_key
    assert "authenticated" == claims(authorization.removeprefix("Bearer "))["role"]
