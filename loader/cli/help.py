"""What ``--help`` shows: options in groups, with descriptions that start in one column."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import click

from loader.settings import Group

_DEFAULT = re.compile(r"\[default: .*\]$")
_NO_BREAK = "\u00a0"  # a space that click does not break a line at
_WIDEST = 24  # characters of an option and its value; a longer one has its text on the next line


class GroupedOption(click.Option):
    """An option that stands in a group of ``--help``."""

    def __init__(self, *names: Any, group: Group, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.group = group


class GroupedCommand(click.Command):
    """A command that shows its options in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in groups."""
        write_options(self.get_params(ctx), ctx, formatter)


class LoadByDefault(click.Group):
    """``bulkload SOURCE`` is ``bulkload load SOURCE``, and ``bulkload --help`` shows the load's options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``load`` in front of arguments that begin with no command."""
        shows_itself = args[:1] in (["-h"], ["--help"], ["--version"])
        if not args:
            args = ["--help"]
        elif not shows_itself and args[0] not in self.commands:
            args = ["load", *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the load's options, the group's own and the commands."""
        write_options([*self.commands["load"].params, *self.get_params(ctx)], ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both ways to call it."""
        del ctx
        formatter.write_usage("bulkload", "[OPTIONS] SOURCE...")
        formatter.write_usage("bulkload", "COMMAND ...", prefix="       ")


def write_options(
    params: Iterable[click.Parameter], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Write a section for each group that has options, and one for the options without a group.

    Texts start in one column, and ``[default: ...]`` is not broken over two lines.
    """
    sections: dict[str, list[tuple[str, str]]] = {group: [] for group in Group}
    others: list[tuple[str, str]] = []
    for param in params:
        record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
        if record is not None:
            section = sections[param.group] if isinstance(param, GroupedOption) else others
            term, text = record
            section.append((term, _DEFAULT.sub(lambda match: match[0].replace(" ", _NO_BREAK), text)))
    grouped = any(sections.values())
    sections["Other" if grouped else "Options"] = others
    terms = [term for section in sections.values() for term, _ in section]
    width = max((len(term) for term in terms if len(term) <= _WIDEST), default=0)
    for name, records in sections.items():
        if records:
            with formatter.section(name):
                # click sets the width of the first column for each list: of the same for all, texts line up.
                formatter.write_dl([(term.ljust(width), text) for term, text in records], col_max=width)
    formatter.buffer[:] = [part.replace(_NO_BREAK, " ") for part in formatter.buffer]
