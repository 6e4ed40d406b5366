"""What assets were worth in USD: the file of --usd-rates. No I/O.

A CSV with the columns ``asset``, ``timestamp`` and ``usd``, in any order::

    asset,timestamp,usd
    EUR,2024-03-19,1.0855
    BTC,1710877411000,63021.5
"""

from __future__ import annotations

import csv
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn

from loader.errors import SettingsError
from loader.transform.presets.values import COMMON_NAMES, milliseconds, number, shown

_COLUMNS = ("asset", "timestamp", "usd")
_INTEGER = re.compile(r"-?\d{1,40}", re.ASCII)
_FIRST, _END = 10**11, 10**14  # in ms: 1973, and 5138


@dataclass(frozen=True, slots=True)
class _Series:
    """The rates of one asset: 24 bytes each, and their texts."""

    times: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    texts: bytearray = field(default_factory=bytearray)

    def add(self, time: int, line: int, text: str) -> None:
        self.times.append(time)
        self.lines.append(line)
        self.texts.extend(text.encode())
        self.ends.append(len(self.texts))

    def text(self, index: int) -> str:
        return self.texts[self.ends[index - 1] if index else 0 : self.ends[index]].decode()

    def in_order(self) -> _Series:
        """By time; of one time, the later line stays behind the earlier."""
        times = self.times
        if all(times[index - 1] <= times[index] for index in range(1, len(times))):
            return self
        ordered = _Series()
        for index in sorted(range(len(times)), key=times.__getitem__):
            ordered.add(times[index], self.lines[index], self.text(index))
        return ordered

    def differing(self) -> tuple[int, int] | None:
        """Two lines of one time with different rates, where they are in order."""
        for index in range(1, len(self.times)):
            if self.times[index] == self.times[index - 1]:
                one, other = self.text(index - 1), self.text(index)
                if one != other and Decimal(one) != Decimal(other):
                    return self.lines[index - 1], self.lines[index]
        return None


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of assets in USD, each of which counts until the asset's next."""

    _series: Mapping[str, _Series]

    @classmethod
    def parse(cls, lines: Iterable[str], name: str) -> Rates:
        """Read a file of rates.

        XBT is BTC, and XDG is DOGE.

        Args:
            lines: of the file, with or without their ends.
            name: of the file, for messages.

        Raises:
            SettingsError: a line is not as it should be, or two give an asset different rates at one time:
                it names them.
        """
        series: dict[str, _Series] = {}
        reader = csv.reader((line.removeprefix("\ufeff") for line in lines), strict=True)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            _check_header(header, f"{name}:1")
            asset_at, time_at, usd_at = (header.index(column) for column in _COLUMNS)
            for cells in reader:
                if not cells:
                    continue
                line = f"{name}:{reader.line_num}"
                if len(cells) != len(header):
                    _refuse(
                        line,
                        f"has {len(cells)} columns, but the header {len(header)}",
                        "Put a cell under each.",
                    )
                asset = cells[asset_at].strip()
                if not asset:
                    _refuse(line, "names no asset", "Give one, as in EUR.")
                rates = series.setdefault(COMMON_NAMES.get(asset, asset), _Series())
                time, usd = _time(cells[time_at].strip(), line), _usd(cells[usd_at].strip(), line)
                rates.add(time, reader.line_num, usd)
        except csv.Error as error:
            _refuse(f"{name}:{max(reader.line_num, 1)}", f"is no CSV: {error}", "Mend the line.")
        ordered = {asset: one.in_order() for asset, one in series.items()}
        for asset, one in ordered.items():
            if found := one.differing():
                _refuse(
                    f"{name}:{found[0]} and {name}:{found[1]}",
                    f"give {asset} different rates at one time",
                    "Keep the one that counts.",
                )
        return cls(ordered)

    def at(self, asset: str, timestamp_ms: int) -> Decimal | None:
        """USD for one of the asset: its last rate at or before this time (ms since 1970), or None."""
        series = self._series.get(COMMON_NAMES.get(asset, asset))
        index = bisect_right(series.times, timestamp_ms) if series else 0
        return Decimal(series.text(index - 1)) if series and index else None


def _check_header(header: list[str], line: str) -> None:
    wrong = [column for column in _COLUMNS if header.count(column) != 1]
    if wrong:
        advice = f"Begin the file with a line {','.join(_COLUMNS)}."
        _refuse(line, f"does not name the column {wrong[0]} once", advice)


def _time(text: str, line: str) -> int:
    if _INTEGER.fullmatch(text):
        time = int(text)
        if time < _FIRST:
            _refuse(line, f"has the timestamp {text}: seconds?", "Write milliseconds since 1970.")
        if time >= _END:
            _refuse(line, f"has the timestamp {text}: microseconds?", "Write milliseconds since 1970.")
        return time
    utc = text
    if text[10:11] == "T":
        utc = f"{text[:10]} {text[11:].removesuffix('Z')}"
    time_or_none = milliseconds(f"{utc} 00:00:00" if len(utc) == 10 else utc)
    if time_or_none is None:
        advice = "Write milliseconds since 1970, YYYY-MM-DD or YYYY-MM-DD HH:MM:SS, in UTC."
        _refuse(line, f"has the timestamp {shown(text)}", advice)
    return time_or_none


def _usd(text: str, line: str) -> str:
    value = number(text)
    if value is None or value <= 0:
        _refuse(line, f"has {shown(text)} for usd", "Write a positive number, as in 1.0855.")
    return text


def _refuse(line: str, what: str, advice: str) -> NoReturn:
    raise SettingsError(f"{line} {what}", advice=advice)
