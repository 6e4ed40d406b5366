"""Names of columns that differ only in case, underscores, spaces and the like. No I/O."""

from __future__ import annotations

import shlex
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable


def near_names(names: Iterable[str], candidates: Collection[str]) -> dict[str, str]:
    """Return for names the candidate that each is most likely a spelling of.

    A name without a near candidate is left out. So is a name whose candidate is not sure: two candidates are
    spelled alike, or two names are near the same one.

    Args:
        names: columns of a source.
        candidates: columns of the table that nothing is written to yet.
    """
    by_form: dict[str, list[str]] = {}
    for candidate in candidates:
        by_form.setdefault(_form(candidate), []).append(candidate)
    near = {name: by_form.get(_form(name), ()) for name in names if _form(name)}
    sure = {name: targets[0] for name, targets in near.items() if len(targets) == 1}
    wanted = Counter(sure.values())
    return {name: target for name, target in sure.items() if wanted[target] == 1}


def map_option(target: str, source: str) -> str:
    """Return the --map that writes a source's column to the table's, quoted for a shell."""
    return f"--map {shlex.quote(f'{target}={source}')}"


def _form(name: str) -> str:
    """Return the letters and digits of a name, in one case."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
