"""``--types``: the types of columns, told by the user where the server does not describe its tables."""

from __future__ import annotations

import re
from pathlib import Path

from loader.errors import SettingsError
from loader.pg_types import canonical_name
from loader.private_files import open_regular
from loader.settings.values import MIB

_SHOWN = 60  # characters of a wrong entry that a message repeats
# Commas and newlines stand between entries, but for the commas of numeric(48,18) and in a quoted name.
_ENTRY = re.compile(r"""\s*((?:"[^"\n]*"|\([^)\n]*\)|[^,\n("]|[("])*)""")
_COLUMN = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^="]+?))\s*=\s*(\S.*?)\s*')
_FORM = "Write it as in --types 'id=bigint,price=numeric,tags=text[]', or name a file with such a line each."


def parse_types(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``column=type,...``, or the file of that name, which may have a line for each, and ``#`` comments.

    Types are named as PostgreSQL or OpenAPI name them; ``int`` and its like become OpenAPI's ``integer``.

    Raises:
        SettingsError: the file cannot be read, an entry is none, or a column comes twice.
    """
    content = text if "=" in text else _file(Path(text))
    types: dict[str, str] = {}
    for line in content.splitlines():
        if line.lstrip().startswith("#"):
            continue
        for entry in filter(None, (match[1].strip() for match in _ENTRY.finditer(line))):
            pair = _COLUMN.fullmatch(entry)
            if pair is None:
                raise SettingsError(f"--types: {entry[:_SHOWN]!r} is not COLUMN=TYPE", advice=_FORM)
            column = pair[2] if pair[1] is None else pair[1].replace('""', '"')
            if column in types:
                raise SettingsError(f"--types names {column} twice")
            types[column] = canonical_name(pair[3])
    if not types:
        raise SettingsError("--types names no column", advice=_FORM)
    return tuple(types.items())


def _file(path: Path) -> str:
    try:
        with open_regular(path) as file:
            data = file.read(MIB + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SettingsError(f"--types {str(path)[:_SHOWN]!r}: {words}", advice=_FORM) from error
    if len(data) > MIB:
        raise SettingsError(f"--types {path}: it is larger than 1 MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"--types {path} is not UTF-8") from error
