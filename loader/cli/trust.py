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
from loader.cli.supabase_variables import Variable
from loader.cli.terminal import print_line
from loader.errors import SettingsError
from loader.settings import OPTIONS, Group

_PATHS = ("run_dir", "usd_rates")  # options that name a file or a folder
# Options that say who is given a credential, or who is believed to be the one who may have it.
_GUARDS = {
    "url": "the target",
    "oauth_token_url": "who gives tokens",
    "oauth_issuer": "who gives tokens",
    "ca_file": "the certificates to trust",
    "client_cert": "the client certificate",
}
# Options that have secrets sent to somebody who gives a token for them.
_FETCHED = ("login", "oauth_token_url", "oauth_issuer")
# Options that name a file or a command which gives a secret.
_CREDENTIALS = [
    f"{name}_file" if about.secret else name
    for name, about in OPTIONS.items()
    if name in ("token_file", "token_command", "client_cert")
    or (about.group is Group.CREDENTIALS and about.secret)
]


def folder_of(context: click.Context | None) -> FolderSettings:
    """Return what the files of the folder set, as far as the command that runs has read them."""
    return (None if context is None else context.find_object(FolderSettings)) or FolderSettings()


def check(
    context: click.Context | None,
    folder: FolderSettings,
    flags: Mapping[str, Any],
    apikey: Variable | None = None,
) -> None:
    """Check that the user agrees to what the files of the folder set, where that is needed.

    Args:
        context: of the command that runs; None: there is none.
        folder: what they set.
        flags: the values of all options of the command.
        apikey: the one of Supabase's variables that the API key is taken from.

    Raises:
        SettingsError: the user does not agree, or there is nobody to ask.
    """
    sources = () if context is None else context.params.get("sources", ())
    is_sent = bool(sources) or any(flags.get(name) for name in _FETCHED)
    if context is None or not is_sent:  # a credential goes nowhere, as where `token` signs one
        return
    for source in sources:
        if not os.path.lexists(source):
            mask.hide_in_address(source)
    confirm(
        questions(context, folder, flags, apikey),
        trusted=bool(flags.get("trust_config")),
        uses_stdin="-" in sources,
    )


def of_folder(context: click.Context, folder: FolderSettings, name: str) -> str:
    """Return the file of the folder that an option comes from; empty where it comes from elsewhere."""
    if context.get_parameter_source(name) is not ParameterSource.DEFAULT_MAP:
        return ""
    return folder.origins.get(name, "")


def questions(
    context: click.Context, folder: FolderSettings, flags: Mapping[str, Any], apikey: Variable | None = None
) -> list[str]:
    """Return what the files of the folder say that they should not say without the user's word.

    Args:
        context: of the command.
        folder: what they set.
        flags: the values of all options.
        apikey: the one of Supabase's variables that the API key is taken from.
    """
    asked: list[str] = []
    credential = "" if flags.get("sandbox") else _credential_of_others(context, folder, flags, apikey)
    for name, what in _GUARDS.items() if credential else ():
        file = of_folder(context, folder, name)
        if file and flags.get(name) is not None:
            asked.append(
                f"{file} of this folder names {what}, {flags[name]}, "
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
    advice = "If this folder's files are yours, give --trust-config; else give that option yourself."
    if uses_stdin or not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
        raise SettingsError("this needs --trust-config: nothing was sent", advice=advice)
    print_line("Go on? [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SettingsError("not trusted: nothing was sent", advice=advice)


def _credential_of_others(
    context: click.Context, folder: FolderSettings, flags: Mapping[str, Any], apikey: Variable | None
) -> str:
    """Return where a credential comes from that is not the folder's; empty where there is none."""
    for name in _CREDENTIALS:
        if flags.get(name) is None:
            continue
        if not of_folder(context, folder, name) or not is_inside(Path(flags[name]), Path()):
            return f"{name.replace('_', '-')} {flags[name]}"
    # A file goes before its variable.
    variables = [variable for name, variable in SECRETS.items() if flags.get(f"{name}_file") is None]
    of_environment = [variable for variable in variables if os.environ.get(variable)]
    if apikey is not None and not apikey.file:
        of_environment.append(apikey.name)
    if of_environment:
        return f"the variable {of_environment[0]}"
    in_env = apikey is not None or any(variable in folder.secrets for variable in variables)
    return f"the file that {ENV} is a link to" if in_env and not folder.secrets_are_own else ""


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
