"""The keys of a Supabase project: what travels in which header, and what each may do."""

from __future__ import annotations

import pytest

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
