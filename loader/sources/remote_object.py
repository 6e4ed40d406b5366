"""The interface of objects behind URLs, and what a server tells about one. No I/O.

http.HttpObject and object_store.StoredObject implement it; remote_file.RemoteFile reads either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a server tells about an object.

    Attributes:
        size: in bytes; None if the server does not tell it.
        etag: its strong ETag; None for a weak one, which does not identify bytes (RFC 9110, 8.8.1).
        last_modified: as the server writes it.
        ranges: whether the server can send a part of it.
    """

    size: int | None
    etag: str | None
    last_modified: str | None
    ranges: bool

    @property
    def resumable(self) -> bool:
        """Whether the rest can be requested, and recognised as the rest of the same object."""
        return self.ranges and self.size is not None and bool(self.etag or self.last_modified)

    def changed(self, now: ObjectInfo) -> str:
        """Return which properties show that this is another object now; empty if none does."""
        pairs = {
            "size": (self.size, now.size),
            "ETag": (self.etag, now.etag),
            "Last-Modified": (self.last_modified, now.last_modified),
        }
        if self.etag and self.etag == now.etag:  # the nodes of one server may tell different times
            del pairs["Last-Modified"]
        return ", ".join(name for name, (was, new) in pairs.items() if was and new and was != new)


class ObjectBody(Protocol):
    """The bytes of an object from some offset on, as one reply gives them."""

    info: ObjectInfo

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes; none at the end, even if the end comes too early.

        Raises:
            RequestFailed: the connection broke.
        """

    def close(self) -> None:
        """Release the connection."""


class RemoteObject(Protocol):
    """An object on a server."""

    def info(self) -> ObjectInfo:
        """Ask the server about the object.

        Raises:
            RequestFailed: the server cannot be reached, or refuses.
        """

    def get(self, offset: int, info: ObjectInfo, most: int | None = None) -> ObjectBody:
        """Request the object's bytes, on condition that it has not changed.

        Args:
            offset: of the first byte.
            info: what the server told about the object before.
            most: how many bytes at most; None: all of the rest.

        Raises:
            RequestFailed: the server cannot be reached, or refuses.
            ObjectChanged: it is another object now.
        """


class RequestFailed(Exception):  # noqa: N818 - it reads as what it says
    """A request got no reply, or one that is an error.

    Args:
        why: the cause, in words that can follow the object's name and a colon.
        said: the server's own words.
        transient: whether a retry may succeed.
        reached: whether the request reached a server.
    """

    def __init__(self, why: str, *, said: str = "", transient: bool = False, reached: bool = True) -> None:
        super().__init__(why)
        self.why = why
        self.said = said
        self.transient = transient
        self.reached = reached


class ObjectChanged(Exception):  # noqa: N818 - it reads as what it says
    """The object is another one now. The text names the properties that differ."""
