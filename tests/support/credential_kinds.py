"""Each kind of credential as a user gives it, with all that is secret about it."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from tests.support.keys import pem
from tests.support.replay import signed

KEY = "P-256"  # the private keys are of


@dataclass
class Credential:
    """A credential as a user gives it.

    Attributes:
        variables: of the load's environment.
        options: of its command line.
        secrets: what must be found nowhere. The tokens that the load sends come to these.
        prefix: of the paths that the load asks for.
        refresh_tokens: what must be found nowhere but in the file that keeps it for a resume.
    """

    variables: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    prefix: str = ""
    refresh_tokens: set[str] = field(default_factory=set)


def of_secret(secret: str, folder: Path) -> Credential:
    del folder
    return Credential({"PGRST_JWT_SECRET": secret}, secrets=[secret])


def of_secret_file(secret: str, folder: Path) -> Credential:
    path = private(folder / "jwt-secret", secret)
    return Credential(options=[f"--jwt-secret-file={path}"], secrets=[secret])


def of_private_key(secret: str, folder: Path) -> Credential:
    del secret
    path = private(folder / "key.pem", pem(KEY))
    return Credential(options=[f"--jwt-key-file={path}"], secrets=key_lines(KEY))


def of_token(secret: str, folder: Path) -> Credential:
    del folder
    token = signed(secret)
    return Credential({"BULKLOAD_TOKEN": token}, secrets=[token])


def of_key_that_is_a_token(secret: str, folder: Path) -> Credential:
    path = private(folder / "apikey", signed(secret))
    return Credential(options=[f"--apikey-file={path}", "--schema=api"], prefix="/rest/v1")


def of_secret_key_and_token(secret: str, folder: Path) -> Credential:
    del folder
    variables = {"BULKLOAD_APIKEY": "sb_secret_" + os.urandom(16).hex(), "BULKLOAD_TOKEN": signed(secret)}
    return Credential(variables, ["--schema=api"], list(variables.values()), "/rest/v1")


def of_token_file(secret: str, folder: Path) -> Credential:
    token = signed(secret)
    return Credential(options=[f"--token-file={private(folder / 'token', token)}"], secrets=[token])


def of_token_command(secret: str, folder: Path) -> Credential:
    """A helper that quotes the token on stderr, and leaves its whole environment in the load's folder."""
    token = signed(secret)
    lines = ["#!/bin/sh", f"cat {private(folder / 'token', token)}", f"cat {folder / 'token'} >&2"]
    helper = private(folder / "helper", "\n".join([*lines, "env > helper-environment"]))
    helper.chmod(0o700)
    # The key is no source of tokens: it may be there, and the helper must not see it.
    variables = {"BULKLOAD_APIKEY": "sb_secret_" + os.urandom(16).hex()}
    options = [f"--token-command={helper}", "--schema=api"]
    return Credential(variables, options, [token, *variables.values()], "/rest/v1")


def session(secret: str, credential: Credential) -> str:
    """Return what gives a token, and a refresh token that is good for one use."""
    refresh_token = "refresh-" + os.urandom(16).hex()
    credential.refresh_tokens.add(refresh_token)
    reply = {"access_token": signed(secret), "token_type": "Bearer", "expires_in": 60}
    return json.dumps({**reply, "refresh_token": refresh_token})


class Provider(ThreadingHTTPServer):
    """A token endpoint of OAuth 2, with a new refresh token in each reply."""

    def __init__(self, secret: str, credential: Credential) -> None:
        super().__init__(("127.0.0.1", 0), self._Handler)
        self.secret = secret
        self.credential = credential
        credential.options += [
            f"--oauth-token-url=http://127.0.0.1:{self.server_port}/token",
            "--oauth-client-id=loader",
        ]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class _Handler(BaseHTTPRequestHandler):
        server: Provider

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.server.credential.secrets += form.get("client_assertion", [])
            body = session(self.server.secret, self.server.credential).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass


def of_oauth_client(secret: str, folder: Path) -> Credential:
    del folder
    client_secret = "client-" + os.urandom(16).hex()
    basic = base64.b64encode(f"loader:{client_secret}".encode()).decode()
    credential = Credential({"BULKLOAD_OAUTH_CLIENT_SECRET": client_secret}, secrets=[client_secret, basic])
    Provider(secret, credential)
    return credential


def of_oauth_client_key(secret: str, folder: Path) -> Credential:
    path = private(folder / "client.pem", pem(KEY, 1))
    credential = Credential(options=[f"--oauth-client-key-file={path}"], secrets=key_lines(KEY, 1))
    Provider(secret, credential)
    return credential


def of_oauth_refresh_token(secret: str, folder: Path) -> Credential:
    del folder
    first = "first-" + os.urandom(16).hex()
    credential = Credential({"BULKLOAD_OAUTH_REFRESH_TOKEN": first}, secrets=[first])
    Provider(secret, credential)
    return credential


def of_login(secret: str, folder: Path) -> Credential:
    """The gateway answers in place of Auth."""
    del secret, folder
    variables = {
        "BULKLOAD_APIKEY": "sb_publishable_" + os.urandom(16).hex(),
        "BULKLOAD_PASSWORD": "password-" + os.urandom(16).hex(),
    }
    options = ["--login=me@example.com", "--schema=api"]
    return Credential(variables, options, list(variables.values()), "/rest/v1")


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def key_lines(kind: str, number: int = 0) -> list[str]:
    """Return the lines of a private key's PEM, each of which is a secret."""
    return pem(kind, number).splitlines()[1:-1]


# A new kind of credential is a function above, and a row here.
KINDS: dict[str, Callable[[str, Path], Credential]] = {
    "secret": of_secret,
    "file with the secret": of_secret_file,
    "private key": of_private_key,
    "given token": of_token,
    "API key that is a token": of_key_that_is_a_token,
    "secret key and a token": of_secret_key_and_token,
    "token file": of_token_file,
    "token command": of_token_command,
    "OAuth client": of_oauth_client,
    "OAuth client with a key": of_oauth_client_key,
    "OAuth refresh token": of_oauth_refresh_token,
    "user who signs in": of_login,
}
