"""The run directory: one load at a time, of one list of sources into one target."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from loader.errors import RunDirError, SettingsError
from loader.formats.source_format import is_reject_file
from loader.run import journal, rejects
from loader.run.journal import Journal, OtherLoad, Past
from loader.run.report import Report
from loader.settings import Settings
from loader.sources.find import RUN_DIR, Source, fingerprint
from loader.sources.urls import last_name

REPORT = "report.json"
SPOOL, GATHERED = "spool", "gathered.sqlite"  # gone at the end of a load
_LOCK = "lock"


class RunDir:
    """A run directory, made where it is not there. Use it as a context manager: it is locked meanwhile.

    Args:
        path: where it is.
        sources: what is loaded: none of it may be a file that the load would write over.
        fresh: whether to forget an unfinished load in it.

    Raises:
        SettingsError: it cannot be made, another load uses it, or a source is one of its files.
    """

    def __init__(self, path: Path, sources: tuple[Source, ...] = (), *, fresh: bool = False) -> None:
        for source in sources:
            if source.path is not None and _is_own(source.path.resolve(), path.resolve()):
                raise SettingsError(
                    f"{source.name} is a file of the run directory: this load would write over it",
                    advice="Give this load another --run-dir.",
                )
        self.path = path
        self.spool = path / SPOOL
        self.gathered = path / GATHERED
        self._fresh = fresh
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SettingsError(f"--run-dir {self.path}: {(error.strerror or str(error)).lower()}") from error
        try:
            # The kernel lets go of it with the process, however that ends.
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise SettingsError(
                f"{self.path}: another load is using this run directory",
                advice="Wait for it, or give this load a --run-dir of its own.",
            ) from error
        if self._fresh:
            self.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in (SPOOL, GATHERED):
            with suppress(OSError):
                (self.path / name).unlink()
        os.close(self._lock)

    def clear(self) -> None:
        """Forget whatever load was here."""
        for path in _files(self.path):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise RunDirError(f"{path}: {error.strerror or error}") from error

    def open_journal(self, settings: Settings, sources: tuple[Source, ...]) -> tuple[Journal, Past | None]:
        """Return the journal of this load, and what earlier runs of it have left.

        Raises:
            SettingsError: the run directory belongs to another load, which is unfinished.
            RunDirError: it cannot be written.
        """
        known = [fingerprint(source) for source in sources]
        identity = {"sources": known} | identity_of(settings)
        opened = Journal(self.path / journal.NAME)
        try:
            past = opened.past(identity)
        except OtherLoad as other:
            opened.close()
            names = [
                name for name in identity | other.identity if other.identity.get(name) != identity.get(name)
            ]
            changed = ", ".join(name.replace("_", "-") for name in names)
            raise SettingsError(
                f"{self.path} holds an unfinished load, and this one differs in {changed}",
                advice="--fresh forgets the unfinished load; --run-dir leaves it and uses another folder.",
            ) from None
        if settings.dry_run:
            opened.close()
            if past is not None:
                raise SettingsError(
                    f"{self.path} holds an unfinished load: a dry run would overwrite its report",
                    advice="Give the dry run a --run-dir of its own.",
                )
            opened, past = Journal(":memory:"), None  # it leaves nothing to resume
        if past is None or None in known:
            opened.begin(identity)
            return opened, None
        return opened, past

    def write_report(self, report: Report) -> None:
        """Replace the report of an earlier run.

        Raises:
            RunDirError: the disk is full, or the like.
        """
        try:
            report.write(self.path / REPORT)
        except OSError as error:
            raise RunDirError(f"{self.path / REPORT}: {error.strerror or error}") from error


def run_dir_path(settings: Settings, source: str) -> Path:
    """Return --run-dir, else a folder that is named after the first source."""
    return settings.run_dir or Path(f"{last_name(source)}{RUN_DIR}")


def identity_of(settings: Settings) -> dict[str, object]:
    """Return what must stay the same when an unfinished load is resumed, by setting, as JSON gives it back.

    A path of a file counts as the file's content.

    Raises:
        SettingsError: a file cannot be read.
    """
    return {name: _recorded(value) for name, value in settings.identity().items()}


def _recorded(value: object) -> object:
    if isinstance(value, tuple):
        return [_recorded(part) for part in value]
    if isinstance(value, Path):
        try:
            return hashlib.sha256(value.read_bytes()).hexdigest()
        except OSError as error:
            raise SettingsError(f"{value}: {error.strerror or error}") from error
    return value


_OWN = (journal.NAME, f"{journal.NAME}-wal", f"{journal.NAME}-shm", rejects.ERRORS, REPORT, SPOOL, GATHERED)


def _files(folder: Path) -> list[Path]:
    return [*(folder / name for name in _OWN), *rejects.files(folder)]


def _is_own(path: Path, folder: Path) -> bool:
    return path.parent == folder and (path.name in _OWN or is_reject_file(path.name))
