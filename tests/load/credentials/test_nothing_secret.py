"""No credential stands in what a load leaves behind, nor in what others of the machine see while it runs."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from loader.run.own_files import SESSION, SESSION_PART
from loader.sandbox import PostgREST, find_postgrest
from tests.support.credential_kinds import KEY, KINDS, Credential, session
from tests.support.harness import Target
from tests.support.keys import jwks, public_jwk
from tests.support.line_faults import Act, Answer, Seen, reply
from tests.support.proxy import Proxy
from tests.support.ways import without_prefix

ROWS = 600
SECRET = os.urandom(32).hex()
AUTH = "/auth/v1/"
OPTIONS = ["--table=faults", "--batch-rows=100", "--max-rate=1000", "-vv", "--json", "--progress=plain"]
_HEADERS = re.compile(rb"^(?:authorization|apikey): *(?:Bearer +)?(.+?)\r$", re.IGNORECASE | re.MULTILINE)


@pytest.fixture(scope="module")
def server(servers: Target) -> Iterator[PostgREST]:
    """A PostgREST with a secret that no other test knows: all processes of the machine are looked at."""
    k = base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=").decode()
    keys = jwks({"kty": "oct", "k": k}, public_jwk(KEY))
    postgrest = PostgREST(find_postgrest(), servers.box.authenticator, keys)
    postgrest.start()
    yield postgrest
    postgrest.stop()


@pytest.fixture(autouse=True)
def no_rows(target: Target) -> None:
    """Begin with an empty table."""


class Gateway(Proxy):
    """Keeps the credentials that it is sent, and may quote them in a refusal."""

    def __init__(self, target: str, credential: Credential, *, refuses: bool) -> None:
        super().__init__(target, self._echo, rewrite=self._pass_on)
        self._credential = credential
        self.sent: set[str] = set()
        self._refuses = refuses

    def see(self, head: bytes) -> Seen:
        self.sent.update(value.decode() for value in _HEADERS.findall(head))
        return super().see(head)

    def _pass_on(self, head: bytes) -> bytes:
        """Return the head of a request as PostgREST is sent it."""
        prefix = self._credential.prefix
        return without_prefix(prefix)(head) if prefix and AUTH.encode() not in head else head

    def _echo(self, seen: Seen) -> Act | None:
        if seen.path.startswith(AUTH):
            return Answer(reply("200 OK", session(SECRET, self._credential)))
        if not self._refuses or seen.number < 2:
            return None
        quoted = " ".join(self.sent)
        return Answer(reply("403 Forbidden", f'{{"message":"I do not like {quoted}"}}'))


def forms(secret: str) -> Iterator[bytes]:
    """Give the forms in which a secret may be written; of a token also its parts, without the header."""
    for text in (secret, *(secret.split(".")[1:] if secret.count(".") == 2 else ())):
        raw = text.encode()
        yield raw
        yield quote(raw, safe="").encode()
        for shift in range(3):  # base64 of a text that holds it: the middle is the same
            coded = base64.b64encode(b"\0" * shift + raw)
            yield coded[4:-4]
        yield raw.hex().encode()


class Watch:
    """Looks at all processes of the machine, and at the files of a folder, while a load runs."""

    def __init__(self, folder: Path, pid: int) -> None:
        self._folder = folder
        self._pid = pid
        self.looks = 0
        self.seen: set[bytes] = set()

    def look(self) -> None:
        """Keep what others can see now: command lines, environments of the load's children, files."""
        self.looks += 1
        for process in Path("/proc").glob("[0-9]*"):
            self.seen.add(content(process / "cmdline"))
            if self._pid in ancestors(process):
                self.seen.add(content(process / "environ"))
        for path in self._folder.rglob("*"):
            self.seen.add(str(path).encode() + b"\n" + content(path))


def ancestors(process: Path) -> Iterator[int]:
    """Give the parents of a process, the nearest first."""
    while match := re.search(rb"\) . (\d+)", content(process / "stat")):
        parent = int(match[1])
        if not parent:
            return
        yield parent
        process = Path("/proc") / str(parent)


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has gone, or is a folder
        return b""


def ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process has ended, after a moment."""
    try:
        process.wait(0.01)
    except subprocess.TimeoutExpired:
        return False
    return True


@pytest.mark.parametrize("stops", [False, True], ids=["completes", "stops"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_secret(server: PostgREST, tmp_path: Path, kind: str, stops: bool) -> None:
    """Neither in a file, a line, a command line, nor a child's environment; a gateway may quote it."""
    credential = KINDS[kind](SECRET, tmp_path)
    folder = tmp_path / "load"
    folder.mkdir()
    rows = (f'{{"id":"k{number}","a":{number}}}\n' for number in range(ROWS))
    (folder / "rows.jsonl").write_text("".join(rows))
    with Gateway(server.url, credential, refuses=stops) as gateway:
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "loader", *OPTIONS, *credential.options, "rows.jsonl"],
                cwd=folder,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": str(Path(__file__).parents[3]),
                    "BULKLOAD_URL": gateway.url,
                    **credential.variables,
                },
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            watch = Watch(folder, process.pid)
            deadline = time.monotonic() + 60
            while not ended(process) and time.monotonic() < deadline:
                watch.look()
            process.kill()
            process.wait()
        watch.look()

    said = (folder / "stderr").read_text()
    assert (4 if stops else 0) == process.returncode, said
    assert gateway.sent
    kept = tuple(f"{folder}/rows.jsonl.bulkload/{name}\n".encode() for name in (SESSION, SESSION_PART))
    assert not stops or "I do not like ***" in said
    assert watch.looks > 5
    assert stops or any(b"journal.sqlite-wal\n" in text for text in watch.seen)
    secrets = {*credential.secrets, *gateway.sent, *credential.refresh_tokens}
    found = [
        (form[:8], text[:80])
        for secret in secrets
        for form in forms(secret)
        for text in watch.seen
        if form in text and not (secret in credential.refresh_tokens and text.startswith(kept))
    ]
    assert [] == found


def test_the_watch_finds_what_is_there(tmp_path: Path) -> None:
    """A secret in a file, a command line or a child's environment would be found."""
    secret = "a-secret-that-stands-" + os.urandom(8).hex()
    child = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'], env={'S': sys.argv[1]})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", child, secret], stdin=subprocess.PIPE, env={"PATH": os.environ["PATH"]}
    )
    (tmp_path / "file").write_bytes(base64.b64encode(b"x" + secret.encode() + b"yz"))
    watch = Watch(tmp_path, process.pid)
    wanted = {b"S=" + secret.encode() + b"\0"}
    deadline = time.monotonic() + 20
    while not wanted & watch.seen and time.monotonic() < deadline:
        watch.look()
    process.communicate()

    found = {form for form in forms(secret) for text in watch.seen if form in text}
    assert wanted & watch.seen
    assert secret.encode() in found
    assert len(found) >= 2
