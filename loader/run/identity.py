"""What tells the sources of a load from those of another."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loader.sources.find import Source, changes, fingerprint, printable

_MOST_SHOWN = 3  # names


def described(source: Source, folder: Path) -> dict[str, Any]:
    """Return what identifies a source: its name, and where it can be read twice, its fingerprint.

    The name of a file is its path from the run directory: two files of one name in two folders differ, and
    both may move together.

    Args:
        source: it.
        folder: the run directory.

    Raises:
        SourceMissing: the source cannot be read any more.
    """
    name = source.name
    if source.path is not None:
        name = os.path.relpath(os.path.abspath(source.path), os.path.abspath(folder))  # noqa: PTH100 - links stay
        name = printable(Path(name))
    state = fingerprint(source) if source.state is None else source.state
    return {**(state or {}), "name": name}


def can_be_resumed(sources: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether all sources can be read twice."""
    return all("size" in source for source in sources)


def source_names(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return their names, as the journal has them."""
    return [source["name"] for source in sources]


def is_same_load(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a load has all the sources that an earlier one had; they may have changed since."""
    return set(source_names(old)) <= set(source_names(new))


def changed_sources(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> str:
    """Return in words how sources of the same names have changed."""
    pairs = zip(old, new, strict=False)
    return "; ".join(f"{theirs['name']}: {why}" for theirs, ours in pairs if (why := changes(theirs, ours)))


def shown_names(sources: Sequence[Mapping[str, Any]], folder: Path) -> str:
    """Return the names of sources, for people."""
    names = [_shown(str(source["name"]), is_file="head" in source, folder=folder) for source in sources]
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more


def _shown(name: str, *, is_file: bool, folder: Path) -> str:
    return os.path.relpath(os.path.join(folder, name)) if is_file else name  # noqa: PTH118 - a text
