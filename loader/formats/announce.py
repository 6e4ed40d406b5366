"""What the sources of a load were understood to be, and what is said of it. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from loader.events import Event, FormatDetected, Notice
from loader.formats.source_format import RejectFile, SourceFormat

_UNTOLD = (
    "the server does not tell the type{}: a text for a json column is stored as a JSON string, and a "
    "timestamp goes as text. JSON Lines do not depend on it"
)
ONLY_FOR = {  # an option -> the formats of which it says something, and their name
    **dict.fromkeys(("query", "source_table"), (("sqlite",), "SQLite")),
    **dict.fromkeys(("delimiter", "null"), (("csv",), "CSV")),
    "encoding": (("csv", "json", "jsonl"), "text"),
}


class Announcer:
    """Remembers how each source is written, and tells it once.

    Args:
        names: the sources', for messages.
        asked: those of ONLY_FOR that the command gives.
        has_preset: whether rows are made by a preset, which knows the types itself.
        watch: told of what they were understood to be, and of what cannot be exact.
        describe: told how a source is written, by its number.
    """

    def __init__(
        self,
        names: Sequence[str],
        asked: Sequence[str],
        *,
        has_preset: bool,
        watch: Callable[[Event], None],
        describe: Callable[[int, SourceFormat], None],
    ) -> None:
        self._names = names
        self._asked = asked
        self._has_preset = has_preset
        self._watch = watch
        self._describe = describe
        self._forms: dict[int, SourceFormat] = {}
        self._texts: dict[int, str] = {}  # what a preset has found out
        self._untold = ""  # of what the target tells no types, as long as nobody has heard of it

    def know(self, formats: Mapping[str, str]) -> None:
        """Take the types of the table's columns, as far as the target tells them."""
        untold = [column for column, told in formats.items() if not told]
        self._untold = "s of its columns (is its openapi-mode disabled?)" if not formats else ""
        if untold:
            self._untold = f" of {', '.join(untold)}"
        self._warn()

    def form(self, number: int) -> SourceFormat | None:
        """How a source is written, once that is known."""
        return self._forms.get(number)

    def tell(self, number: int, form: SourceFormat, *, again: bool) -> None:
        """Take how a source is written; where it is read ``again``, nothing is said."""
        self._forms[number], self._texts[number] = form, ""
        self._warn()
        if not again:
            self._describe(number, form)
            idle = "".join(_idle(option, form) for option in self._asked)
            self._watch(FormatDetected(self._names[number], form.text + idle, usual=form.usual and not idle))

    def add(self, number: int, text: str, *, again: bool) -> None:
        """Take what a preset has found out of a source; empty: nothing."""
        self._texts[number] = text
        if text and not again:
            self._watch(FormatDetected(self._names[number], text))

    def alike(self, one: int, other: int) -> bool:
        """Whether two sources are written alike, and their rejects too."""
        return self._kind(one) == self._kind(other)

    def _kind(self, number: int) -> tuple[str, RejectFile, str]:
        form = self._forms[number]
        rejects = replace(form.rejects, header=form.rejects.header.rstrip(b"\r\n"))
        return (
            form.format,
            rejects,
            self._texts[number].partition(":")[0],
        )  # behind it is from where it is known

    def _warn(self) -> None:
        """Say that values may not be what they should, where they depend on types that are not known."""
        if self._untold and not self._has_preset and any(form.is_typed for form in self._forms.values()):
            self._watch(Notice(_UNTOLD.format(self._untold)))
            self._untold = ""


def _idle(option: str, form: SourceFormat) -> str:
    """What to say of an option that says nothing of a source; empty where it does."""
    formats, name = ONLY_FOR[option]
    return "" if form.format in formats else f"; --{option.replace('_', '-')} is for {name} only"
