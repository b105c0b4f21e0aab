"""Dates as files have them, and the periods that they fall into."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

Length: TypeAlias = Literal["month", "quarter", "year"]
YEARS = (1900, 2100)
"""Years outside are taken for broken dates."""
COVERED = 0.9
"""Share of the dated rows that lie in periods of enough rows, at least, where the length of periods is not given."""
FORMS = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%Y-%m", "%Y/%m", "%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
"""Forms beside ISO dates, those of mail, and dates with the day and the month in either order."""
EITHER = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?!\d)")
"""03/04/2002: of March or of April."""


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of rows."""

    of: Mapping[str, date]
    """Row → its date."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Row without a date → what its cell holds."""
    ambiguous: str | None = None
    """A date whose day may be its month, where no row of the column tells which."""


def read(cells: Mapping[str, str]) -> Dates:
    """Read the dates of rows. ``cells``: row → cell."""
    orders = [match for cell in cells.values() if (match := EITHER.match(cell))]
    day_first, month_first = (any(int(match[place]) > 12 for match in orders) for place in (1, 2))
    if orders and not day_first and not month_first and any(match[1] != match[2] for match in orders):
        return Dates({}, ambiguous=next(match[0] for match in orders if match[1] != match[2]))
    # Where both orders occur neither is known to be that of any other row.
    order = None if day_first == month_first and day_first else (2, 1) if day_first else (1, 2)
    read_dates = {row: _read(cell, order) for row, cell in cells.items()}
    dates = {row: day for row, day in read_dates.items() if day is not None}
    return Dates(dates, {row: cells[row] for row, day in read_dates.items() if day is None})


def _read(cell: str, order: tuple[int, int] | None) -> date | None:
    day = next(_readings(cell, order), None)
    return day if day is not None and YEARS[0] <= day.year <= YEARS[1] else None


def _readings(cell: str, order: tuple[int, int] | None) -> Iterator[date]:
    """What a cell may say, the surest reading first."""
    either = EITHER.match(cell)
    if either is not None:
        if order is not None:
            yield from _tried(lambda: date(int(either[3]), int(either[order[0]]), int(either[order[1]])))
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
