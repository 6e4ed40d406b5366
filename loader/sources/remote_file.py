"""Read the object behind a URL like a file, and reconnect when the connection breaks."""

from __future__ import annotations

from threading import Event, Lock

from loader.errors import SourceError, SourceMissing
from loader.sources.remote_object import ObjectBody, ObjectChanged, ObjectInfo, RemoteObject, RequestFailed
from loader.sources.urls import WEB_SCHEMES, shown

_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each retry of a broken connection
_FEW_WAITS = _WAITS[:2]  # for the first request, while the user waits


def ask_about(url: str) -> ObjectInfo:
    """Ask the server what is behind a URL.

    Raises:
        SourceMissing: there is nothing, or it may not be read, or the server cannot be reached.
    """
    waits = iter(_FEW_WAITS)
    while True:
        try:
            return _remote_object(url).info()
        except RequestFailed as failure:
            if failure.transient and failure.reached and (wait := next(waits, None)) is not None:
                Event().wait(wait)
                continue
            raise SourceMissing(f"{shown(url)}: {failure.why}", said=failure.said) from failure


def fingerprint(url: str, info: ObjectInfo) -> dict[str, str | int] | None:
    """Return what identifies an object; None for one that cannot be read from an offset.

    The URL's query is not part of it, because a URL that is signed again has another query.
    """
    if not info.resumable:
        return None
    properties = {"size": info.size, "etag": info.etag, "last_modified": info.last_modified}
    return {"name": shown(url), **{name: value for name, value in properties.items() if value is not None}}


class RemoteFile:
    """The bytes behind a URL, for reading in one thread at a time.

    Args:
        url: of the object.
        info: what ``ask_about`` returned for it.
        first_part: how many bytes to request at first, if hardly more may be needed; 0: all.
    """

    def __init__(self, url: str, info: ObjectInfo, first_part: int = 0) -> None:
        self._url = url
        self._name = shown(url)
        self._info = info
        self._first_part = first_part if info.resumable else 0
        self._object: RemoteObject | None = None
        self._body: ObjectBody | None = None
        self._offset = 0
        self._failures = 0  # since the last byte
        self._busy = Lock()
        self._closed = Event()

    def seek(self, offset: int) -> None:
        """Go to an offset in bytes. Any offset is possible if the server can send parts."""
        if offset != self._offset:
            self._disconnect()
            self._offset, self._first_part = offset, 0

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes; none at the end. A broken connection is retried a few times.

        Raises:
            SourceError: the connection broke for good, or it is another object now.
        """
        with self._busy:
            try:
                return self._read(size)
            finally:
                if self._closed.is_set():
                    self._disconnect()

    def _read(self, size: int) -> bytes:
        total = self._info.size
        while size > 0 and (total is None or self._offset < total) and not self._closed.is_set():
            try:
                data = self._read_once(size)
            except RequestFailed as failure:
                self._disconnect()
                self._wait(failure)
                continue
            except ObjectChanged as changed:
                raise self._changed_error(str(changed)) from None
            if total is not None and self._offset + len(data) > total:
                raise self._changed_error("size")
            if data or total is None:
                self._failures = 0
                self._offset += len(data)
                return data
        return b""

    def _changed_error(self, properties: str) -> SourceError:
        return SourceError(
            f"{self._name} is another object than before: its {properties} differs",
            advice="It was changed while it was read. Load what it is now with --fresh.",
        )

    def _read_once(self, size: int) -> bytes:
        """Return some bytes; none at the end of the first part, or of an object of unknown size."""
        if self._body is None:
            if self._object is None:
                self._object = _remote_object(self._url)
            self._body = self._object.get(self._offset, self._info, self._first_part or None)
        data = self._body.read(size)
        if not data and self._first_part:
            self._first_part = 0
            self._disconnect()
        elif not data and self._info.size is not None:
            raise RequestFailed("the connection was closed", transient=True)
        return data

    def _wait(self, failure: RequestFailed) -> None:
        """Wait before the next try.

        Raises:
            SourceError: another try is of no use.
        """
        where = f"{self._name} broke off after {self._offset:,} bytes"
        if self._info.size is not None:
            where = f"{self._name} broke off after {self._offset:,} of {self._info.size:,} bytes"
        advice = "Run the same command to resume from here."
        if not self._info.resumable:
            advice = (
                "The rest cannot be requested, because the server does not support ranges, or tells neither "
                "its ETag nor its Last-Modified. A new load begins at its start."
            )
        resumable = self._info.resumable or self._offset == 0
        if not failure.transient or not resumable or self._failures >= len(_WAITS):
            raise SourceError(f"{where}: {failure.why}", said=failure.said, advice=advice) from failure
        self._closed.wait(_WAITS[self._failures])
        self._failures += 1

    def _disconnect(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body = None

    def close(self) -> None:
        """Release the connection. This returns at once: a read in progress releases it when it ends."""
        self._closed.set()
        if self._busy.acquire(timeout=0.01):  # a read may be about to return
            self._disconnect()
            self._busy.release()


def _remote_object(url: str) -> RemoteObject:
    if url.partition("://")[0].lower() in WEB_SCHEMES:
        from loader.sources.http import HttpObject

        return HttpObject(url)
    from loader.sources.object_store import StoredObject

    return StoredObject(url)
