"""The sandbox with real servers: what it starts, what it keeps, and that nothing of it outlives its owner."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from loader.sandbox import (
    Postgres,
    PostgREST,
    Sandbox,
    SandboxError,
    cluster,
    find_postgres,
    find_postgrest,
    reset,
    sandbox,
    schema,
)
from loader.sandbox.postgrest import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 15.0  # seconds that any wait here may take
HOLD = """
import pathlib, signal, sys
from loader.sandbox import sandbox
if "deaf" in sys.argv:
    signal.signal(signal.SIGINT, lambda *_: None)
with sandbox(pathlib.Path(sys.argv[1]), fsync=False) as box:
    print(box.url, flush=True)
    sys.stdin.read()
"""


def until(true: Callable[[], object], what: str) -> None:
    """Polls, with a bound."""
    stop = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < stop, f"waited {PATIENCE} s in vain: {what}"
        time.sleep(0.02)


def sql(box: Sandbox, script: str) -> str:
    """Runs SQL in the way in which `bulkload sandbox -- psql` does."""
    command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", script]
    environment = {**os.environ, **box.environment()}
    psql = box.programs / command[0]
    done = subprocess.run(
        [str(psql), *command[1:]],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


def port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def children(pid: int) -> set[int]:
    """The living processes whose parent is `pid`."""
    return {child for child, parent in processes() if parent == pid}


def processes() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            yield int(folder.name), int(parent)


def descendants(pid: int) -> set[int]:
    found = children(pid)
    return found.union(*(descendants(child) for child in found))


def gone(pids: set[int]) -> bool:
    return not pids & {pid for pid, _ in processes()}


@contextmanager
def holder(state: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, in its own group, that is asked to hold the sandbox."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def url_of(process: subprocess.Popen[str]) -> str:
    """Waits until the holder has it up."""
    assert process.stdout is not None
    assert process.stderr is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    url = process.stdout.readline().strip() if ready else ""
    assert url, process.stderr.read() if process.poll() is not None else "not up in time"
    return url


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One state folder for all tests that leave it as they found it: stopped, and whole."""
    folder = tmp_path_factory.mktemp("sandbox") / "it's a folder, with \\ and ü"
    yield folder
    reset(folder)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """A state folder for one test."""
    folder = tmp_path / "state"
    yield folder
    reset(folder)


def test_rows_stay_until_reset(fresh: Path) -> None:
    """What is in the sandbox is there at its next start, with the same secrets; reset empties it."""
    with sandbox(fresh, fsync=False) as first:
        sql(first, "INSERT INTO core.portfolio_history (timestamp) VALUES (1)")
    with sandbox(fresh, fsync=False) as second:
        assert "1" == sql(second, "SELECT timestamp FROM core.portfolio_history")
        assert second.secret == first.secret
        assert len(second.secret) >= 32

    reset(fresh)

    assert not (fresh / "cluster").exists()
    with sandbox(fresh, fsync=False) as third:
        assert "0" == sql(third, "SELECT count(*) FROM core.portfolio_history")


def test_environment_and_files(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ignores libpq's variables around it, gives commands its own, and shows its secrets to nobody."""
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGOPTIONS", "PGSERVICE", "PGRST_DB_SCHEMAS", "PGSSLMODE"):
        monkeypatch.setenv(name, "nonsense")
    with sandbox(state, fsync=False) as box:
        for name in ("PGOPTIONS", "PGSERVICE", "PGSSLMODE"):
            monkeypatch.delenv(name)
        assert answers(port(box.url))
        assert "postgres|bulkload" == sql(box, "SELECT current_user, current_database()")
        environment = box.environment()
        assert environment["BULKLOAD_URL"] == box.url
        assert environment["PGRST_JWT_SECRET"] == box.secret
        assert environment["DATABASE_URL"] == box.database
        assert environment["PATH"].split(os.pathsep)[0] == str(box.programs)
        assert box.secret not in repr(box)
        assert environment["PGPASSWORD"] not in repr(box)
        assert {"postgres.log", "postgrest.log"} == {file.name for file in box.log.iterdir()}
        for file in ("secrets.json", "running.json", "lock", "log/postgres.log", "log/postgrest.log"):
            assert 0o600 == stat.S_IMODE((state / file).stat().st_mode)
        arguments = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(os.getpid()))
        assert b"postgrest" in arguments
        passwords = [urlsplit(uri).password or "" for uri in (box.database, box.authenticator)]
        for secret in (box.secret, *passwords):
            assert secret.encode() not in arguments
    assert not (state / "running.json").exists()
    assert not answers(port(box.url))


def _fail_with(servers: set[int], before: set[int]) -> None:
    servers.update(descendants(os.getpid()) - before)
    raise ZeroDivisionError


def test_exception_ends_it(state: Path) -> None:
    """An exception in the block ends both servers and is passed on."""
    before = descendants(os.getpid())
    servers: set[int] = set()
    with pytest.raises(ZeroDivisionError), sandbox(state, fsync=False):
        _fail_with(servers, before)
    assert len(servers) > 2
    assert gone(servers)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda end: end.name)
def test_nothing_outlives_the_owner(state: Path, end: signal.Signals) -> None:
    """However its owner ends, both servers are gone soon after, and the next start finds all in order."""
    with holder(state) as owner:
        url = url_of(owner)
        servers = descendants(owner.pid)
        assert len(servers) > 2
        owner.send_signal(end)
        owner.wait(PATIENCE)
        if (
            end is not signal.SIGKILL
        ):  # the start that follows a kill at once must wait for the old PostgreSQL
            until(lambda: gone(servers), "the servers outlive their owner")
        with sandbox(state, fsync=False) as box:
            assert answers(port(box.url))
        until(lambda: gone(servers), "the servers outlive their owner")
        assert not answers(port(url))


def test_terminal_interrupt_does_not_reach_the_servers(state: Path) -> None:
    """Ctrl-C goes to the terminal's process group; the servers stay until their owner lets them go."""
    with holder(state, "deaf") as owner:
        url = url_of(owner)
        os.killpg(owner.pid, signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            owner.wait(0.3)
        assert answers(port(url))
        owner.communicate(timeout=PATIENCE)
        assert 0 == owner.returncode
        assert not answers(port(url))


def test_second_use_joins_the_first(state: Path) -> None:
    """While one process has it up or is starting it, another one uses the same and leaves it running."""
    with holder(state) as owner:
        until((state / "lock").exists, "the owner does not start")
        said: list[str] = []
        url = url_of(owner)
        with sandbox(state, say=said.append) as box:
            assert box.url == url
            assert "1" == sql(box, "SELECT 1")
        assert [f"Using the sandbox that is up at {url}"] == said
        assert answers(port(url))


def test_two_starts_at_once_share_one(state: Path) -> None:
    """Of two that start together one owns it, and the other waits until it is up."""
    with holder(state) as one, holder(state) as other:
        assert url_of(one) == url_of(other)


def test_reset_is_refused_while_it_runs(state: Path) -> None:
    """Nobody's rows go away under a load that is running."""
    with sandbox(state, fsync=False) as box:
        with pytest.raises(SandboxError, match="is running"):
            reset(state)
        assert "0" == sql(box, "SELECT count(*) FROM core.trades")


def test_half_made_cluster_is_made_anew(fresh: Path) -> None:
    """A kill in the middle of initdb leaves nothing that the next start stumbles over."""
    with holder(fresh) as owner:
        until(lambda: list(fresh.glob("cluster.making-*/*")), "initdb does not start")
        owner.kill()
    assert not (fresh / "cluster").exists()

    with sandbox(fresh, fsync=False) as box:
        assert answers(port(box.url))
    assert ["cluster"] == [path.name for path in fresh.glob("cluster*")]


def test_stale_files_do_not_block(state: Path) -> None:
    """After a power cut postmaster.pid may name another process, running.json a dead sandbox."""
    with sandbox(state, fsync=False):
        told = (state / "running.json").read_text()
    (state / "running.json").write_text(told)
    (state / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n{state}\n")

    with sandbox(state, fsync=False) as box:
        assert answers(port(box.url))


def test_lost_secrets_are_told(state: Path) -> None:
    """Without the passwords of its cluster the sandbox says so, and how to start anew."""
    with sandbox(state, fsync=False):
        kept = (state / "secrets.json").read_text()
    (state / "secrets.json").unlink()
    with pytest.raises(SandboxError, match=r"secrets\.json is lost.*--reset"), sandbox(state):
        pass
    (state / "secrets.json").write_text(kept)


def test_other_major_version_is_told(state: Path) -> None:
    """A cluster of another PostgreSQL is refused; the message names both versions and the way out."""
    with sandbox(state, fsync=False):
        version = (state / "cluster" / "PG_VERSION").read_text()
    (state / "cluster" / "PG_VERSION").write_text("9\n")
    with (
        pytest.raises(SandboxError, match=rf"PostgreSQL 9; PostgreSQL {version.strip()} .*--reset"),
        sandbox(state),
    ):
        pass
    (state / "cluster" / "PG_VERSION").write_text(version)


def test_root_without_user_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where unshare is refused, root's PostgreSQL runs as a system user; rows stay, reset works."""
    unshare = tmp_path / "bin" / "unshare"
    unshare.parent.mkdir()
    unshare.write_text("#!/bin/sh\nexit 1\n")
    unshare.chmod(0o755)
    monkeypatch.setenv("PATH", f"{unshare.parent}{os.pathsep}{os.environ['PATH']}")
    state = tmp_path / "state"

    others = descendants(os.getpid())
    with sandbox(state, fsync=False) as box:
        sql(box, "INSERT INTO core.portfolio_history (timestamp) VALUES (7)")
        servers = descendants(os.getpid()) - others
    assert gone(servers)
    with sandbox(state, fsync=False) as box:
        assert "7" == sql(box, "SELECT timestamp FROM core.portfolio_history")
    folder = (state / "cluster").resolve()
    reset(state)
    assert not folder.exists()


def test_servers_of_their_own(tmp_path: Path) -> None:
    """Postgres and PostgREST take settings, lose no commit by kill -9, and restart on the same port."""
    programs = find_postgres()
    postgres = Postgres(
        programs.folder, tmp_path / "data", fsync=False, settings={"statement_timeout": "4321"}
    )
    try:
        postgres.start()
        schema.apply(programs.psql, postgres.uri, "secret")
        settings = {"PGRST_DB_POOL": "2", "PGRST_OPENAPI_MODE": "disabled"}
        postgrest = PostgREST(
            find_postgrest(), postgres.uri_for("authenticator", "secret"), "x" * 32, settings=settings
        )
        try:
            postgrest.start()
            ports = postgres.port, postgrest.port
            psql = [str(programs.psql), "-X", "-A", "-t", "-c"]
            insert = "INSERT INTO core.portfolio_history (timestamp) VALUES (1)"
            subprocess.run([*psql, insert, postgres.uri], check=True, timeout=PATIENCE, capture_output=True)

            for server in (postgres, postgrest, postgres):
                server.kill()
                server.start()

            assert (postgres.port, postgrest.port) == ports
            until(lambda: answers(port(postgrest.url)), "PostgREST does not come back")
            show = (
                "SELECT current_setting('statement_timeout'), (SELECT timestamp FROM core.portfolio_history)"
            )
            done = subprocess.run(
                [*psql, show, postgres.uri], check=True, timeout=PATIENCE, capture_output=True
            )
            assert b"4321ms|1" == done.stdout.strip()
        finally:
            postgrest.stop()
    finally:
        postgres.stop()
        cluster.remove(postgres.data)
    assert not answers(port(postgrest.url))


def test_taken_ports_are_told(state: Path) -> None:
    """A fixed port that somebody has is an error that says so, and leaves no process."""
    with sandbox(state, fsync=False) as box:
        before = children(os.getpid())
        second = PostgREST(find_postgrest(), box.authenticator, box.secret, port(box.url))
        with pytest.raises(SandboxError, match="Address in use"):
            second.start()
        assert children(os.getpid()) == before


def test_locale_that_is_missing_is_replaced(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a system without C.UTF-8 the cluster is made with C, still in UTF-8."""
    real = find_postgres().folder
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in real.iterdir():
        if program.name != "initdb":
            (programs / program.name).symlink_to(program)
    (programs / "initdb").write_text(f"""#!/bin/sh
        case "$*" in *C.UTF-8*) echo 'initdb: error: invalid locale name "C.UTF-8"' >&2; exit 1;; esac
        exec '{real}/initdb' "$@"
    """)
    (programs / "initdb").chmod(0o755)
    monkeypatch.setenv("BULKLOAD_POSTGRES_BIN", str(programs))

    with sandbox(fresh, fsync=False) as box:
        assert "UTF8" == sql(box, "SHOW server_encoding")
        locale = "SELECT datcollate FROM pg_database WHERE datname = current_database()"
        assert "C" == sql(box, locale)
