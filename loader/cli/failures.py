"""What a command that failed says, and the exit code that goes with it."""

from __future__ import annotations

import errno
import os
import sys

import click

from loader.cli.terminal import print_line, print_lines, print_traceback
from loader.errors import Exit, LoadError

_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})


def report(error: BaseException) -> int:
    """Print what went wrong, and return the exit code."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case click.exceptions.Abort() | KeyboardInterrupt():
            return Exit.SIGINT
        case click.exceptions.Exit(exit_code=code):
            return code
        case click.ClickException():
            _usage(error)
            return Exit.USAGE
        case LoadError(exit_code=code):
            print_lines(f"error: {error}")
            return code
        case _:
            return _unforeseen(error)


def silence_leftovers() -> None:
    """Print no traceback of what Python cleans up after an error, unless tracebacks are asked for."""
    if not _wants_traceback():
        sys.unraisablehook = lambda _: None


def _usage(error: click.ClickException) -> None:
    context = getattr(error, "ctx", None)
    if context is not None:
        for line in context.get_usage().splitlines():
            print_line(line)
        print_line(f"Try '{context.command_path} --help' for help.")
        print_line("")
    print_lines(f"Error: {error.format_message()}")


def _unforeseen(error: BaseException) -> int:
    """Print an error that nobody has translated: the system's, or a bug."""
    if _wants_traceback():
        print_traceback(error)
    if _out_of_files(error):
        print_line("error: the system lets this process open too few files: raise `ulimit -n`")
        return Exit.STOPPED
    if isinstance(error, UnicodeError) and sys.getfilesystemencoding() != "utf-8":
        print_line(
            "error: a name cannot be written in this locale: set LC_ALL=C.UTF-8, or PYTHONUTF8=1 for Python"
        )
        return Exit.USAGE
    if isinstance(error, MemoryError):
        print_line("error: there is not enough memory: give a lower --concurrency or --batch-bytes")
        return Exit.STOPPED
    if isinstance(error, OSError) and error.errno is not None:
        name = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        print_line(f"error: {name}{os.strerror(error.errno).lower()}")
        return Exit.STOPPED
    # Its text may hold anything.
    print_line(f"error: a bug in bulkload: {type(error).__name__}")
    print_line("Please report it, with the traceback that -vv shows.")
    return Exit.BUG


def _wants_traceback() -> bool:
    return "-vv" in sys.argv or sys.argv.count("-v") + sys.argv.count("--verbose") > 1


def _out_of_files(error: BaseException) -> bool:
    """Return whether an error is for want of file descriptors, which some libraries say in other words."""
    if isinstance(error, OSError) and error.errno in _NO_FILES:
        return True
    if not isinstance(error, ImportError | OSError | RuntimeError):
        return False
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as refused:
        return refused.errno in _NO_FILES
    return "Too many open files" in str(error)
