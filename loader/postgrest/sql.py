"""SQL for messages, ready to paste: what the database must allow, for a load to get in. No I/O."""

from __future__ import annotations

import re

from loader.settings import Resolution, Settings

# Stands for a role that nothing here tells.
UNTOLD_ROLE = "ROLE"

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
# PostgreSQL's docs, "SQL Key Words": those that are reserved, be it except for functions and types.
_KEY_WORDS = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
collation column concurrently constraint create cross current_catalog current_date current_role
current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
except false fetch for foreign freeze from full grant group having ilike in initially inner intersect
into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null
offset on only or order outer overlaps placing primary references returning right select session_user
similar some symmetric system_user table tablesample then to trailing true union unique user using
variadic verbose when where window with public none
"""
_RESERVED = frozenset(_KEY_WORDS.split())
# What a request that writes needs (PostgreSQL's docs, INSERT: with ON CONFLICT also SELECT, and UPDATE).
_PRIVILEGES: dict[str, str] = {
    "merge-duplicates": "select, insert, update",
    "ignore-duplicates": "select, insert",
    "none": "insert",
}


def identifier(name: str) -> str:
    """Return a name as SQL has it, in quotes where it needs them."""
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def relation(schema: str, table: str) -> str:
    """Return the name of a relation. The schema ``public`` is reserved for roles only."""
    return f"{'public' if schema == 'public' else identifier(schema)}.{identifier(table)}"


def role_name(role: str) -> str:
    """Return a role's name; a placeholder if that is not known."""
    return identifier(role) if role else UNTOLD_ROLE


def privileges(resolution: Resolution) -> str:
    """Return the privileges on a relation that a load needs."""
    return _PRIVILEGES.get(resolution, _PRIVILEGES["merge-duplicates"])


def grant_relation(settings: Settings, role: str, table: str | None = None) -> str:
    """Return the GRANT for the relation of a load, or for another one."""
    name = relation(settings.schema, table or settings.table)
    return f"grant {privileges(settings.resolution)} on {name} to {role_name(role)};"


def grant_schema(schema: str, role: str) -> str:
    """Return the GRANT for a schema."""
    name = "public" if schema == "public" else identifier(schema)
    return f"grant usage on schema {name} to {role_name(role)};"


def grant_sequence(schema: str, sequence: str, role: str) -> str:
    """Return the GRANT for the sequence behind a serial column."""
    return f"grant usage on sequence {relation(schema, sequence)} to {role_name(role)};"


def make_role(role: str) -> str:
    """Return what makes a role that PostgREST may take on; its own is called authenticator by custom."""
    return f"create role {role_name(role)}; {grant_role(role)}"


def grant_role(role: str) -> str:
    """Return what lets PostgREST take on a role."""
    return f"grant {role_name(role)} to authenticator;"


def allow_time(role: str) -> str:
    """Return what gives a role more time for a statement (PostgREST's docs, "Impersonated Role Settings")."""
    return f"alter role {role_name(role)} set statement_timeout = '60s'; notify pgrst, 'reload config';"


def policies(settings: Settings, role: str) -> str:
    """Return policies that let rows in, as an example: each row, whatever it holds."""
    name, to = relation(settings.schema, settings.table), role_name(role)
    made = [f"create policy bulkload_insert on {name} for insert to {to} with check (true);"]
    if settings.resolution != "none":
        made.append(f"create policy bulkload_select on {name} for select to {to} using (true);")
    if settings.resolution == "merge-duplicates":
        made.append(f"create policy bulkload_update on {name} for update to {to} using (true);")
    return " ".join(made)
