"""What error codes mean for the request that they answer: tables. No I/O.

SQLSTATEs are those of PostgreSQL's appendix A, PGRST codes those of PostgREST's docs ("Errors"), and HTTP
statuses those of gateways in front of it. All are read for a bulk upsert with ``columns=``.
"""

from __future__ import annotations

import re

from loader.model import Decision

NO_REPLY = "no-reply"  # the code of a reason where no reply came
WORDLESS = "wordless"  # the code of a reason for which PostgREST gave neither code nor message
UNIQUE_VIOLATION = "23505"
INSUFFICIENT_PRIVILEGE = "42501"
NO_UNIQUE_CONSTRAINT = "42P10"  # invalid_column_reference: of the conflict target
TOKEN_REFUSED = frozenset({"PGRST301", "PGRST303"})  # before and since PostgREST 13
TOO_LARGE = frozenset({"HTTP 413", "PGRST001"})  # of reasons to shrink: bytes, not rows

_SQLSTATE_PATTERN = re.compile("[0-9A-Z]{5}")
# PostgreSQL's classes that speak of the statement, the session or the server, never of a row's values.
_STATEMENT_CLASSES = "00 01 02 03 0A 0B 0F 0L 0P 0Z 24 25 28 2B 2D 34 3B 3D 3F 42 55 F0 HV"

# By the whole code, else by its first three or two characters.
_SQLSTATES: dict[str, Decision] = {
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
    "57014": Decision.SHRINK,  # statement_timeout; "user request" is another matter: see verdict.py
    "25P04": Decision.SHRINK,  # transaction_timeout
    # transient
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
# A trigger's: 20000 (CASE without ELSE), 38 (external routine), or a code of its own, as 45000.
_OTHER_SQLSTATE = Decision.SPLIT

# All others: STOP.
_PGRST_CODES: dict[str, Decision] = {
    "PGRST000": Decision.RETRY,  # the database is down
    "PGRST001": Decision.RETRY,  # the database went away
    "PGRST002": Decision.RETRY,  # the schema cache cannot be loaded
    "PGRST003": Decision.RETRY,  # no free connection in the pool
    "PGRST121": Decision.SPLIT,  # a trigger raised PGRST, in a form that is none
    "PGRST204": Decision.COLUMNS,  # no such column
    "PGRSTX00": Decision.RETRY,  # internal error
}

# After so many tries the batch is split, to find a row that causes it.
_FEW_TRIES = {"58": 3, "XX": 2, "PGRSTX00": 3, "55P03": 5}

# What is wrong with a token, by words of the message without its spaces, in lower case. Other words: RENEW.
_TOKEN_WORDS: dict[str, Decision] = {
    "notyetvalid": Decision.RETRY,  # the server's clock is behind, or stuck (PostgREST issue 5159):
    "issuedatfuture": Decision.RETRY,  # the same token is good soon
    "nosignatures": Decision.STOP,  # alg none
    "algorithm": Decision.STOP,
    "parts": Decision.STOP,  # not a token
    "tokentype": Decision.STOP,
    "decode": Decision.STOP,
    "claim": Decision.STOP,  # a claim of another type
    "audience": Decision.STOP,
}

_TRANSIENT_STATUSES = frozenset({408, 425, 429})
_LASTING_STATUSES = frozenset({501, 505, 540})  # of those from 500 on
REFUSED_URL_STATUSES = frozenset({400, 414, 431})  # of these the server has not seen the request
LONG_URL_STATUSES = frozenset({400, 414, 431, 520})  # what too long a URL is answered with

# Refusals that fewer requests at once would be spared. (PGRST000 to 002 and 502: nobody is at work there.)
BUSY = frozenset(
    {
        "HTTP 408",
        "HTTP 503",
        "HTTP 504",
        "HTTP 522",  # Cloudflare's time-outs
        "HTTP 524",
        "HTTP 544",  # Supabase's
        "PGRST003",  # no free connection in the pool
        "PT503",
        "53200",  # out of memory
        "53300",  # too many connections
    }
)


def is_sqlstate(code: str) -> bool:
    """Return whether a code has the form of PostgreSQL's."""
    return _SQLSTATE_PATTERN.fullmatch(code) is not None


def by_sqlstate(code: str) -> tuple[Decision, int | None]:
    """Return the decision on an SQLSTATE, and after how many RETRYs the batch is split (None: never)."""
    entry = next((code[:length] for length in (5, 3, 2) if code[:length] in _SQLSTATES), "")
    return _SQLSTATES.get(entry, _OTHER_SQLSTATE), _FEW_TRIES.get(entry)


def by_pgrst_code(code: str) -> tuple[Decision, int | None]:
    """Return likewise for a code of PostgREST's."""
    return _PGRST_CODES.get(code, Decision.STOP), _FEW_TRIES.get(code)


def may_pass(code: str) -> bool:
    """Return whether what a row was refused for may have been no fault of it, so that it is tried again."""
    tries = by_sqlstate(code)[1] if is_sqlstate(code) else by_pgrst_code(code)[1]
    return tries is not None


def by_token_words(message: str) -> Decision:
    """Return the decision on a token that was refused with these words."""
    words = message.lower().replace(" ", "")
    return next((decision for part, decision in _TOKEN_WORDS.items() if part in words), Decision.RENEW)


def is_transient_status(status: int) -> bool:
    """Return whether a gateway's status is one that passes."""
    return status in _TRANSIENT_STATUSES or (status >= 500 and status not in _LASTING_STATUSES)
