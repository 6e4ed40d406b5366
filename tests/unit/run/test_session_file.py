"""The file with a refresh token: its owner's alone, whole at any moment, and gone in the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.errors import RunDirError, SettingsError
from loader.run.run_dir import RunDir


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[RunDir]:
    """Return a run directory with a journal, under a umask that hides nothing."""
    umask = os.umask(0)
    try:
        with RunDir(tmp_path / "run") as opened:
            opened.own_files.create_journal()
            yield opened
    finally:
        os.umask(umask)


def test_the_newest_text_is_kept(run_dir: RunDir) -> None:
    """In one file of mode 600, whatever the umask."""
    before = run_dir.session.load()
    run_dir.session.save("first")
    run_dir.session.save("second")

    assert (None, "second") == (before, run_dir.session.load())
    assert ["session"] == [path.name for path in run_dir.path.iterdir() if path.name.startswith("session")]
    assert 0o600 == (run_dir.path / "session").stat().st_mode & 0o777


def test_it_is_forgotten(run_dir: RunDir) -> None:
    """Also what a killed load has left half written."""
    run_dir.session.save("text")
    (run_dir.path / "session.part").write_text("te")

    run_dir.session.forget()

    assert [] == [path.name for path in run_dir.path.iterdir() if path.name.startswith("session")]
    assert run_dir.session.load() is None


def test_what_a_killed_load_has_left_is_written_over(run_dir: RunDir) -> None:
    """The part of a file has another name, so that the whole one is there still."""
    run_dir.session.save("first")
    (run_dir.path / "session.part").write_text("sec")
    kept = run_dir.session.load()

    run_dir.session.save("third")

    assert ("first", "third") == (kept, run_dir.session.load())


def test_a_save_that_fails_leaves_the_text_before(run_dir: RunDir) -> None:
    """Its refresh token is the parent of the one that is lost, and still good."""
    run_dir.session.save("first")
    (run_dir.path / "session.part").mkdir()

    with pytest.raises(RunDirError, match="session"):
        run_dir.session.save("second")

    assert "first" == run_dir.session.load()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_use_is_not_believed(run_dir: RunDir, mode: int) -> None:
    """Somebody else may know its token by now."""
    run_dir.session.save("text")
    (run_dir.path / "session").chmod(mode)

    with pytest.raises(RunDirError, match="others can use it"):
        run_dir.session.load()


def test_a_link_is_not_followed(run_dir: RunDir, tmp_path: Path) -> None:
    """Neither for reading nor for writing."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    (run_dir.path / "session").symlink_to(elsewhere)

    with pytest.raises(RunDirError):
        run_dir.session.load()
    run_dir.session.save("ours")

    assert ("theirs", "ours") == (elsewhere.read_text(), run_dir.session.load())


def test_a_file_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    """Nor does a load begin beside it."""
    (tmp_path / "session").write_text("theirs")

    with pytest.raises(SettingsError, match="no load of bulkload has made it"), RunDir(tmp_path):
        pass

    assert "theirs" == (tmp_path / "session").read_text()


def test_fresh_forgets_it(tmp_path: Path) -> None:
    """With the load that it was of."""
    with RunDir(tmp_path / "run") as first:
        first.own_files.create_journal()
        first.session.save("text")

    with RunDir(tmp_path / "run", fresh=True) as second:
        assert second.session.load() is None
