"""Rates of assets in USD, from the file of --usd-rates. No I/O.

The file is a CSV with the columns ``asset``, ``timestamp`` and ``usd``, in any order::

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
_FIRST, _END = 10**11, 10**14  # ms since 1970: 1973, and 5138


@dataclass(frozen=True, slots=True)
class _Series:
    """The rates of one asset. Each takes 24 bytes, and its text."""

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
        """Return the rates by time; those of one time by line."""
        times = self.times
        if all(times[index - 1] <= times[index] for index in range(1, len(times))):
            return self
        ordered = _Series()
        for index in sorted(range(len(times)), key=times.__getitem__):
            ordered.add(times[index], self.lines[index], self.text(index))
        return ordered

    def differing(self) -> tuple[int, int] | None:
        """Return two lines that give different rates at one time, if the rates are in order."""
        for index in range(1, len(self.times)):
            if self.times[index] == self.times[index - 1]:
                earlier, later = self.text(index - 1), self.text(index)
                if earlier != later and Decimal(earlier) != Decimal(later):
                    return self.lines[index - 1], self.lines[index]
        return None


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of assets in USD. A rate is valid until the next one of its asset."""

    _series: Mapping[str, _Series]

    @classmethod
    def parse(cls, lines: Iterable[str], name: str) -> Rates:
        """Return the rates of a file. XBT is read as BTC, and XDG as DOGE.

        Args:
            lines: of the file, with or without their newlines.
            name: of the file, for messages.

        Raises:
            SettingsError: a line is invalid, or two lines give different rates of an asset at one time. The
                message names the lines.
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
                    _refuse(line, "has no asset", "Name one, such as EUR.")
                rates = series.setdefault(COMMON_NAMES.get(asset, asset), _Series())
                time, usd = _time(cells[time_at].strip(), line), _usd(cells[usd_at].strip(), line)
                rates.add(time, reader.line_num, usd)
        except csv.Error as error:
            _refuse(f"{name}:{max(reader.line_num, 1)}", f"is not CSV: {error}", "Mend the line.")
        ordered = {asset: rates.in_order() for asset, rates in series.items()}
        for asset, rates in ordered.items():
            if lines_differing := rates.differing():
                _refuse(
                    f"{name}:{lines_differing[0]} and {name}:{lines_differing[1]}",
                    f"give {asset} different rates at one time",
                    "Keep the correct one.",
                )
        return cls(ordered)

    def at(self, asset: str, timestamp_ms: int) -> Decimal | None:
        """Return the price in USD of one unit of an asset at a time; None if it is not known.

        It is the asset's last rate at or before that time.

        Args:
            asset: its name, such as BTC.
            timestamp_ms: ms since 1970.
        """
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
        _refuse(line, f"has {shown(text)} for usd", "Write a positive number, such as 1.0855.")
    return text


def _refuse(line: str, what: str, advice: str) -> NoReturn:
    raise SettingsError(f"{line} {what}", advice=advice)
