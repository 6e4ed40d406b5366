"""What is said while a load runs."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from loader.cli.progress import Messages
from loader.events import Throttled


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (1, 2)])
def test_the_pace_is_said_with_v_and_not_each_time(verbose: int, lines: int) -> None:
    """It may change several times a second; a line every five seconds is enough."""
    said = StringIO()
    now = 0.0
    messages = Messages(Console(file=said, width=200), verbose=verbose, clock=lambda: now)

    for second in range(8):
        now = float(second)
        messages.on(Throttled(4, 5000, 1_048_576))

    expected = ["up to 4 requests in flight, of up to 5,000 rows each"] * lines
    assert expected == said.getvalue().splitlines()
