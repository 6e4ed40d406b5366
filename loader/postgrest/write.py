"""How a request writes rows: as a plain insert, or as an upsert on a key. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from loader.postgrest.query import column_list
from loader.settings import Resolution

_PREFER = "count=exact,handling=strict"


@dataclass(frozen=True, slots=True)
class Write:
    """What PostgREST is asked to do with the rows of a request.

    Attributes:
        resolution: what becomes of a row whose key is there already, by the load's settings.
        key: the conflict target of an upsert.
        insert_first: whether this request is a plain insert, to be followed by the upsert where it meets
            a row that is there.
    """

    resolution: Resolution
    key: tuple[str, ...] = ()
    insert_first: bool = False

    @property
    def is_insert(self) -> bool:
        """Whether the request is a plain insert: it must not be repeated blindly."""
        return self.insert_first or self.resolution == "none"

    def inserting_first(self) -> Write:
        """Return the plain insert that may go before this upsert."""
        return replace(self, insert_first=True)

    def query(self, columns: Sequence[str] | None) -> str:
        """Return the URL's query for rows that have these columns; None: the URL does not name them."""
        parts = [] if self.is_insert else [f"on_conflict={column_list(self.key)}"]
        if columns is not None:
            parts.append(f"columns={column_list(columns)}")
        return "&".join(parts)

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that go with it: the preferences (PostgREST's docs, "Prefer Header")."""
        if not self.is_insert:
            return {"Prefer": f"resolution={self.resolution},return=minimal,{_PREFER}"}
        # An upsert is refused where the SELECT policies of row-level security hide the new row. So is an
        # insert that returns something of it (headers-only), and not one that returns nothing (minimal).
        returns = "headers-only" if self.insert_first else "minimal"
        return {"Prefer": f"return={returns},{_PREFER}"}
