"""What the user can do about a refusal, by its code. No I/O."""

from __future__ import annotations

from loader.settings import OPTIONS, Resolution
from loader.transport.advice import GIVE_CERT, HTTPS, OTHER_CERT, PROXY_LOGIN

RELOAD = "notify pgrst, 'reload schema'"
_NEW = f"If it is new, the server's schema cache is stale. Run in the database: {RELOAD}"
_POOLER = "A pooler in transaction mode mixes up prepared statements: set db-prepared-statements=false."

ADVICE: dict[str, str] = {
    "PGRST106": "--schema must name a schema that the server exposes (its db-schemas).",
    "PGRST205": f"Check --table and --schema: the server knows no such relation. {_NEW}",
    "PGRST125": "Check --url: it must be PostgREST's base URL.",
    "PGRST300": "The server has no jwt-secret: it cannot take tokens.",
    "PGRST302": "No token was sent, or it names no role: set PGRST_JWT_SECRET.",
    "PGRST122": "The server does not know a preference that an exact load needs.",
    "42P10": "--on-conflict must name the columns of a primary key or a unique constraint. "
    "(--resolution none inserts rows without looking at keys.)",
    "42P01": "Check --table: the relation does not exist (any more).",
    "55000": "--table must be a table or a view that can be written.",
    "0A000": "The target cannot be written: is it a standby?",
    "57014": "The server's statement_timeout is too short for a single row.",
    "25P04": "The server's transaction_timeout is too short for a single row.",
    "25006": "The target cannot be written: the database is read-only.",
    "42501": "The role of the token (--role) needs INSERT, UPDATE and SELECT on the relation, and USAGE on "
    "the schemas of its types. INSERT is enough for --resolution none, INSERT and SELECT for "
    "ignore-duplicates.",
    "22023": "--role must name a role that exists in the database.",
    "26000": _POOLER,
    "42P05": _POOLER,
    "HTTP 402": "The project is restricted: see its dashboard.",
    "HTTP 403": "A gateway in front of the server refuses the requests.",
    "HTTP 404": "Check --table and --url: the server knows no such relation, or nothing at this path. "
    f"{_NEW}",
    "HTTP 407": PROXY_LOGIN,
    "HTTP 413": "The gateway takes no request as large as this row.",
    "HTTP 540": "The project is paused: restore it in its dashboard.",
}
# What gateways say, by words of theirs (nginx, Apache, Go's net/http), and what it means.
_WORDS = {
    "HTTP request was sent to HTTPS port": HTTPS,
    "HTTP request to an HTTPS server": HTTPS,
    "plain HTTP to an SSL-enabled": HTTPS,
    "No required SSL certificate": GIVE_CERT,
    "SSL certificate error": OTHER_CERT,
}
LONG_URL = (
    "The URL is too long for the gateway in front of the server. Raise its limit (nginx: "
    "large_client_header_buffers)."
)
POLICY = "Row-level security refuses the rows for the role of the token."
_UPDATE_ONLY = (
    "update" in OPTIONS["resolution"].choices
)  # a resolution that only changes rows which are there
WRONG_TOKEN = (
    "Check PGRST_JWT_SECRET (or --jwt-secret-file), --jwt-aud and --role against the server's settings."  # noqa: S105
)
NO_TOKEN = "No token was sent: set PGRST_JWT_SECRET, or give --jwt-secret-file."  # noqa: S105
NOT_APPLIED = (
    "Is --url a PostgREST, and does the relation have the primary key or unique constraint of "
    "--on-conflict? (Use --resolution none to insert without looking at keys.)"
)
NO_REST = (
    "Nothing there answers as PostgREST does. Check --url: PostgREST's base URL, or that of a Supabase "
    "project, as in https://REF.supabase.co (/rest/v1 is added where it has no path)."
)
GATEWAY_CLOCK = "The gateway made the token, and its clock is ahead: run the same command later."
WRONG_KEY = "Check BULKLOAD_APIKEY (or --apikey-file): it must be one of this project."
NOT_COUNTED = "Is --url a PostgREST, with no proxy that drops Content-Range?"


def of_words(body: str) -> str:
    """Return what the user can do about a gateway's words; empty where that is not known."""
    return next((advice for words, advice in _WORDS.items() if words in body), "")


def of_proxy(proxy: str) -> str:
    """Return what the user can do where a proxy may have answered in place of the server."""
    return (
        f"The request went through the proxy {proxy}: NO_PROXY names the hosts that are reached without it."
    )


def of_policies(resolution: Resolution) -> str:
    """Return what row-level security must allow for a resolution (PostgreSQL's docs, "CREATE POLICY")."""
    if resolution == "merge-duplicates":
        return (
            "An upsert needs policies for INSERT, UPDATE and SELECT that allow the row, a new one too. "
            "For rows that are all new, --resolution none needs one for INSERT only."
        )
    if resolution == "ignore-duplicates":
        return (
            "ignore-duplicates needs policies for INSERT and SELECT that allow the row. "
            "For rows that are all new, --resolution none needs one for INSERT only."
        )
    return "The table needs a policy for INSERT whose WITH CHECK allows the row for the role of the token."


def of_rejects(code: str, message: str, resolution: Resolution) -> str:
    """Return what the user can do about rejected rows; empty where the server's words say it all.

    Args:
        code: of their refusal.
        message: of their refusal.
        resolution: the load's.
    """
    if code == "42501" and "row-level security" in message:
        return of_policies(resolution)
    if code == "23502" and resolution != "none":
        update = " --resolution update only changes rows that are there." if _UPDATE_ONLY else ""
        return (
            "An upsert is checked as a new row first, also where its key is there: the source must have each "
            f"column that is NOT NULL and has no default, or --set COLUMN=VALUE gives it.{update}"
        )
    if code == "no-key":
        return (
            "An upsert needs the key in each row. --resolution none inserts rows without it, "
            "each time anew, if the table has a default for it; --map names another column as the key."
        )
    if code == "23505" and resolution == "none":
        return "The row is there: --resolution merge-duplicates overwrites it, ignore-duplicates keeps it."
    if code == "23505":
        return "Another unique constraint than the key: --on-conflict names it, if it is to be the key."
    if code in ("PGRST204", "42703"):
        return f"If the column is new, the server's schema cache is stale. Run in the database: {RELOAD}"
    return ""
