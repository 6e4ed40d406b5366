"""When batches are inserted first, and when the question is asked again."""

from __future__ import annotations

from loader.send.upsert import Freshness


def test_the_first_batch_alone_is_a_question() -> None:
    """Until it is answered, others are upserted; then all are inserted."""
    freshness = Freshness()

    assert [True, False, False] == [freshness.insert_first() for _ in range(3)]
    freshness.inserted()
    assert [True, True] == [freshness.insert_first() for _ in range(2)]


def test_inserts_that_were_on_their_way_count_as_one_conflict() -> None:
    """Four conflicts at once make the next question no rarer than one does."""
    freshness = Freshness()
    freshness.insert_first()
    freshness.inserted()
    for _ in range(4):
        freshness.conflicted()
    upserts = 0
    while not freshness.insert_first():
        freshness.upserted(new=True)
        upserts += 1

    assert 2 == upserts


def test_upserts_without_new_rows_lead_to_no_insert() -> None:
    """A load over rows that are there asks no second time."""
    freshness = Freshness()
    freshness.insert_first()
    freshness.conflicted()
    for _ in range(1000):
        freshness.upserted(new=False)

    assert not freshness.insert_first()
