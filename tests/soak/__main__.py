"""Faults, again and again: `python -m tests.soak [--rounds N] [--minutes N] [FAULT...]`.

Each round loads a source through a fault into a PostgreSQL and a PostgREST of the soak's own, and compares
the table with the source to the last digit. One line a fault: rounds, rows, retries, rows lost, rows wrong.
Exit code 1 if rows were lost or wrong, or a load did not end as it must.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.soak.hostile import hostile, unlucky
from tests.soak.proxy_faults import expiry, limit, line, refusal, refused_tokens, short_tokens, slow_line
from tests.soak.server_faults import (
    KILLS,
    kill,
    kill_compressed,
    kill_postgres,
    kill_postgrest,
    late_requests,
    outage,
    quit_postgres,
    rotate_secret,
    second_writer,
    start_postgrest_first,
    statement_timeout,
    stay_away,
)
from tests.soak.token_faults import oauth
from tests.soak.trials import Scenario, soak
from tests.support.line_faults import Cut, Stall, Swallow
from tests.support.servers import running_servers

FAULTS: dict[str, Scenario] = {
    "kill": Scenario(kill, 500, each=KILLS),
    "compressed": Scenario(kill_compressed, 50, each=KILLS),
    "kill-postgrest": Scenario(outage(kill_postgrest), 20),
    "quit-postgres": Scenario(outage(quit_postgres), 20),
    "kill-postgres": Scenario(outage(kill_postgres), 20),
    "too-early": Scenario(outage(start_postgrest_first), 5),
    "downtime": Scenario(outage(stay_away), 1),
    "cut": Scenario(line(Cut(), 9), 20),
    "reset": Scenario(line(Cut(reset=True), 20), 20),
    "swallow": Scenario(line(Swallow(), 7), 20),
    "stall": Scenario(line(Stall(), 25), 10),
    "slow": Scenario(slow_line, 1),
    "429": Scenario(line(refusal("429 Too Many Requests", "", "Retry-After: 1"), 9), 5),
    "502": Scenario(line(refusal("502 Bad Gateway"), 5), 20),
    "503": Scenario(line(refusal("503 Service Unavailable", "", "Retry-After: 0"), 5), 20),
    "504": Scenario(line(refusal("504 Gateway Timeout", "PGRST003"), 5), 20),
    "520": Scenario(line(refusal("520 Unknown"), 5), 20),
    "544": Scenario(line(refusal("544 Timeout"), 5), 20),
    "40P01": Scenario(line(refusal("500 Error", "40P01"), 5), 20),
    "40001": Scenario(line(refusal("500 Error", "40001"), 5), 20),
    "53100": Scenario(line(refusal("503 Unavailable", "53100", "Retry-After: 0"), 5), 20),
    "413": Scenario(limit(lambda seen: seen.size > 20_000, refusal("413 Too Large")), 20),
    "57014": Scenario(limit(lambda seen: len(seen.ids) > 100, refusal("500 Error", "57014")), 20),
    "statement-timeout": Scenario(statement_timeout, 5),
    "second-writer": Scenario(second_writer, 10),
    "tokens": Scenario(short_tokens, 1),
    "refused-tokens": Scenario(refused_tokens, 5),
    "oauth": Scenario(oauth, 1),
    "expiry": Scenario(expiry, 1),
    "rotation": Scenario(rotate_secret, 10),
    "late": Scenario(late_requests, 50),
    "hostile": Scenario(hostile, 500),
    "unlucky": Scenario(unlucky, 500),
}


def main(
    arguments: Sequence[str] | None = None,
    write: Callable[[str], object] = print,
    faults: Mapping[str, Scenario] = FAULTS,
) -> int:
    """Soak the faults that are named, and return the exit code.

    Args:
        arguments: of the command line; None: those of this process.
        write: is given a line for each fault.
        faults: all that there are.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=(__doc__ or "").split("\n\n")[1]
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"default: all of {', '.join(faults)}")
    parser.add_argument("--rounds", type=int, help="of each fault; default: 500 of kill, 1 to 50 of others")
    parser.add_argument("--minutes", type=float, default=120.0, help="for all of it; default: 120")
    given = parser.parse_args(arguments)
    if unknown := set(given.faults) - set(faults):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    until = time.monotonic() + given.minutes * 60
    wrong = False
    with (
        tempfile.TemporaryDirectory() as folder,
        running_servers(Path(folder), settings={"deadlock_timeout": "50ms"}) as target,
    ):
        for name in given.faults or faults:
            tally = soak(target, name, faults[name], given.rounds or faults[name].rounds, until)
            wrong = wrong or bool(tally)
            write(f"{name}: {tally}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
