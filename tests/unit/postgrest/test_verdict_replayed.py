"""Verdicts on what only a newer PostgREST or a gateway answers, replayed over HTTP.

The words of PostgREST are those of its sources (12.2.12, 13.0.8, 14.9, 16.2: Error.hs), German ones those of
PostgreSQL 15, and a gateway's those of its product.
"""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from loader.model import Decision, NoReply, Reason, Reply
from loader.postgrest.verdict import judge, may_be_in
from loader.postgrest.write import Write
from tests.support.replay import Request, ask, http, replaying, signed

DONE, RETRY, RENEW, SPLIT = Decision.DONE, Decision.RETRY, Decision.RENEW, Decision.SPLIT
KEYS, SHRINK, COLUMNS, STOP = Decision.KEYS, Decision.SHRINK, Decision.COLUMNS, Decision.STOP
UPSERT = Write("merge-duplicates", ("id",))

STATUS = {
    301: "Moved Permanently", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout",
    413: "Content Too Large", 414: "URI Too Long", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


def rows_of(table: list[tuple[Any, ...]]) -> list[Any]:
    """A table's rows as parameters, with the first cell as the name."""
    return [pytest.param(*row[1:], id=row[0]) for row in table]


def postgrest(
    status: int, code: str, message: str, details: str | None = None, *headers: str, **more: str
) -> bytes:
    """An error as PostgREST 13 and later send it."""
    body = {"code": code, "details": details, "hint": more.get("hint"), "message": message}
    return http(
        f"{status} {STATUS[status]}",
        json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        "Content-Type: application/json; charset=utf-8",
        "Server: postgrest/14.9",
        f"Proxy-Status: PostgREST; error={code}",
        *headers,
    )


def gateway(status: int, body: str = "", *headers: str) -> bytes:
    """An error of somebody who stands in front of PostgREST."""
    kind = "application/json" if body.startswith("{") else "text/html"
    return http(f"{status} {STATUS.get(status, '')}", body, f"Content-Type: {kind}", *headers)


def accepted(*headers: str, status: str = "201 Created", body: str = "") -> bytes:
    return http(status, body, *headers)


ONE, NONE = Request(), Request(body="[]", rows=0)
TWO = Request(body='[{"id":"a"},{"id":"b"}]', rows=2)
HUGE = replace(ONE, size=1_100_000_000)
LONG = replace(ONE, on_conflict=("id", "c" * 17_000))

RLS = "neue Zeile verletzt Policy für Sicherheit auf Zeilenebene für Tabelle »trades«"
NGINX = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
CLOUDFLARE = "<!DOCTYPE html>\n<html><head><title>supabase.co | {0}</title></head><body>...</body></html>"
RETRY_AFTER = "Retry-After: 7"

# fmt: off
NEWER = [
    # cause                                        HTTP  code       verdict  request  reply
    # errors of PostgreSQL and PostgREST
    ("unknown column (12.0.3+)",                   400, "PGRST204", COLUMNS, ONE,     postgrest(400, "PGRST204", "Could not find the 'nope' column of 'all_trades' in the schema cache")),
    ("unknown relation (13+)",                     404, "PGRST205", STOP,    NONE,    postgrest(404, "PGRST205", "Could not find the table 'api.nowhere' in the schema cache")),
    ("wrong path (13+)",                           404, "PGRST125", STOP,    NONE,    postgrest(404, "PGRST125", "Invalid path specified in request URL")),
    ("schema not exposed (13.0.7+)",               406, "PGRST106", STOP,    NONE,    postgrest(406, "PGRST106", "Invalid schema: core", hint="Only the following schemas are exposed: api")),
    ("bad Accept (12.0.3+)",                       406, "PGRST107", STOP,    NONE,    postgrest(406, "PGRST107", "None of these media types are available: text/nonsense")),
    ("same key twice in a batch (12.0.3+)",        500, "21000",    KEYS,    TWO,     postgrest(500, "21000", "ON CONFLICT DO UPDATE command cannot affect row a second time")),
    ("index row too large (12.2+)",                500, "54000",    SPLIT,   ONE,     postgrest(500, "54000", "index row requires 12016 bytes, maximum size is 8191")),
    ("jsonb too large (12.2+)",                    500, "54000",    SPLIT,   ONE,     postgrest(500, "54000", "total size of jsonb array elements exceeds the maximum of 268435455 bytes")),
    ("JSON nested too deep (12.2+)",               500, "54001",    SPLIT,   ONE,     postgrest(500, "54001", "stack depth limit exceeded")),
    ("configuration limit (12.2+)",                500, "53400",    RETRY,   ONE,     postgrest(500, "53400", "temporary file size exceeds temp_file_limit (1024kB)")),
    ("serialization failure (16+)",                500, "40001",    RETRY,   ONE,     postgrest(500, "40001", "could not serialize access due to concurrent update")),
    ("body > 1 GiB",                               503, "PGRST001", SHRINK,  HUGE,    postgrest(503, "PGRST001", "Database client error. Retrying the connection.", "no connection to the server\n", "Retry-After: 0")),
    ("lost connection, small body",                503, "PGRST001", RETRY,   ONE,     postgrest(503, "PGRST001", "Database client error. Retrying the connection.", "no connection to the server\n", "Retry-After: 0")),
    ("Postgres in recovery (57P03)",               503, "PGRST000", RETRY,   ONE,     postgrest(503, "PGRST000", "Database connection error. Retrying the connection.", "FATAL:  the database system is in recovery mode\n", "Retry-After: 1")),
    ("read-only transaction",                      405, "25006",    STOP,    ONE,     postgrest(405, "25006", "cannot execute INSERT in a read-only transaction")),
    ("internal error of PostgREST",                500, "PGRSTX00", RETRY,   ONE,     postgrest(500, "PGRSTX00", "UnexpectedAmountOfRows 0")),
    # tokens
    ("expired (13+)",                              401, "PGRST303", RENEW,   ONE,     postgrest(401, "PGRST303", "JWT expired")),
    ("nbf ahead (13+)",                            401, "PGRST303", RETRY,   ONE,     postgrest(401, "PGRST303", "JWT not yet valid")),
    ("iat ahead (13+; < 14.17: a stale clock)",    401, "PGRST303", RETRY,   ONE,     postgrest(401, "PGRST303", "JWT issued at future")),
    ("aud mismatch (13+)",                         401, "PGRST303", STOP,    ONE,     postgrest(401, "PGRST303", "JWT not in audience")),
    ("exp not a number (13+)",                     401, "PGRST303", STOP,    ONE,     postgrest(401, "PGRST303", "The JWT 'exp' claim must be a number")),
    ("claims that are none (13+)",                 401, "PGRST303", STOP,    ONE,     postgrest(401, "PGRST303", "Parsing claims failed")),
    ("wrong signature, unknown kid (13+)",         401, "PGRST301", RENEW,   ONE,     postgrest(401, "PGRST301", "No suitable key or wrong key type", "None of the keys was able to decode the JWT")),
    ("failed cryptography (13+)",                  401, "PGRST301", RENEW,   ONE,     postgrest(401, "PGRST301", "JWT cryptographic operation failed")),
    ("alg none (13+)",                             401, "PGRST301", STOP,    ONE,     postgrest(401, "PGRST301", "Wrong or unsupported encoding algorithm", "JWT is unsecured but expected 'alg' was not 'none'")),
    ("garbage token (13+)",                        401, "PGRST301", STOP,    ONE,     postgrest(401, "PGRST301", "Expected 3 parts in JWT; got 1")),
    ("a token of another type (13+)",              401, "PGRST301", STOP,    ONE,     postgrest(401, "PGRST301", "Unsupported token type")),
    ("not a token (13+)",                          401, "PGRST301", STOP,    ONE,     postgrest(401, "PGRST301", "JWT couldn't be decoded")),
    ("other words about a token",                  401, "PGRST301", RENEW,   ONE,     postgrest(401, "PGRST301", "something new")),
    ("role does not exist (13.0.1+)",              401, "22023",    STOP,    ONE,     postgrest(401, "22023", 'role "nobody_here" does not exist')),
    # in German, by lc_messages
    ("German: RLS WITH CHECK",                     403, "42501",    SPLIT,   ONE,     postgrest(403, "42501", RLS)),
    ("German: no privilege, preflight",            403, "42501",    STOP,    NONE,    postgrest(403, "42501", "keine Berechtigung für Sicht all_trades")),
    ("German: no privilege, anonymous",            401, "42501",    STOP,    ONE,     postgrest(401, "42501", "keine Berechtigung für Sicht all_trades", None, "WWW-Authenticate: Bearer")),
    ("German: statement_timeout",                  500, "57014",    SHRINK,  ONE,     postgrest(500, "57014", "storniere Anfrage wegen Zeitüberschreitung der Anfrage")),
    ("German: lock_timeout",                       500, "55P03",    RETRY,   ONE,     postgrest(500, "55P03", "storniere Anfrage wegen Zeitüberschreitung einer Sperre")),
    ("German: role does not exist, preflight",     400, "22023",    STOP,    NONE,    postgrest(400, "22023", "Rolle »nobody_here« existiert nicht")),
    ("German: computed view column",               400, "0A000",    COLUMNS, NONE,    postgrest(400, "0A000", "kann nicht in Spalte »one« von Sicht »computed« einfügen", "Sichtspalten, die nicht Spalten ihrer Basisrelation sind, sind nicht aktualisierbar.")),
    ("German: standby",                            400, "0A000",    STOP,    NONE,    postgrest(400, "0A000", "kann den Read/Write-Modus einer Transaktion nicht während der Wiederherstellung setzen")),
    ("German: a non-object in the array",          400, "22023",    STOP,    ONE,     postgrest(400, "22023", "Argument von json_to_recordset muss ein Array von Objekten sein")),
]

GATEWAYS = [
    # who, and why                                 HTTP  verdict  request  reply
    ("Cloudflare 520, short URL",                  520,  RETRY,   ONE,     gateway(520, CLOUDFLARE.format("520: Web server is returning an unknown error"))),
    ("Cloudflare 520, URL > 16 kB",                520,  STOP,    LONG,    gateway(520, CLOUDFLARE.format("520: Web server is returning an unknown error"))),
    ("Cloudflare 521",                             521,  RETRY,   ONE,     gateway(521, CLOUDFLARE.format("521: Web server is down"))),
    ("Cloudflare 522",                             522,  RETRY,   ONE,     gateway(522, CLOUDFLARE.format("522: Connection timed out"))),
    ("Cloudflare 523",                             523,  RETRY,   ONE,     gateway(523, CLOUDFLARE.format("523: Origin is unreachable"))),
    ("Cloudflare 524",                             524,  RETRY,   ONE,     gateway(524, CLOUDFLARE.format("524: A timeout occurred"))),
    ("Cloudflare 530, no words",                   530,  RETRY,   ONE,     gateway(530)),
    ("Cloudflare 413: 100 MB",                     413,  SHRINK,  ONE,     gateway(413, CLOUDFLARE.format("413 Payload Too Large"))),
    ("nginx 413: client_max_body_size",            413,  SHRINK,  ONE,     gateway(413, NGINX.format("413 Request Entity Too Large"))),
    ("nginx 502",                                  502,  RETRY,   ONE,     gateway(502, NGINX.format("502 Bad Gateway"))),
    ("nginx 503",                                  503,  RETRY,   ONE,     gateway(503, NGINX.format("503 Service Temporarily Unavailable"))),
    ("nginx 504",                                  504,  RETRY,   ONE,     gateway(504, NGINX.format("504 Gateway Time-out"))),
    ("nginx 400: headers too large",               400,  STOP,    LONG,    gateway(400, NGINX.format("400 Request Header Or Cookie Too Large"))),
    ("nginx 414: URL too long",                    414,  STOP,    LONG,    gateway(414, NGINX.format("414 Request-URI Too Large"))),
    ("431: headers too large",                     431,  STOP,    LONG,    gateway(431)),
    ("nginx 405: no PostgREST behind it",          405,  STOP,    NONE,    gateway(405, NGINX.format("405 Not Allowed"))),
    ("nginx 404, preflight: a wrong URL",          404,  STOP,    NONE,    gateway(404, NGINX.format("404 Not Found"))),
    ("nginx 404, mid-load: it restarts",           404,  RETRY,   ONE,     gateway(404, NGINX.format("404 Not Found"))),
    ("PostgREST 404 {}, mid-load",                 404,  STOP,    ONE,     gateway(404, "{}")),
    ("Kong 404, mid-load",                         404,  RETRY,   ONE,     gateway(404, '{"message":"no Route matched with those values"}')),
    ("Kong 502",                                   502,  RETRY,   ONE,     gateway(502, '{"message":"An invalid response was received from the upstream server"}')),
    ("Kong 504",                                   504,  RETRY,   ONE,     gateway(504, '{"message":"The upstream server is timing out"}')),
    ("Kong 401: no apikey",                        401,  STOP,    ONE,     gateway(401, '{"message":"No API key found in request"}')),
    ("Supabase 401, no words",                     401,  RENEW,   ONE,     gateway(401)),
    ("Supabase 402: project restricted",           402,  STOP,    ONE,     gateway(402, '{"message":"exceeded_db_size_quota"}')),
    ("Supabase 540: project paused",               540,  STOP,    ONE,     gateway(540)),
    ("Supabase 544: gateway timeout",              544,  RETRY,   ONE,     gateway(544)),
    ("429 with Retry-After",                       429,  RETRY,   ONE,     gateway(429, "slow down", RETRY_AFTER)),
    ("425",                                        425,  RETRY,   ONE,     gateway(425)),
    ("501: knows no POST",                         501,  STOP,    NONE,    gateway(501)),
    ("505: knows no HTTP/1.1",                     505,  STOP,    NONE,    gateway(505)),
    ("408",                                        408,  RETRY,   ONE,     gateway(408)),
    ("500, no words",                              500,  RETRY,   ONE,     gateway(500)),
    ("502, no words",                              502,  RETRY,   ONE,     gateway(502)),
    ("503, no words",                              503,  RETRY,   ONE,     gateway(503)),
    ("403: a firewall",                            403,  STOP,    ONE,     gateway(403, CLOUDFLARE.format("Just a moment..."))),
    ("Warp 400: headers > 50 kB",                  400,  STOP,    LONG,    http("400 Bad Request", "Bad Request", "Content-Type: text/plain; charset=utf-8", version="HTTP/1.0")),
    ("Warp 500: an exception",                     500,  SPLIT,   ONE,     http("500 Internal Server Error", "Something went wrong", "Content-Type: text/plain; charset=utf-8")),
    ("301: https",                                 301,  STOP,    NONE,    gateway(301, NGINX.format("301 Moved Permanently"), "Location: https://db.example/")),
    ("308: no words",                              308,  STOP,    NONE,    gateway(308, "", "Location: /rest/")),
    ("JSON that is no PostgREST error: a list",    500,  RETRY,   ONE,     gateway(500, '["code"]')),
    ("JSON that is no PostgREST error: a number",  401,  RENEW,   ONE,     gateway(401, '{"code":401,"message":"Invalid JWT"}')),
    ("JSON that is no PostgREST error: nested",    503,  RETRY,   ONE,     gateway(503, '{"error":{"code":"XX000"}}')),
    ("JSON that is cut off",                       503,  RETRY,   ONE,     gateway(503, '{"message":"upstr')),
]

APPLIED, COUNTED = "Preference-Applied: resolution=merge-duplicates, return=minimal", "Content-Range: */1"
SUCCESS = [
    # reply                                        HTTP  verdict  code           reply
    ("200",                                        200,  DONE,    "",            accepted(APPLIED, COUNTED, status="200 OK")),
    ("201",                                        201,  DONE,    "",            accepted(APPLIED, COUNTED)),
    ("204",                                        204,  DONE,    "",            b"HTTP/1.1 204 No Content\r\nContent-Range: */1\r\nPreference-Applied: resolution=merge-duplicates\r\n\r\n"),
    ("a range before the count",                   201,  DONE,    "",            accepted(APPLIED, "Content-Range: 0-0/1")),
    ("no Preference-Applied",                      201,  STOP,    "not-applied", accepted(COUNTED)),
    ("another resolution applied",                 201,  STOP,    "not-applied", accepted("Preference-Applied: resolution=ignore-duplicates", COUNTED)),
    ("no Content-Range",                           201,  STOP,    "no-count",    accepted(APPLIED)),
    ("no count in Content-Range",                  201,  STOP,    "no-count",    accepted(APPLIED, "Content-Range: */*")),
    ("fewer stored than sent",                     201,  SPLIT,   "not-stored",  accepted(APPLIED, "Content-Range: */0")),
    ("a page of something that is no PostgREST",   200,  STOP,    "not-applied", accepted("Content-Type: text/html", status="200 OK", body="<html>Welcome to nginx!</html>")),
]
# fmt: on


@pytest.mark.parametrize(("status", "code", "kind", "request_", "reply"), rows_of(NEWER))
async def test_newer_postgrest(
    status: int, code: str, kind: Decision, request_: Request, reply: bytes
) -> None:
    """What PostgREST 12.0.3 to 16 say, or say in another language, is judged so."""
    async with replaying(reply) as url:
        answer = await ask(url, signed(), request_)

    assert (status, code, kind) == answer.said


@pytest.mark.parametrize(("status", "kind", "request_", "reply"), rows_of(GATEWAYS))
async def test_gateway(status: int, kind: Decision, request_: Request, reply: bytes) -> None:
    """What is not PostgREST's is judged by its status, and told as such."""
    async with replaying(reply) as url:
        answer = await ask(url, signed(), request_)

    assert (status, None, kind) == answer.said
    assert f"HTTP {status}" == answer.verdict.reason.code
    assert answer.verdict.reason.message


@pytest.mark.parametrize(("status", "kind", "code", "reply"), rows_of(SUCCESS))
async def test_success(status: int, kind: Decision, code: str, reply: bytes) -> None:
    """A 2xx counts if it applied the resolution and stored each row."""
    async with replaying(reply) as url:
        answer = await ask(url, signed(), ONE)

    assert (status, None, kind) == answer.said
    assert code == answer.verdict.reason.code


async def test_page_instead_of_preflight() -> None:
    """A site that answers anything with a page is found by the preflight of a plain insert too."""
    async with replaying(http("200 OK", "<html>Welcome to nginx!</html>")) as url:
        answer = await ask(url, signed(), replace(NONE, resolution="none"))

    assert (200, None, STOP) == answer.said


@pytest.mark.parametrize("reply", [postgrest(401, "PGRST301", "JWT expired"), gateway(401)])
async def test_no_token_to_renew(reply: bytes) -> None:
    """Without a token a 401 stops the load: there is nothing to renew."""
    async with replaying(reply) as url:
        answer = await ask(url, None, ONE)

    assert STOP is answer.verdict.decision
    assert "No token was sent" in answer.verdict.advice


@pytest.mark.parametrize(
    "reply",
    [
        gateway(503, "", RETRY_AFTER),
        gateway(429, "", RETRY_AFTER),
        postgrest(503, "PGRST000", "Database connection error.", None, RETRY_AFTER),
        postgrest(503, "53300", "sorry, too many clients already", None, RETRY_AFTER),
        postgrest(401, "PGRST303", "JWT issued at future", None, RETRY_AFTER),
    ],
)
async def test_retry_after(reply: bytes) -> None:
    """The wait that a server asks for is part of the verdict, whoever asks."""
    async with replaying(reply) as url:
        answer = await ask(url, signed(), ONE)

    assert (RETRY, 7.0) == (answer.verdict.decision, answer.verdict.after)


async def test_redirect_is_told() -> None:
    """The advice names the address that a redirect points to."""
    async with replaying(gateway(301, "", "Location: https://db.example/")) as url:
        answer = await ask(url, signed(), NONE)

    assert "https://db.example/" in answer.verdict.advice


@pytest.mark.parametrize("status", [400, 414, 431, 520])
async def test_long_url_is_told(status: int) -> None:
    """The advice says what takes longer ones. Fewer --columns would lose values."""
    async with replaying(gateway(status)) as url:
        answer = await ask(url, signed(), LONG)

    assert "large_client_header_buffers" in answer.verdict.advice
    assert "--columns" not in answer.verdict.advice


# fmt: off
BROKEN = [
    # what comes back           bytes
    ("nothing",                 b""),
    ("half a status line",      b"HTTP/1.1 20"),
    ("half a body",             b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\n{"),
    ("no HTTP",                 b"SSH-2.0-OpenSSH_9.2p1\r\n"),
]
# fmt: on


@pytest.mark.parametrize("reply", rows_of(BROKEN))
async def test_broken_reply(reply: bytes) -> None:
    """A reply that breaks off says nothing about the rows: again."""
    async with replaying(reply) as url:
        answer = await ask(url, signed(), ONE)

    assert (True, RETRY) == (isinstance(answer.reply, NoReply), answer.verdict.decision)


async def test_timeout() -> None:
    """No reply within --timeout: again."""
    async with replaying(None) as url:
        answer = await ask(url, signed(), replace(ONE, timeout=0.2))

    assert (NoReply("no answer within 0.2 s", slow=True), RETRY) == (answer.reply, answer.verdict.decision)


def test_host_that_does_not_exist() -> None:
    """What no waiting can mend stops the load."""
    verdict = judge(NoReply("no such host", hopeless=True), Write("none"), rows=1)

    assert STOP is verdict.decision


# fmt: off
UNSURE = [
    # what came back for a plain insert        may be in
    ("refused connection",                     False, NoReply("connection refused", sent=False)),
    ("no reply",                               True,  NoReply("no answer within 120 s", slow=True)),
    ("PostgreSQL refused it",                  False, Reply(409, Reason("23505", "..."))),
    ("PostgreSQL gave it up",                  False, Reply(500, Reason("57014", "..."))),
    ("PostgreSQL does not know",               True,  Reply(500, Reason("40003", "..."))),
    ("connection lost",                        True,  Reply(503, Reason("08006", "..."))),
    ("PostgreSQL was shut down",               True,  Reply(503, Reason("57P01", "..."))),
    ("PostgreSQL went away",                   True,  Reply(503, Reason("PGRST001", "..."))),
    ("PostgREST had no connection",            False, Reply(504, Reason("PGRST003", "..."))),
    ("a gateway gave up",                      True,  Reply(504, body="<html>")),
    ("a gateway gave up, with a code",         True,  Reply(504, Reason("UPSTREAM_TIMEOUT", "..."))),
    ("a gateway let nothing through",          False, Reply(429, body="slow down")),
]
# fmt: on


@pytest.mark.parametrize(("unsure", "reply"), rows_of(UNSURE))
def test_may_be_in(unsure: bool, reply: Reply | NoReply) -> None:
    """Rows that must not be sent twice may be in, unless somebody who must know says that they are not."""
    assert unsure is may_be_in(reply)


# fmt: off
TRIES = [
    # code       tries
    ("XX000",    2),
    ("58030",    3),
    ("PGRSTX00", 3),
    ("55P03",    5),
    ("40P01",    None),
    ("53100",    None),
    ("PGRST003", None),
]
# fmt: on


@pytest.mark.parametrize(("code", "tries"), TRIES)
async def test_few_tries(code: str, tries: int | None) -> None:
    """Some errors are tried again a few times: they are put down to a row when they do not pass."""
    async with replaying(postgrest(500, code, "...")) as url:
        answer = await ask(url, signed(), TWO)

    assert (RETRY, tries) == (answer.verdict.decision, answer.verdict.tries)


# fmt: off
APPENDIX_A = [
    # class of PostgreSQL's appendix A        verdict on a batch
    ("00 successful completion",              STOP),
    ("01 warning",                            STOP),
    ("02 no data",                            STOP),
    ("03 SQL statement not yet complete",     STOP),
    ("08 connection exception",               RETRY),
    ("09 triggered action exception",         SPLIT),
    ("0A feature not supported",              STOP),
    ("0B invalid transaction initiation",     STOP),
    ("0F locator exception",                  STOP),
    ("0L invalid grantor",                    STOP),
    ("0P invalid role specification",         STOP),
    ("0Z diagnostics exception",              STOP),
    ("20 case not found",                     SPLIT),
    ("21 cardinality violation",              KEYS),
    ("22 data exception",                     SPLIT),
    ("23 integrity constraint violation",     SPLIT),
    ("24 invalid cursor state",               STOP),
    ("25 invalid transaction state",          STOP),
    ("26 invalid SQL statement name",         RETRY),
    ("27 triggered data change violation",    SPLIT),
    ("28 invalid authorization",              STOP),
    ("2B dependent privileges still exist",   STOP),
    ("2D invalid transaction termination",    STOP),
    ("2F SQL routine exception",              SPLIT),
    ("34 invalid cursor name",                STOP),
    ("38 external routine exception",         SPLIT),
    ("39 external routine invocation",        SPLIT),
    ("3B savepoint exception",                STOP),
    ("3D invalid catalog name",               STOP),
    ("3F invalid schema name",                STOP),
    ("40 transaction rollback",               RETRY),
    ("42 syntax error or access rule",        STOP),
    ("44 WITH CHECK OPTION violation",        SPLIT),
    ("53 insufficient resources",             RETRY),
    ("54 program limit exceeded",             SPLIT),
    ("55 object not in prerequisite state",   STOP),
    ("57 operator intervention",              RETRY),
    ("58 system error",                       RETRY),
    ("72 snapshot failure",                   RETRY),
    ("F0 configuration file error",           STOP),
    ("HV foreign data wrapper error",         STOP),
    ("P0 PL/pgSQL error",                     SPLIT),
    ("XX internal error",                     RETRY),
]
# fmt: on


@pytest.mark.parametrize(("name", "kind"), APPENDIX_A)
def test_class(name: str, kind: Decision) -> None:
    """Each class of SQLSTATEs has a verdict, for codes that have none of their own."""
    reply = Reply(500, Reason(f"{name[:2]}000", "..."))

    assert kind is judge(reply, UPSERT, rows=2).decision


@pytest.mark.parametrize(
    "code",
    [
        *["23505", "22P02", "P0001", "45000", "ABCDE", "21000", "44000", "54000", "PT422", "PGRST121"],
        *["20000", "27000", "39004", "42501"],
    ],
)
def test_no_row_is_to_blame_for_a_preflight(code: str) -> None:
    """No verdict on a request without rows says that a row is bad."""
    reply = Reply(500, Reason(code, "..."))

    with_rows = judge(reply, UPSERT, rows=2)
    without = judge(reply, UPSERT, rows=0)

    assert with_rows.decision in (SPLIT, KEYS)
    assert STOP is without.decision
