"""Files in formats that bulkload does not read are refused with what they are."""

from __future__ import annotations

import pytest

from loader.errors import SourceUnfit
from loader.formats.detect import detect_format

OTHERS: list[tuple[str, bytes, str]] = [
    ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, "an old Excel or Office file"),
    ("t.avro", b"Obj\x01\x04\x14avro.codec", "an Avro file"),
    ("t.arrow", b"ARROW1\0\0\xff\xff", "an Arrow (Feather) file"),
    ("t.orc", b"ORC\x12\x34", "an ORC file"),
    ("t", b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    ("dump", b"PGDMP\x01\x0e\0", "a dump of pg_dump in its custom format"),
    ("t.pkl", b"\x80\x04\x95\x10\0\0\0", "a Python pickle"),
    ("report.pdf", b"%PDF-1.7\n", "a PDF"),
    ("trades.csv", b"\n<!DOCTYPE html>\n<html><head>", "a web page"),
    ("trades.json", b"<HTML><body>Sign in</body>", "a web page"),
    ("t.xml", b'<?xml version="1.0"?>\n<rows><row/></rows>', "XML"),
    ("t.jsonl", b"<rows>\n<row id='1'/>\n</rows>\n", "XML"),
    ("t.yaml", b"- id: 1\n  a: 2\n", "YAML"),
    ("t", b"---\nid: 1\n", "YAML"),
    ("t.csv", b"\x00\x01\x02\x03" * 200, "binary data (it begins with the bytes 00 01 02 03 00 01 02 03)"),
]


@pytest.mark.parametrize(("name", "head", "title"), OTHERS, ids=[title for *_, title in OTHERS])
def test_another_format_is_refused(name: str, head: bytes, title: str) -> None:
    """Whatever the name says: exit 2, not an error for each line."""
    with pytest.raises(SourceUnfit) as caught:
        detect_format(head, name, whole=True)

    assert f"{name} is {title}, which bulkload does not read" == caught.value.message


TEXTS: list[tuple[str, bytes, str]] = [
    ("t.jsonl", b'{"id":1}\n', "jsonl"),
    (
        "t.jsonl",
        b'{"id":1}\n' + b"\0" * 900 + b"\n",
        "jsonl",
    ),  # a machine broke down
    ("t.csv", b"id,a\n<b>,1\n", "csv"),
    ("t.csv", b"<id>,a\nx,1\n", "csv"),
    ("t.csv", b"ORCA,a\nx,1\n", "csv"),
]


@pytest.mark.parametrize(("name", "head", "expected"), TEXTS)
def test_what_only_looks_alike_is_not(name: str, head: bytes, expected: str) -> None:
    """Damage behind a good line is left to its rows, and a header may hold anything."""
    assert expected == detect_format(head, name, whole=True).format
