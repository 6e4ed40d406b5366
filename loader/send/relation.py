"""What is known of the relation: its columns and their types, and which shapes it refuses. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loader.batch.key_equality import ReadKey, reader
from loader.errors import TargetError, words
from loader.model import Decision, Reason, Shape, Verdict

_NAMES = 10  # columns that a message lists


class Relation:
    """The target's relation, as far as it has told.

    Args:
        name: as --table has it.
        key: the columns of --on-conflict.
        first: the shape that the load began with; it is never refused: a load stops over it.
    """

    def __init__(self, name: str, key: tuple[str, ...], first: Shape) -> None:
        self._name = name
        self._key = key
        self.first = first
        self._refused: dict[Shape, Reason] = {}
        self.formats: dict[str, str] = {}

    @property
    def key(self) -> tuple[str, ...]:
        return self._key

    @property
    def types(self) -> dict[str, str]:
        return self.formats

    @property
    def read_key(self) -> ReadKey | None:
        """How its keys are compared."""
        return reader(self._key, self.formats)

    def refuse(self, shape: Shape, reason: Reason) -> None:
        """Remember that it takes no rows of this shape."""
        self._refused[shape] = reason

    def refuses(self, shape: Shape) -> Reason | None:
        """Why it takes no rows of this shape; None where it may."""
        if shape not in self._refused and shape != self.first and (unknown := self._unknown(shape)):
            message = f"Column '{unknown[0]}' of relation '{self._name}' does not exist"
            self._refused[shape] = Reason("PGRST204", message)
        return self._refused.get(shape)

    def check_names(self, named: Mapping[str, Iterable[str]]) -> None:
        """See that it has the columns that the settings name.

        Args:
            named: these columns, by the option that names them.

        Raises:
            TargetError: it lacks one.
        """
        for option, names in named.items():
            unknown = [name for name in names if name not in self.formats]
            if self.formats and unknown:
                raise TargetError(
                    f"{option} names {', '.join(unknown)}, which {self._name} lacks",
                    advice=f"{self._name} has {', '.join(self.formats)}.",
                )

    def wrong_columns(self, verdict: Verdict) -> TargetError:
        """The error for a load whose first rows have columns that it does not take."""
        unknown = self._unknown(self.first)
        message = f"the rows have columns that {self._name} cannot take"
        if unknown:
            names = ", ".join(unknown[:_NAMES])
            rest = f" and {len(unknown) - _NAMES} more" if len(unknown) > _NAMES else ""
            message = f"the rows have columns that {self._name} lacks: {names}{rest}"
        advice = "--columns names the columns to write; a row's other keys are then dropped."
        if self.formats:
            advice = f"{self._name} has {', '.join(self.formats)}.\n{advice}"
            fitting = [column for column in self.first.columns if column in self.formats]
            if unknown and fitting:
                advice += f" Here: --columns {','.join(fitting)}"
        return TargetError(message, said=words(verdict.reason), advice=advice)

    def _unknown(self, shape: Shape) -> list[str]:
        return [column for column in shape.columns if column not in self.formats] if self.formats else []


async def ask(requests, settings, shape, named):
    from loader.postgrest import body as bodies

    relation = Relation(settings.table, settings.assumed_key, shape)
    patience = min(10.0, settings.retry_for)
    verdict = await requests.send(shape, bodies.EMPTY, 0, patience=patience)
    relation.formats = await requests.describe()
    relation.check_names({"--on-conflict": settings.on_conflict or ()} | named)
    if verdict.decision is Decision.COLUMNS:
        raise relation.wrong_columns(verdict)
    if verdict.decision is not Decision.DONE:
        raise TargetError("the target refuses a request without rows", said=words(verdict.reason))
    return relation
