"""The command line's options: those of Settings, made from its fields, and those of output."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from loader import mask
from loader.cli import config, trust
from loader.cli.config import FolderSettings
from loader.cli.help import GroupedOption
from loader.cli.supabase_variables import SECRETS, Fallback, api_key, told
from loader.cli.terminal import print_line
from loader.errors import SettingsError
from loader.settings import OPTIONS, Group, Option, Settings
from loader.settings.option import flag

Command = TypeVar("Command", bound=Callable[..., Any])

# The settings that name a source of tokens, other than a user of Supabase Auth.
_TOKENS = (
    "jwt_secret",
    "jwt_key",
    "token",
    "token_file",
    "token_command",
    "oauth_issuer",
    "oauth_token_url",
)
_DEFAULTS = {setting.name: setting.default for setting in fields(Settings)}


class _Text(click.types.StringParamType):
    """A text that the setting's own function reads."""

    envvar_list_splitter = ","  # for options that can be repeated

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        del param, ctx
        return self._parse(str(value))  # a file of settings has numbers, too


def setting_options(names: Iterable[str]) -> Callable[[Command], Command]:
    """Give a command the options of these settings, in the order of the fields."""
    chosen = set(names)
    return _all(
        _option(name, about)
        for name, about in OPTIONS.items()
        if name in chosen and not (about.secret and not about.has_file)
    )


def output_options() -> Callable[[Command], Command]:
    """Give a command the options that say what a load prints."""
    option = partial(click.option, cls=GroupedOption, group=Group.OUTPUT)
    return _all(
        [
            option(
                "--progress",
                envvar="BULKLOAD_PROGRESS",
                type=click.Choice(["auto", "bar", "plain", "none"]),
                metavar="STYLE",
                default="auto",
                help="auto, bar, plain (a line now and then) or none. [default: auto]",
            ),
            option("--json", envvar="BULKLOAD_JSON", is_flag=True, help="Print the report on stdout."),
            option("-q", "--quiet", envvar="BULKLOAD_QUIET", is_flag=True, help="Print only errors."),
            option(
                "-v",
                "--verbose",
                envvar="BULKLOAD_VERBOSE",
                count=True,
                help="Print more; -vv shows tracebacks.",
            ),
        ]
    )


def trust_option() -> Callable[[Command], Command]:
    """Give a command the flag that vouches for the files of the current folder."""
    return _all(
        [
            click.option(
                "--trust-config",
                cls=GroupedOption,
                group=Group.TARGET,
                envvar="BULKLOAD_TRUST_CONFIG",
                is_flag=True,
                help="Let .env and bulkload.toml say where a token goes.",
            )
        ]
    )


def settings_of(flags: Mapping[str, Any]) -> Settings:
    """Return the settings that the command line, the environment and the files add up to.

    Where the command has sources, the user is asked first for what the files of the folder may not say alone.

    Args:
        flags: click's values by parameter name; those that belong to no setting do not count.

    Raises:
        SettingsError: they are wrong, or the URL is missing.
    """
    context = click.get_current_context(silent=True)
    folder = trust.folder_of(context)
    mask.hide_in_address(flags["url"])
    if not flags["url"]:
        raise SettingsError(
            "no target: --url is missing",
            advice="Give --url URL or set BULKLOAD_URL; or try --sandbox, which needs none.",
        )
    fallback = _api_key(flags, folder)
    trust.check(context, folder, flags, fallback.apikey)
    if flags.get("quiet") is False and (line := _told(context, folder, flags, fallback)):
        print_line(line)
    given: dict[str, Any] = {}
    for name, about in OPTIONS.items():
        if flags.get("sandbox") and about.group is Group.CREDENTIALS:
            continue  # it has its own
        value = flags.get(_parameter(name, about)) if about.has_file else None
        given[name] = config.secret(name, value, folder) if about.secret else value
    if fallback.apikey is not None:
        given["apikey"] = config.supabase_key(fallback.apikey)
    return Settings(**{name: value for name, value in given.items() if value is not None})


def _api_key(flags: Mapping[str, Any], folder: FolderSettings) -> Fallback:
    """Return what Supabase's own variables give for an API key that is not given."""
    for name in SECRETS:
        mask.hide(folder.supabase.environment.get(name))
        mask.hide(folder.supabase.folder.get(name))
    if flags.get("sandbox") or _is_given("apikey", flags, folder):
        return Fallback()
    return api_key(
        folder.supabase,
        flags["url"],
        has_tokens=any(_is_given(name, flags, folder) for name in _TOKENS),
        signs_in=_is_given("login", flags, folder),
    )


def _told(
    context: click.Context | None, folder: FolderSettings, flags: Mapping[str, Any], fallback: Fallback
) -> str:
    """Return what a load takes from Supabase's own variables, in a line."""
    is_taken = context is not None and context.get_parameter_source("url") is ParameterSource.DEFAULT_MAP
    return "" if flags.get("sandbox") else told(folder.project if is_taken else None, fallback)


def _is_given(name: str, flags: Mapping[str, Any], folder: FolderSettings) -> bool:
    """Return whether a setting has a value, in whatever place."""
    about = OPTIONS[name]
    if about.has_file and flags.get(_parameter(name, about)) is not None:
        return True
    variable = about.variable
    return bool(variable and (os.environ.get(variable) or folder.secrets.get(variable)))


def _parameter(name: str, about: Option) -> str:
    """Return what click calls a setting: its name, or that of the file with its secret."""
    return f"{name}_file" if about.secret else name


def _option(name: str, about: Option) -> Callable[[Command], Command]:
    """Return the option of a setting. Settings has the default, so click is given none."""
    parameter = _parameter(name, about)
    return click.option(
        flag(parameter),
        parameter,
        cls=GroupedOption,
        group=about.group,
        envvar=f"BULKLOAD_{parameter.upper()}",
        help=about.help + _default(about, _DEFAULTS[name]),
        metavar=about.metavar or None,
        multiple=about.repeated,
        **_kind(about, _DEFAULTS[name]),
    )


def _kind(about: Option, default: object) -> dict[str, Any]:
    """Return how click reads the option."""
    if default is False:
        return {"is_flag": True}
    if about.choices:
        return {"type": click.Choice(about.choices)}
    if about.parse in (int, float):
        return {"type": about.parse}
    return {"type": _Text(Path if about.secret else about.parse)}


def _default(about: Option, default: object) -> str:
    """Return what ``--help`` says of the default, if there is anything to say."""
    shown = about.shown_default
    if not shown and default not in (MISSING, None, False, (), ""):
        shown = f"{default:g}" if isinstance(default, float) else str(default)
    return f" [default: {shown}]" if shown else ""


def _all(options: Iterable[Callable[[Any], Any]]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command these options, in this order."""
    listed = list(options)

    def add(command: Command) -> Command:
        for option in reversed(listed):  # click puts the last in front
            command = option(command)
        return command

    return add
