"""The command line. The only module that prints or exits."""

from __future__ import annotations

import gc
import os
import shlex
import sys
import traceback
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

import click

from loader.cli import config
from loader.cli.options import LOAD, OUTPUT, SOURCES, TARGET, TOKEN, options
from loader.errors import Exit, LoadError, SettingsError
from loader.formats.source_format import is_reject_file
from loader.run import rejects
from loader.settings import MaxErrors, Settings, parse_columns, parse_delimiter, parse_size
from loader.sources.find import find, left_out
from loader.sources.urls import is_url, last_name, shown
from loader.transform.mapping import parse_pairs

if TYPE_CHECKING:
    from rich.console import Console

    from loader.run.report import Report

# Rows are lists of texts, some ten thousand at a time, and none is in a cycle: to look for cycles among them
# as often as Python does by default costs a tenth of a load of CSV, and finds nothing.
_COLLECT = (50_000, 20, 100)


class _Group(click.Group):
    """``bulkload SOURCE`` is ``bulkload load SOURCE``, and ``bulkload --help`` shows the load's options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        shows_itself = args[:1] in (["--help"], ["--version"])
        if not args:
            args = ["--help"]
        elif not shows_itself and args[0] not in self.commands:
            args = ["load", *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        load_command = self.commands["load"]
        load_command.format_options(click.Context(load_command, parent=ctx), formatter)
        self.format_commands(ctx, formatter)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        formatter.write_usage("bulkload", "[OPTIONS] SOURCE...")
        formatter.write_usage("bulkload", "COMMAND ...", prefix="       ")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bulkload", prog_name="bulkload")
def cli() -> None:
    """Load an export (JSON, CSV, Parquet, SQLite) through PostgREST or Supabase, every row exact.

    SOURCE is a file, a folder, a glob, a URL, or - for standard input. Every option can also be set as
    BULKLOAD_NAME in the environment or in .env, and as a key of bulkload.toml.
    """


@cli.command()
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@options(TARGET, LOAD, SOURCES, TOKEN, OUTPUT)
def load(sources: tuple[str, ...], **flags: Any) -> None:
    """Load sources into a table (the default command)."""
    console = _console()
    if not sources:
        raise SettingsError("no source was named", advice="Name a file, as in: bulkload dump.jsonl")
    if (names := left_out(sources)) and not flags["quiet"]:
        console.print(f"left out, for their names tell no format: {', '.join(names)}")
    find(sources)  # before anything is started for them
    with ExitStack() as stack:
        if flags["sandbox"]:
            _settings(flags | {"url": "http://127.0.0.1"}, needs_run=True)
            from loader.cli.sandbox import target  # only needed here

            flags |= stack.enter_context(target(flags["url"], console))
        settings = _settings(flags, needs_run=True)
        report = _run(settings, sources, flags, console)
    if not flags["quiet"]:
        _summarize(report, settings, console)
    elif report.error:
        console.print(f"error: {report.error}")
    if flags["as_json"]:
        try:
            sys.stdout.buffer.write(report.json())
            sys.stdout.flush()
        except (OSError, AttributeError) as error:
            _say(f"error: the report could not be written to standard output: {error}")
            sys.stdout = None  # or Python would try once more at its exit, and fail
    raise SystemExit(report.exit_code)


@cli.command()
@options(TARGET[:1], TOKEN)
@click.option("--decode", is_flag=True, help="Print its claims instead.")
def token(*, decode: bool, **flags: Any) -> None:
    """Print the bearer token that a load would send."""
    from loader.credentials.tokens import Minted, token_source  # only needed here

    source = token_source(_settings(flags))
    if not isinstance(source, Minted):
        raise SettingsError(
            "there is no secret to sign with", advice="Set PGRST_JWT_SECRET or --jwt-secret-file."
        )
    if decode:
        import json

        click.echo(json.dumps(source.claims(), indent=2))
    else:
        click.echo(source.mint())


@cli.command(context_settings={"ignore_unknown_options": True})
@click.option("--reset", is_flag=True, help="Empty it.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def sandbox(*, reset: bool, command: tuple[str, ...]) -> None:
    """Run a PostgreSQL and a PostgREST on this machine, with the tables of sql/.

    Runs COMMAND inside (with DATABASE_URL, PGHOST and so on set), or stays up until Ctrl-C. Rows stay
    between runs.
    """
    from loader.cli.sandbox import run  # only needed here

    raise SystemExit(run(reset=reset, command=command, console=_console()))


def _settings(flags: dict[str, Any], *, needs_run: bool = False) -> Settings:
    """The settings that the flags, the environment and the files add up to."""
    if not flags["url"]:
        raise SettingsError(
            "no target: --url is missing",
            advice="Give --url URL or set BULKLOAD_URL; or try it out with --sandbox, which needs none.",
        )
    given = {name: flags[name] for name in ("url", "role", "jwt_aud", "jwt_ttl")}
    given["jwt_secret"] = flags.get("jwt_secret") or config.secret(flags["jwt_secret_file"])
    if needs_run:
        for name in ("schema", "table", "resolution", "insert_first", "concurrency", "batch_rows"):
            given[name] = flags[name]
        for name in ("max_rate", "timeout", "retry_for", "run_dir", "fresh", "dry_run", "sandbox"):
            given[name] = flags[name]
        for name in ("format", "null", "encoding", "query", "source_table", "preset", "id", "usd_rates"):
            given[name] = flags[name]
        given["map"] = parse_pairs("--map", flags["map"])
        given["set"] = parse_pairs("--set", flags["set"])
        given["drop"] = flags["drop"]
        if flags["delimiter"]:
            given["delimiter"] = parse_delimiter(flags["delimiter"])
        if flags["on_conflict"]:
            given["on_conflict"] = parse_columns(flags["on_conflict"])
        given["max_errors"] = MaxErrors.parse(flags["max_errors"])
        if flags["columns"]:
            given["columns"] = parse_columns(flags["columns"])
        if flags["batch_bytes"]:
            given["batch_bytes"] = parse_size(flags["batch_bytes"])
    return Settings(**given)


def _run(settings: Settings, sources: tuple[str, ...], flags: dict[str, Any], console: Console) -> Report:
    gc.set_threshold(*_COLLECT)
    import anyio  # after settings were checked: a third of a second

    from loader import load as run
    from loader.cli import progress, signals
    from loader.halt import Halt

    style = "none" if flags["quiet"] else flags["progress"]
    with progress.watching(style, console, verbose=-1 if flags["quiet"] else flags["verbose"]) as observer:

        async def main() -> Report:
            halt = Halt()
            wrong: LoadError | None = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(signals.watch, halt)
                try:
                    ended = await run(settings, sources, observer=observer, halt=halt)
                except LoadError as error:
                    wrong = error  # raised in here, it would leave as part of a group
                tasks.cancel_scope.cancel()
            if wrong is not None:
                raise wrong
            return ended

        return anyio.run(main)


def _summarize(report: Report, settings: Settings, console: Console) -> None:
    """What became of the rows, why others did not get in, and what to do next."""
    if report.rows_read or not report.error:
        console.print(
            f"{report.rows_read:,} rows: {report.rows_loaded:,} loaded, {report.rows_superseded:,} "
            f"superseded, {report.rows_ignored:,} ignored, {report.rows_rejected:,} rejected"
        )
        console.print(
            f"{report.seconds:,.1f} s, {report.rows_per_second:,.0f} rows/s, {report.requests:,} requests, "
            f"{report.retries:,} retries, {_peak_memory()} MB of memory at most"
        )
    if report.rows_checked is not None:
        console.print(f"dry run: {report.rows_checked:,} rows checked, none sent")
    folder = settings.run_dir or Path(f"{last_name(report.sources[0])}.bulkload")
    for group in report.rejects:
        console.print(
            f"  {group['count']:,} x {group['code']} {group['message']}; the first: {group['place']}"
        )
    if report.rejects:
        rows = [str(path) for path in rejects.files(folder) if is_reject_file(path.name)]
        console.print(f"rejected rows: {', '.join(rows)}; why: {folder / rejects.ERRORS}")
    console.print(f"report: {folder / 'report.json'}")
    if report.error:
        console.print(f"stopped: {report.error}")
    # Where the error asks for --fresh, the same command would be refused: the source will be another.
    if report.error and report.exit_code != Exit.USAGE and "--fresh" not in report.error:
        # --fresh would begin anew.
        words = [word for word in sys.argv[1:] if word != "--fresh"]
        if any(is_url(word) and shown(word) != word for word in words):
            # Its secrets are not to be printed; and by then a signature has often run out.
            console.print("to go on: give the same command, its URL signed anew where that is needed")
        else:
            console.print(f"to go on: {shlex.join(['bulkload', *words])}")


def _peak_memory() -> int:
    """The most memory that this process has held, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 1_000_000


def _console() -> Console:
    from rich.console import Console  # 30 ms

    file = cast("IO[str]", _Stderr(sys.stderr))
    return Console(file=file, soft_wrap=True, highlight=False, markup=False, emoji=False)


class _Stderr:
    """Standard error, if it is there: a load does not fail because nobody reads what it says."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        self._try("flush")

    def _try(self, name: str, *arguments: str) -> None:
        try:
            getattr(self._stream, name)(*arguments)
        except OSError:
            # What is left in its buffer must not fail again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        except (ValueError, AttributeError):
            pass  # it was closed before we began

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _say(text: str) -> None:
    stderr = _Stderr(sys.stderr)
    stderr.write(f"{text}\n")
    stderr.flush()


def main() -> NoReturn:
    """Run the command line and exit."""
    code: object = Exit.COMPLETE
    try:
        _main()
    except SystemExit as error:
        code = Exit.COMPLETE if error.code is None else error.code
    # All is written and closed. Python's own way out would take 60 ms more, and wait for a thread that
    # waits for standard input and cannot be told to stop.
    with suppress(OSError, AttributeError, ValueError):
        sys.stdout.flush()
    _Stderr(sys.stderr).flush()
    os._exit(code if isinstance(code, int) else Exit.BUG)


def _main() -> None:
    try:
        known = frozenset(param.name or "" for param in load.params) - {"sources"}
        several = frozenset(param.name or "" for param in load.params if getattr(param, "multiple", False))
        files = config.read_files(Path(), known - {"as_json"} | {"json"}, several)
        files["as_json"] = files.pop("json", False)
        cli.main(default_map={"load": files, "token": files}, standalone_mode=False)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        raise SystemExit(Exit.USAGE) from None
    except LoadError as error:
        _say(f"error: {error}")
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        raise SystemExit(Exit.SIGINT) from None
    except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, it is a bug
        if "-vv" in sys.argv or sys.argv.count("-v") > 1:
            traceback.print_exc()
        # Its text may hold anything, a secret too.
        _say(f"error: a bug in bulkload: {type(error).__name__}\nWith -vv it shows where; please report it.")
        raise SystemExit(Exit.BUG) from None
