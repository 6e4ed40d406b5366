"""The messages of a load that runs."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from loader.cli.progress import MessagePrinter
from loader.events import Throttled


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (1, 2)])
def test_the_pace_is_printed_with_v_and_not_each_time(verbose: int, lines: int) -> None:
    """It may change several times a second; a line every five seconds is enough."""
    output = StringIO()
    now = 0.0
    printer = MessagePrinter(Console(file=output, width=200), verbose=verbose, clock=lambda: now)

    for second in range(8):
        now = float(second)
        printer.on(Throttled(4, 5000, 1_048_576))

    expected = ["up to 4 requests in flight, of up to 5,000 rows each"] * lines
    assert expected == output.getvalue().splitlines()
