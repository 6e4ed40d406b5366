"""A reply -> what it means for what was sent. No I/O.

It is decided on the body's ``code`` (error_codes.py), not on the status, for PostgREST's statuses change
between versions.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from loader.credentials.shown_claims import what_it_says
from loader.model import Decision, NoReply, Overload, Reason, Reply
from loader.postgrest import advice, gateway
from loader.postgrest.error_codes import (
    BUSY,
    INSUFFICIENT_PRIVILEGE,
    LONG_URL_STATUSES,
    NO_REPLY,
    REFUSED_URL_STATUSES,
    TOKEN_REFUSED,
    TOO_LARGE,
    WORDLESS,
    by_pgrst_code,
    by_sqlstate,
    by_token_words,
    is_sqlstate,
    is_transient_status,
)
from loader.postgrest.privilege_advice import no_such_role, of_privilege
from loader.postgrest.token_advice import ANONYMOUS, of_token, refused_by_gateway, without_role
from loader.postgrest.write import Write
from loader.settings import Settings

_BIG_BODY = 256 * 1024 * 1024  # bytes: PostgREST says PGRST001 of a body beyond 1 GiB
_LONG_URL = 16 * 1024  # characters
_URI_TOO_LONG = 414
_BAD_REQUEST, _HEADERS_TOO_LARGE = 400, 431
_LONG_TOKEN = 4000  # characters: nginx and others take 8 KB in a header, PostgREST 50 KB in all
_SHORTENED_FROM = 1024  # characters: a refusal of a shorter URL has other reasons
_NOTHING_THERE = frozenset({"HTTP 404", "PGRST125"})
_NO_REASON = Reason("", "")
_CLOCK_WAIT = 2.0  # seconds, where a token is not valid yet


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reply means.

    Attributes:
        decision: see Decision.
        reason: why, in the server's words or ours.
        count: rows that were stored, for DONE.
        new: whether, as far as an upsert's reply tells, there were new rows among them.
        after: seconds that the server asked to wait, for RETRY.
        tries: after how many RETRYs a batch is split instead; None: never.
        advice: what the user can do, for STOP and COLUMNS.
        overload: what the server, or a gateway, could not bear, if that is why it refused.
    """

    decision: Decision
    reason: Reason = _NO_REASON
    count: int = 0
    new: bool = False
    after: float | None = None
    tries: int | None = None
    advice: str = ""
    overload: Overload = Overload.NONE


def judge(
    reply: Reply | NoReply,
    write: Write,
    *,
    rows: int,
    url_length: int = 0,
    size: int = 0,
    settings: Settings | None = None,
) -> Verdict:
    """Return what a reply means for the request that it answers.

    Args:
        reply: what came back, if anything.
        write: how the request writes rows.
        rows: how many rows were sent; 0 for a preflight.
        url_length: length of the request's URL, in characters.
        size: length of the request's body, in bytes.
        settings: of the load, for advice on its credential and table; None: they are not known.
    """
    if isinstance(reply, NoReply):
        return _unanswered(reply)
    if 200 <= reply.status < 300:
        return _accepted(reply, write, rows)
    verdict = _refused(reply, reply.reason, rows, url_length, size, settings)
    if rows == 0 and verdict.decision in (Decision.SPLIT, Decision.KEYS):
        verdict = replace(verdict, decision=Decision.STOP)  # without rows it is no row's fault
    if rows == 0 and verdict.reason.code in _NOTHING_THERE:
        hints = (verdict.advice, advice.of_added_path(settings))
        verdict = replace(verdict, advice="\n".join(filter(None, hints)))
    return replace(verdict, overload=_overload(verdict, reply))


def judge_read(reply: Reply | NoReply, settings: Settings | None = None) -> Verdict:
    """Return what a reply means for a request that only reads; ``count``: rows that there are."""
    return judge(reply, Write("none"), rows=0, settings=settings)


def _unanswered(reply: NoReply) -> Verdict:
    reason = Reason(NO_REPLY, reply.message)
    if reply.hopeless:
        return Verdict(Decision.STOP, reason, advice=reply.advice or "Check --url.")
    # Where nothing is there to answer, as at a refused connection, that is no overload.
    overload = Overload.BUSY if reply.slow else Overload.NONE
    return Verdict(Decision.RETRY, reason, overload=overload, advice=reply.advice)


def _accepted(reply: Reply, write: Write, rows: int) -> Verdict:
    resolution = write.resolution
    if rows == 0 and reply.is_page:
        reason = Reason("no-rest-api", f"the server answered {reply.status} with a web page")
        return Verdict(Decision.STOP, reason, advice=advice.NO_REST)
    if not write.is_insert and f"resolution={resolution}" not in reply.applied:
        reason = Reason("not-applied", f"the server did not apply resolution={resolution}")
        return Verdict(Decision.STOP, reason, advice=advice.NOT_APPLIED)
    if reply.count is None:
        reason = Reason("no-count", "the server answered success, but not how many rows it stored")
        return Verdict(Decision.STOP, reason, advice=advice.NOT_COUNTED)
    if rows and reply.count > rows:
        message = f"the server says that it stored {reply.count} rows of the {rows} that it was sent"
        return Verdict(Decision.STOP, Reason("too-many-stored", message), advice=advice.NOT_COUNTED)
    if rows and resolution != "ignore-duplicates" and reply.count != rows:
        message = f"the server answered success and stored {reply.count} of {rows} rows"
        reason = Reason("not-stored", message, hint="Does a trigger, a rule or a policy drop rows?")
        # They may be upserted in parts, to find those. Inserted they may not: some rows are in.
        decision = Decision.SPLIT if resolution == "merge-duplicates" else Decision.STOP
        return Verdict(decision, reason)
    # Since PostgREST 12 an upsert that only updates is answered 200 (its changelog, #1070).
    new = reply.count == rows if resolution == "ignore-duplicates" else reply.status == 201
    return Verdict(Decision.DONE, count=reply.count, new=new)


def _refused(
    reply: Reply, reason: Reason | None, rows: int, url_length: int, size: int, settings: Settings | None
) -> Verdict:
    if reason is None:
        return _by_gateway(reply, rows, url_length, settings)
    if reason.code == WORDLESS:
        return Verdict(Decision.RETRY, reason, after=reply.retry_after)
    if reason.code.startswith("PGRST"):
        return _by_postgrest(reply, reason, size, settings)
    if is_sqlstate(reason.code):
        return _by_postgresql(reply, reason, rows, settings)
    # Neither's code: a trigger made the whole reply (RAISE SQLSTATE 'PGRST'), or a gateway did.
    verdict = replace(_by_gateway(reply, rows, url_length, settings), reason=reason)
    return replace(verdict, decision=Decision.SPLIT) if reply.status in (400, 409, 422) else verdict


def _by_postgresql(reply: Reply, reason: Reason, rows: int, settings: Settings | None) -> Verdict:
    """PostgreSQL refused, with an SQLSTATE. Its words are English only where lc_messages says so."""
    code, message = reason.code, reason.message
    if code == INSUFFICIENT_PRIVILEGE:
        return _by_privilege(reply, reason, rows, settings)
    if code == "22023" and (rows == 0 or message.startswith("role ") or "json" in message):
        hint = "" if "json" in message else _with_claims(no_such_role(reply.token, settings), reply)
        return Verdict(Decision.STOP, reason, advice=hint)
    if code == "0A000" and ("column" in message or reason.details):
        return Verdict(Decision.COLUMNS, reason)
    if code == "57014" and "user request" in message:
        return Verdict(Decision.RETRY, reason)
    decision, tries = by_sqlstate(code)
    hint = advice.of_timeout(settings, reply.token) if code == "57014" else advice.ADVICE.get(code, "")
    return Verdict(decision, reason, after=reply.retry_after, tries=tries, advice=hint)


def _by_privilege(reply: Reply, reason: Reason, rows: int, settings: Settings | None) -> Verdict:
    """42501: a privilege is missing, or row-level security (or a trigger) refuses a row.

    Where the words do not tell, it is the row: a preflight before it had the privileges.
    """
    if reason.message.startswith("new row violates row-level security policy"):
        return Verdict(Decision.SPLIT, reason)
    missing = rows == 0 or reply.status == 401 or reason.message.startswith("permission denied")
    hint = of_privilege(reason, reply.token, reply.status, settings)
    if reply.status == 401 or reason.message.startswith("permission denied to set role"):
        hint = _with_claims(hint, reply)  # it is the token's role that does not do
    return Verdict(Decision.STOP if missing else Decision.SPLIT, reason, advice=hint)


def _by_postgrest(reply: Reply, reason: Reason, size: int, settings: Settings | None) -> Verdict:
    """PostgREST refused, with a code of its own."""
    code = reason.code
    if code in TOKEN_REFUSED:
        return _by_token(reply, reason, settings)
    if code == "PGRST302":
        hint = without_role(reply.token, settings) if reply.token else ANONYMOUS
        return Verdict(Decision.STOP, reason, advice=_with_claims(hint, reply))
    if code == "PGRST102" and "invalid json" in reason.message:
        return Verdict(Decision.SPLIT, reason)
    if code == "PGRST001" and size > _BIG_BODY:
        return Verdict(Decision.SHRINK, reason)
    decision, tries = by_pgrst_code(code)
    hint = advice.ADVICE.get(code, "")
    if code == "PGRST300":  # no token can be checked
        hint = _with_claims(hint, reply)
    return Verdict(decision, reason, after=reply.retry_after, tries=tries, advice=hint)


def _by_token(reply: Reply, reason: Reason, settings: Settings | None) -> Verdict:
    """A 401 over the token itself: ours, or the one that a gateway has made for an API key."""
    decision = by_token_words(reason.message)
    after = reply.retry_after or _CLOCK_WAIT if decision is Decision.RETRY else None
    if reply.token:
        return Verdict(
            decision, reason, after=after, advice=of_token(reason, reply.token, settings, time.time())
        )
    if decision is Decision.RETRY or (settings is not None and settings.apikey is not None):
        # The gateway made the token, for the API key. Its clock may be ahead: that passes.
        kept = decision if decision is Decision.RETRY else Decision.STOP
        return Verdict(kept, reason, after=after, advice=advice.GATEWAY)
    return Verdict(Decision.STOP, reason, advice=ANONYMOUS)


def _with_claims(hint: str, reply: Reply) -> str:
    """Return advice below what the token of a request says, if it carried one."""
    says = what_it_says(reply.token, time.time()) if reply.token else ""
    return "\n".join(filter(None, (says, hint)))


def _by_gateway(reply: Reply, rows: int, url_length: int, settings: Settings | None) -> Verdict:
    """Not PostgREST's words: a gateway's, a proxy's, or PostgREST's `{}` for a relation it does not know."""
    status, code = reply.status, f"HTTP {reply.status}"
    reason = Reason(code, reply.body or "no further words")
    known = _of_long_headers(reply) or gateway.ADVICE.get(status) or advice.of_words(reply.body)
    hint = known or advice.ADVICE.get(code, "")
    if reply.proxy:
        hint = f"{hint} {advice.of_proxy(reply.proxy)}".strip()
    if status == 413:
        return Verdict(Decision.SHRINK, reason, advice=hint)
    if status == 500 and reply.body.startswith("Something went wrong"):
        return Verdict(Decision.SPLIT, reason)  # an exception in PostgREST, over the body
    if status == _URI_TOO_LONG or (status in LONG_URL_STATUSES and url_length > _LONG_URL):
        return Verdict(Decision.STOP, reason, advice=advice.LONG_URL)
    if is_transient_status(status):
        return Verdict(Decision.RETRY, reason, after=reply.retry_after, advice=hint)
    if status == 404 and rows and reply.body != "{}":
        # A gateway restarts: the preflight had found the relation.
        return Verdict(Decision.RETRY, reason, advice=hint)
    if status == 401:
        return _unauthorized(reply, reason, settings)
    if 300 <= status < 400:
        hint = f"Is --url right? The server points to {reply.location or 'another address'}."
    elif rows == 0 and not known and _nothing_there(reply):
        hint = advice.NO_REST
    return Verdict(Decision.STOP, reason, advice=hint)


def _unauthorized(reply: Reply, reason: Reason, settings: Settings | None) -> Verdict:
    """A gateway's 401."""
    # "Invalid API key", "No API key found in request": a new token does not mend that.
    about_key = "api key" in reply.body.lower()
    renew = reply.token is not None and not about_key
    hint = refused_by_gateway(reply.token, settings)
    return Verdict(Decision.RENEW if renew else Decision.STOP, reason, advice=hint)


def _of_long_headers(reply: Reply) -> str:
    """Return what to do about headers that a server does not take; empty: it speaks of something else."""
    has_long_token = len(reply.token or "") > _LONG_TOKEN
    too_long = reply.status == _HEADERS_TOO_LARGE or (reply.status == _BAD_REQUEST and has_long_token)
    return advice.LONG_HEADERS if too_long else ""


def _nothing_there(reply: Reply) -> bool:
    """Return whether no PostgREST is at the URL: one of before 13 answers ``{}`` for an unknown relation."""
    return reply.is_page or (reply.status == 404 and reply.body != "{}")


def _overload(verdict: Verdict, reply: Reply) -> Overload:
    if verdict.decision is Decision.RETRY and (reply.status == 429 or verdict.reason.code in BUSY):
        return Overload.BUSY
    if verdict.decision is Decision.SHRINK:
        return Overload.LARGE if verdict.reason.code in TOO_LARGE else Overload.LONG
    return Overload.NONE


def is_long_url(reply: Reply | NoReply, url_length: int) -> bool:
    """Return whether a gateway may have refused a request for the length of its URL.

    The words of PostgREST and PostgreSQL speak of something else.
    """
    return (
        isinstance(reply, Reply)
        and reply.reason is None
        and reply.status in REFUSED_URL_STATUSES
        and url_length > _SHORTENED_FROM
    )


def may_be_in(reply: Reply | NoReply) -> bool:
    """Return whether the rows may have been stored although the reply does not say so.

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
    if not code.startswith("PGRST") and not is_sqlstate(code):
        return True  # a gateway's
    return code.startswith(("PGRST001", "08", "40003", "57P"))
