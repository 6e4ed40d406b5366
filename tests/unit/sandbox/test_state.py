"""The state folder of the sandbox."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loader.sandbox import (
    SandboxError,
    reset,
    sandbox,
    state_folder,
)

if TYPE_CHECKING:
    pass


def test_foreign_folder_is_not_touched(tmp_path: Path) -> None:
    """A folder named cluster that no initdb has made is neither used nor removed."""
    precious = tmp_path / "cluster" / "precious"
    precious.parent.mkdir()
    precious.touch()

    for use in (lambda: sandbox(tmp_path).__enter__(), lambda: reset(tmp_path)):
        with pytest.raises(SandboxError, match="nothing was touched"):
            use()
    assert precious.exists()


def test_state_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The state lives under $XDG_STATE_HOME when that is absolute, else under ~/.local/state."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for value, expected in [
        ("/x", "/x/bulkload/sandbox"),
        ("x", f"{tmp_path}/.local/state/bulkload/sandbox"),
    ]:
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert state_folder() == Path(expected)


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A state folder that cannot be made is an error that names it and the variable to set."""
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match=r"file/state cannot be made.*XDG_STATE_HOME"):
        reset(tmp_path / "file" / "state")


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Others could put a cluster or the address of a server of theirs there."""
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(mode)
    for use in (lambda: sandbox(folder).__enter__(), lambda: reset(folder)):
        with pytest.raises(SandboxError, match=r"Others can write to the folder .*chmod 700"):
            use()
    assert [] == list(folder.iterdir())
    folder.chmod(0o755)
    reset(folder)


def test_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is theirs to write."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    if folder.stat().st_uid == 0:
        os.chown(folder, 4712, 4712)
    with pytest.raises(SandboxError, match="belongs to user id"):
        reset(folder)
