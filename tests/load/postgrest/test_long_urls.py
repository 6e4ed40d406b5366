"""Tables so wide that their columns make a URL that gateways refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from loader.events import Event, Notice
from tests.support.harness import Loaded, Target
from tests.support.line_faults import Answer, Seen, reply
from tests.support.proxy import Proxy

COLUMNS = [f"measurement_with_a_rather_long_name_{number:04}" for number in range(600)]
LONGEST = 8192  # characters of a path that the gateway takes


@pytest.fixture(scope="module")
def wide(servers: Target) -> Iterator[Target]:
    columns = (
        ", ".join(f"{name} text" for name in [*COLUMNS, "computed"]) + " generated always as ('1') stored"
    )
    servers.sql(f"create table api.very_wide (id int primary key, exact numeric, {columns})")
    servers.sql("grant select, insert, update on api.very_wide to api_data_producer")
    servers.reload()
    yield servers
    servers.sql("drop table api.very_wide")
    servers.reload()


def gateway(longest: int) -> Callable[[Seen], Answer | None]:
    """A gateway that answers 414 to a longer path."""
    refusal = Answer(reply("414 URI Too Long", "<html>414 Request-URI Too Large</html>", kind="text/html"))
    return lambda seen: refusal if len(seen.path) > longest else None


class Notices:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def on(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.messages.append(event.message)


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": number} | {name: f"{number}.{place}" for place, name in enumerate(COLUMNS)} | fields


def stored(wide: Target) -> list[tuple[Any, ...]]:
    """Return the key of each row, and its first and last column."""
    rows = wide.sql("select id, to_jsonb(wide) from api.very_wide wide order by id")
    return [(key, fields[COLUMNS[0]], fields[COLUMNS[-1]]) for key, fields in rows]


async def load(
    wide: Target, rows: list[dict[str, Any]] | list[str], longest: int = LONGEST, **changes: Any
) -> tuple[Loaded, list[str], list[Seen]]:
    notices = Notices()
    wide.sql("truncate api.very_wide")
    lines = [fields if isinstance(fields, str) else json.dumps(fields) for fields in rows]
    with Proxy(wide.url, gateway(longest)) as proxy:
        changes = {"url": proxy.url, "jwt_aud": wide.url, "table": "very_wide", "batch_rows": 20} | changes
        loaded = await wide.load(lines, observer=notices, **changes)
    return loaded, notices.messages, proxy.seen


@pytest.mark.parametrize("longest", [LONGEST, 3000])
@pytest.mark.parametrize("resolution", ["merge-duplicates", "ignore-duplicates", "none"])
async def test_loads_behind_a_gateway(wide: Target, resolution: str, longest: int) -> None:
    """Each value is in, no request has a longer path than needed to learn the limit, and it is said once."""
    rows = [row(number) for number in range(60)]

    loaded, messages, seen = await load(wide, rows, longest, resolution=resolution)

    assert (None, (60, 0, 0, 0)) == (loaded.report.error, loaded.counts)
    assert [(number, f"{number}.0", f"{number}.599") for number in range(60)] == stored(wide)
    assert 1 == len([message for message in messages if "columns=" in message])
    if longest == LONGEST:
        assert [] == [request for request in seen if len(request.path) > longest]


async def test_columns_of_a_long_url_are_written_alone(wide: Target) -> None:
    """With --columns other keys are dropped, where the URL cannot say so."""
    rows = [row(number, unknown=number) for number in range(60)]

    loaded, _, _ = await load(wide, rows, columns=("id", *COLUMNS))

    assert (None, (60, 0, 0, 0)) == (loaded.report.error, loaded.counts)


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"unknown": 1}, "very_wide lacks: unknown"), ({"computed": 2}, "--drop computed")],
)
async def test_preflight_checks_all_columns(wide: Target, fields: dict[str, Any], words: str) -> None:
    """What a URL cannot name at once is asked for in parts, before a row is sent."""
    loaded, _, _ = await load(wide, [row(number, **fields) for number in range(30)])

    assert 4 == loaded.report.exit_code
    assert words in (loaded.report.error or "")
    assert (0, 0, 0, 0) == loaded.counts


async def test_bad_rows_are_the_same(wide: Target) -> None:
    """A bad row is rejected alone, and a row with fewer columns overwrites nothing."""
    rows = [row(number) for number in range(40)]
    rows[17]["id"] = "x"
    rows += [{"id": 3, COLUMNS[0]: "new"}]

    loaded, _, _ = await load(wide, rows)

    assert [(18, "22P02")] == loaded.codes
    assert (40, 0, 0, 1) == loaded.counts
    assert (3, "new", "3.599") == stored(wide)[3]


async def test_values_stay_as_they_are(wide: Target) -> None:
    """No digit is lost, no number or escape is written in another way, though PostgREST parses the rows."""
    number = "-123456789012345678901234567890.123456789012345678901234567890"
    texts = {
        COLUMNS[0]: "1e3",
        COLUMNS[1]: "1.50",
        COLUMNS[2]: '"\\u00e9\\ud83d\\ude00 \\/"',
        COLUMNS[3]: "12345678901234567890",
    }
    rows = []
    for key in range(3):
        fields = {name: json.dumps(value) for name, value in row(key).items()} | texts | {"exact": number}
        rows.append("{" + ",".join(f'"{name}": {value}' for name, value in fields.items()) + "}")

    loaded, _, _ = await load(wide, rows)

    assert (3, 0, 0, 0) == loaded.counts
    (exact, fields), *_ = wide.sql("select exact::text, to_jsonb(wide) from api.very_wide wide")
    assert (number, ["1e3", "1.50", "é😀 /", "12345678901234567890"]) == (
        exact,
        [fields[name] for name in texts],
    )
