"""Where settings come from: flag > environment and .env > bulkload.toml or [tool.bulkload] > default."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from loader.errors import SettingsError

FILE = "bulkload.toml"


def read_files(folder: Path, known: frozenset[str], several: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the settings of the files in a folder; add its ``.env`` to the environment.

    A variable that the environment has already stays as it is.

    Args:
        folder: the current one.
        known: all settings, as ``batch_rows``.
        several: the settings that can be lists.

    Returns:
        click's ``default_map`` for the load.

    Raises:
        SettingsError: a file is not TOML, or has a key that is not a setting.
    """
    _read_env(folder / ".env")
    tools = _toml(folder / "pyproject.toml").get("tool", {})
    own = tools.get("bulkload", {}) if isinstance(tools, dict) else {}
    if not isinstance(own, dict):
        raise SettingsError("pyproject.toml: tool.bulkload is not a table")
    by_key = own | _toml(folder / FILE)
    settings = {key.replace("-", "_"): value for key, value in by_key.items()}
    for key, value in settings.items():
        if key in ("jwt_secret", "token", "password"):
            raise SettingsError(f"{FILE} holds a secret, {key}", advice="Name a file: jwt-secret-file.")
        if key not in known:
            raise SettingsError(
                f"{FILE} has {key!r}, which is not a setting", advice=f"There are {', '.join(sorted(known))}."
            )
        if key in several:
            settings[key] = list(map(str, value if isinstance(value, list) else [value]))
        elif isinstance(value, list):
            settings[key] = ",".join(map(str, value))
    return settings


def _read_env(path: Path) -> None:
    """Add what a ``.env`` sets to the environment."""
    if not path.is_file():
        return
    from dotenv import dotenv_values  # 20 ms, and often not needed

    try:
        values = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        what = "is not UTF-8" if isinstance(error, ValueError) else error.strerror
        raise SettingsError(f".env {what}") from None  # its text may hold secrets
    for name, value in values.items():
        if value is not None and name.startswith(("BULKLOAD_", "PGRST_")):
            os.environ.setdefault(name, value)


def _toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} is not TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{path.name}: {error.strerror or error}") from error


def secret(path: Path | None) -> str | None:
    """Return the secret that signs tokens: the file's, else PGRST_JWT_SECRET, else None.

    Raises:
        SettingsError: the file cannot be read or is empty.
    """
    if path is None:
        value = os.environ.get("PGRST_JWT_SECRET") or None
        if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
            raise SettingsError("PGRST_JWT_SECRET is not UTF-8")
        return value
    try:
        text = path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"--jwt-secret-file {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    if not text:
        raise SettingsError(f"--jwt-secret-file {path} is empty")
    return text
