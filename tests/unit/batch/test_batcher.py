"""Batching, ordering and resuming: decisions about rows, held by properties."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loader.batch.batcher import Batcher
from loader.batch.chunks import batch_of, cut, rows_of
from loader.batch.key_equality import ANY, ReadKey
from loader.batch.ordering import Order
from loader.model import Batch, Chunk, Key, Limits, Place, RowRange, Shape
from loader.postgrest.body import of_batch
from loader.run.resume import SkipSettled, part, whole

SHAPES = [Shape(("id", f"c{number}")) for number in range(12)]


def chunk(line: int, shape: Shape, keys: list[Key]) -> Chunk:
    data = b"\n".join(b'{"id":%d}' % (line + number) for number in range(len(keys)))
    return Chunk(shape, Place(0, line, line * 100, line), data, keys)


@st.composite
def chunks(draw: st.DrawFn) -> list[Chunk]:
    """Neighbouring chunks of several shapes over few keys."""
    found: list[Chunk] = []
    line = 1
    for _ in range(draw(st.integers(0, 40))):
        keys: list[Key] = [f"k{draw(st.integers(0, 8))}" for _ in range(draw(st.integers(1, 5)))]
        found.append(chunk(line, draw(st.sampled_from(SHAPES)), keys))
        line += len(keys)
    return found


def batched(found: list[Chunk], limits: Limits, read_key: ReadKey | None = None) -> list[Batch]:
    batcher = Batcher(limits, read_key)
    batches = [batch for one in found for batch in batcher.add(one)]
    return batches + list(batcher.flush())


@given(chunks(), st.integers(1, 12), st.integers(20, 200))
def test_each_row_is_in_one_batch_of_its_shape_within_the_limits(
    found: list[Chunk], rows: int, size: int
) -> None:
    """Nothing is lost, doubled, mixed or too large; a batch knows its own size."""
    batches = batched(found, Limits(rows, size))

    sent = sorted((row.counted.number, batch.shape.columns) for batch in batches for row in rows_of(batch))
    expected = [
        (one.counted.number + number, one.shape.columns) for one in found for number in range(len(one.keys))
    ]
    assert expected == sent
    for batch in batches:
        assert batch.rows == len(list(rows_of(batch))) <= rows
        assert batch.size == len(bytes(of_batch(batch))) == of_batch(batch).size
        assert batch.size <= size or batch.rows == 1


@given(chunks(), st.integers(1, 12))
def test_rows_of_a_key_keep_their_order_through_the_batches(found: list[Chunk], rows: int) -> None:
    """Whatever the shapes, batches come out so that sending them in turn applies each key in order."""
    last: dict[Key, int] = defaultdict(int)
    for batch in batched(found, Limits(rows, 10**6)):
        for row in rows_of(batch):
            assert last[row.key] < row.counted.number
            last[row.key] = row.counted.number


def parity(key: str) -> str:
    """Hold k1, k3 and so on for equal, and k0 for equal to all."""
    return ANY if key == "k0" else str(int(key[1:]) % 2)


@given(chunks(), st.integers(1, 12))
def test_rows_whose_keys_may_be_equal_keep_their_order(found: list[Chunk], rows: int) -> None:
    """Though their texts differ, and also where nobody knows which keys they equal."""
    read_key = ReadKey([parity])
    last: dict[Key, int] = defaultdict(int)
    for batch in batched(found, Limits(rows, 10**6), read_key):
        for row in rows_of(batch):
            key = read_key(row.key)
            earlier = max(last.values(), default=0) if key == ANY else max(last[key], last[ANY])
            assert earlier < row.counted.number
            last[key] = row.counted.number
        assert batch.repeats == (len({row.key for row in rows_of(batch)}) < batch.rows)


def test_alternating_shapes_do_not_shrink_batches() -> None:
    """Two shapes that take turns, each pair with a key of its own, fill their batches all the same."""
    found = [chunk(line, SHAPES[line % 2], [f"k{line // 2}"]) for line in range(2, 2002)]

    batches = batched(found, Limits(100, 10**6))

    assert len(batches) <= 22


@given(chunks(), st.integers(1, 12))
def test_a_batch_waits_for_earlier_ones_that_hold_its_keys(found: list[Chunk], rows: int) -> None:
    """Directly or through others, for each of them that is still in flight."""
    order = Order()
    waits: dict[Batch, set[Batch]] = {}
    for batch in batched(found, Limits(rows, 10**6)):
        before = order.enter(batch)
        waits[batch] = before.union(*(waits[other] for other in before))
    keys = {batch: {row.key for row in rows_of(batch)} for batch in waits}
    for number, later in enumerate(waits):
        for earlier in list(waits)[:number]:
            if keys[earlier] & keys[later]:
                assert earlier in waits[later]
    for batch in waits:
        order.leave(batch)
    assert not order.enter(next(iter(waits))) if waits else True


@given(chunks(), st.integers(1, 6), st.data())
def test_a_batch_waits_only_for_those_in_flight_that_share_a_key(
    found: list[Chunk], rows: int, data: st.DataObject
) -> None:
    """However batches come and go: it waits for all in flight that hold a key of its own, and no others."""
    order = Order()
    in_flight: list[Batch] = []
    for batch in batched(found, Limits(rows, 10**6)):
        expected = {other for other in in_flight if other.keys & batch.keys}
        assert expected == order.enter(batch)
        in_flight.append(batch)
        for _ in range(data.draw(st.integers(0, 2))):
            if in_flight:
                order.leave(in_flight.pop(data.draw(st.integers(0, len(in_flight) - 1))))


@given(chunks(), st.data())
def test_a_resumed_load_sees_just_the_rows_that_are_not_settled(
    found: list[Chunk], data: st.DataObject
) -> None:
    """Settlements of batches, whole and in part, take out their rows and no others."""
    batches = batched(found, Limits(4, 10**6))
    settled: set[int] = set()
    settlements: list[RowRange] = []
    for batch in batches:
        lines = [row.counted.number for row in rows_of(batch)]
        if data.draw(st.booleans()):
            settlements.append(whole(batch))
            settled.update(lines)
        else:
            some = data.draw(st.sets(st.sampled_from(lines)))
            settlements += part(batch, {(0, line) for line in some})
            settled |= some
    passing = SkipSettled(settlements)

    left = [
        one.counted.number + number
        for piece in found
        for one in passing.unsettled(piece)
        for number in range(len(one.keys))
    ]
    gone = [
        one.counted.number + number
        for piece in found
        for one in passing.settled(piece)
        for number in range(len(one.keys))
    ]

    assert settled == set(gone)
    assert sorted(left + gone) == [
        one.counted.number + number for one in found for number in range(len(one.keys))
    ]
    assert all(earlier < later for earlier, later in pairwise(left))


@given(chunks(), st.data())
def test_parts_of_a_batch_with_gaps_hold_no_rows_of_others(found: list[Chunk], data: st.DataObject) -> None:
    """A batch of any rows of a shape: what is said of some of them is said of no row between them."""
    rows = [piece for one in found if one.shape == SHAPES[0] for piece in singles(one)]
    mine = [row for row in rows if data.draw(st.booleans())]
    if not mine:
        return
    batch = batch_of(mine, None)
    some = {row.first for row in mine if data.draw(st.booleans())}

    passing = SkipSettled(part(batch, some))

    gone = {one.first for row in rows for one in passing.settled(row)}
    assert some == gone


def singles(one: Chunk) -> list[Chunk]:
    """The rows of a chunk, a chunk for each."""
    head, rest = cut(one, 1, len(one.data))
    assert head is not None
    return [head, *(singles(rest) if rest is not None else [])]


@given(st.integers(1, 20), st.integers(1, 25), st.integers(0, 300))
def test_a_cut_loses_nothing(rows: int, most: int, size: int) -> None:
    """Head and rest are the chunk, with the right places."""
    whole_chunk = chunk(7, SHAPES[0], [f"k{number}" for number in range(rows)])

    head, rest = cut(whole_chunk, most, size)

    pieces = [piece for piece in (head, rest) if piece is not None]
    assert whole_chunk.data == b"\n".join(piece.data for piece in pieces)
    assert whole_chunk.keys == [key for piece in pieces for key in piece.keys]
    for piece in pieces:
        assert piece.counted.offset - whole_chunk.counted.offset == whole_chunk.data.index(piece.data)
        assert len(piece.keys) == piece.data.count(b"\n") + 1
    if head is not None:
        assert len(head.keys) <= most
        assert len(head.data) <= size
