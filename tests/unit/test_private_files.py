"""Files that only their owner may read, and files that are opened without waiting."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.private_files import (
    NotRegularError,
    check_regular,
    create_private,
    create_private_folder,
    open_regular,
)


@pytest.fixture(params=[0o000, 0o022, 0o277])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    old = os.umask(request.param)
    yield
    os.umask(old)


@pytest.mark.usefixtures("umask")
def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    """600 and 700, whatever the umask takes away or leaves."""
    create_private(tmp_path / "file").close()
    create_private_folder(tmp_path / "folder")

    assert 0o600 == stat.S_IMODE((tmp_path / "file").stat().st_mode)
    assert 0o700 == stat.S_IMODE((tmp_path / "folder").stat().st_mode)


def test_a_taken_name_is_not_written_to(tmp_path: Path) -> None:
    """By a file, a link to one, or a link that leads nowhere."""
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("file", "link", "dangling"):
        with pytest.raises(FileExistsError):
            create_private(tmp_path / name)

    assert "precious" == (tmp_path / "file").read_text()
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Its mode is its owner's business; a file in its place is an error."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(0o755)
    (tmp_path / "file").touch()
    create_private_folder(tmp_path / "folder")

    assert 0o755 == stat.S_IMODE((tmp_path / "folder").stat().st_mode)
    with pytest.raises(FileExistsError):
        create_private_folder(tmp_path / "file")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    """A named pipe is not waited for. A link to a file is followed for reading, but not at a name of ours."""
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    for name in ("file", "link"):
        with open_regular(tmp_path / name) as file:
            assert b"text" == file.read()
    for name in ("folder", "pipe"):
        with pytest.raises(NotRegularError):
            open_regular(tmp_path / name)
    assert (True, False) == (check_regular(tmp_path / "file"), check_regular(tmp_path / "nothing"))
    for name in ("link", "folder", "pipe"):
        with pytest.raises(NotRegularError):
            check_regular(tmp_path / name)
