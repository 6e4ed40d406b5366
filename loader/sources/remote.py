"""Sources behind URLs: read as a stream that is taken up again where it breaks."""

from __future__ import annotations

from threading import Event, Lock

from loader.errors import SourceError, SourceMissing
from loader.sources.urls import WEB, About, Body, Changed, Failed, Remote, shown

_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds, before a broken connection is taken up again
_FEW_WAITS = _WAITS[:2]  # before the first byte, while somebody looks on


def look(url: str) -> About:
    """Ask what is behind a URL.

    Raises:
        SourceMissing: nothing, or it may not be read, or the server cannot be asked.
    """
    waits = iter(_FEW_WAITS)
    while True:
        try:
            return _remote(url).about()
        except Failed as failed:
            if failed.passing and failed.reached and (wait := next(waits, None)) is not None:
                Event().wait(wait)
                continue
            raise SourceMissing(f"{shown(url)}: {failed.why}", said=failed.said) from failed


def fingerprint(url: str, about: About) -> dict[str, str | int] | None:
    """What an object is known by; None for one of which no part can be asked for.

    Its URL's query is not: a URL that is signed anew has another.
    """
    if not about.resumable:
        return None
    told = {"size": about.size, "etag": about.etag, "last_modified": about.last_modified}
    return {"name": shown(url), **{name: value for name, value in told.items() if value is not None}}


class RemoteFile:
    """The bytes behind a URL, for reading in one thread at a time.

    Args:
        url: where they are.
        about: what ``look`` said of it.
        glance: how many bytes to ask for at first, where little more than those may be needed; 0: all.
    """

    def __init__(self, url: str, about: About, glance: int = 0) -> None:
        self._url = url
        self._name = shown(url)
        self._about = about
        self._glance = glance if about.resumable else 0
        self._remote: Remote | None = None
        self._body: Body | None = None
        self._at = 0
        self._failures = 0  # since the last byte
        self._busy = Lock()
        self._closed = Event()

    def seek(self, offset: int) -> None:
        """Go to an offset, in bytes: any where parts can be asked for."""
        if offset != self._at:
            self._drop()
            self._at, self._glance = offset, 0

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end. A connection that breaks is taken up again, a few times.

        Raises:
            SourceError: it broke off, or is another object by now.
        """
        with self._busy:
            try:
                return self._read(size)
            finally:
                if self._closed.is_set():
                    self._drop()

    def _read(self, size: int) -> bytes:
        whole = self._about.size
        while size > 0 and (whole is None or self._at < whole) and not self._closed.is_set():
            try:
                data = self._attempt(size)
            except Failed as failed:
                self._drop()
                self._wait(failed)
                continue
            except Changed as changed:
                raise self._changed(str(changed)) from None
            if whole is not None and self._at + len(data) > whole:
                raise self._changed("size")
            if data or whole is None:
                self._failures = 0
                self._at += len(data)
                return data
        return b""

    def _changed(self, what: str) -> SourceError:
        return SourceError(
            f"{self._name} is another object than before: its {what} differs",
            advice="It was changed while it was read. Load what it is now with --fresh.",
        )

    def _attempt(self, size: int) -> bytes:
        """Some bytes; none at the end of a glance, or of what has no known size."""
        if self._body is None:
            if self._remote is None:
                self._remote = _remote(self._url)
            self._body = self._remote.get(self._at, self._about, self._glance or None)
        data = self._body.read(size)
        if not data and self._glance:
            self._glance = 0
            self._drop()
        elif not data and self._about.size is not None:
            raise Failed("the connection was closed", passing=True)
        return data

    def _wait(self, failed: Failed) -> None:
        """Wait before it is tried again; gives up where that is no use."""
        where = f"{self._name} broke off after {self._at:,} bytes"
        if self._about.size is not None:
            where = f"{self._name} broke off after {self._at:,} of {self._about.size:,} bytes"
        advice = "The same command goes on from here."
        if not self._about.resumable:
            advice = (
                "The rest cannot be asked for: the server gives no parts of it (ranges), or tells neither "
            )
            advice += "its ETag nor its Last-Modified. A new load begins at its start."
        resumable = self._about.resumable or self._at == 0
        if not failed.passing or not resumable or self._failures >= len(_WAITS):
            raise SourceError(f"{where}: {failed.why}", said=failed.said, advice=advice) from failed
        self._closed.wait(_WAITS[self._failures])
        self._failures += 1

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body = None

    def close(self) -> None:
        """Let go of it. Returns at once: a read that is under way does it when it ends."""
        self._closed.set()
        if self._busy.acquire(timeout=0.01):  # a read may be about to return
            self._drop()
            self._busy.release()


def _remote(url: str) -> Remote:
    if url.partition("://")[0].lower() in WEB:
        from loader.sources.http import Web

        return Web(url)
    from loader.sources.object_store import Stored

    return Stored(url)
