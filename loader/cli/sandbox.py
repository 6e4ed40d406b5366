"""``bulkload sandbox``, and the target of ``--sandbox``."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from loader import sandbox
from loader.child_environment import child_environment
from loader.cli.terminal import print_out
from loader.credentials.minted import Minted
from loader.errors import Exit, SettingsError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from loader.sandbox import Sandbox

_TOKEN_LIFETIME = 24 * 3600.0  # seconds


@contextmanager
def sandbox_target(url: str | None, console: Console) -> Iterator[dict[str, Any]]:
    """Run a sandbox around a load; yield the settings that point to it.

    Args:
        url: --url, which does not count here.
        console: where it says what takes long.

    Raises:
        SettingsError: PostgreSQL or PostgREST is missing.
        TargetError: it does not start.
    """
    if url:
        console.print(f"--sandbox: loading into the sandbox, not into {url}")
    with _translated(), sandbox.sandbox(say=console.print) as box:
        yield {"url": box.url, "jwt_secret": box.secret}


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the sandbox's errors into the loader's."""
    try:
        yield
    except sandbox.BinariesMissing as error:
        raise SettingsError(str(error)) from error
    except sandbox.SandboxError as error:
        message, _, log = str(error).partition("\n")
        raise TargetError(message, advice=log) from error


@_translated()
def run(*, reset: bool, command: tuple[str, ...], console: Console) -> int:
    """Empty the sandbox, run a command in it, or keep it up until a signal.

    Returns:
        The exit code: the command's, where there is one.

    Raises:
        SettingsError: PostgreSQL or PostgREST is missing.
        TargetError: it does not start, or is running and cannot be emptied.
    """
    if reset:
        sandbox.reset()
        console.print("the sandbox is empty")
        if not command:
            return Exit.COMPLETE
    # SIGTERM must end it as Ctrl-C does: both unwind the `with`.
    signal.signal(signal.SIGTERM, _terminated)
    with sandbox.sandbox(say=console.print) as box:
        if command:
            try:
                environment = child_environment(os.environ) | _without_proxy() | box.environment()
                return subprocess.run(command, env=environment, check=False).returncode
            except OSError as error:
                console.print(f"error: {command[0]}: {(error.strerror or str(error)).lower()}")
                return Exit.USAGE
        _show(box, console)
        signal.pause()
    return Exit.COMPLETE


def _without_proxy() -> dict[str, str]:
    """Return what keeps the command from asking a proxy for the sandbox."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return {}
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return {"no_proxy": ",".join(filter(None, [listed, "127.0.0.1"]))}


def _show(box: Sandbox, console: Console) -> None:
    token = Minted(box.secret, role="api_data_producer", audience=box.url, lifetime=_TOKEN_LIFETIME).mint()
    print_out(f"url:   {box.url}")
    print_out(f"token: {token}")
    print_out(f"curl -H 'Authorization: Bearer {token}' '{box.url}/latest_trades?limit=3'")
    console.print("the token is valid for a day; the sandbox runs until Ctrl-C and keeps its rows")
    console.print("without a token, any user of this machine can read latest_trades, as on a public site")


def _terminated(*_: object) -> None:
    raise SystemExit(Exit.SIGTERM)
