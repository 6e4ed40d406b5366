"""The fields of a row that is a JSON object, each as its bytes stand. No I/O."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec

from loader.model import Reason

Fields = dict[str, msgspec.Raw]

decode = msgspec.json.Decoder(Fields).decode
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SAYS = "is not UTF-8: --encoding names another encoding"
NOT_UTF8 = Reason("not-utf8", f"the row {_SAYS}")
_TOO_DEEP = Reason("too-deep", "the row is nested too deeply to be checked")


def fields(line: bytes) -> Fields | Reason:
    """The fields of a line that is a JSON object which PostgreSQL can store, or why it is not."""
    try:
        line.decode()
        found = decode(line)
    except UnicodeDecodeError as error:
        return replace(NOT_UTF8, message=f"byte {error.start + 1} of the row {_SAYS}")
    except msgspec.ValidationError:
        return _not_an_object(line)
    except msgspec.DecodeError as error:
        return Reason("not-json", str(error))
    except RecursionError:
        return _TOO_DEEP
    if b"\\u0000" in line and _NUL.search(line):
        return Reason("nul", "the row holds \\u0000, which PostgreSQL cannot store")
    return found


def _not_an_object(line: bytes) -> Reason:
    # The decoder gives up at the first byte that is no "{": the rest may be no JSON at all.
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return Reason("not-json", str(error))
    except RecursionError:
        return _TOO_DEEP
    return Reason("not-an-object", "the row is JSON, but not an object")
