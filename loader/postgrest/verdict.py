"""A reply -> what it means for what was sent. No I/O.

Decided on the body's ``code``, not on the status, for PostgREST's statuses change between versions. The
tables below are those of a bulk upsert with ``columns=``: SQLSTATEs (PostgreSQL's appendix A), PostgREST's
own codes (its docs, "Errors"), and what gateways in front of it answer.
"""

from __future__ import annotations

import re
from dataclasses import replace

from loader.model import WORDLESS, Decision, NoReply, Reason, Reply, Verdict

NO_REPLY = "no-reply"  # the code of a reason where no answer came
TOO_LARGE = frozenset({"HTTP 413", "PGRST001"})  # of reasons to shrink: bytes, not rows

_SQLSTATE_FORM = re.compile("[0-9A-Z]{5}")
# PostgreSQL's classes that speak of the statement, the session or the server, never of a row's values.
_STATEMENT_CLASSES = "00 01 02 03 0A 0B 0F 0L 0P 0Z 24 25 28 2B 2D 34 3B 3D 3F 42 55 F0 HV"

# By the whole code, else by its first three or two characters.
_SQLSTATE: dict[str, Decision] = {
    # a row's values
    "22": Decision.SPLIT,  # data exceptions: not a number, out of range, too long, not a date, ...
    "23": Decision.SPLIT,  # integrity constraints: null, foreign key, unique, check, exclusion
    "44": Decision.SPLIT,  # WITH CHECK OPTION of a view
    "54": Decision.SPLIT,  # an index row, a jsonb, or nesting beyond PostgreSQL's limits
    "21000": Decision.KEYS,  # ON CONFLICT DO UPDATE met the same row twice
    # raised by a trigger, over a row
    "P0": Decision.SPLIT,  # RAISE, no data, too many rows, ASSERT
    "PT": Decision.SPLIT,  # for PostgREST, with a status of its own
    "PT429": Decision.RETRY,
    "PT503": Decision.RETRY,
    # the columns
    "42703": Decision.COLUMNS,  # dropped after the schema cache was loaded
    "428C9": Decision.COLUMNS,  # generated, or identity always
    # it takes too long
    "57014": Decision.SHRINK,  # statement_timeout; "user request" is another matter: see _database
    "25P04": Decision.SHRINK,  # transaction_timeout
    # it passes
    "08": Decision.RETRY,  # connection exceptions
    "25P03": Decision.RETRY,  # idle_in_transaction_session_timeout
    "26000": Decision.RETRY,  # a pooler has lost the prepared statement
    "42P05": Decision.RETRY,  # a pooler has two of them
    "40": Decision.RETRY,  # deadlock, serialization failure
    "53": Decision.RETRY,  # disk full, out of memory, too many connections
    "55P03": Decision.RETRY,  # lock_timeout
    "57": Decision.RETRY,  # shutting down, starting up, in recovery
    "58": Decision.RETRY,  # I/O error
    "72": Decision.RETRY,  # snapshot too old
    "XX": Decision.RETRY,  # internal error
    # no row gets in, whatever it holds
    "2200H": Decision.STOP,  # a sequence has reached its end
    **dict.fromkeys(_STATEMENT_CLASSES.split(), Decision.STOP),
}
_OTHER_SQLSTATE = (
    Decision.SPLIT
)  # a trigger's: 20000 (CASE without ELSE), 38 (external routine), or its own, as 45000
# After so many tries the batch is split, to find a row that causes it.
_FEW_TRIES = {"58": 3, "XX": 3, "PGRSTX00": 3, "55P03": 5}

# All others: STOP.
_POSTGREST: dict[str, Decision] = {
    "PGRST000": Decision.RETRY,  # the database is down
    "PGRST001": Decision.RETRY,  # the database went away
    "PGRST002": Decision.RETRY,  # the schema cache cannot be loaded
    "PGRST003": Decision.RETRY,  # no free connection in the pool
    "PGRST121": Decision.SPLIT,  # a trigger raised PGRST, in a form that is none
    "PGRST204": Decision.COLUMNS,  # no such column
    "PGRSTX00": Decision.RETRY,  # internal error
}

# What is wrong with a token, by words of the message without its spaces, in lower case. Other words: RENEW.
_TOKEN: dict[str, Decision] = {
    "notyetvalid": Decision.RETRY,  # the server's clock is behind, or stuck (PostgREST issue 5159):
    "issuedatfuture": Decision.RETRY,  # the same token is good soon
    "nosignatures": Decision.STOP,  # alg none
    "algorithm": Decision.STOP,
    "parts": Decision.STOP,  # not a token
    "tokentype": Decision.STOP,
    "decode": Decision.STOP,
    "claim": Decision.STOP,  # one of another type
    "audience": Decision.STOP,
}
_PASSING_STATUS = frozenset({408, 425, 429})
_LASTING_STATUS = frozenset({501, 505, 540})  # of those from 500 on
_URL_STATUS = frozenset({400, 414, 431, 520})  # what too long a URL is answered with
_BIG_BODY = 256 * 1024 * 1024
_LONG_URL = 16 * 1024

_POOLER_ADVICE = (
    "A pooler in transaction mode mixes up prepared statements: set db-prepared-statements=false."
)
_ADVICE: dict[str, str] = {
    "PGRST106": "--schema must name a schema that the server exposes (its db-schemas).",
    "PGRST205": "Check --table and --schema: the server knows no such relation.",
    "PGRST125": "Check --url: it must be PostgREST's base URL.",
    "PGRST300": "The server has no jwt-secret: it cannot take tokens.",
    "PGRST302": "No token was sent, or it names no role: set PGRST_JWT_SECRET.",
    "PGRST122": "The server does not know a preference that an exact load needs.",
    "42P10": "--on-conflict must name the columns of a primary key or a unique constraint.",
    "42P01": "Check --table: the relation does not exist (any more).",
    "55000": "--table must be a table or a view that can be written.",
    "0A000": "The target cannot be written: is it a standby?",
    "57014": "The server's statement_timeout is too short for a single row.",
    "25P04": "The server's transaction_timeout is too short for a single row.",
    "25006": "The target cannot be written: the database is read-only.",
    "42501": "The role of the token (--role) needs INSERT, UPDATE and SELECT on the relation, and USAGE on "
    "the schemas of its types.",
    "22023": "--role must name a role that exists in the database.",
    "26000": _POOLER_ADVICE,
    "42P05": _POOLER_ADVICE,
    "HTTP 403": "A gateway in front of the server refuses the requests.",
    "HTTP 404": "Check --table and --url: the server knows no such relation, or nothing at this path.",
    "HTTP 402": "The project is restricted: see its dashboard.",
    "HTTP 540": "The project is paused: restore it in its dashboard.",
}
_URL_ADVICE = "The URL is too long for the server or its gateway: name fewer columns with --columns."
_TOKEN_ADVICE = (
    "Check PGRST_JWT_SECRET (or --jwt-secret-file), --jwt-aud and --role against the server's settings."  # noqa: S105
)
_NO_TOKEN_ADVICE = "No token was sent: set PGRST_JWT_SECRET, or give --jwt-secret-file."  # noqa: S105


def judge(
    reply: Reply | NoReply,
    *,
    rows: int,
    resolution: str,
    plain: bool = False,
    url_length: int = 0,
    size: int = 0,
) -> Verdict:
    """What a reply means for the request that it answers.

    Args:
        reply: what came back, if anything.
        rows: how many rows were sent; 0 for a preflight.
        resolution: that of the load: ``merge-duplicates``, ``ignore-duplicates`` or ``none``.
        plain: whether the request was a plain insert all the same.
        url_length: length of the request's URL, in characters.
        size: length of the request's body, in bytes.
    """
    if isinstance(reply, NoReply):
        reason = Reason(NO_REPLY, reply.message)
        if reply.hopeless:
            return Verdict(Decision.STOP, reason, advice="Check --url.")
        return Verdict(Decision.RETRY, reason)
    if 200 <= reply.status < 300:
        return _accepted(reply, rows, resolution, plain)
    verdict = _refused(reply, reply.reason, rows, url_length, size)
    if rows == 0 and verdict.decision in (Decision.SPLIT, Decision.KEYS):
        return replace(verdict, decision=Decision.STOP)  # without rows it is no row's fault
    return verdict


def _refused(reply: Reply, reason: Reason | None, rows: int, url_length: int, size: int) -> Verdict:
    if reason is None:
        return _gateway(reply, rows, url_length)
    if reason.code == WORDLESS:
        return Verdict(Decision.RETRY, reason, after=reply.retry_after)
    if reason.code.startswith("PGRST"):
        return _postgrest(reply, reason, size)
    if _SQLSTATE_FORM.fullmatch(reason.code):
        return _database(reply, reason, rows)
    # Neither's code: a trigger made the whole reply (RAISE SQLSTATE 'PGRST'), or a gateway did.
    verdict = replace(_gateway(reply, rows, url_length), reason=reason)
    return replace(verdict, decision=Decision.SPLIT) if reply.status in (400, 409, 422) else verdict


def _accepted(reply: Reply, rows: int, resolution: str, plain: bool) -> Verdict:
    if resolution != "none" and not plain and f"resolution={resolution}" not in reply.applied:
        reason = Reason("not-applied", f"the server did not apply resolution={resolution}")
        return Verdict(
            Decision.STOP,
            reason,
            advice="Is --url a PostgREST, and does the relation have the primary key or unique constraint of "
            "--on-conflict? (Use --resolution none to insert without looking at keys.)",
        )
    if reply.count is None:
        reason = Reason("no-count", "the server answered success, but not how many rows it stored")
        return Verdict(
            Decision.STOP, reason, advice="Is --url a PostgREST, with no proxy that drops Content-Range?"
        )
    if rows and resolution != "ignore-duplicates" and reply.count != rows:
        message = f"the server answered success and stored {reply.count} of {rows} rows"
        reason = Reason("not-stored", message, hint="Does a trigger, a rule or a policy drop rows?")
        # They may be upserted in parts, to find those. Inserted they may not: some rows are in.
        kind = Decision.SPLIT if resolution == "merge-duplicates" else Decision.STOP
        return Verdict(kind, reason)
    # Since PostgREST 12 an upsert that only updates is answered 200 (its changelog, #1070).
    new = reply.count == rows if resolution == "ignore-duplicates" else reply.status == 201
    return Verdict(Decision.DONE, count=reply.count, new=new)


def _database(reply: Reply, reason: Reason, rows: int) -> Verdict:
    """PostgreSQL refused, with an SQLSTATE. Its words are English only where lc_messages says so."""
    code, message = reason.code, reason.message
    if code == "42501":
        return _privilege(reply, reason, rows)
    if code == "22023" and (rows == 0 or message.startswith("role ") or "json" in message):
        return Verdict(Decision.STOP, reason, advice="" if "json" in message else _ADVICE[code])
    if code == "0A000" and ("column" in message or reason.details):
        return Verdict(Decision.COLUMNS, reason)
    if code == "57014" and "user request" in message:
        return Verdict(Decision.RETRY, reason)
    place = next((code[:length] for length in (5, 3, 2) if code[:length] in _SQLSTATE), "")
    kind = _SQLSTATE.get(place, _OTHER_SQLSTATE)
    advice = _ADVICE.get(code, "")
    return Verdict(kind, reason, after=reply.retry_after, tries=_FEW_TRIES.get(place), advice=advice)


def _privilege(reply: Reply, reason: Reason, rows: int) -> Verdict:
    """42501: a privilege is missing, or row-level security (or a trigger) refuses a row.

    Where the words do not tell, it is the row: a preflight before it had the privileges.
    """
    if reason.message.startswith("new row violates row-level security policy"):
        advice = "Row-level security refuses the rows for the role of the token."
        return Verdict(Decision.SPLIT, reason, advice=advice)
    advice = _NO_TOKEN_ADVICE if reply.status == 401 and reply.token is None else _ADVICE["42501"]
    missing = rows == 0 or reply.status == 401 or reason.message.startswith("permission denied")
    return Verdict(Decision.STOP if missing else Decision.SPLIT, reason, advice=advice)


def _postgrest(reply: Reply, reason: Reason, size: int) -> Verdict:
    """PostgREST refused, with a code of its own."""
    code = reason.code
    if code in ("PGRST301", "PGRST303"):
        return _token(reply, reason)
    if code == "PGRST102" and "invalid json" in reason.message:
        return Verdict(Decision.SPLIT, reason)
    if code == "PGRST001" and size > _BIG_BODY:
        return Verdict(Decision.SHRINK, reason)
    kind = _POSTGREST.get(code, Decision.STOP)
    tries = _FEW_TRIES.get(code)
    return Verdict(kind, reason, after=reply.retry_after, tries=tries, advice=_ADVICE.get(code, ""))


def _token(reply: Reply, reason: Reason) -> Verdict:
    """A 401 over the token itself."""
    if not reply.token:
        return Verdict(Decision.STOP, reason, advice=_NO_TOKEN_ADVICE)
    message = reason.message.lower().replace(" ", "")
    kind = next((kind for words, kind in _TOKEN.items() if words in message), Decision.RENEW)
    after = reply.retry_after or 2.0 if kind is Decision.RETRY else None
    return Verdict(kind, reason, after=after, advice=_TOKEN_ADVICE)


def _gateway(reply: Reply, rows: int, url_length: int) -> Verdict:
    """Not PostgREST's words: a gateway's, a proxy's, or PostgREST's `{}` for a relation it does not know."""
    status, code = reply.status, f"HTTP {reply.status}"
    reason = Reason(code, reply.body or "no further words")
    advice = _ADVICE.get(code, "")
    if status == 413:
        return Verdict(Decision.SHRINK, reason, advice="The gateway takes no request as large as this row.")
    if status == 500 and reply.body.startswith("Something went wrong"):
        return Verdict(Decision.SPLIT, reason)  # an exception in PostgREST, over the body
    if status in _URL_STATUS and url_length > _LONG_URL:
        return Verdict(Decision.STOP, reason, advice=_URL_ADVICE)
    if status in _PASSING_STATUS or (status >= 500 and status not in _LASTING_STATUS):
        return Verdict(Decision.RETRY, reason, after=reply.retry_after, advice=advice)
    if status == 404 and rows and reply.body != "{}":
        # A gateway restarts: the preflight had found the relation.
        return Verdict(Decision.RETRY, reason, advice=advice)
    if status == 401:
        kind, advice = (Decision.RENEW, _TOKEN_ADVICE) if reply.token else (Decision.STOP, _NO_TOKEN_ADVICE)
        return Verdict(kind, reason, advice=advice)
    if 300 <= status < 400:
        advice = f"Is --url right? The server points to {reply.location or 'another address'}."
    return Verdict(Decision.STOP, reason, advice=advice)


def may_be_in(reply: Reply | NoReply) -> bool:
    """Whether the rows may have been stored although the reply does not say so.

    A transaction that PostgreSQL refuses is undone; one whose reply is lost, or whose server went away,
    may have been committed before.
    """
    if isinstance(reply, NoReply):
        return reply.sent
    if reply.reason is not None and reply.reason.code == WORDLESS:
        return True
    if reply.status < 500:
        return False
    code = "" if reply.reason is None else reply.reason.code
    if not code.startswith("PGRST") and not _SQLSTATE_FORM.fullmatch(code):
        return True  # a gateway's
    return code.startswith(("PGRST001", "08", "40003", "57P"))
