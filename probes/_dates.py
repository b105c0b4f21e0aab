"""Dates as files have them, and the periods that they fall into."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

Length: TypeAlias = Literal["month", "quarter", "year"]
YEARS = (1900, 2100)
"""Years outside are taken for broken dates."""
COVERED = 0.9
"""Share of the dated rows that lie in periods of enough rows, at least, where the length of periods is not given."""
FORMS = ("%Y/%m/%d", "%Y.%m.%d", "%Y-%m", "%Y/%m", "%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
"""Forms beside ISO dates, those of mail, and dates with the day and the month in either order."""
EITHER = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:,?[ T]\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[ap]m)?)?", re.I)
"""03/04/2002 or 03.04.2002, with or without a time: of March or of April."""
DAY_FIRST, MONTH_FIRST = (1, 2), (2, 1)
"""Places of the day and of the month."""


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of rows."""

    of: Mapping[str, date]
    """Row → its date."""
    broken: tuple[str, ...] = ()
    """Rows without a date that can be read."""
    ambiguous: str | None = None
    """A row whose day may be its month, where no row of the column tells which."""
    contradictory: tuple[str, str] | None = None
    """A row with the day first, and a row with the month first."""


def read(cells: Mapping[str, str]) -> Dates:
    """Read the dates of rows. ``cells``: row → cell."""
    matches = {row: match for row, cell in cells.items() if (match := EITHER.fullmatch(cell))}
    readings = {row: (_in_order(match, DAY_FIRST), _in_order(match, MONTH_FIRST)) for row, match in matches.items()}
    # A cell tells the order if it is a date in this order alone: 31/12/2002 does, 31/31/2002 does not.
    day_first = next((row for row, (day, month) in readings.items() if day is not None and month is None), None)
    month_first = next((row for row, (day, month) in readings.items() if day is None and month is not None), None)
    unclear = next((row for row, (day, month) in readings.items() if day != month), None)
    if day_first is None and month_first is None and unclear is not None:
        return Dates({}, ambiguous=unclear)
    # Where both orders occur neither is known to be that of any other row.
    both = None if day_first is None or month_first is None else (day_first, month_first)
    order = None if both is not None else DAY_FIRST if month_first is None else MONTH_FIRST
    read_dates = {row: _read(cell, order) for row, cell in cells.items()}
    dates = {row: day for row, day in read_dates.items() if day is not None}
    return Dates(dates, tuple(row for row in cells if row not in dates), contradictory=both)


def _in_order(match: re.Match[str], order: tuple[int, int]) -> date | None:
    day, month = order
    reading = next(_tried(lambda: date(int(match[3]), int(match[month]), int(match[day]))), None)
    return reading if reading is not None and YEARS[0] <= reading.year <= YEARS[1] else None


def _read(cell: str, order: tuple[int, int] | None) -> date | None:
    day = next(_readings(cell, order), None)
    return day if day is not None and YEARS[0] <= day.year <= YEARS[1] else None


def _readings(cell: str, order: tuple[int, int] | None) -> Iterator[date]:
    """What a cell may say, the surest reading first."""
    either = EITHER.fullmatch(cell)
    if either is not None:
        reading = None if order is None else _in_order(either, order)
        if reading is not None:
            yield reading
        return
    if not cell.isdigit() or len(cell) == 8:
        yield from _tried(lambda: datetime.fromisoformat(cell).date())
    for form in FORMS:
        yield from _tried(lambda form=form: datetime.strptime(cell, form).date())  # type: ignore[misc]
    yield from _tried(lambda: parsedate_to_datetime(cell).date())


def _tried(reading: Callable[[], date]) -> Iterator[date]:
    try:
        yield reading()
    except (ValueError, TypeError, IndexError):
        return


def period_of(day: date, length: Length) -> str:
    """Return the period of a day: ``2002-07``, ``2002 Q3`` or ``2002``."""
    if length == "month":
        return f"{day.year}-{day.month:02}"
    return f"{day.year} Q{(day.month + 2) // 3}" if length == "quarter" else str(day.year)


def periods(dates: Dates, length: Length | Literal["auto"], fewest: int) -> dict[str, list[str]]:
    """Return period → its rows, the earliest period first.

    ``auto``: the shortest periods that have enough rows, ``fewest`` each, for nearly all rows; else years.
    """
    lengths: tuple[Length, ...] = ("month", "quarter", "year") if length == "auto" else (length,)
    for each in lengths:
        by_period: dict[str, list[str]] = {}
        for row, day in sorted(dates.of.items(), key=lambda item: (item[1], item[0])):
            by_period.setdefault(period_of(day, each), []).append(row)
        sizes = Counter({period: len(rows) for period, rows in by_period.items()})
        enough = [size for size in sizes.values() if size >= fewest]
        if len(enough) > 1 and sum(enough) >= COVERED * sizes.total():
            break
    return by_period
