"""Where PostgreSQL's programs are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.sandbox import (
    BinariesMissing,
    binaries,
    find_postgres,
    sandbox,
)

if TYPE_CHECKING:
    pass


def test_missing_postgres_names_every_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without PostgreSQL the message names where it was looked for and each way to get it."""
    ways = ("package postgresql", "pip install 'bulkload[sandbox]'", "BULKLOAD_POSTGRES_BIN")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BULKLOAD_POSTGRES_BIN", raising=False)
    monkeypatch.setattr(binaries, "SYSTEM_FOLDERS", (f"{tmp_path}/*/bin",))
    monkeypatch.setattr(binaries, "WHEELS", ("no_such_wheel",))
    with pytest.raises(BinariesMissing) as missing, sandbox(tmp_path / "state"):
        pass
    assert [way for way in (*ways, "no_such_wheel") if way not in str(missing.value)] == []

    (tmp_path / "postgres").touch()  # not executable
    monkeypatch.setenv("BULKLOAD_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(BinariesMissing) as unusable:
        find_postgres()
    assert [way for way in (*ways, "no initdb and no postgres") if way not in str(unusable.value)] == []


def test_wheel_is_found_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The binaries of an installed wheel are used, and the wheel's Python is not imported."""
    programs = tmp_path / "some_wheel" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (tmp_path / "some_wheel" / "__init__.py").write_text("raise AssertionError\n")
    for name in ("initdb", "postgres", "psql"):
        (programs / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BULKLOAD_POSTGRES_BIN", raising=False)
    monkeypatch.setattr(binaries, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(binaries, "WHEELS", ("some_wheel",))
    monkeypatch.syspath_prepend(str(tmp_path))

    assert find_postgres() == binaries.PostgresPrograms(programs, programs / "psql")
