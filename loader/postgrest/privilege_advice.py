"""What to do about SQLSTATE 42501, insufficient_privilege: the GRANT that is missing. No I/O.

PostgreSQL's words are English only where its lc_messages says so. In other languages the privileges on the
relation are what most likely lack.
"""

from __future__ import annotations

import re

from loader.credentials.claims import claims
from loader.credentials.kind import Kind, is_minted, kind_of, role_of
from loader.model import Reason
from loader.postgrest import sql
from loader.postgrest.token_advice import ANONYMOUS, without_role
from loader.settings import Settings

_DENIED = re.compile(
    r"permission denied for (schema|sequence|(?:materialized )?view|(?:foreign )?table|relation) (.+)"
)
_SET_ROLE = re.compile(r'permission denied to set role "(.+)"')
_UNAUTHORIZED = 401  # PostgREST answers so, and not 403, where the role is the anonymous one

WITHOUT_SETTINGS = (
    "The role of the token (--role) needs INSERT, UPDATE and SELECT on the relation, and USAGE on "
    "the schemas of its types. INSERT is enough for --resolution none, INSERT and SELECT for "
    "ignore-duplicates."
)


def of_privilege(reason: Reason, token: str | None, status: int, settings: Settings | None) -> str:
    """Return what the role of a request lacks, with the SQL that gives it on a line of its own.

    Args:
        reason: the refusal.
        token: the bearer token that the request carried.
        status: of the reply.
        settings: of the load; None: they are not known.
    """
    if refused := _SET_ROLE.fullmatch(reason.message):
        return may_not_be_taken_on(refused[1], settings)
    if status == _UNAUTHORIZED and token and "role" not in claims(token):
        return without_role(token, settings)
    anonymous = status == _UNAUTHORIZED and not token
    if anonymous and (settings is None or (kind_of(settings) is Kind.NONE and not settings.is_supabase)):
        return ANONYMOUS
    if settings is None:
        return WITHOUT_SETTINGS
    role = role_of(settings, token or None)
    who = f"The role {role}" if role else "The role that the requests run as (ROLE below)"
    needed, remark = _needed(reason, settings, role)
    advice = f"{who} lacks a privilege{remark}. Run in the database:\n{needed}"
    if anonymous:
        advice = f"The requests count as anonymous.\n{advice}\nOr use a credential that may write."
    return advice


def may_not_be_taken_on(role: str, settings: Settings | None) -> str:
    """Return what to do about a role that PostgREST is not allowed to take on."""
    other = "give another --role" if is_minted(settings) else "use a token of another role"
    return (
        f"PostgREST's own role, authenticator by custom, may not take on {role}: {other}, or run in the "
        f"database:\n{sql.grant_role(role)}"
    )


def no_such_role(token: str | None, settings: Settings | None) -> str:
    """Return what to do about a role that the database lacks (22023)."""
    role = role_of(settings, token or None)
    if not role and (is_minted(settings) or settings is None):
        return "--role must name a role that exists in the database."
    if not role:
        return "The token must name a role that exists in the database: use another token."
    other = "give another --role" if is_minted(settings) else "use a token of another role"
    return (
        f"The role {role} of the token does not exist in the database: {other}, or run there:\n"
        f"{sql.make_role(role)}"
    )


def _needed(reason: Reason, settings: Settings, role: str) -> tuple[str, str]:
    """Return the SQL that gives what is missing, and a remark on it that may be empty."""
    denied = _DENIED.fullmatch(reason.message)
    kind, name = (denied[1], denied[2]) if denied else ("relation", settings.table)
    if kind == "schema":
        return sql.grant_schema(name, role), ""
    if kind == "sequence":
        remark = f", if the sequence is in the schema {settings.schema}"
        return sql.grant_sequence(settings.schema, name, role), f" on the sequence of a column{remark}"
    if name != settings.table:
        remark = f" on {name}, which the database reads or writes for a row (a view, a trigger); it is shown "
        return sql.grant_relation(settings, role, name), f"{remark}as if it were in {settings.schema}"
    return sql.grant_relation(settings, role), f" on {name}"
