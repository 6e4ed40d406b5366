"""A reply -> what it means for what was sent. No I/O.

Decided on the body's ``code``, not on the status, for PostgREST's statuses change between versions. The
tables below are those of a bulk upsert with ``columns=``: SQLSTATEs (PostgreSQL's appendix A), PostgREST's
own codes (its docs, "Errors"), and what gateways in front of it answer.
"""

from __future__ import annotations

from loader.model import Kind, Lost, Reason, Reply, Verdict

NO_REPLY = "no-reply"  # the code of a reason where no answer came

_SQLSTATE: dict[str, Kind] = {
    # a row's values
    "22": Kind.SPLIT,  # data exceptions: not a number, out of range, too long, not a date, ...
    "23": Kind.SPLIT,  # integrity constraints: null, foreign key, unique, check, exclusion
    "54": Kind.SPLIT,  # an index row, a jsonb, or nesting beyond PostgreSQL's limits
    "P0": Kind.SPLIT,  # raised by a trigger
    "PT": Kind.SPLIT,  # raised by a trigger for PostgREST, with a status of its own
    "44": Kind.SPLIT,  # WITH CHECK OPTION of a view
    "21000": Kind.KEYS,  # ON CONFLICT DO UPDATE met the same row twice
    # the columns
    "42703": Kind.COLUMNS,  # dropped after the schema cache was loaded
    "428C9": Kind.COLUMNS,  # generated, or identity always
    # it passes
    "08": Kind.RETRY,  # connection exceptions
    "40": Kind.RETRY,  # deadlock, serialization failure
    "53": Kind.RETRY,  # disk full, out of memory, too many connections
    "57P": Kind.RETRY,  # shutting down, starting up, in recovery
    "57014": Kind.RETRY,  # cancelled by an operator; by statement_timeout: see _refused
    "55P03": Kind.RETRY,  # lock_timeout
    "58": Kind.RETRY,  # I/O error
    "XX": Kind.RETRY,  # internal error
    "PT429": Kind.RETRY,
    "PT503": Kind.RETRY,
}
_FEW_TRIES = {"58": 3, "XX": 3, "55P03": 5}  # then the batch is split, to find a row that causes it

_POSTGREST: dict[str, Kind] = {
    "PGRST000": Kind.RETRY,  # the database is down
    "PGRST001": Kind.RETRY,  # the database went away
    "PGRST002": Kind.RETRY,  # the schema cache cannot be loaded
    "PGRST003": Kind.RETRY,  # no free connection in the pool
    "PGRST204": Kind.COLUMNS,  # no such column
}
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 521, 522, 523, 524, 544})
_BIG_BODY = 256 * 1024 * 1024
_LONG_URL = 16 * 1024

_ADVICE: dict[str, str] = {
    "PGRST106": "--schema must name a schema that the server exposes (its db-schemas).",
    "PGRST202": "Check --table.",
    "PGRST205": "Check --table and --schema: the server knows no such relation.",
    "PGRST125": "Check --url: it must be PostgREST's base URL.",
    "PGRST300": "The server has no jwt-secret: it cannot take tokens.",
    "PGRST302": "No token was sent, or it names no role: set PGRST_JWT_SECRET.",
    "PGRST122": "The server does not know a preference that an exact load needs.",
    "42P10": "--on-conflict must name the columns of a primary key or a unique constraint.",
    "42P01": "Check --table: the relation does not exist (any more).",
    "55000": "--table must be a table or a view that can be written.",
    "0A000": "The target cannot be written: is it a standby?",
    "25006": "The target cannot be written: the database is read-only.",
    "42501": "The role of the token (--role) needs INSERT, UPDATE and SELECT on the relation, and USAGE on "
    "the schemas of its types.",
    "22023": "--role must name a role that exists in the database.",
    "HTTP 404": "Check --table and --url: the server knows no such relation, or nothing at this path.",
    "HTTP 402": "The project is restricted: see its dashboard.",
    "HTTP 540": "The project is paused: restore it in its dashboard.",
    "HTTP 520": "The URL is too long for the gateway: name fewer columns with --columns.",
}
_TOKEN_ADVICE = (
    "Check PGRST_JWT_SECRET (or --jwt-secret-file), --jwt-aud and --role against the server's settings."  # noqa: S105
)
_NO_TOKEN_ADVICE = "No token was sent: set PGRST_JWT_SECRET, or give --jwt-secret-file."  # noqa: S105


def judge(reply: Reply | Lost, *, rows: int, resolution: str, url_length: int = 0, size: int = 0) -> Verdict:
    """What a reply means for the request that it answers.

    Args:
        reply: what came back, if anything.
        rows: how many rows were sent; 0 for a preflight.
        resolution: that of the request: ``merge-duplicates``, ``ignore-duplicates`` or ``none``.
        url_length: length of the request's URL, in characters.
        size: length of the request's body, in bytes.
    """
    if isinstance(reply, Lost):
        reason = Reason(NO_REPLY, reply.message)
        if reply.hopeless:
            return Verdict(Kind.STOP, reason, advice="Check --url.")
        return Verdict(Kind.RETRY, reason)
    if 200 <= reply.status < 300:
        return _accepted(reply, rows, resolution)
    if reply.reason is None:
        return _gateway(reply, url_length)
    if reply.reason.code.startswith("PGRST"):
        return _postgrest(reply, reply.reason, size)
    return _database(reply, reply.reason)


def _accepted(reply: Reply, rows: int, resolution: str) -> Verdict:
    if resolution != "none" and f"resolution={resolution}" not in reply.applied:
        reason = Reason("not-applied", f"the server did not apply resolution={resolution}")
        return Verdict(
            Kind.STOP,
            reason,
            advice="Is --url a PostgREST, and does the relation have the primary key or unique constraint of "
            "--on-conflict? (Use --resolution none to insert without looking at keys.)",
        )
    if rows == 0:
        return Verdict(Kind.DONE)
    if reply.count is None:
        reason = Reason("no-count", "the server answered success, but not how many rows it stored")
        return Verdict(
            Kind.STOP, reason, advice="Is --url a PostgREST, with no proxy that drops Content-Range?"
        )
    if resolution != "ignore-duplicates" and reply.count != rows:
        message = f"the server answered success and stored {reply.count} of {rows} rows"
        reason = Reason("not-stored", message, hint="Does a trigger, a rule or a policy drop rows?")
        # An upsert may be sent again in parts, to find them. An insert may not: some rows are in.
        kind = Kind.SPLIT if resolution == "merge-duplicates" else Kind.STOP
        return Verdict(kind, reason)
    return Verdict(Kind.DONE, count=reply.count)


def _database(reply: Reply, reason: Reason) -> Verdict:
    """PostgreSQL refused, with an SQLSTATE."""
    code, message = reason.code, reason.message
    if code == "57014" and "statement timeout" in message:
        return Verdict(
            Kind.SHRINK, reason, advice="The server's statement_timeout is too short for a single row."
        )
    if code == "42501" and message.startswith("new row violates row-level security policy"):
        return Verdict(
            Kind.SPLIT, reason, advice="Row-level security refuses the rows for the role of the token."
        )
    if code == "42501" and reply.status == 401:
        return Verdict(Kind.STOP, reason, advice=_NO_TOKEN_ADVICE if reply.token is None else _ADVICE[code])
    if code == "22023" and (message.startswith("role ") or "json" in message):
        return Verdict(Kind.STOP, reason, advice=_ADVICE[code] if message.startswith("role ") else "")
    if code == "0A000" and "column" in message:
        return Verdict(Kind.COLUMNS, reason)
    for length in (5, 3, 2):
        kind = _SQLSTATE.get(code[:length])
        if kind is not None:
            return Verdict(kind, reason, after=reply.retry_after, tries=_FEW_TRIES.get(code[:length]))
    if len(code) == 5 and code[:1] in "456789IJKLMNOPQRSTUVWXYZ" and code[:2] not in _KNOWN_CLASSES:
        return Verdict(Kind.SPLIT, reason)  # a trigger's own SQLSTATE
    return Verdict(Kind.STOP, reason, advice=_ADVICE.get(code, ""))


# Classes of PostgreSQL's own that speak of the statement or the server, never of one row's values.
_KNOWN_CLASSES = frozenset({"42", "55", "57", "58", "F0", "HV", "XX", "72"})


def _postgrest(reply: Reply, reason: Reason, size: int) -> Verdict:
    """PostgREST refused, with a code of its own."""
    code, message = reason.code, reason.message
    if code in ("PGRST301", "PGRST303"):
        return _token(reply, reason)
    if code == "PGRST102" and "invalid json" in message:
        return Verdict(Kind.SPLIT, reason)
    if code == "PGRST001" and size > _BIG_BODY:
        return Verdict(Kind.SHRINK, reason)
    kind = _POSTGREST.get(code, Kind.STOP)
    return Verdict(kind, reason, after=reply.retry_after, advice=_ADVICE.get(code, ""))


def _token(reply: Reply, reason: Reason) -> Verdict:
    """A 401 over the token itself."""
    message = reason.message.lower().replace(" ", "")
    if "notyetvalid" in message or "issuedatfuture" in message:
        # The server's clock is behind, or stuck (PostgREST issue 5159): the same token is good soon.
        return Verdict(Kind.RETRY, reason, after=reply.retry_after or 2.0, tries=None, advice=_TOKEN_ADVICE)
    renewable = ("expired", "invalidsignature", "nosuitablekey", "cryptographicoperationfailed")
    kind = Kind.RENEW if any(word in message for word in renewable) else Kind.STOP
    return Verdict(kind, reason, advice=_TOKEN_ADVICE if reply.token else _NO_TOKEN_ADVICE)


def _gateway(reply: Reply, url_length: int) -> Verdict:
    """Not PostgREST's words: a gateway's, a proxy's, or PostgREST's `{}` for a relation it does not know."""
    status, code = reply.status, f"HTTP {reply.status}"
    reason = Reason(code, reply.body or "no further words")
    if status == 413:
        return Verdict(Kind.SHRINK, reason, advice="The gateway takes no request as large as this row.")
    if status == 500 and reply.body.startswith("Something went wrong"):
        return Verdict(Kind.SPLIT, reason)  # an exception in PostgREST, over the body
    if status == 520:
        kind = Kind.STOP if url_length > _LONG_URL else Kind.RETRY
        return Verdict(kind, reason, after=reply.retry_after, advice=_ADVICE[code])
    if status in _TRANSIENT_STATUS:
        return Verdict(Kind.RETRY, reason, after=reply.retry_after)
    if status == 401:
        return Verdict(Kind.RENEW, reason, advice=_TOKEN_ADVICE if reply.token else _NO_TOKEN_ADVICE)
    advice = _ADVICE.get(code, "")
    if 300 <= status < 400:
        advice = f"Is --url right? The server points to {reply.location or 'another address'}."
    return Verdict(Kind.STOP, reason, advice=advice)
