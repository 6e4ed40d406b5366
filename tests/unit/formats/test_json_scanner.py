"""The scanner finds the elements of an array in any pieces of bytes."""

from __future__ import annotations

import json
import time
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.formats.json_scanner import Elements, JsonScanner

BOM = b"\xef\xbb\xbf"
MANY = 40  # rows of ROW: enough that the scanner takes them in runs
ROW = b'{"id":7,"name":"abcdefghijklmnopqrstuvwxyz","note":"0123456789 0123456789 0123456789 0123456789"}'


def split(pieces: list[bytes], scanner: JsonScanner | None = None) -> Elements:
    """Return all elements of the pieces."""
    scanner = scanner or JsonScanner("rows.json", 2**20)
    found = Elements([], [], [])
    for some in (*map(scanner.feed, pieces), scanner.finish()):
        found.texts.extend(some.texts)
        found.lines.extend(some.lines)
        found.offsets.extend(some.offsets)
    return found


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return the data in pieces of these lengths, and the rest."""
    pieces = []
    for length in cuts:
        pieces.append(data[:length])
        data = data[length:]
    return [*pieces, data]


def at_their_places(source: bytes, texts: list[bytes], offsets: list[int]) -> Elements:
    """Return the expected elements that begin at these offsets."""
    assert texts == [source[offset:][: len(text)] for offset, text in zip(offsets, texts, strict=True)]
    return Elements(texts, [source[:offset].count(b"\n") + 1 for offset in offsets], offsets)


def found_at(source: bytes, texts: list[bytes]) -> Elements:
    """Return the expected elements, each at the next place where its text occurs."""
    offsets, end = [], 0
    for text in texts:
        offsets.append(source.index(text, end))
        end = offsets[-1] + len(text)
    return at_their_places(source, texts, offsets)


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b" \n", [], id="blanks"),
        pytest.param(BOM, [], id="a byte order mark alone"),
        pytest.param(b"[]", [], id="an empty array"),
        pytest.param(b" [ \n ] \r\n\t", [], id="blanks all over"),
        pytest.param(b'[{"a":1},{"b":2}]', [b'{"a":1}', b'{"b":2}'], id="an array"),
        pytest.param(BOM + b'\n[{"a":1}]\n', [b'{"a":1}'], id="a byte order mark"),
        pytest.param(b'[\n{"a":1},\n{"b":2},\n]\n', [b'{"a":1}', b'{"b":2}'], id="a trailing comma"),
        pytest.param(b'{"a":1}{"b":2} \n{"c":3}\n', [b'{"a":1}', b'{"b":2}', b'{"c":3}'], id="concatenated"),
        pytest.param(b'{"a":1},\n{"b":2},', [b'{"a":1}', b'{"b":2}'], id="commas without brackets"),
        pytest.param(b'{\n  "a": [\n    1\n  ]\n}\n{}\n', [b'{\n  "a": [\n    1\n  ]\n}', b"{}"], id="jq ."),
        pytest.param(b'[1, "x",null ,[1,[2]],-1.5]', [b"1", b'"x"', b"null", b"[1,[2]]", b"-1.5"], id="any"),
        pytest.param(b"1 2\n34", [b"1", b"2", b"34"], id="a number at the end"),
        pytest.param(b'{"a":1} [2] [3]', [b'{"a":1}', b"[2]", b"[3]"], id="arrays without brackets around"),
        pytest.param(b'[{"a":1} {"b":2}{"c":3}]', [b'{"a":1}', b'{"b":2}', b'{"c":3}'], id="missing commas"),
        pytest.param(b'[,{"a":1},,{"b":2}]', [b'{"a":1}', b'{"b":2}'], id="commas too many"),
        pytest.param(b'[{"a":oops},{"b":2}]', [b'{"a":oops}', b'{"b":2}'], id="a bare word in it"),
        pytest.param(b'[{"a":1,,},{"b":2}]', [b'{"a":1,,}', b'{"b":2}'], id="commas in it"),
        pytest.param(b'[oops,{"b":2}]', [b"oops", b'{"b":2}'], id="a bare word"),
        pytest.param(b'[{"a":1}},{"b":2}]', [b'{"a":1}', b"}", b'{"b":2}'], id="a brace too many"),
        pytest.param(b'{"a":1}]{"b":2}', [b'{"a":1}', b"]", b'{"b":2}'], id="a bracket without an array"),
        pytest.param(b'[{"a":[1},{"b":2]},{}]', [b'{"a":[1}', b'{"b":2]}', b"{}"], id="crossed brackets"),
        pytest.param(b'[{"a":"},{\\"]"},"]"]', [b'{"a":"},{\\"]"}', b'"]"'], id="brackets in strings"),
        pytest.param(b'[{"b":"\\\\"},"\\\\",{}]', [b'{"b":"\\\\"}', b'"\\\\"', b"{}"], id="backslashes"),
        pytest.param(b'[{"a":"\n"},{"b":"\xff"},{}]', [b'{"a":"\n"}', b'{"b":"\xff"}', b"{}"], id="no text"),
        pytest.param(b'truefalse 1"a"2', [b"truefalse", b"1", b'"a"', b"2"], id="words that stick together"),
        pytest.param(b"\0[1]", [b"\0", b"[1]"], id="a NUL before it"),
        pytest.param(b'\xef{"a":1}', [b"\xef", b'{"a":1}'], id="a third of a byte order mark"),
    ],
)  # fmt: skip
def test_elements_are_found(source: bytes, texts: list[bytes]) -> None:
    """Each with its place, at once and byte by byte, and the same among many good rows of any style."""
    assert found_at(source, texts) == split([source])
    assert found_at(source, texts) == split(bytewise(source))
    inner = source.removeprefix(BOM).strip()
    array = inner.startswith(b"[")
    inner = inner[1:-1] if array else inner
    for gap in (b",", b", ", b",\n") if array else (b"\n", b" ", b""):
        many = gap.join([ROW] * MANY)
        long = b"[" * array + many + gap + inner + b" " + many + b"]" * array
        assert found_at(long, [*[ROW] * MANY, *texts, *[ROW] * MANY]) == split([long])


@pytest.mark.parametrize(
    ("source", "texts", "message"),
    [
        (b"[\n", [], r"rows.json:2: the source is cut off at byte 2: the array is not closed"),
        (b'[{"a":1},', [b'{"a":1}'], r"rows.json:1: the source is cut off at byte 9"),
        (b'[{"a":1},\n{"b":', [b'{"a":1}'], r"rows.json:2: the element at byte 10 has no end"),
        (b'{"a":1}\n{"b":"', [b'{"a":1}'], r"rows.json:2: the element at byte 8 has no end"),
        (b'{"a":1}\n"b\\', [b'{"a":1}'], r"rows.json:2: the element at byte 8 has no end"),
        (b"[1,\n2", [b"1"], r"rows.json:2: the element at byte 4 has no end"),
        (b"[1]\n\n [2]", [b"1"], r"rows.json:3: the array has ended, .* at byte 6 with b'\["),
        (b"[1],", [b"1"], r"rows.json:1: the array has ended, .* at byte 3 with b"),
        (b"[1]\n\0\0", [b"1"], r"rows.json:2: the array has ended, .* at byte 4 with b'\\x00"),
        (b"[1,\n%b]" % (b"x" * 101), [b"1"], r"rows.json:2: the element at byte 4 is longer than 100 bytes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at_once", [True, False])
def test_what_cannot_be_split_is_told_with_its_place(
    source: bytes, texts: list[bytes], message: str, at_once: bool
) -> None:
    """The error comes after the elements before it, and again with each call."""
    scanner = JsonScanner("rows.json", 100)
    found: list[bytes] = []

    with pytest.raises(SourceError, match=message) as raised:  # noqa: PT012 - each call may raise
        for piece in [source] if at_once else bytewise(source):
            found += scanner.feed(piece).texts
        scanner.finish()

    assert texts == found
    with pytest.raises(SourceError) as again:
        scanner.finish()
    assert str(raised.value)[:60] == str(again.value)[:60]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ROWS = st.lists(JSON, max_size=8) | st.lists(st.dictionaries(st.text(), JSON, max_size=6), max_size=8)
INDENTS = st.sampled_from([None, 0, 2, "\t"])
BLANKS = st.text(" \t\r\n", max_size=3)
CUTS = st.lists(st.integers(0, 60), max_size=60)


@given(st.data(), ROWS, INDENTS, st.sampled_from([",", ", "]), st.booleans(), st.booleans(), CUTS)
def test_every_array_is_split_into_its_elements(
    data: st.DataObject,
    values: list[object],
    indent: int | None,
    comma: str,
    ascii_only: bool,
    bom: bool,
    cuts: list[int],
) -> None:
    """For any values, any layout and any pieces; also from any element on."""
    texts = [
        json.dumps(value, indent=indent, separators=(comma, ":"), ensure_ascii=ascii_only).encode()
        for value in values
    ]
    gap = data.draw(st.none() | st.just(b""), label="the same gap")
    gaps = [
        data.draw(BLANKS).encode() + b"," + data.draw(BLANKS).encode() if gap is None else b"," for _ in texts
    ]
    source, offsets = BOM * bom + b"[", []
    for text, after in zip(texts, gaps, strict=True):
        offsets.append(len(source))
        source += text + after
    source += b"]"
    expected = at_their_places(source, texts, offsets)

    assert expected == split(cut(source, cuts))
    assert values == [json.loads(text) for text in expected.texts]
    for number, (line, offset) in enumerate(zip(expected.lines, expected.offsets, strict=True)):
        rest = split(
            cut(source[offset:], cuts), JsonScanner("", 2**20, offset=offset, line=line, inside_array=True)
        )
        assert Elements(texts[number:], expected.lines[number:], expected.offsets[number:]) == rest


@given(
    st.lists(st.tuples(st.dictionaries(st.text(), JSON, max_size=6), BLANKS)),
    INDENTS, st.booleans(), st.booleans(), CUTS,
)  # fmt: skip
def test_concatenated_objects_are_split(
    rows: list[tuple[dict[str, object], str]], indent: int | None, commas: bool, bom: bool, cuts: list[int]
) -> None:
    """With or without commas, blanks and newlines; also from any of them on."""
    source, texts, offsets = BOM * bom, [], []
    for row, gap in rows:
        offsets.append(len(source))
        texts.append(json.dumps(row, indent=indent).encode())
        source += texts[-1] + b"," * commas + gap.encode()
    expected = at_their_places(source, texts, offsets)

    assert expected == split(cut(source, cuts))
    for number, (line, offset) in enumerate(zip(expected.lines, expected.offsets, strict=True)):
        rest = split(cut(source[offset:], cuts), JsonScanner("", 2**20, offset=offset, line=line))
        assert Elements(texts[number:], expected.lines[number:], expected.offsets[number:]) == rest


ODD = st.sampled_from(
    [
        *[
            b"{",
            b"}",
            b"[",
            b"]",
            b'"',
            b"\\",
            b",",
            b":",
            b" ",
            b"\n",
            b"a",
            b"1",
            b"true",
            b"{}",
            b'{"a":[1]}',
        ],
        *[ROW, ROW + b",", ROW + b"\n", (ROW + b",") * MANY, (ROW + b"\n") * MANY, ROW * MANY],
    ]
)


@given(st.lists(ODD, max_size=30).map(b"".join), st.lists(st.integers(0, 400), max_size=30))
def test_how_it_is_cut_does_not_matter(source: bytes, cuts: list[int]) -> None:
    """The same elements and error come out of any bytes, and only commas and blanks are lost."""

    def outcome(pieces: list[bytes]) -> tuple[Elements, str]:
        scanner, all_found, error = JsonScanner("", 2**20), Elements([], [], []), ""
        try:
            for call in (*[lambda piece=piece: scanner.feed(piece) for piece in pieces], scanner.finish):
                found = call()
                all_found.texts.extend(found.texts)
                all_found.lines.extend(found.lines)
                all_found.offsets.extend(found.offsets)
        except SourceError as raised:
            error = raised.message.partition(" with b")[0]
        return all_found, error

    expected, error = outcome(bytewise(source))

    assert (expected, error) == outcome(cut(source, cuts))
    assert expected == at_their_places(source, expected.texts, expected.offsets)
    end = 0
    for text, offset in zip(expected.texts, expected.offsets, strict=True):
        assert b"" == source[end:offset].strip(b" \n,") or (
            end == 0 and source[:offset].strip(b" \n,") == b"["
        )
        end = offset + len(text)


@pytest.mark.parametrize("inside", ["a", '},{"id":7,"', '\\"', "\n", "é"])
@pytest.mark.parametrize("size", [997, 65536, 2**19])
def test_many_rows_are_each_at_their_place(inside: str, size: int) -> None:
    """Also where strings and nested objects look like the end of a row, and some rows are broken."""
    rows = []
    for number in range(20000):
        row = {"id": number, "of": [{"id": 1}, {"id": 2}][: number % 3], "t": inside * (number % 7)}
        text = json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()
        rows.append(text if number % 97 != 5 else b"{oops}")
    gaps = [b"," if number % 1000 else b",\n" for number in range(1, 20000)]
    source = b"[" + b"".join(map(bytes.__add__, rows, [*gaps, b"]"]))

    found = split([source[at : at + size] for at in range(0, len(source), size)])

    lengths = [len(row) + len(gap) for row, gap in zip(rows, [*gaps, b""], strict=True)]
    offsets = [*accumulate(lengths[:-1], initial=1)]
    assert rows == found.texts
    assert offsets == found.offsets
    assert [1 + number // 1000 for number in range(20000)] == found.lines


@pytest.mark.parametrize(
    "nested", [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000]
)
def test_depth_does_not_matter(nested: bytes) -> None:
    """An element may be nested deeper than the decoder allows, among others and in pieces."""
    source = b"[" + b",".join([*[ROW] * MANY, nested, *[ROW] * MANY]) + b"]"
    expected = [*[ROW] * MANY, nested, *[ROW] * MANY]

    assert expected == split([source]).texts
    assert expected == split([source[at : at + 1000] for at in range(0, len(source), 1000)]).texts


@pytest.mark.parametrize(
    ("opening", "inside", "longest"),
    [
        (b'[{"a":"', b"x", 64 * 2**20),
        (b'[{"a":"', b'\\"', 64 * 2**20),
        (b'[{"a":[', b'"a",', 64 * 2**20),
        (b'["', b"{", 64 * 2**20),
        (b"[", b"1", 64 * 2**20),
        (b"[[", b"[", 2**20),
        (b"[", b'{"a":', 2**20),
        (b"[", b'{"a":"', 2**20),
    ],
)
def test_an_endless_element_is_refused_in_time(opening: bytes, inside: bytes, longest: int) -> None:
    """200 MB of it are not kept in memory, and the time grows only linearly."""
    scanner = JsonScanner("rows.json", longest)
    piece = inside * (2**16 // len(inside))
    began = time.process_time()

    assert Elements([], [], []) == scanner.feed(opening)
    with pytest.raises(SourceError, match=r"rows.json:1: the element at byte 1 is longer"):  # noqa: PT012
        for _ in range(200 * 2**20 // len(piece)):
            scanner.feed(piece)

    assert time.process_time() - began < 20
