"""Objects in S3, Google Cloud Storage and Azure Blob Storage, read with obstore (the extra ``remote``)."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from loader import mask
from loader.sources.remote_object import ObjectChanged, ObjectInfo, RequestFailed
from loader.sources.urls import scrubbed

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore, RetryConfig

# Each request is for a part, because obstore's timeout (30 s, unless the environment sets another) is for a
# whole body, and a load may read one for hours. Client options given here would override the environment's.
_PART = 2 * 2**20  # bytes
_RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}


class StoredObject:
    """An object in an object store (a RemoteObject), with the credentials of the environment.

    Args:
        url: ``s3://BUCKET/KEY``, ``gs://BUCKET/KEY`` or ``az://CONTAINER/BLOB``, percent-encoded.

    Raises:
        RequestFailed: the URL is wrong, obstore is not installed, or a setting of the environment is wrong.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore  # noqa: F401 - the extra
            from obstore.store import from_url
        except ImportError:
            raise RequestFailed("this needs obstore: pip install 'bulkload[remote]'") from None
        mask.hide_in_environment(os.environ)
        parts = urlsplit(url)
        self._key = unquote(parts.path.removeprefix("/"))
        if parts.query or parts.fragment or "@" in parts.netloc:
            rule = "the URL must not contain a user, ? or # (write %3F and %23 in a name)"
            raise RequestFailed(f"{rule}; credentials come from the environment")
        if not parts.netloc or not self._key:
            raise RequestFailed("the URL must name a bucket and an object in it")
        self._store: ObjectStore
        try:
            self._store = from_url(f"{parts.scheme}://{parts.netloc}", retry_config=_RETRIES)
        except Exception as error:
            raise _translated(error) from error

    def info(self) -> ObjectInfo:
        """Ask about the object (RemoteObject)."""
        from obstore import head

        try:
            meta = head(self._store, self._key)
        except Exception as error:
            raise _translated(error) from error
        return _info(meta)

    def get(self, offset: int, info: ObjectInfo, most: int | None = None) -> _StoredBody:
        """Request the object's bytes (RemoteObject)."""
        size = info.size or 0
        end = size if most is None else min(size, offset + most)
        return _StoredBody(self._store, self._key, offset, end, info)


class _StoredBody:
    """The bytes of an object (an ObjectBody), requested part by part."""

    def __init__(self, store: ObjectStore, key: str, begin: int, end: int, info: ObjectInfo) -> None:
        self._store = store
        self._key = key
        self._next_part = begin
        self._end = end
        self._part = memoryview(b"")
        self.info = info

    def read(self, size: int) -> bytes:
        if not self._part and self._next_part < self._end:
            self._part = memoryview(self._get(self._next_part, min(self._end, self._next_part + _PART)))
            self._next_part += len(self._part)
        data, self._part = bytes(self._part[:size]), self._part[size:]
        return data

    def _get(self, begin: int, end: int) -> bytes:
        from obstore import get
        from obstore.exceptions import PreconditionError

        options: GetOptions = {"range": (begin, end)}
        if self.info.etag:
            options["if_match"] = self.info.etag
        try:
            result = get(self._store, self._key, options=options)
            meta, data = result.meta, result.bytes().to_bytes()
        except PreconditionError:
            raise ObjectChanged("ETag") from None
        except Exception as error:
            raise _translated(error) from error
        if changed := self.info.changed(_info(meta)):
            raise ObjectChanged(changed)
        return data

    def close(self) -> None:
        self._part = memoryview(b"")


def _info(meta: ObjectMeta) -> ObjectInfo:
    etag = meta["e_tag"]
    strong = etag if etag and not etag.startswith("W/") else None
    return ObjectInfo(meta["size"], strong, meta["last_modified"].isoformat(), ranges=True)


def _translated(error: Exception) -> RequestFailed:
    """Translate an error of obstore.

    Its text is a line for people, the server's reply, and after an empty line a dump for debugging.
    """
    text = str(error).partition("\n\nDebug source:")[0]
    status = re.search(r"status code: (\d{3}) ([A-Za-z ]+)", text)
    said = ": ".join(re.findall(r"<(?:Code|Message)>([^<]*)</", text))
    if status is not None and "token request" not in text:
        number = int(status[1])
        return RequestFailed(
            f"the server answers {number} {status[2].strip()}",
            said=scrubbed(said, ""),
            transient=number == 429 or number >= 500,
        )
    words = scrubbed(text.partition("<")[0], "")
    return RequestFailed(words[:1].lower() + words[1:], transient="HTTP error" in text, reached=False)
