"""Compressed sources are detected, decompressed and read."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SourceError
from loader.events import Event, Read, Skipped
from loader.sources.compression import COMPRESSIONS, compression_by_name, detect_compression
from loader.sources.decompressor import Decompressor
from loader.sources.find import Source, find
from loader.sources.reader import ByteReader
from tests.support.packing import PACK, SUFFIXES, packed

LINES = b"".join(b'{"id":"k%05d","a":%d}\n' % (number, zlib.crc32(b"%d" % number)) for number in range(4000))

formats = st.sampled_from(SUFFIXES)
texts = st.one_of(
    st.binary(max_size=300),
    st.builds(lambda piece, count: piece * count, st.binary(min_size=1, max_size=9), st.integers(0, 3000)),
)


def unpacked(suffix: str, reads: Iterator[bytes], sizes: Iterator[int]) -> Iterator[bytes]:
    """Return the decompressed pieces of a source that comes in ``reads``, for requests of these sizes."""
    compression = compression_by_name(suffix)
    assert compression is not None
    decompressor = Decompressor(compression, "x")
    while True:
        data = b""
        if decompressor.needs_input and not (data := next(reads, b"")):
            decompressor.finish()
            return
        most = next(sizes)
        piece = decompressor.decompress(data, most)
        assert len(piece) <= most
        yield piece


def split(data: bytes, draw: st.DataObject) -> Iterator[bytes]:
    while data:
        size = draw.draw(st.integers(1, len(data)))
        yield data[:size]
        data = data[size:]


@given(
    formats, st.lists(texts, min_size=1, max_size=4), st.sampled_from([b"", b"\0", b"\0" * 700]), st.data()
)
def test_any_reads_and_any_sizes_give_the_same_bytes(
    suffix: str, members: list[bytes], padding: bytes, draw: st.DataObject
) -> None:
    """For any cut of the compressed bytes into reads, and for requests of any size."""
    stored = padding.join(map(PACK[suffix], members)) + padding
    size = draw.draw(st.integers(1, 5000))
    if len(b"".join(members)) // size > 3000:
        size = 7

    pieces = unpacked(suffix, split(stored, draw), iter(lambda: size, 0))

    assert b"".join(members) == b"".join(pieces)


@given(formats, st.data())
def test_a_cut_is_told_and_what_is_before_it_is_given(suffix: str, draw: st.DataObject) -> None:
    """A prefix of the compressed bytes gives a prefix of the decompressed ones, and then an error."""
    stored = packed(suffix, LINES, members=1)
    cut = draw.draw(st.integers(0, len(stored) - 1))
    got: list[bytes] = []

    with pytest.raises(SourceError, match="is cut off after"):
        got.extend(unpacked(suffix, iter([stored[:cut]] if cut else []), iter(lambda: 1000, 0)))

    assert LINES.startswith(b"".join(got))


@given(formats, st.integers(1, 255), st.data())
def test_damage_is_told(suffix: str, change: int, draw: st.DataObject) -> None:
    """A changed byte is an error, or one that does not matter (a time in gzip's header)."""
    stored = bytearray(packed(suffix, LINES[:9000], members=2))
    stored[draw.draw(st.integers(0, len(stored) - 1))] ^= change
    try:
        got = b"".join(unpacked(suffix, iter([bytes(stored)]), iter(lambda: 1000, 0)))
    except SourceError:
        return
    assert LINES[:9000] == got


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_format_is_known_by_its_bytes(suffix: str) -> None:
    """Whatever the name says; also if the content is empty."""
    for data in (b"", LINES):
        detected = detect_compression(packed("x" + suffix, data)[:512], "rows.jsonl.gz")
        assert detected is not None
        assert suffix == detected.suffix


@pytest.mark.parametrize("text", [b'{"id":1}', b'\xef\xbb\xbf{"id":1}', b'\n \r\n{"id":1}', b'{"', b"[1]"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_plain_json_with_a_compressed_name_is_plain(text: bytes, suffix: str) -> None:
    """Web servers and browsers decompress a file and keep its name."""
    assert detect_compression(text, f"rows.jsonl{suffix}") is None


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_plain_sources_with_a_compressed_name_are_plain(suffix: str) -> None:
    """Any text counts as CSV if the name says so; databases are detected by their first bytes."""
    assert detect_compression("id,ä\n".encode(), f"rows.csv{suffix}") is None
    assert detect_compression(b"PAR1\x15\x04", f"rows.parquet{suffix}") is None
    assert detect_compression(b"SQLite format 3\0\x10", f"bot.db{suffix}") is None
    for text in (b"", b"id\x00,a\n", b"BZh9\x17"):
        with pytest.raises(SourceError, match=r"rows\.csv.+ is not .+, although its name says so"):
            detect_compression(text, f"rows.csv{suffix}")


@pytest.mark.parametrize("text", [b"", b"id,a\n", b"\x1f\x8b", b"BZh9", b"\x1f\x9d\x90", b"\x00"])
@pytest.mark.parametrize("compression", COMPRESSIONS, ids=lambda compression: compression.name)
def test_anything_else_with_a_compressed_name_is_an_error(text: bytes, compression: object) -> None:
    """Also an empty file: a compressed empty export has some bytes."""
    assert compression in COMPRESSIONS
    suffix = next(entry.suffix for entry in COMPRESSIONS if entry == compression)
    with pytest.raises(SourceError, match=r"rows\.jsonl.+ is not .+, although its name says so"):
        detect_compression(text, f"rows.jsonl{suffix}")
    assert detect_compression(text, "rows.jsonl") is None


def one_source(path: Path) -> Source:
    (source,) = find((str(path),))
    return source


async def read_all(reader: ByteReader, size: int = 5000) -> bytes:
    parts: list[bytes] = []
    while data := await reader.read(size):
        parts.append(data)
    return b"".join(parts)


@pytest.mark.parametrize("offset", [0, 1, 600, 70_000, len(LINES) - 1, len(LINES), len(LINES) + 1])
@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
async def test_a_reader_begins_anywhere(tmp_path: Path, suffix: str, offset: int) -> None:
    """At any decompressed offset; and each byte of the file is reported once, as skipped or read."""
    path = tmp_path / f"rows.jsonl{suffix}"
    path.write_bytes(packed(path.name, LINES))
    events: list[Event] = []

    async with ByteReader(one_source(path), offset, events.append) as reader:
        before = sum(event.size for event in events if isinstance(event, Skipped))
        rest = await read_all(reader)

    assert LINES[offset:] == rest
    counted = sum(event.size for event in events if isinstance(event, Skipped | Read))
    assert path.stat().st_size == counted
    if not suffix:
        assert min(offset, len(LINES)) == before


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
async def test_a_file_that_shrinks_is_told_in_its_own_bytes(tmp_path: Path, suffix: str) -> None:
    """The sizes in the message are those of the file, compressed or not."""
    path = tmp_path / f"rows.jsonl{suffix}"
    path.write_bytes(packed(path.name, LINES))
    source = one_source(path)
    assert source.size is not None
    os.truncate(path, source.size - 5)

    async with ByteReader(source) as reader:
        with pytest.raises(SourceError) as raised:
            await read_all(reader)

    assert f"{path} ended after {source.size - 5:,} of {source.size:,} bytes" == raised.value.message


@pytest.mark.parametrize("suffix", ["", *SUFFIXES])
async def test_a_pipe_may_give_a_byte_at_a_time(tmp_path: Path, suffix: str) -> None:
    """The compression is still detected."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            for byte in packed(f"x{suffix}", LINES[:2000]):
                pipe.write(bytes([byte]))

    writer = threading.Thread(target=write)
    writer.start()
    async with ByteReader(one_source(path)) as reader:
        assert LINES[:2000] == await read_all(reader)
    writer.join()
