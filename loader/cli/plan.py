"""``bulkload plan``: prints what a load would do."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from loader.cli.help import GroupedCommand
from loader.cli.options import output_options, setting_options, settings_of, trust_option
from loader.cli.terminal import make_console, print_line
from loader.errors import SettingsError
from loader.settings import OPTIONS
from loader.sources.urls import is_url, shown

if TYPE_CHECKING:
    from loader.plan import Plan, PlannedSource

_ANY_URL = "http://127.0.0.1"  # where there is none
_MOST_COLUMNS = 200  # columns that are listed
_ONLY_PRINTS = frozenset({"--json", "-q", "--quiet", "-v", "-vv", "--verbose"})


@click.command(cls=GroupedCommand)
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@setting_options(OPTIONS)
@trust_option()
@output_options()
def plan(sources: tuple[str, ...], **flags: Any) -> None:
    """Print what a load would do, and its command; nothing is written."""
    if not sources:
        raise SettingsError("no source was named", advice="Name a file, as in: bulkload plan dump.jsonl")
    from loader import check_settings
    from loader.sources.find import find

    settings = settings_of(flags if flags["url"] and not flags["sandbox"] else flags | {"url": _ANY_URL})
    preset = check_settings(settings)
    found = find(sources)
    with ExitStack() as stack:
        if settings.sandbox:
            from loader.cli.sandbox import sandbox_target  # only needed here

            settings = replace(settings, **stack.enter_context(sandbox_target(flags["url"], make_console())))
        import anyio

        from loader.plan import make_plan

        async def make() -> Plan:
            has_target = bool(flags["url"] or flags["sandbox"])
            return await make_plan(
                settings,
                found,
                _arguments(),
                preset=preset,
                has_target=has_target,
                tell=lambda line: print_line(f"token-command: {line}"),
            )

        made = anyio.run(make)
    _print(
        _json(made)
        if flags["json"]
        else "".join(f"{line}\n" for line in lines(made)).encode("utf-8", "replace")
    )
    raise SystemExit(made.exit_code)


def _arguments() -> list[str]:
    """Return the arguments of the command line that belong to the load too, without the secrets of URLs."""
    arguments = [argument for argument in sys.argv[1:] if argument not in _ONLY_PRINTS]
    if "plan" in arguments:
        arguments.remove("plan")
    return [shown(argument) if is_url(argument) else argument for argument in arguments]


def lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan."""
    from loader.plan.rows import printable

    yield from (
        f"{'source' if not number else '':8}{_source(each)}" for number, each in enumerate(plan.sources)
    )
    where = f"{plan.target['url'] or 'none named'}, {plan.target['schema']}.{plan.target['table']}"
    yield f"{'target':8}{where}{'' if plan.asked else ' (not asked)'}"
    yield f"{'key':8}{', '.join(plan.key)}{' (' if plan.key else ''}{plan.key_from}{')' if plan.key else ''}"
    yield f"{'token':8}{plan.credential}"
    if plan.columns:
        yield ""
        yield from _table(plan)
    if plan.rows:
        yield ""
        many = len(plan.rows) > 1
        yield (
            f"the first {len(plan.rows)} rows as they would be sent:"
            if many
            else "the first row as it would be sent:"
        )
        yield from (
            "  {" + ", ".join(f"{name}: {value}" for name, value in row.items()) + "}" for row in plan.rows
        )
    yield from ("", *(f"rejected: {printable(line)}" for line in plan.rejects)) if plan.rejects else ()
    yield from ("", *(f"warning: {printable(line)}" for line in plan.warnings)) if plan.warnings else ()
    if plan.error is not None:
        yield ""
        # The table of columns stands above, whole.
        error = "\n".join(printable(line) for line in plan.error.splitlines() if not line.startswith("  "))
        yield f"as it is, the command would stop (exit {int(plan.exit_code)}): {error}"
    yield ""
    if plan.command is None:
        yield "no command loads this without a decision of yours, or a repair: see above"
    else:
        yield "to load it:"
        yield f"  {plan.command}"


def _source(source: PlannedSource) -> str:
    from loader.plan.rows import printable

    size = "" if source.size is None else f"{source.size:,} bytes"
    about = ", ".join(filter(None, [source.compression, source.encoding, size]))
    told = source.format or (f"cannot be read: {source.error}" if source.error else "not read")
    return printable(f"{source.name}: {' '.join(told.splitlines())}{f' ({about})' if about else ''}")


def _table(plan: Plan) -> Iterator[str]:
    """Yield the columns of the source beside those of the table."""
    from loader.plan.rows import printable

    entries = [("source", plan.target["table"], "type", "what would happen")]
    for column in plan.columns[:_MOST_COLUMNS]:
        what = f"{column.fate}: {column.remark}" if column.remark else str(column.fate)
        entries.append((column.source or "-", column.target or "-", column.type or "-", what))
    texts = [tuple(map(printable, entry)) for entry in entries]
    widths = [max(map(len, parts)) for parts in zip(*texts, strict=True)]
    for text in texts:
        yield "  " + "  ".join(part.ljust(width) for part, width in zip(text, widths, strict=True)).rstrip()
    if len(plan.columns) > _MOST_COLUMNS:
        yield f"  and {len(plan.columns) - _MOST_COLUMNS} more"


def _json(plan: Plan) -> bytes:
    import orjson

    return orjson.dumps(dataclasses.asdict(plan), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _print(text: bytes) -> None:
    """Print on standard output."""
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    except (OSError, AttributeError) as error:
        print_line(f"error: cannot write the plan to standard output: {error}")
        sys.stdout = None  # or Python would try once more at its exit, and fail
