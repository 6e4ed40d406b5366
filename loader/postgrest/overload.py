"""What a server could not bear, by its answer: too many requests, too many rows, or bytes. No I/O."""

from __future__ import annotations

from loader.model import Decision, NoReply, Overload, Reply, Verdict
from loader.postgrest.verdict import TOO_LARGE

# Refusals that fewer requests at once would be spared. (PGRST000 to 002 and 502: nobody is at work there.)
_BUSY = frozenset(
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


def overload_of(verdict: Verdict, reply: Reply | NoReply) -> Overload:
    """What the server, or a gateway, could not bear, if that is why it refused.

    Where nothing is there to answer, as at a refused connection, that is no overload.
    """
    if isinstance(reply, NoReply):
        return Overload.BUSY if reply.slow else Overload.NONE
    if verdict.decision is Decision.RETRY and (reply.status == 429 or verdict.reason.code in _BUSY):
        return Overload.BUSY
    if verdict.decision is Decision.SHRINK:
        return Overload.LARGE if verdict.reason.code in TOO_LARGE else Overload.LONG
    return Overload.NONE
