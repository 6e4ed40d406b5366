"""Rows of many shapes: what waits is bounded; none is overtaken, lost, or held back for good."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from random import Random
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from loader.batch import batcher as batcher_module
from loader.batch import pending_batch, validate
from loader.batch.batcher import Batcher
from loader.batch.chunks import rows_of
from loader.batch.packed_chunks import PackedChunks
from loader.batch.validate import Validator
from loader.model import BEGIN, Batch, Block, Chunk, Key, Limits, Place, Shape
from loader.run.resume import SkipSettled, whole
from tests.unit.batch.test_batcher import SHAPES, batched, chunk, chunks


@contextmanager
def bounds(*, rows: int, shapes: int, oldest: int, steps: int) -> Iterator[None]:
    """Let fewer rows and shapes wait, for a shorter time, and give up a search sooner."""
    with (
        patch.multiple(batcher_module, _PENDING_ROWS=rows, _PENDING_SHAPES=shapes, _OLDEST=oldest),
        patch.object(pending_batch, "_MOST_STEPS", steps),
    ):
        yield


BOUNDS = st.fixed_dictionaries(
    {"rows": st.integers(1, 40), "shapes": st.integers(1, 12), "oldest": st.integers(1, 9)}
    | {"steps": st.integers(0, 12)}
)
LIMITS = st.builds(Limits, st.integers(1, 12), st.integers(20, 200))


@given(chunks(), LIMITS, BOUNDS)
def test_each_key_keeps_its_order_and_each_row_its_batch(
    sources: list[Chunk], limits: Limits, few: dict[str, int]
) -> None:
    """Whichever bound makes a batch go out."""
    with bounds(**few):
        batches = batched(sources, limits)

    last: dict[Key, int] = defaultdict(int)
    for row in chain.from_iterable(map(rows_of, batches)):
        assert last[row.key] < row.counted.number
        last[row.key] = row.counted.number
    expected = [
        (piece.counted.number + index, piece.shape) for piece in sources for index in range(len(piece.keys))
    ]
    assert expected == sorted(
        ((row.counted.number, batch.shape) for batch in batches for row in rows_of(batch)),
        key=lambda numbered: numbered[0],
    )


@given(chunks(), LIMITS, BOUNDS)
def test_the_first_pending_row_is_the_first_that_has_not_gone_out(
    sources: list[Chunk], limits: Limits, few: dict[str, int]
) -> None:
    """So the watermark is never beyond a row that waits, and what waits is within its bounds."""
    with bounds(**few):
        batcher = Batcher(limits, None)
        waiting: dict[int, Chunk] = {}
        for piece in sources:
            out = [row.counted.number for batch in batcher.add(piece) for row in rows_of(batch)]
            waiting |= {piece.counted.number + index: piece for index in range(len(piece.keys))}
            for number in out:
                del waiting[number]
            first = batcher.first()
            assert min(waiting, default=None) == (first.counted.number if first else None)
            assert len(waiting) <= few["rows"]
            assert len({piece.shape for piece in waiting.values()}) <= few["shapes"]


@given(chunks(), LIMITS, BOUNDS, st.data())
def test_what_is_settled_of_a_shape_is_no_row_of_another_batch(
    sources: list[Chunk], limits: Limits, few: dict[str, int], data: st.DataObject
) -> None:
    """A load that resumes passes over the rows of the settled batches and over no others."""
    with bounds(**few):
        batches = batched(sources, limits)
    settled = [batch for batch in batches if data.draw(st.booleans())]
    skip = SkipSettled(map(whole, settled))

    left = [
        piece.counted.number + index
        for source in sources
        for piece in skip.unsettled(source)
        for index in range(len(piece.keys))
    ]

    gone = {row.counted.number for batch in settled for row in rows_of(batch)}
    assert [number for number in range(1, len(left) + len(gone) + 1) if number not in gone] == left


def random_rows(rows: int, shapes: int, *, keys: int | None = None) -> list[Chunk]:
    """Return rows of random shapes, with keys of their own, or of so many keys."""
    random = Random(1)  # the same rows each time
    made = [Shape(("id", f"c{number}")) for number in range(shapes)]
    return [
        chunk(line, random.choice(made), [f"k{line if keys is None else random.randrange(keys)}"])
        for line in range(1, rows + 1)
    ]


def test_4096_shapes_wait_until_their_batches_are_worth_a_request() -> None:
    """Rows of 4,096 shapes at random: a batch for each at the end, and none before."""
    batches = batched(random_rows(60_000, 4096), Limits(500, 2**20))

    assert 4096 == len(batches)


def test_the_largest_batches_go_out_where_there_is_no_room() -> None:
    """More rows than may wait: a batch still holds more than a mean share of those that wait."""
    with patch.object(batcher_module, "_PENDING_ROWS", 8192):
        batches = batched(random_rows(50_000, 512), Limits(500, 2**20))

    assert 50_000 / len(batches) > 8192 / 512


def test_a_rare_shape_goes_out_all_the_same() -> None:
    """One row of a shape that does not come again holds back the watermark for a bounded time."""
    rows = [chunk(1, SHAPES[0], ["rare"]), *(chunk(line, SHAPES[1], [f"k{line}"]) for line in range(2, 4000))]
    oldest = 20
    batcher = Batcher(Limits(10, 100), None)

    with patch.object(batcher_module, "_OLDEST", oldest):
        batches = [batch for row in rows for batch in batcher.add(row)]

    place = [batch.shape for batch in batches].index(SHAPES[0])
    size = sum(batch.size for batch in batches[:place])
    assert size < 2 * oldest * 100


def test_a_key_in_thousands_of_shapes() -> None:
    """Each batch waits for the one before it, and they come out in this order."""
    rows = [chunk(line, Shape(("id", f"c{line}")), ["k"]) for line in range(1, 3001)]

    batches = batched(rows, Limits(10, 10**6))

    assert list(range(1, 3001)) == [row.counted.number for batch in batches for row in rows_of(batch)]


def test_each_key_in_many_shapes_is_no_endless_search() -> None:
    """Batches that wait for each other in all ways: a row still costs a bounded number of steps."""
    rows = random_rows(20_000, 1024, keys=300)

    batches = batched(rows, Limits(500, 2**20))

    last: dict[Key, int] = defaultdict(int)
    for row in chain.from_iterable(map(rows_of, batches)):
        assert last[row.key] < row.counted.number
        last[row.key] = row.counted.number
    assert len(rows) == sum(batch.rows for batch in batches)


def test_packed_chunks_come_out_as_they_were() -> None:
    """Places, keys, and what the rows were made from."""

    class Lines:
        """Stands for the records of a source."""

        def data(self, index: int) -> bytes:
            return b"%d" % index

        def line(self, index: int) -> int:
            return index

        def offset(self, index: int) -> int:
            return index

    origin = Lines()
    packed = PackedChunks(SHAPES[0])
    made = [
        Chunk(SHAPES[0], Place(2, 5, 2**40, 7), b'{"id":1}\n{"id":2}', ["1", None]),
        Chunk(SHAPES[0], Place(3, 9, 0, 12), b'{"id":3}', [("a", None)], origin, 2**33),
    ]
    for piece in made:
        packed.add(piece)

    assert made == list(packed)
    assert made == list(packed)


ORDERS = st.lists(st.sampled_from("abcd"), unique=True, min_size=1)


@given(st.lists(ORDERS), st.integers(0, 5))
def test_rows_of_the_same_columns_are_of_one_shape(rows: list[list[str]], known: int) -> None:
    """In whatever order their keys stand, and however many shapes came in between.

    Else two batches of the same columns would wait at once, and what the journal says of the rows of one
    would be taken for rows of the other.
    """
    lines = [b'{"id":1,%s}\n' % b",".join(b'"%s":1' % name.encode() for name in row) for row in rows]
    with patch.object(validate, "_SHAPES_KNOWN", known):
        validator = Validator(key=("id",), upsert=True, columns=None)
        made = [
            piece.shape
            for line in lines
            for piece in validator.check(Block(BEGIN, line[:-1], [line]))
            if isinstance(piece, Chunk)
        ]

    assert len(lines) == len(made)
    assert len({frozenset(shape.columns) for shape in made}) == len(set(made))


def test_batches_of_pending_rows_are_batches() -> None:
    """A batch does not change once it has gone out, though its shape goes on."""
    batcher = Batcher(Limits(2, 10**6), None)
    out: list[Batch] = []
    for line in range(1, 6):
        out += batcher.add(chunk(line, SHAPES[0], [f"k{line}"]))

    assert [["k1", "k2"], ["k3", "k4"]] == [[row.key for row in rows_of(batch)] for batch in out]
