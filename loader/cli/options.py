"""The options of the command line: names, defaults, help. Each is BULKLOAD_NAME in the environment too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from loader.settings import FORMATS, INSERT_FIRST, RESOLUTIONS
from loader.transform.presets import NAMES

Command = TypeVar("Command", bound=Callable[..., Any])


class _Several(click.types.StringParamType):
    """Texts, of which the environment may hold several."""

    envvar_list_splitter = ","


def _option(name: str, text: str, **more: Any) -> Callable[[Command], Command]:
    variable = "BULKLOAD_" + name.lstrip("-").replace("-", "_").upper()
    return click.option(name, envvar=variable, show_envvar=False, help=text, **more)


TARGET = [
    _option("--url", "PostgREST's base URL, or a Supabase project's. Also the audience of minted tokens."),
    _option("--schema", "Schema of the table, as PostgREST exposes it.", default="api", show_default=True),
    _option("--table", "Table or view to load into.", default="all_trades", show_default=True),
]
TOKEN = [
    _option("--role", "Role claim of minted tokens.", default="api_data_producer", show_default=True),
    _option("--jwt-aud", "Audience claim of minted tokens. [default: the URL]"),
    _option(
        "--jwt-ttl", "Lifetime of minted tokens, in seconds.", type=float, default=300.0, show_default=True
    ),
    _option(
        "--jwt-secret-file",
        "File with the secret that signs tokens. [default: PGRST_JWT_SECRET in the environment]",
        type=click.Path(path_type=Path),
    ),
]
LOAD = [
    _option("--on-conflict", "Key columns. [default: the table's primary key]", metavar="COLS"),
    _option(
        "--resolution",
        "What happens to a row whose key is there already. With none, it is rejected.",
        type=click.Choice(RESOLUTIONS),
        default="merge-duplicates",
        show_default=True,
    ),
    _option(
        "--insert-first",
        "Send rows that are likely to be new as plain inserts, and as upserts where they are not.",
        type=click.Choice(INSERT_FIRST),
        default="auto",
        show_default=True,
    ),
    _option(
        "--columns",
        "Columns to write; others of a row are dropped. Names those of CSV without a header. [default: all]",
        metavar="COLS",
    ),
    _option(
        "--concurrency",
        "Most requests in flight; fewer where more bring nothing.",
        type=int,
        default=8,
        show_default=True,
    ),
    _option(
        "--batch-rows",
        "Most rows of a request. [default: 5000; the loader finds the best number below]",
        type=int,
    ),
    _option("--batch-bytes", "Most bytes of a request. [default: 1MiB]", metavar="SIZE"),
    _option("--max-rate", "Most rows a second.", type=float),
    _option(
        "--max-errors",
        "Rejected rows after which the load stops, as a number or a share.",
        default="100",
        show_default=True,
        metavar="N|N%",
    ),
    _option("--timeout", "For one request, in seconds.", type=float, default=120.0, show_default=True),
    _option(
        "--retry-for",
        "How long one batch may meet failures that pass, in seconds.",
        type=float,
        default=300.0,
        show_default=True,
    ),
    _option(
        "--run-dir",
        "Folder for journal, rejects and report. [default: NAME.bulkload]",
        type=click.Path(path_type=Path, file_okay=False),
    ),
    _option("--fresh", "Forget an unfinished load of the same run directory.", is_flag=True),
    _option("--dry-run", "Read and check everything, ask the target, send no row.", is_flag=True),
    _option("--sandbox", "Load into a PostgreSQL and PostgREST of bulkload's own.", is_flag=True),
]
SOURCES = [
    _option(
        "--format",
        "How the sources are written. [default: a look at name and content tells]",
        type=click.Choice(FORMATS),
    ),
    _option("--delimiter", "What is between the cells of CSV: a character, or tab. [default: a look tells]"),
    _option(
        "--null", "The cell of CSV that stands for null. [default: an empty one]", default="", metavar="TOKEN"
    ),
    _option("--encoding", "Encoding of text, as in latin-1. [default: UTF-8]"),
    _option("--query", "The SELECT whose rows are read of a SQLite database.", metavar="SQL"),
    _option("--source-table", "Table of a SQLite database to read. [default: its only one]"),
    _option(
        "--map",
        "Write a source's column as another; may be repeated.",
        multiple=True,
        type=_Several(),
        metavar="TARGET=SOURCE",
    ),
    _option(
        "--set",
        "Write a column with this value; may be repeated.",
        multiple=True,
        type=_Several(),
        metavar="COLUMN=VALUE",
    ),
    _option(
        "--drop",
        "Leave out a source's column; may be repeated.",
        multiple=True,
        type=_Several(),
        metavar="COLUMN",
    ),
    _option("--preset", "Read a known export of trades into trades.", type=click.Choice(NAMES)),
    _option("--id", "With --preset: the source's column that becomes the id. [default: the preset's]"),
    _option(
        "--usd-rates",
        "With --preset: CSV asset,timestamp,usd, for trades whose value in USD is not known.",
        type=click.Path(path_type=Path),
    ),
]
OUTPUT = [
    _option(
        "--progress",
        "How progress is shown on stderr.",
        type=click.Choice(["auto", "bar", "plain", "none"]),
        default="auto",
        show_default=True,
    ),
    click.option(
        "--json", "as_json", envvar="BULKLOAD_JSON", is_flag=True, help="Print the report on stdout."
    ),
    click.option(
        "-v", "--verbose", envvar="BULKLOAD_VERBOSE", count=True, help="Say more; -vv shows tracebacks."
    ),
    click.option("-q", "--quiet", envvar="BULKLOAD_QUIET", is_flag=True, help="Say nothing but errors."),
]


def options(*groups: list[Callable[[Command], Command]]) -> Callable[[Command], Command]:
    """Give a command these options, in this order."""

    def add(command: Command) -> Command:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return add
