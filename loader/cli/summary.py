"""What is printed at the end of a load: counts, rejects, files, the error, the command that resumes."""

from __future__ import annotations

import resource
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loader.cli.terminal import print_lines
from loader.errors import Exit
from loader.formats.source_format import is_reject_file
from loader.run import rejects
from loader.run.own_files import ERRORS, REPORT
from loader.run.report import Report
from loader.run.run_dir import run_dir_path
from loader.settings import Settings
from loader.sources.urls import is_url, shown
from loader.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

_GROUPS = 20  # of rejects that are printed


def print_summary(report: Report, settings: Settings, arguments: Sequence[str], console: Console) -> None:
    """Print what became of the rows, why some were rejected, and what to do next.

    Args:
        report: the load's.
        settings: the load's.
        arguments: those of the command, to print it again.
        console: where.
    """
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
    folder = run_dir_path(settings, report.sources[0])
    _print_rejects(report, folder, console)
    if _is_written(report, folder / REPORT):
        console.print(f"report: {folder / REPORT}")
    if report.error:
        print_lines(f"stopped: {report.error}")
    if _can_be_resumed(report):
        console.print(f"to resume: {_resuming_command(arguments)}")


def _print_rejects(report: Report, folder: Path, console: Console) -> None:
    """Print why rows were rejected, and where they are."""
    for group in report.rejects[:_GROUPS]:
        console.print(f"  {group['count']:,} x {group['code']} {group['message']}; first: {group['place']}")
        if group["advice"]:
            console.print(f"    {group['advice']}")
    if len(report.rejects) > _GROUPS:
        console.print(f"  and {len(report.rejects) - _GROUPS} more kinds, in {REPORT}")
    rows = [str(path) for path in rejects.files(folder) if is_reject_file(path.name)]
    if report.rejects and rows:  # without files the disk is full, or the like: the error says so
        console.print(f"rejected rows: {', '.join(rows)}; reasons: {folder / ERRORS}")


def _is_written(report: Report, path: Path) -> bool:
    """Return whether a file holds this report, and not none or that of an earlier run."""
    try:
        return path.read_bytes() == report.json()
    except OSError:
        return False


def _can_be_resumed(report: Report) -> bool:
    """Return whether the same command would continue. Where the error asks for --fresh, it would not."""
    return bool(report.error) and report.exit_code != Exit.USAGE and "--fresh" not in (report.error or "")


def _resuming_command(arguments: Sequence[str]) -> str:
    """Return the same command. It leaves out --fresh, which would start over."""
    if any(is_url(argument) and shown(argument) != argument for argument in arguments):
        # A URL's secrets are not printed; and by then a signature has often expired.
        return "run the same command, with its URL signed again if its signature has expired"
    return " ".join(["bulkload", *(_quoted(argument) for argument in arguments if argument != "--fresh")])


def _quoted(argument: str) -> str:
    """Return an argument as a shell takes it; bash reads ``$'...'`` where it holds control characters."""
    if visible(argument) == argument:
        return shlex.quote(argument)
    escaped = (
        character
        if character.isascii() and character.isprintable() and character not in "'\\"
        else _bytes(character)
        for character in argument
    )
    return f"$'{''.join(escaped)}'"


def _bytes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))


def _peak_memory() -> int:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 1_000_000
