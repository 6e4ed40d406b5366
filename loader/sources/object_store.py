"""Objects in S3, Google Cloud Storage and Azure Blob Storage, by obstore (the extra ``remote``)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from loader.sources.urls import About, Changed, Failed, scrubbed

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore, RetryConfig

# A request is for a part: obstore's time limit (30 s, if the environment has no other) is for a whole body,
# and a load may take hours over one. Options of its client, given here, would displace the environment's.
_PART = 2 * 2**20  # bytes
_RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=60)}


class Stored:
    """An object in an object store (urls.Remote), with the credentials of the environment.

    Args:
        url: ``s3://BUCKET/KEY``, ``gs://BUCKET/KEY`` or ``az://CONTAINER/BLOB``, percent-encoded.

    Raises:
        Failed: it is no such URL, obstore is not installed, or a setting of the environment is wrong.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore  # noqa: F401 - the extra
            from obstore.store import from_url
        except ImportError:
            raise Failed("this needs obstore: pip install 'bulkload[remote]'") from None
        parts = urlsplit(url)
        self._key = unquote(parts.path.removeprefix("/"))
        if parts.query or parts.fragment or "@" in parts.netloc:
            what = "no user, ? or # belongs in such a URL (%3F and %23 are those in a name)"
            raise Failed(f"{what}; credentials come from the environment")
        if not parts.netloc or not self._key:
            raise Failed("a bucket and the name of an object in it belong in such a URL")
        self._store: ObjectStore
        try:
            self._store = from_url(f"{parts.scheme}://{parts.netloc}", retry_config=_RETRIES)
        except Exception as error:
            raise _translated(error) from error

    def about(self) -> About:
        """Ask what it is (urls.Remote)."""
        from obstore import head

        try:
            meta = head(self._store, self._key)
        except Exception as error:
            raise _translated(error) from error
        return _about(meta)

    def get(self, offset: int, about: About, most: int | None = None) -> _Body:
        """Ask for its bytes (urls.Remote)."""
        size = about.size or 0
        return _Body(
            self._store, self._key, offset, size if most is None else min(size, offset + most), about
        )


class _Body:
    """The bytes of an object (urls.Body)."""

    def __init__(self, store: ObjectStore, key: str, begin: int, end: int, about: About) -> None:
        self._store = store
        self._key = key
        self._at = begin
        self._end = end
        self._part = memoryview(b"")
        self.about = about

    def read(self, size: int) -> bytes:
        if not self._part and self._at < self._end:
            self._part = memoryview(self._get(self._at, min(self._end, self._at + _PART)))
            self._at += len(self._part)
        data, self._part = bytes(self._part[:size]), self._part[size:]
        return data

    def _get(self, begin: int, end: int) -> bytes:
        from obstore import get
        from obstore.exceptions import PreconditionError

        options: GetOptions = {"range": (begin, end)}
        if self.about.etag:
            options["if_match"] = self.about.etag
        try:
            found = get(self._store, self._key, options=options)
            meta, data = found.meta, found.bytes().to_bytes()
        except PreconditionError:
            raise Changed("ETag") from None
        except Exception as error:
            raise _translated(error) from error
        if changed := self.about.changed(_about(meta)):
            raise Changed(changed)
        return data

    def close(self) -> None:
        self._part = memoryview(b"")


def _about(meta: ObjectMeta) -> About:
    etag = meta["e_tag"]
    strong = etag if etag and not etag.startswith("W/") else None
    return About(meta["size"], strong, meta["last_modified"].isoformat(), ranges=True)


def _translated(error: Exception) -> Failed:
    """An error of obstore in words.

    Its text has a first line for people, the server's reply, and behind an empty line its own innards.
    """
    text = str(error).partition("\n\nDebug source:")[0]
    status = re.search(r"status code: (\d{3}) ([A-Za-z ]+)", text)
    said = ": ".join(re.findall(r"<(?:Code|Message)>([^<]*)</", text))
    if status is not None and "token request" not in text:
        number = int(status[1])
        return Failed(
            f"the server answers {number} {status[2].strip()}",
            said=scrubbed(said, ""),
            passing=number == 429 or number >= 500,
        )
    words = scrubbed(text.partition("<")[0], "")
    return Failed(words[:1].lower() + words[1:], passing="HTTP error" in text, reached=False)
