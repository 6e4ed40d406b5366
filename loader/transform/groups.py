"""Records that make a row together. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loader.formats.records import Record
from loader.model import Origin, Place, Reason


@dataclass(frozen=True, slots=True)
class Groups:
    """Records that make a row together, wherever they stand in the sources.

    Attributes:
        start: where the first record of the first group stands among the groups.
        end: where the next portion begins.
        groups: the records of each, in the order of the sources; or why they cannot be a row.
        origin: knows the records of each as the source has them.
    """

    start: Place
    end: Place
    groups: Sequence[list[Record] | Reason]
    origin: Origin
