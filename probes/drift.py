"""Drift: does quality fall from one period to the next?"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from auditor import metrics
from auditor.settings import CheckedSettings, Count, DataColumn
from auditor.types import (
    HOME,
    Audit,
    Case,
    Example,
    FloatArray,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Task,
    metric_words,
)
from probes import _dates, _embedded_rows, _set_shifts
from probes._dates import Dates
from probes._row_properties import NO_EMBEDDINGS
from probes._scored_rows import against, scored

WHOLE_FILE = "test"
"""The period of the test file where no column of dates divides it."""
SHOWN = 3
"""Rows without a date that a reason names, at most. What their cells hold may be a text: it is not said."""
UNREAD = 0.05
"""Share of the rows that may lack a date; where more do, the question stays open."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Where dates are, how long periods are, how many rows are asked."""

    time_column: DataColumn | None = None
    """Column of the test file with the date of each row."""
    period: Literal["auto", "month", "quarter", "year"] = "auto"
    """Length of a period; auto: the shortest that leaves nine rows of ten in periods of enough rows."""
    fewest: Annotated[int, Ge(10)] = 30
    """Rows of the test file that a period of its dates needs to be measured."""
    examples: Count = 1000
    """Rows of the home domain, at most: as many as ``quality`` asks about."""
    later: Count = 300
    """Rows of each file of ``[data] slices``, at most."""


class Drift(ProbeDefaults):
    """Quality over time.

    The task's own metric on the clean rows of each period, and its drop against the first one; the rows differ, so the
    drop is unpaired (Newcombe 1998). Files of test rows of later times (``[data] slices``) are a period each, in their
    order; the test file is the period before them. A column of dates divides it into several: ISO dates, those of mail,
    and common forms such as 31.12.2001, 12/31/2001 or 31 Dec 2001, where the column as a whole tells the day from the
    month. The first period is then the first that has rows enough. Rows whose date cannot be read are named and left
    out; more than 5 % of them leave the question open. Of the test file the answers are there: only embeddings are
    asked. A drop says that the rows of a period are harder for the model, not why. What may be behind it stands beside
    it, against the first period: the distance of the label mix (total variation), and how often a classifier of the
    model's own embeddings, fitted on half of the rows, guesses the period of the others (a classifier two-sample test).
    """

    name = "drift"
    limitation: str | None = "dynamic"
    settings = Settings()
    needs = frozenset({"periods"})

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The drop against the first period, the metric, and what shifts."""
        words = metric_words(task.metric)
        title = f"{words} in the first period less that in the period"
        drop = metrics.difference("drop_against_first_period", title, ratio=task.ratio)
        name = f"{task.metric}_in_period"
        whole = Metric(name, f"{words} in the period", "mean", "share", 0.0, 1.0, "higher", ratio=task.ratio)
        return drop, whole, _set_shifts.LABELS, _set_shifts.INPUTS

    def planned(self, audit: Audit) -> Planned:
        """One case and embedding for each row of every file."""
        rows = {name: len(audit.examples(name, n)) for name, n in _files(audit).items()}
        return Planned(sum(rows.values()), embedded=sum(rows.values()), unchanged=rows[HOME])

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the rows of home and of each time slice."""
        # Under the name that rules read, so that an undecided drop draws on the first arm too; dates are read later.
        home = {"period": WHOLE_FILE} if audit.settings.time_column is None else {}
        for name, n in _files(audit).items():
            slice_ = home if name == HOME else {"period": name}
            for example in audit.examples(name, n):
                yield Case(example, slice=slice_, facts={"row": example.id})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield each period, the first as a reference."""
        rows = scored(cases)
        own = yield from _of_the_test_file(audit)
        later = yield from _of_later_files(audit, own)
        if not own or len(own) + len(later) < 2:
            return
        drop, whole, *_ = self.metrics(audit.task)
        by_period = {**own, **later}
        period_of = {row.id: period for period, examples in by_period.items() for row in examples}
        reference, *_ = by_period
        first = [row for row in rows if period_of.get(row.id) == reference]
        for period in by_period:
            own_rows = [row for row in rows if period_of.get(row.id) == period]
            for item in against({"period": period}, first, own_rows, drop, whole):
                if period != reference or not _is(item, drop):
                    yield item
        yield from _shifts(audit, by_period)

    def worth_showing(self, judged: Judged) -> bool:
        """Those of time slices: ``quality`` shows the worst home rows."""
        return judged.slice.get("period", WHOLE_FILE) != WHOLE_FILE


def _files(audit: Audit) -> dict[str, int]:
    """Return each set and how many of its rows are asked."""
    settings: Settings = audit.settings
    return {HOME: settings.examples, **dict.fromkeys(audit.time_slices, settings.later)}


def _of_the_test_file(audit: Audit) -> Generator[Skipped, None, dict[str, Sequence[Example]]]:
    """Return the periods of the test file, each with its rows.

    Yields what is not read.
    """
    settings: Settings = audit.settings
    rows = {row.id: row for row in audit.examples(HOME)}
    if settings.time_column is None:
        return {WHOLE_FILE: tuple(rows.values())}
    dates = _dates.read({name: row.meta.get(settings.time_column, "") for name, row in rows.items()})
    yield from _unread(dates, settings.time_column)
    by_period = _dates.periods(dates, settings.period, settings.fewest)
    measured = {period: own for period, own in by_period.items() if len(own) >= settings.fewest}
    for period, own in by_period.items():
        if period not in measured:
            reason = f"{len(own)} of its rows are in the file, fewer than {settings.fewest}"
            yield Skipped({"period": period}, reason, applies=False)
    needed, words = (1, "no period of the test file has") if audit.time_slices else (2, "fewer than two periods have")
    if len(measured) < needed and dates.ambiguous is None:
        yield Skipped({"period": "all"}, f"{words} {settings.fewest} rows")
    period_of = {name: period for period, own in measured.items() for name in own}
    return {period: [row for name, row in rows.items() if period_of.get(name) == period] for period in measured}


def _of_later_files(audit: Audit, own: Collection[str]) -> Generator[Skipped, None, dict[str, Sequence[Example]]]:
    """Return the time slices that can be measured, each with its rows.

    Yields what is wrong with the others. ``own``: periods of the test file.
    """
    files: dict[str, Sequence[Example]] = {}
    for name in audit.time_slices:
        rows = audit.examples(name)
        if name in own:
            reason = f"dates of the test file are of a period that is called {name} too: give the slice another name"
            yield Skipped({"period": f"slice {name}"}, reason)
        elif not rows:
            yield Skipped({"period": name}, "every row occurs in the training data")
        else:
            files[name] = rows
    return files


def _shifts(audit: Audit, by_period: Mapping[str, Sequence[Example]]) -> Iterator[Measurement | Skipped]:
    """The labels and texts of each later period against the first."""
    embedded = _embedded(audit)
    first, *later = by_period
    for period in later:
        slice_ = {"period": period}
        yield from _set_shifts.labels(audit, slice_, by_period[first], by_period[period], first)
        if embedded is not None:
            samples = (_set_shifts.sample(by_period[each], embedded) for each in (first, period))
            yield from _set_shifts.inputs(audit, slice_, *samples)
    if embedded is None:
        yield Skipped({"period": "all", "compared": "inputs"}, NO_EMBEDDINGS, applies=False)


def _embedded(audit: Audit) -> dict[str, FloatArray] | None:
    """Return id → embedding of the rows asked.

    None: the model tells none. The rows of a set stand in the order in which other probes embed them: they are embedded
    once.
    """
    embedded: dict[str, FloatArray] = {}
    for name, n in _files(audit).items():
        rows = audit.examples(name)[:n]
        own = _embedded_rows.embedded(audit, rows) if rows else {}
        if own is None:
            return None
        embedded |= own
    return embedded


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
