"""--token-file: what a file must be, and when it is read again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loader import small_files
from loader.credentials.token_file import TokenFile
from loader.credentials.token_source import TokensUnavailable
from loader.errors import SettingsError
from tests.support.helper_program import signed

KEY = "k" * 32


def holding(path: Path, content: bytes | str, mode: int = 0o600) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


UNFIT: list[tuple[Callable[[Path], object], str]] = [
    (lambda _: None, "no such file"),
    (folder, "is a directory"),
    (fifo, "nothing came through the pipe"),
    (lambda path: holding(path, ""), "is empty"),
    (lambda path: holding(path, b"hush\xff"), "is not UTF-8"),
    (lambda path: holding(path, "hush.a\nhush.b\n"), "several lines"),
    (lambda path: holding(path, b"h" * (2**20 + 1)), "larger than 1 MiB"),
    (lambda path: holding(path, "hush", 0o622), "others can write it"),
    (lambda path: path.symlink_to("/dev/null"), "not a regular file"),
]


@pytest.mark.parametrize(("make", "words"), UNFIT)
async def test_what_is_no_token_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], words: str
) -> None:
    """At the start it is an error of the command; later it is one that may pass."""
    monkeypatch.setattr(small_files, "_PIPE_WAIT", 0.05)
    path = tmp_path / "token"
    make(path)
    with pytest.raises(SettingsError) as caught:
        await TokenFile(path).fetch()

    assert (True, True) == (words in str(caught.value), str(path) in str(caught.value))
    assert "hush" not in str(caught.value)

    good = TokenFile(holding(tmp_path / "good", "a.b.c"))
    await good.fetch()
    (tmp_path / "good").unlink()
    make(tmp_path / "good")
    with pytest.raises(TokensUnavailable) as later:
        await good.fetch()
    assert (True, True) == (words in str(later.value), later.value.needs_mending)


def rewrite(path: Path) -> None:
    holding(path, "new.b.c and more"[:7])


def rename(path: Path) -> None:
    holding(path.with_name("fresh"), "new.b.c").replace(path)


def swap(path: Path) -> None:
    """Point the link on the way to another folder, as Kubernetes does."""
    data = path.parent / "..data"
    holding(folder(path.parent / "..2") / "token", "new.b.c")
    (path.parent / "..fresh").symlink_to("..2")
    (path.parent / "..fresh").replace(data)


@pytest.mark.parametrize("change", [rewrite, rename, swap])
async def test_a_change_is_seen(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Whether the file is written, replaced, or a link on the way to it is; until it is read again."""
    path = tmp_path / "token"
    if change is swap:
        holding(folder(tmp_path / "..1") / "token", "old.b.c")
        (tmp_path / "..data").symlink_to("..1")
        path.symlink_to("..data/token")
    else:
        holding(path, "old.b.c")
    os.utime(path, (1, 1))
    source = TokenFile(path)
    old = (await source.fetch()).text
    unchanged = source.changed()

    change(path)

    changed = source.changed()
    new = (await source.fetch()).text
    assert ("old.b.c", False, True) == (old, unchanged, changed)
    assert ("new.b.c", False) == (new, source.changed())


async def test_a_pipe_is_read_once() -> None:
    """As <(command) of a shell: its token cannot be renewed."""
    read, write = os.pipe()
    os.write(write, b"a.b.c\n")
    os.close(write)
    source = TokenFile(Path(f"/dev/fd/{read}"))
    before = source.can_renew

    token = await source.fetch()

    os.close(read)
    assert (True, "a.b.c", False, False) == (before, token.text, source.can_renew, source.changed())
    assert "read once" in source.mend


@pytest.mark.parametrize(
    ("write", "left"),
    [
        (lambda: signed(KEY, lifetime=900), 900),
        (lambda: '{"token":"t","expires_in":3600}', 600),
        (lambda: "opaque", float("inf")),
    ],
)
async def test_its_expiry(tmp_path: Path, write: Callable[[], str], left: float) -> None:
    """What is told in seconds counts from the moment at which the file was written."""
    content = write()
    path = holding(tmp_path / "token", content)
    os.utime(path, (time.time() - 3000,) * 2)

    token = await TokenFile(path).fetch()

    assert pytest.approx(left, abs=60) == token.lifetime
    assert content not in repr(token)


async def test_its_expiry_is_in_the_servers_time(tmp_path: Path) -> None:
    """A clock that is minutes ahead shortens its life; seconds are noise."""
    source = TokenFile(holding(tmp_path / "token", signed(KEY, lifetime=900)))
    source.adjust_clock(time.time() + 5)
    noise = await source.fetch()
    source.adjust_clock(time.time() + 300)

    assert pytest.approx((900, 600), abs=5) == (noise.lifetime, (await source.fetch()).lifetime)
