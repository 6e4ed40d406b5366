"""Fixtures: a stand-in for Supabase before a PostgREST of its own, over the PostgreSQL of all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loader.sandbox import PostgREST, find_postgrest
from tests.support.servers import PASSWORD, SECRET, Servers
from tests.support.supabase import Supabase

# As in a project: three roles, row-level security, no grants but those that somebody has given.
SQL = """
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
grant anon, authenticated, service_role to authenticator;
create table public.faults (id text primary key, a bigint);
alter table public.faults enable row level security;
create policy users on public.faults for all to authenticated using (true) with check (true);
create policy everybody on public.faults for all to anon
    using (id like 'public%') with check (id like 'public%');
grant select, insert, update on public.faults to anon, authenticated, service_role;
create table public.slow (id text primary key, a bigint);
create function public.wait() returns trigger language plpgsql
    as 'begin perform pg_sleep(0.001); return new; end';
create trigger wait before insert on public.slow for each row execute function public.wait();
grant select, insert, update on public.slow to service_role;
"""
UNDO = """
drop table if exists public.slow, public.faults;
drop function if exists public.wait();
drop role if exists anon, authenticated, service_role;
"""


@pytest.fixture(scope="package")
def rest(servers: Servers) -> Iterator[PostgREST]:
    """Start a PostgREST as a project has one: 1,000 rows a reply at most."""
    servers.sql(SQL)
    postgrest = PostgREST(
        find_postgrest(),
        servers.postgres.uri_for("authenticator", PASSWORD),
        SECRET,
        settings={
            "PGRST_DB_SCHEMAS": "public",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_MAX_ROWS": "1000",
        },
    )
    try:
        postgrest.start()
        yield postgrest
    finally:
        postgrest.stop()
        servers.sql(UNDO)


@pytest.fixture
def supabase(rest: PostgREST, target: Servers) -> Iterator[Supabase]:
    """Return a project without rows."""
    target.sql("truncate public.faults, public.slow")
    with Supabase(rest.url, SECRET) as up:
        yield up
