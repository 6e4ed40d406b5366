"""Whether the files of the current folder may say where a load goes, and which files it uses."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from loader import mask
from loader.cli.config import ENV, SECRETS, FolderSettings, is_inside
from loader.cli.terminal import print_line
from loader.errors import SettingsError
from loader.settings import OPTIONS, Group

_PATHS = ("run_dir", "usd_rates")  # options that name a file or a folder
# Options that name a file or a command which gives a secret.
_CREDENTIALS = [
    f"{name}_file" if about.secret else name
    for name, about in OPTIONS.items()
    if about.group is Group.CREDENTIALS and (about.secret or name in ("token_file", "token_command"))
]


def check(flags: Mapping[str, Any]) -> FolderSettings:
    """Return what the files of the folder set, once the user has agreed to it where that is needed.

    Args:
        flags: the values of all options of the command that runs.

    Raises:
        SettingsError: the user does not agree, or there is nobody to ask.
    """
    context = click.get_current_context(silent=True)
    folder = None if context is None else context.find_object(FolderSettings)
    if context is None or folder is None:
        return FolderSettings()
    sources = context.params.get("sources")
    if sources is not None:  # else nothing is asked of the target
        for source in sources:
            if not os.path.lexists(source):
                mask.hide_in_address(source)
        confirm(
            questions(context, folder, flags),
            trusted=bool(flags.get("trust_config")),
            uses_stdin="-" in sources,
        )
    return folder


def of_folder(context: click.Context, folder: FolderSettings, name: str) -> str:
    """Return the file of the folder that an option comes from; empty where it comes from elsewhere."""
    if context.get_parameter_source(name) is not ParameterSource.DEFAULT_MAP:
        return ""
    return folder.origins.get(name, "")


def questions(context: click.Context, folder: FolderSettings, flags: Mapping[str, Any]) -> list[str]:
    """Return what the files of the folder say that they should not say without the user's word.

    Args:
        context: of the command.
        folder: what they set.
        flags: the values of all options.
    """
    asked: list[str] = []
    target = "" if flags.get("sandbox") else of_folder(context, folder, "url")
    if target and (credential := _credential_of_others(context, folder, flags)):
        asked.append(
            f"{target} of this folder names the target, {flags['url']}, "
            f"and the credential comes from {credential}"
        )
    for name in _PATHS:
        file = of_folder(context, folder, name)
        if file and flags.get(name) is not None and not is_inside(Path(flags[name]), Path()):
            option = name.replace("_", "-")
            asked.append(f"{file} of this folder sets {option} to {flags[name]}, outside of the folder")
    return asked


def confirm(asked: list[str], *, trusted: bool, uses_stdin: bool) -> None:
    """Say what the files of the folder say, first of all, and ask for the user's word.

    Args:
        asked: the `questions`.
        trusted: whether --trust-config is given.
        uses_stdin: whether standard input is a source, so that no answer can be read from it.

    Raises:
        SettingsError: the user does not agree, or there is nobody to ask.
    """
    for text in asked:
        print_line(text)
    if not asked or trusted:
        return
    advice = "If this folder's files are yours, give --trust-config; else name --url yourself."
    if uses_stdin or not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
        raise SettingsError("this needs --trust-config: nothing was sent", advice=advice)
    print_line("Go on? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SettingsError("not trusted: nothing was sent", advice=advice)


def _credential_of_others(context: click.Context, folder: FolderSettings, flags: Mapping[str, Any]) -> str:
    """Return where the credential comes from, if that is not the folder; empty if it is, or there is none."""
    named = [name for name in _CREDENTIALS if flags.get(name) is not None]
    for name in named:
        if not of_folder(context, folder, name) or not is_inside(Path(flags[name]), Path()):
            return f"{name.replace('_', '-')} {flags[name]}"
    if named:
        return ""
    if variable := next(filter(os.environ.get, SECRETS.values()), ""):
        return f"the variable {variable}"
    return "" if not folder.secrets or folder.secrets_are_own else f"the file that {ENV} is a link to"


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
