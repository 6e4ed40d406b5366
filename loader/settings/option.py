"""What the command line needs to know about a setting. It stands beside the field, in its metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Group(StrEnum):
    """The sections of ``--help``, in their order."""

    TARGET = "Target"
    CREDENTIALS = "Credentials"
    SOURCES = "Sources"
    COLUMNS = "Columns"
    LOAD = "Load"
    OUTPUT = "Output"


@dataclass(frozen=True, slots=True)
class Option:
    """The option of a field: ``batch_rows`` is --batch-rows, BULKLOAD_BATCH_ROWS and a key of bulkload.toml.

    A field that is False by default is a flag.

    Attributes:
        group: its section of ``--help``.
        help: a sentence or two, without the default.
        metavar: what ``--help`` calls the value.
        identity: whether another value makes another load. If True, an unfinished load is not resumed with
            another value, for some of its rows would be read or written in another way. Of a path, the
            file's content counts.
        shown_default: what ``--help`` calls the default; empty: it shows the field's.
        parse: reads the value from text; raises SettingsError.
        choices: all values that are allowed; empty: any.
        at_least: the lowest number that is allowed.
        repeated: whether it can be given several times; the field is a tuple then.
        secret: whether the value must not stand on a command line: the option is --NAME-file.
        variable: the environment variable that has a secret's value itself; empty: there is none.
        has_file: whether a secret has an option --NAME-file.
    """

    group: Group
    help: str
    metavar: str = ""
    _: KW_ONLY
    identity: bool
    shown_default: str = ""
    parse: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    repeated: bool = False
    secret: bool = False
    variable: str = ""
    has_file: bool = True


def option(
    group: Group,
    help: str,  # noqa: A002 - click calls it so
    metavar: str = "",
    *,
    default: T,
    identity: bool,
    **more: Any,
) -> T:
    """Return a dataclass field with this default, and with an Option of the other arguments.

    ``identity`` has no default, so that a new field cannot forget it.
    """
    about = Option(group, help, metavar, identity=identity, **more)
    return field(default=default, repr=not about.secret, metadata={"option": about})


def flag(name: str) -> str:
    """Return a field's name as the command line writes it: ``batch_rows`` is ``--batch-rows``."""
    return f"--{name.replace('_', '-')}"
