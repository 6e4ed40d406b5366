"""The sizes that the footer of a Parquet file tells."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SourceError, SourceUnfit
from loader.formats.parquet import ParquetReader
from loader.formats.parquet_footer import row_group_sizes
from loader.formats.source_hints import SourceHints


def varint(value: int) -> bytes:
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])


def footer_of(total: int, *columns: int) -> bytes:
    """Return the footer of a file with one row group, in Thrift's compact protocol."""
    chunks = b"".join(b"\x3c\x66" + varint(size * 2) + b"\0\0" for size in columns)
    group = b"\x19" + bytes([len(columns) << 4 | 12]) + chunks + b"\x16" + varint(total * 2) + b"\0"
    return b"\x49\x1c" + group + b"\0"


def parquet(path: Path, footer: bytes) -> Path:
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    return path


def test_the_sizes_are_those_of_the_row_groups(tmp_path: Path) -> None:
    """Of columns of eight bytes a row, not compressed and without a dictionary."""
    frame = pl.DataFrame({"a": range(1000), "b": [n * 7919 % 1009 for n in range(1000)]})
    frame.write_parquet(tmp_path / "f.parquet", row_group_size=400, compression="zstd")

    sizes = row_group_sizes(tmp_path / "f.parquet")

    assert 3 == len(sizes)
    assert all(
        2 * 8 * rows * 0.2 < size < 2 * 8 * rows * 2
        for size, rows in zip(sizes, [400, 400, 200], strict=True)
    )


@pytest.mark.parametrize(
    ("total", "columns", "size"),
    [(10, (4, 6), 10), (0, (2**32, 5), 2**32 + 5), (2**40, (1,), 2**40), (7, (), 7)],
)
def test_the_larger_of_what_is_told_counts(
    tmp_path: Path, total: int, columns: tuple[int, ...], size: int
) -> None:
    """The group's own size may be left out, and those of its columns."""
    assert [size] == row_group_sizes(parquet(tmp_path / "f.parquet", footer_of(total, *columns)))


def test_values_of_lists_count(tmp_path: Path) -> None:
    """A million equal values in one row, in a few bytes by run-length encoding: they take 16 bytes each."""
    frame = pl.DataFrame({"id": ["k"], "c": ["x"]}).with_columns(pl.col("c").repeat_by(1_000_000))
    frame.write_parquet(tmp_path / "f.parquet", compression="brotli")

    assert (tmp_path / "f.parquet").stat().st_size < 3000
    assert [16_000_000 // 10**6] == [size // 10**6 for size in row_group_sizes(tmp_path / "f.parquet")]


def test_a_large_row_group_is_refused(tmp_path: Path) -> None:
    """By the size of the second, before anything is read, with the option that allows it."""
    frame = pl.DataFrame({"id": ["k"] * 20, "c": ["x" * 10_000] * 10 + ["y" * 400_000] * 10})
    path = tmp_path / "f.parquet"
    frame.write_parquet(path, row_group_size=10)

    with pytest.raises(SourceUnfit, match=r"row group [12] of 2 takes 1 MiB") as refused:
        ParquetReader(path, "f.parquet", SourceHints(parquet_memory=100_000)).describe()

    assert "--parquet-memory 1MiB" in refused.value.advice
    assert "20 rows" in ParquetReader(path, "f.parquet", SourceHints(parquet_memory=2**20)).describe()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"x" * 100, b"PAR1" + b"\xff" * 4 + b"PAR1"])
def test_a_file_without_a_footer_is_damaged(tmp_path: Path, data: bytes) -> None:
    """An error that says so, and no other."""
    path = tmp_path / "f.parquet"
    path.write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        ParquetReader(path, "f.parquet").describe()


@given(st.binary(max_size=60))
def test_any_footer_ends_in_words(tmp_path_factory: pytest.TempPathFactory, footer: bytes) -> None:
    """Whatever bytes it has: no error but those that the reader raises."""
    path = parquet(tmp_path_factory.mktemp("footer") / "f.parquet", footer)
    with suppress(SourceError):
        ParquetReader(path, "f.parquet").describe()
