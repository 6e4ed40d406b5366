"""sql/ through a real PostgreSQL and a real PostgREST."""

from __future__ import annotations

import http.client
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from loader.sandbox import Sandbox, reset, sandbox, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

TRADE = {
    "id": "t1",
    "timestamp": 1_700_000_000_123,
    "market": "kraken",
    "symbol": "ETH/USD",
    "base_asset": "ETH",
    "quote_asset": "USD",
    "is_buy": True,
    "amount": "0.000000000000000001",
    "price": "123456789012345678901234567890.123456789012345678",
    "usd_value": "1.5",
}
INTERVAL = {"timestamp": 1_700_000_000_123, "market": "kraken", "interval": "week", "usd_held": "1"}
SEQUENCE = "SEQUENCE core.portfolio_history_id_seq"


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])


@dataclass(frozen=True)
class Api:
    """The sandbox with PostgreSQL's and PostgREST's API."""

    box: Sandbox

    def psql(self, script: str) -> str:
        """Runs SQL as the superuser; returns what it prints, unaligned."""
        psql = str(self.box.programs / "psql")
        command = [psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.box.database]
        done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=30, check=False)
        assert 0 == done.returncode, done.stderr
        return done.stdout.strip()

    def ask(
        self,
        method: str,
        path: str,
        row: dict[str, Any] | None = None,
        *,
        role: str | None = None,
        prefer: str = "",
    ) -> Reply:
        """One request, with a token for the role if there is one."""
        headers = {"Content-Type": "application/json", "Prefer": prefer}
        if role:
            claims = {"role": role, "aud": self.box.url}
            headers["Authorization"] = f"Bearer {jwt.encode(claims, self.box.secret, 'HS256')}"
        data = None if row is None else json.dumps(row).encode()
        connection = http.client.HTTPConnection(self.box.url.removeprefix("http://"), timeout=10)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return Reply(answer.status, json.loads(answer.read() or b"null"))
        finally:
            connection.close()

    def write(self, path: str, row: dict[str, Any], prefer: str = "") -> Reply:
        return self.ask("POST", path, row, role="api_data_producer", prefer=prefer)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    state = tmp_path_factory.mktemp("sql")
    with sandbox(state, fsync=False) as box:
        yield Api(box)
    reset(state)


@pytest.fixture(autouse=True)
def empty_tables(api: Api) -> None:
    api.psql("TRUNCATE core.trades, core.portfolio_history")


def test_setup_again_keeps_rows_and_password(api: Api) -> None:
    """setup.sql runs a second time on its own, changes no row, and authenticator logs in as before."""
    assert 201 == api.write("/all_trades", TRADE).status

    api.psql(f"\\i '{schema.setup_file()}'")

    assert f"t1|{TRADE['price']}" == api.psql("SELECT id, price FROM core.trades")
    psql = str(api.box.programs / "psql")
    login = [psql, "-X", "-A", "-t", "-c", "SELECT current_user", api.box.authenticator]
    assert (
        subprocess.run(login, capture_output=True, text=True, timeout=30, check=True).stdout
        == "authenticator\n"
    )


def test_sequence_grant_is_needed_for_a_serial_id(api: Api) -> None:
    """Without id a row needs the grant on the sequence, though the view's owner owns it; with id not."""
    assert 201 == api.write("/portfolio_history", INTERVAL).status

    api.psql(f"REVOKE ALL ON {SEQUENCE} FROM api_data_producer")
    try:
        refused = api.write("/portfolio_history", INTERVAL)
        assert (403, "42501") == (refused.status, refused.code)
        assert "permission denied for sequence portfolio_history_id_seq" == refused.body["message"]
        assert 201 == api.write("/portfolio_history", INTERVAL | {"id": 1_000_000}).status
    finally:
        schema.apply(
            api.box.programs / "psql", api.box.database, api.box.authenticator.split(":")[2].split("@")[0]
        )

    assert 201 == api.write("/portfolio_history", INTERVAL).status


def test_anyone_reads_the_newest_trades_and_nothing_else(api: Api) -> None:
    """Without a token: the 100 newest trades, newest first; other views and every write are refused."""
    api.psql(
        "INSERT INTO core.trades SELECT 't' || n, n, 'kraken', 'ETH/USD', 'ETH', 'USD', true, 1, 1, 1 "
        "FROM generate_series(1, 150) n"
    )

    newest = api.ask("GET", "/latest_trades?market=eq.kraken")

    assert 200 == newest.status
    assert [row["timestamp"] for row in newest.body] == list(range(150, 50, -1))
    assert list(newest.body[0]) == list(TRADE)
    for method, path in [("GET", "/all_trades"), ("POST", "/all_trades"), ("GET", "/portfolio_history")]:
        refused = api.ask(method, path, TRADE if method == "POST" else None)
        assert (401, "42501") == (refused.status, refused.code)
    assert api.ask("POST", "/latest_trades", TRADE).status >= 400


def test_producer_upserts_trades(api: Api) -> None:
    """Sending a trade again updates it, to its last digit; the producer reads all of its columns."""
    upsert = "resolution=merge-duplicates,return=minimal,count=exact,handling=strict"
    assert 201 == api.write("/all_trades?on_conflict=id", TRADE, upsert).status
    changed = TRADE | {"amount": "999999999999999999999999999999.999999999999999999"}

    assert 200 == api.write("/all_trades?on_conflict=id", changed, upsert).status

    assert f"t1|{changed['amount']}" == api.psql("SELECT id, amount FROM core.trades")
    read = api.ask("GET", "/all_trades", role="api_data_producer")
    assert [list(row) for row in read.body] == [list(TRADE)]
    assert "42501" == api.ask("DELETE", "/all_trades?id=eq.t1", role="api_data_producer").code


def test_computed_column_is_refused(api: Api) -> None:
    """timestamp_s is timestamp / 1000 and cannot be written (0A000); updated_at is not in the view."""
    assert "0A000" == api.write("/portfolio_history", INTERVAL | {"timestamp_s": 1}).code
    assert "PGRST204" == api.write("/portfolio_history?columns=updated_at", {"updated_at": 1}).code

    assert 201 == api.write("/portfolio_history", INTERVAL).status

    read = api.ask("GET", "/portfolio_history?select=timestamp,timestamp_s", role="api_data_producer")
    assert [{"timestamp": 1_700_000_000_123, "timestamp_s": 1_700_000_000}] == read.body


def test_unfinished_interval_is_deleted_and_written_anew(api: Api) -> None:
    """The producer may delete an interval, write it again, and change it."""
    assert 201 == api.write("/portfolio_history", INTERVAL).status
    path = f"/portfolio_history?timestamp=eq.{INTERVAL['timestamp']}"

    assert 204 == api.ask("DELETE", path, role="api_data_producer").status
    assert 201 == api.write("/portfolio_history", INTERVAL | {"usd_held": "2"}).status
    assert 204 == api.ask("PATCH", path, {"usd_held": "3"}, role="api_data_producer").status

    assert "3.000000000000000000" == api.psql("SELECT usd_held FROM core.portfolio_history")


def test_grants_are_those_of_the_mission(api: Api) -> None:
    """The views' grants are exactly these, and no role of PostgREST has any on a table of core."""
    granted = api.psql(
        "SELECT table_name, grantee, string_agg(privilege_type, ' ' ORDER BY privilege_type) "
        "FROM information_schema.role_table_grants "
        "WHERE table_schema IN ('api', 'core') AND grantee <> 'postgres' GROUP BY 1, 2 ORDER BY 1, 2"
    )

    assert [
        "all_trades|api_data_producer|INSERT SELECT UPDATE",
        "latest_trades|api_anon|SELECT",
        "latest_trades|api_data_producer|SELECT",
        "portfolio_history|api_data_producer|DELETE INSERT SELECT TRUNCATE UPDATE",
    ] == granted.splitlines()
