"""Drift: does quality fall from one period to the next?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from auditor import metrics
from auditor.settings import CheckedSettings, Count, DataColumn
from auditor.types import Audit, Case, Judged, Measurement, Metric, Planned, ProbeDefaults, Skipped, Task
from probes import _dates, _set_shifts
from probes._dates import Dates
from probes._row_properties import NO_EMBEDDINGS
from probes._scored_rows import against, scored

SHOWN = 3
"""Rows without a date that a reason names, at most. What their cells hold may be a text: it is not said."""
UNREAD = 0.05
"""Share of the rows that may lack a date; where more do, the question stays open."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Where the dates are, and how long a period is."""

    time_column: DataColumn | None = None
    """Column of the test file with the date of each row."""
    period: Literal["auto", "month", "quarter", "year"] = "auto"
    """Length of a period; auto: the shortest that leaves nine rows of ten in periods of enough rows."""
    fewest: Annotated[int, Ge(10)] = 30
    """Rows of the file that a period needs to be measured."""
    examples: Count = 1000
    """Rows of the home domain, at most: as many as ``quality`` asks about."""


class Drift(ProbeDefaults):
    """Quality over time.

    The task's own metric on the clean home rows of each period, and its drop against the first period that has rows
    enough; the rows differ, so the drop is unpaired (Newcombe 1998). A column of dates says when a row was written: ISO
    dates, those of mail, and common forms such as 31.12.2001, 12/31/2001 or 31 Dec 2001, where the column as a whole
    tells the day from the month. Rows whose date cannot be read are named and left out; more than 5 % of them leave the
    question open. The answers to clean rows are there: only embeddings are asked. A drop says that the rows of a period
    are harder for the model, not why. What may be behind it stands beside it, against the first period: the distance of
    the label mix (total variation), and how often a classifier of the model's own embeddings, fitted on half of the
    rows, guesses the period of the others (a classifier two-sample test).
    """

    name = "drift"
    limitation: str | None = "dynamic"
    settings = Settings()
    limits_need = frozenset({"columns"})

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The drop against the first period, the metric, and what shifts."""
        words = task.metric.replace("_", " ")
        title = f"{words} in the first period less that in the period"
        drop = metrics.difference("drop_against_first_period", title, ratio=task.ratio)
        name = f"{task.metric}_in_period"
        whole = Metric(name, f"{words} in the period", "mean", "share", 0.0, 1.0, "higher", ratio=task.ratio)
        return drop, whole, _set_shifts.LABELS, _set_shifts.INPUTS

    def planned(self, audit: Audit) -> Planned:
        """One case and embedding for each home row, where dates are given."""
        settings: Settings = audit.settings
        rows = 0 if settings.time_column is None else len(audit.examples("home", settings.examples))
        return Planned(rows, embedded=rows, unchanged=rows)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows as they stand."""
        settings: Settings = audit.settings
        if settings.time_column is None:
            reason = "no column of dates is named ([probes.drift] time_column)"
            yield Skipped({"period": "none"}, reason, applies=False)
            return
        for example in audit.examples("home", settings.examples):
            yield Case(example, slice={}, facts={"row": example.id})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield each period, the first as a reference."""
        settings: Settings = audit.settings
        if settings.time_column is None:
            return
        cells = {example.id: example.meta.get(settings.time_column, "") for example in audit.examples("home")}
        dates = _dates.read(cells)
        yield from _unread(dates, settings.time_column)
        rows = scored(cases)
        by_period = _dates.periods(dates, settings.period, settings.fewest)
        measured = [period for period, own in by_period.items() if len(own) >= settings.fewest]
        for period, own in by_period.items():
            if period not in measured:
                reason = f"{len(own)} of its rows are in the file, fewer than {settings.fewest}"
                yield Skipped({"period": period}, reason, applies=False)
        if len(measured) < 2 and dates.ambiguous is None:
            yield Skipped({"period": "all"}, f"fewer than two periods have {settings.fewest} rows")
        if len(measured) < 2:
            return
        drop, whole, *_ = self.metrics(audit.task)
        period_of = {row: period for period in measured for row in by_period[period]}
        first = [row for row in rows if period_of.get(row.id) == measured[0]]
        for period in measured:
            own_rows = [row for row in rows if period_of.get(row.id) == period]
            for item in against({"period": period}, first, own_rows, drop, whole):
                if period != measured[0] or not _is(item, drop):
                    yield item
        yield from _shifts(audit, measured, period_of)

    def worth_showing(self, judged: Judged) -> bool:
        """None: ``quality`` shows the worst clean rows."""
        del judged
        return False


def _shifts(audit: Audit, periods: Sequence[str], period_of: Mapping[str, str]) -> Iterator[Measurement | Skipped]:
    """The labels and texts of each later period against the first."""
    settings: Settings = audit.settings
    rows = audit.examples("home")
    # The rows that are asked, in the order in which other probes embed them: they are embedded once.
    embedded = _set_shifts.embedded(audit, rows[: settings.examples])
    by_period = {period: [row for row in rows if period_of.get(row.id) == period] for period in periods}
    first, *later = periods
    for period in later:
        slice_ = {"period": period}
        yield from _set_shifts.labels(audit, slice_, by_period[first], by_period[period], first)
        if embedded is not None:
            samples = (_set_shifts.sample(by_period[each], embedded) for each in (first, period))
            yield from _set_shifts.inputs(audit, slice_, *samples)
    if embedded is None:
        yield Skipped({"period": "all", "compared": "inputs"}, NO_EMBEDDINGS, applies=False)


def _is(item: Measurement | Skipped, metric: Metric) -> bool:
    return isinstance(item, Measurement) and item.metric == metric.name


def _unread(dates: Dates, column: str) -> Iterator[Skipped]:
    """What is not read, and why."""
    if dates.ambiguous is not None:
        problem = f"of the dates of column {column!r} none says whether the day or the month comes first"
        yield Skipped({"period": "all"}, f"{problem}, such as that of {dates.ambiguous} (write them as 2002-12-31)")
    if dates.contradictory is not None:
        day, month = dates.contradictory
        problem = f"column {column!r} has the day first ({day}) and the month first ({month})"
        yield Skipped({"period": "order"}, f"{problem}; dates of this form are not read (write them as 2002-12-31)")
    if dates.broken:
        n, total = len(dates.broken), len(dates.broken) + len(dates.of)
        rows = "row has" if total == 1 else "rows has" if n == 1 else "rows have"
        named = ", ".join(dates.broken[:SHOWN]) + ("" if n <= SHOWN else ", …")
        reason = f"{n:,} of {total:,} {rows} no date in column {column!r} that can be read, left out: {named}"
        yield Skipped({"period": "unread"}, reason, applies=n > UNREAD * total)


PROBE = Drift()
