"""The run directory: one load at a time, of one list of sources into one target."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loader.errors import RunDirError, SettingsError
from loader.private_files import (
    FILE_MODE,
    NotRegularError,
    check_regular,
    create_private_folder,
    open_regular,
)
from loader.run import rejects
from loader.run.identity import (
    can_be_resumed,
    changed_sources,
    described,
    is_same_load,
    shown_names,
    source_names,
)
from loader.run.journal import Journal
from loader.run.journal_past import OtherLoad, Past
from loader.run.new_files import NewFiles
from loader.run.own_files import GATHERED, REPORT, SPOOL, OwnFiles, is_own_name, note_loaded, stamp_of
from loader.run.report import Report, Tally
from loader.run.session_file import SessionFile
from loader.settings import Settings
from loader.sources.find import RUN_DIR, Source
from loader.sources.urls import last_name

_LOCK = "lock"


class RunDir:
    """A run directory, made where it is not there. Use it as a context manager: it is locked meanwhile.

    Args:
        path: where it is.
        sources: what is loaded: none of it may be a file that the load would write over.
        fresh: whether to forget an unfinished load in it.

    Attributes:
        own_files: the files in it that bulkload has made.
        session: keeps a refresh token until the load is complete.
        remarks: what the user should know of an earlier load in it.

    Raises:
        SettingsError: it cannot be made, another load uses it, a source is one of its files, or somebody
            else's file has the name of one.
        RunDirError: its journal cannot be read.
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
        self.own_files = OwnFiles(path)
        self.session = SessionFile(self.own_files)
        self.remarks: list[str] = []
        self._fresh = fresh
        self._lock = -1

    def __enter__(self) -> Self:
        try:
            create_private_folder(self.path)
            is_new = self._open_lock()
        except NotRegularError as error:
            raise SettingsError(
                f"{error.filename}: is not a regular file", advice="Give this load another --run-dir."
            ) from error
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
        try:
            self._read_own_files(is_new=is_new)
            if self._fresh:
                self._clear()
        except BaseException:
            if is_new:  # the folder is somebody else's
                with suppress(OSError):
                    (self.path / _LOCK).unlink()
            os.close(self._lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.own_files.remove_temporary()
        os.close(self._lock)

    def _open_lock(self) -> bool:
        """Open the file that is locked, and return whether it is new."""
        path = self.path / _LOCK
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        if check_regular(path):
            self._lock = os.open(path, flags)
            return False
        self._lock = os.open(path, flags | os.O_CREAT | os.O_EXCL, FILE_MODE)
        os.fchmod(self._lock, FILE_MODE)
        return True

    def _read_own_files(self, *, is_new: bool) -> None:
        try:
            self.own_files.read()
        except RunDirError:
            # Where our lock is, a journal that cannot be read is ours, and damaged.
            if not self._fresh or is_new or not self.own_files.journal.is_file():
                raise
            self.own_files.adopt()

    def _clear(self) -> None:
        """Forget whatever load was here, except rejects that nobody has loaded."""
        self._keep_rejects()
        self.own_files.remove()

    def _keep_rejects(self) -> None:
        """Set the rejects of an earlier load aside, unless somebody has loaded them."""
        if self.own_files.unloaded():
            folder = self.own_files.set_aside()
            self.remarks.append(
                f"an earlier load has rejected rows, and nobody has loaded them: they are kept in {folder}"
            )

    def open_journal(self, settings: Settings, sources: tuple[Source, ...]) -> tuple[Journal, Past | None]:
        """Return the journal of this load, and what earlier runs of it have left.

        Raises:
            SettingsError: the run directory belongs to another load.
            RunDirError: it cannot be written.
        """
        known = [described(source, self.path) for source in sources]
        identity = {"sources": known} | identity_of(settings)
        self.own_files.create_journal()
        opened = Journal(self.own_files.journal)
        try:
            past = self._past(opened, identity, dry_run=settings.dry_run)
            self.own_files.add(SPOOL, GATHERED)
            self.own_files.disposable = settings.dry_run
        except BaseException:
            opened.close()
            raise
        if settings.dry_run:
            opened.close()
            opened = Journal(":memory:")  # it leaves nothing to resume
        if past is None:
            opened.begin(identity)
        return opened, past

    def _past(self, opened: Journal, identity: dict[str, Any], *, dry_run: bool) -> Past | None:
        """Return what is resumed; None: the load begins anew, and nothing is in its way.

        Raises:
            SettingsError: the run directory belongs to another load.
        """
        owner = opened.owner()
        if owner is not None and self.own_files.is_older:
            raise self._damaged("the list of the files that bulkload has made is missing")
        past: Past | None = None
        if owner is not None and owner.finished:
            if not is_same_load(owner.identity["sources"], identity["sources"]):
                raise self._other_load("a finished load", owner.identity, identity)
        elif owner is not None:
            past = self._unfinished(opened, identity)
        if past is not None:
            if dry_run:
                raise self._refused_dry_run("an unfinished load: a dry run would overwrite its report")
            if can_be_resumed(identity["sources"]):
                return past
            self._write_rejects_of(opened, past, identity["sources"])
        if dry_run and self.own_files.unloaded():
            raise self._refused_dry_run("rejects that nobody has loaded: a dry run would overwrite them")
        # The rejected rows of a load of the same, unchanged sources are loaded again by this one.
        same = owner is not None and owner.identity == identity and can_be_resumed(identity["sources"])
        if not (same and self.own_files.as_written):
            self._keep_rejects()
        return None

    def _unfinished(self, opened: Journal, identity: dict[str, Any]) -> Past | None:
        """Return what an unfinished load has left; None: it never got anywhere.

        Raises:
            SettingsError: it is another load, or the journal is damaged.
        """
        try:
            past = opened.past(identity)
        except OtherLoad as other:
            if source_names(other.identity["sources"]) != source_names(identity["sources"]):
                raise self._other_load("an unfinished load", other.identity, identity) from None
            raise self._other_settings(other.identity, identity) from None
        if past is not None and past.counts.keys() - {"rows_rejected"} not in (
            set(),
            Tally().counts().keys(),
        ):
            raise self._damaged("its counts are not those of a load")
        return past

    def _write_rejects_of(self, opened: Journal, past: Past, sources: Sequence[dict[str, Any]]) -> None:
        """Write the rejects of a load that cannot be resumed: it may have been killed before it did."""
        if past.counts["rows_rejected"]:
            rejects.write(self.own_files, opened.rejects(), tuple(source_names(sources)), past.formats)

    def _other_load(self, what: str, old: dict[str, Any], new: dict[str, Any]) -> SettingsError:
        theirs, ours = (shown_names(identity["sources"], self.path) for identity in (old, new))
        return SettingsError(
            f"{self.path} holds {what} that differs in sources: it is of {theirs}, and this one is of {ours}",
            advice=f"Give this load a folder of its own, as in --run-dir {_free_name(self.path)}. "
            "--fresh forgets the other load; rejects that nobody has loaded are kept even then.",
        )

    def _other_settings(self, old: dict[str, Any], new: dict[str, Any]) -> SettingsError:
        names = [name for name in new | old if old.get(name) != new.get(name)]
        changed = ", ".join(name.replace("_", "-") for name in names)
        if why := changed_sources(old["sources"], new["sources"]):
            changed += f": {why}"
        return SettingsError(
            f"{self.path} holds an unfinished load, and this one differs in {changed}",
            advice="--fresh forgets the unfinished load; --run-dir leaves it and uses another folder.",
        )

    def _damaged(self, why: str) -> SettingsError:
        return SettingsError(
            f"{self.own_files.journal} is damaged: {why}",
            advice="--fresh begins anew; --run-dir leaves it and uses another folder.",
        )

    def _refused_dry_run(self, why: str) -> SettingsError:
        return SettingsError(f"{self.path} holds {why}", advice="Give the dry run a --run-dir of its own.")

    def write_report(self, report: Report) -> None:
        """Replace the report of an earlier run.

        Raises:
            RunDirError: the disk is full, or the like; then there is no new report, and no part of one.
        """
        try:
            with NewFiles(self.own_files) as new_files:
                new_files.open(REPORT).write(report.json())
        except OSError as error:
            raise RunDirError(f"{self.path / REPORT}: {error.strerror or error}") from error

    def note_loaded(self, settings: Settings, sources: tuple[Source, ...]) -> None:
        """Note in the run directories of reject files among the sources that their rows are loaded."""
        identity = identity_of(settings)
        target = {name: identity[name] for name in ("url", "schema", "table")}
        for source in sources:
            if source.path is not None and source.state is not None:
                note_loaded(source.path, stamp_of(source.state["size"], source.state["mtime"]), target)


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
            with open_regular(value) as file:
                return hashlib.sha256(file.read()).hexdigest()
        except OSError as error:
            raise SettingsError(f"{value}: {error.strerror or error}") from error
    return value


def _is_own(path: Path, folder: Path) -> bool:
    return path.parent == folder and is_own_name(path.name)


def _free_name(path: Path) -> Path:
    """Return the name of a run directory like this one that is not there."""
    base = path.name.removesuffix(RUN_DIR) or "load"
    number = 2
    while True:
        candidate = (
            path.with_name(f"{base}.{number}{RUN_DIR}") if path.name else Path(f"{base}.{number}{RUN_DIR}")
        )
        with suppress(OSError):
            if not os.path.lexists(candidate):
                return candidate
        number += 1
