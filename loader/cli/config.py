"""Where settings come from: flag > environment > .env > bulkload.toml or [tool.bulkload] > default.

The files of the current folder may come from somebody else, with a download or a repository. They can set
options of a load, and nothing else: no path of a program, and no `--trust-config`.
"""

from __future__ import annotations

import io
import os
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from loader import mask
from loader.cli.supabase_variables import Variable, Variables
from loader.errors import SettingsError
from loader.settings import OPTIONS
from loader.settings.file_secret import FileSecret
from loader.settings.option import flag
from loader.small_files import check_safe, read_small

ENV, TOML, PROJECT = ".env", "bulkload.toml", "pyproject.toml"
# The variables that have a secret's value itself, by setting: PGRST_JWT_SECRET is jwt_secret.
SECRETS: dict[str, str] = {name: about.variable for name, about in OPTIONS.items() if about.variable}
PREFIX = "BULKLOAD_"
TRUST = "trust_config"
_REPLACEABLE = frozenset({"jwt_secret", "jwt_key"})  # secrets whose file may get another while a load runs
_NOT_OF_A_FOLDER = frozenset(
    {TRUST, "token_command"}
)  # what would vouch for the folder, or run a program of it


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """What the files of a folder set.

    Attributes:
        values: by option, as ``batch_rows``: click's ``default_map`` for the load.
        origins: the file that each of them stands in.
        secrets: those of ``.env``, by variable.
        secrets_are_own: whether that file is the folder's own, not a link to another's.
        supabase: Supabase's own variables, of ``.env`` and of the environment.
        project: the one of them that ``url`` of ``values`` is taken from, if it is.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    secrets_are_own: bool = True
    supabase: Variables = field(default_factory=Variables)
    project: Variable | None = None


def read_folder(folder: Path, known: Collection[str], several: Collection[str] = ()) -> FolderSettings:
    """Return the settings of the files in a folder.

    Args:
        folder: the current one.
        known: all options, as ``batch_rows``.
        several: the options that can be lists.

    Raises:
        SettingsError: a file cannot be read, or has a key that is not an option.
    """
    known = frozenset(known) - _NOT_OF_A_FOLDER
    project = _toml(folder / PROJECT).get("tool", {})
    own = project.get("bulkload", {}) if isinstance(project, dict) else {}
    if not isinstance(own, dict):
        raise SettingsError(f"{PROJECT}: tool.bulkload is not a table")
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for file, table in ((PROJECT, own), (TOML, _toml(folder / TOML))):
        for key, value in table.items():
            name = key.replace("-", "_")
            _check_name(file, name, known)
            values[name] = _value(file, key, value, repeated=name in several)
            origins[name] = file
    variables, secrets, supabase = _env(folder / ENV, known)
    for name, text in variables.items():
        values[name] = text.split(",") if name in several else text
        origins[name] = ENV
    project = supabase.project if "url" in known and "url" not in values else None
    if project is not None:
        values["url"], origins["url"] = project.value, project.file
    return FolderSettings(
        values,
        origins,
        secrets,
        secrets_are_own=is_inside(folder / ENV, folder),
        supabase=supabase,
        project=project,
    )


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path leads into a folder, links followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _check_name(file: str, name: str, known: Collection[str]) -> None:
    if name in OPTIONS and OPTIONS[name].secret:
        raise SettingsError(
            f"{file} holds a secret, {name}", advice=f"Name a file: {name.replace('_', '-')}-file."
        )
    if name in _NOT_OF_A_FOLDER:
        raise SettingsError(
            f"{file} has {name!r}", advice="A folder cannot say that: give the flag yourself."
        )
    if name not in known:
        raise SettingsError(
            f"{file} has {name!r}, which is not a setting", advice=f"There are {', '.join(sorted(known))}."
        )


def _value(file: str, key: str, value: object, *, repeated: bool) -> Any:
    """Return a value of TOML as click takes it."""
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, dict | list) for part in parts):
        raise SettingsError(f"{file}: {key} is a table or a list of lists", advice="Give a text or a number.")
    try:
        texts = [str(part) for part in parts]
    except ValueError:  # an integer beyond Python's limit for text
        raise SettingsError(f"{file}: {key} is too large a number") from None
    if any("\0" in text for text in texts):
        raise SettingsError(f"{file}: {key} has a character U+0000 in it")
    if repeated:
        return texts
    return ",".join(texts) if isinstance(value, list) else (value if isinstance(value, bool) else texts[0])


def _env(path: Path, known: Collection[str]) -> tuple[dict[str, str], dict[str, str], Variables]:
    """Return the options that a ``.env`` sets, the secrets in it, and Supabase's variables of all places.

    Its values are taken as they are. A variable that the environment has already does not count.
    """
    data = read_small(path, ENV)
    if not data:
        return {}, {}, Variables(os.environ)
    from dotenv import dotenv_values  # 20 ms, and often not needed

    try:
        lines = dotenv_values(stream=io.StringIO(data.decode("utf-8-sig")), interpolate=False)
    except UnicodeDecodeError:
        raise SettingsError(f"{ENV} is not UTF-8") from None  # its text may hold secrets
    given = {name: value for name, value in lines.items() if value is not None and name not in os.environ}
    secrets = {name: value for name, value in given.items() if name in SECRETS.values() and value}
    variables: dict[str, str] = {}
    for variable, value in given.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or variable in SECRETS.values():
            continue  # another program's, or a secret
        if name not in known or variable != variable.upper():
            raise SettingsError(
                f"{ENV} has {variable}, which is no option of a load",
                advice="Paths of programs, and --trust-config, come from the environment or a flag alone.",
            )
        if "\0" in value:
            raise SettingsError(f"{ENV}: {variable} has a character U+0000 in it")
        variables[name] = value
    if secrets:
        check_safe(path, ENV)
    return variables, secrets, Variables(os.environ, given, ENV)


def _toml(path: Path) -> dict[str, Any]:
    data = read_small(path, path.name)
    try:
        return tomllib.loads((data or b"").decode())
    except (ValueError, RecursionError) as error:  # also of a number that is too long for Python
        raise SettingsError(f"{path.name} is not TOML: {error}") from error


def supabase_key(variable: Variable) -> str:
    """Return an API key of Supabase's own variables.

    Raises:
        SettingsError: it stands in a ``.env`` that others can write.
    """
    if variable.file:
        check_safe(Path(variable.file), variable.file)
    return variable.value


def secret(name: str, path: Path | None, folder: FolderSettings) -> str | None:
    """Return a secret: that of its file, else of its variable, else None.

    Args:
        name: the setting's, as ``jwt_secret``.
        path: its option --NAME-file.
        folder: its ``.env`` may have the variable; the environment's goes before it.

    Raises:
        SettingsError: the file cannot be read, is empty, or can be written by others.
    """
    if path is None:
        variable = SECRETS.get(name, "")
        value = os.environ.get(variable) or folder.secrets.get(variable)
        mask.hide(value)
        if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
            raise SettingsError(f"{variable} is not UTF-8")
        return value
    shown = f"{flag(f'{name}_file')} {path}"
    data = read_small(path, shown, secret=True, pipe=True)
    if data is None:
        raise SettingsError(f"{shown}: {'is a directory' if path.is_dir() else 'no such file or directory'}")
    try:
        text = data.decode().strip("\r\n")
    except UnicodeDecodeError:
        advice = "A key in DER must be made PEM: openssl pkey -in KEY -out NEW" if name == "jwt_key" else ""
        raise SettingsError(f"{shown} is not UTF-8", advice=advice) from None
    if not text:
        raise SettingsError(f"{shown} is empty")
    mask.hide(text)
    if name not in _REPLACEABLE:
        return text
    return FileSecret(text, shown, partial(_secret_again, name, path) if path.is_file() else None)


def _secret_again(name: str, path: Path) -> str:
    """Return what a file with a secret has now."""
    return secret(name, path, FolderSettings()) or ""
