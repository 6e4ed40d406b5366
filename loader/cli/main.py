"""The commands, and how each ends. Only the modules of this folder print or exit."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from loader import mask
from loader.cli import config, failures
from loader.cli.help import GroupedCommand, GroupedOption, LoadByDefault
from loader.cli.options import output_options, setting_options, settings_of, trust_option
from loader.cli.plan import plan
from loader.cli.terminal import SafeStderr, guard_stderr, make_console, print_line, print_lines, print_out
from loader.errors import Exit, LoadError, SettingsError
from loader.settings import OPTIONS, Group
from loader.version import __version__

if TYPE_CHECKING:
    from loader.run.report import Report

_TOKEN_SETTINGS = [
    "url",
    "ca_file",
    "client_cert",
    *(name for name, about in OPTIONS.items() if about.group is Group.CREDENTIALS),
]
_ANY_URL = "http://127.0.0.1"  # until the sandbox is up, and has one


@click.group(cls=LoadByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bulkload")
def cli() -> None:
    """Load an export (JSON, CSV, Parquet, SQLite) through PostgREST or Supabase, every row exact.

    SOURCE is a file, a folder, a glob, a URL, or - for standard input. An option can also be set as
    BULKLOAD_NAME in the environment or .env, or as a key of bulkload.toml.
    """


@cli.command(cls=GroupedCommand)
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@setting_options(OPTIONS)
@trust_option()
@output_options()
def load(sources: tuple[str, ...], **flags: Any) -> None:
    """Load sources into a table (the default command)."""
    if not sources:
        raise SettingsError("no source was named", advice="Name a file, as in: bulkload dump.jsonl")
    from loader import check_settings
    from loader.sources.find import find, left_out

    settings = settings_of(flags | {"url": _ANY_URL} if flags["sandbox"] else flags)
    console = make_console()
    check_settings(settings)
    if (names := left_out(sources)) and not flags["quiet"]:
        console.print(f"left out, because their names tell no format: {', '.join(names)}")
    find(sources)  # before anything is started for them
    with ExitStack() as stack:
        if settings.sandbox:
            from loader.cli.sandbox import sandbox_target  # only needed here

            settings = replace(settings, **stack.enter_context(sandbox_target(flags["url"], console)))
        from loader.cli.run import run_load  # a third of a second: errors above do not wait for it
        from loader.cli.summary import print_summary

        report = run_load(
            settings,
            sources,
            console=console,
            progress="none" if flags["quiet"] else flags["progress"],
            verbose=-1 if flags["quiet"] else flags["verbose"],
        )
    if not flags["quiet"]:
        print_summary(report, settings, sys.argv[1:], console)
    elif report.error:
        print_lines(f"error: {report.error}")
    if flags["json"]:
        _print_report(report)
    raise SystemExit(report.exit_code)


@cli.command(cls=GroupedCommand)
@setting_options(_TOKEN_SETTINGS)
@trust_option()
@click.option(
    "--decode", cls=GroupedOption, group=Group.OUTPUT, is_flag=True, help="Print the token's claims instead."
)
def token(*, decode: bool, **flags: Any) -> None:
    """Print the bearer token that a load would send."""
    from loader.cli.token import print_token  # only needed here

    print_token(settings_of(flags), decode=decode)


@cli.command(cls=GroupedCommand, context_settings={"ignore_unknown_options": True})
@click.option("--reset", is_flag=True, help="Delete the sandbox's rows.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def sandbox(*, reset: bool, command: tuple[str, ...]) -> None:
    """Run a PostgreSQL and a PostgREST of bulkload's own.

    They have the tables of sql/. COMMAND runs with BULKLOAD_URL, DATABASE_URL, PGHOST and so on set; without
    one the sandbox stays up until Ctrl-C. Its rows stay between runs.
    """
    from loader.cli.sandbox import run  # only needed here

    raise SystemExit(run(reset=reset, command=command, console=make_console()))


cli.add_command(plan)


def main() -> NoReturn:
    """Run the command line and exit."""
    code: object = Exit.COMPLETE
    try:
        _run_command()
    except SystemExit as error:
        code = Exit.COMPLETE if error.code is None else error.code
    # All is written and closed. Python's own way out would take 60 ms more, and wait for a thread that
    # waits for standard input and cannot be told to stop.
    with suppress(OSError, AttributeError, ValueError):
        sys.stdout.flush()
    SafeStderr().flush()
    os._exit(code if isinstance(code, int) else Exit.BUG)


def _run_command() -> None:
    """Run the command that the arguments name; each error becomes a message and an exit code."""
    guard_stderr()
    failures.silence_leftovers()
    mask.hide_in_environment(os.environ)
    try:
        for argument in sys.argv[1:]:
            if "://" in argument:
                mask.hide_in_address(argument.partition("=")[2] if argument.startswith("-") else argument)
        folder = config.read_folder(Path(), *_options())
        cli.main(
            prog_name="bulkload",
            default_map=dict.fromkeys(cli.commands, folder.values),
            obj=folder,
            standalone_mode=False,
        )
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last resort: no traceback of Python's own
        raise SystemExit(failures.report(error)) from None


def _options() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of all options of a load, and of those that can be given several times."""
    several = frozenset(param.name or "" for param in load.params if getattr(param, "multiple", False))
    return frozenset(param.name or "" for param in load.params) - {"sources"}, several


def _print_report(report: Report) -> None:
    """Print the report on standard output."""
    try:
        print_out(report.json().decode())
    except LoadError as error:
        print_line(f"error: {error}")
