"""What the user can do about a refusal, by its code. No I/O."""

from __future__ import annotations

from loader.credentials.kind import role_of
from loader.postgrest import sql
from loader.settings import OPTIONS, Resolution, Settings
from loader.settings.checks import is_supabase
from loader.transport.advice import GIVE_CERT, HTTPS, OTHER_CERT, PROXY_LOGIN

RELOAD = "notify pgrst, 'reload schema'"
_NEW = f"If it is new, the server's schema cache is stale. Run in the database: {RELOAD}"
_POOLER = "A pooler in transaction mode mixes up prepared statements: set db-prepared-statements=false."

ADVICE: dict[str, str] = {
    "PGRST106": "--schema must name a schema that the server exposes (its db-schemas).",
    "PGRST205": f"Check --table and --schema: the server knows no such relation. {_NEW}",
    "PGRST125": "Check --url: it must be PostgREST's base URL.",
    "PGRST300": "The server has no jwt-secret, so it takes no tokens: set that in its configuration. Or send "
    "none, if its anonymous role may write.",
    "PGRST122": "The server does not know a preference that an exact load needs.",
    "42P10": "--on-conflict must name the columns of a primary key or a unique constraint. "
    "(--resolution none inserts rows without looking at keys.)",
    "42P01": "Check --table: the relation does not exist (any more).",
    "55000": "--table must be a table or a view that can be written.",
    "0A000": "The target cannot be written: is it a standby?",
    "25P04": "The server's transaction_timeout is too short for a single row.",
    "25006": "The target cannot be written: the database is read-only.",
    "26000": _POOLER,
    "42P05": _POOLER,
    "HTTP 404": "Check --table and --url: the server knows no such relation, or nothing at this path. "
    f"{_NEW}",
    "HTTP 407": PROXY_LOGIN,
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
LONG_HEADERS = (
    "The headers are too long for the server, or a gateway in front of it (nginx: "
    "large_client_header_buffers): use a token with fewer claims."
)
_UPDATE_ONLY = (
    "update" in OPTIONS["resolution"].choices
)  # a resolution that only changes rows which are there
GATEWAY = (
    "The gateway made the token, for the API key, and the server refuses it: is the key of this project? "
    "If the words are about time, the clocks of the project differ, and that passes."
)
NOT_APPLIED = (
    "Is --url a PostgREST, and does the relation have the primary key or unique constraint of "
    "--on-conflict? (Use --resolution none to insert without looking at keys.)"
)
NO_REST = (
    "Nothing there answers as PostgREST does. Check --url: PostgREST's base URL, or that of a Supabase "
    "project, as in https://REF.supabase.co (/rest/v1 is added where it has no path)."
)
NOT_COUNTED = "Is --url a PostgREST, with no proxy that drops Content-Range?"


def of_words(body: str) -> str:
    """Return what the user can do about a gateway's words; empty where that is not known."""
    return next((advice for words, advice in _WORDS.items() if words in body), "")


def of_added_path(settings: Settings | None) -> str:
    """Return that ``/rest/v1`` was added to --url, where that may be why nothing is there; else empty."""
    if settings is None or is_supabase(settings.url) or settings.endpoint == settings.url.rstrip("/"):
        return ""
    return (
        "An API key is given, so /rest/v1 was added to --url. If --url is a PostgREST without a gateway, "
        "leave the key out."
    )


def of_proxy(proxy: str) -> str:
    """Return what the user can do where a proxy may have answered in place of the server."""
    return (
        f"The request went through the proxy {proxy}: NO_PROXY names the hosts that are reached without it."
    )


def of_timeout(settings: Settings | None, token: str | None) -> str:
    """Return what to do where a single row takes longer than the server's statement_timeout.

    Supabase gives anon 3 s, authenticated and service_role 8 s (its docs, "Timeouts").

    Args:
        settings: of the load; None: they are not known.
        token: the bearer token of the request.
    """
    give_time = sql.allow_time(role_of(settings, token))
    return f"The server's statement_timeout is too short for a single row. Run in the database:\n{give_time}"


def of_policies(settings: Settings) -> str:
    """Return what row-level security must allow for a load, with an example to paste."""
    example = sql.policies(settings, role_of(settings, None))
    return f"{_policies_of(settings.resolution)} For example, to let in each row: {example}"


def _policies_of(resolution: Resolution) -> str:
    """Return what policies a resolution needs (PostgreSQL's docs, "CREATE POLICY")."""
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


def of_rejects(code: str, message: str, settings: Settings) -> str:
    """Return what the user can do about rejected rows; empty where the server's words say it all.

    Args:
        code: of their refusal.
        message: of their refusal.
        settings: of the load.
    """
    resolution = settings.resolution
    if code == "42501" and "row-level security" in message:
        return of_policies(settings)
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
