"""Verdicts of a reviewer, read back from a filled-in table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor import metrics, stats
from auditor.data import tables
from auditor.errors import DataError, ResultsError, near_or_known
from auditor.results.entries import AGAIN, RESULTS
from auditor.results.spreadsheets import harmless, problem_of, tables_of
from auditor.storage.reading import read_file
from auditor.types import Cell, Measurement, ProbeRecord, Row, Table, in_words
from auditor.types.given import CORRECTION, ID, VERDICT

DELIMITERS = ",;\t"
"""What spreadsheet programs put between columns, by language and format."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the reviewer says of a row."""

    verdict: str
    """Of the table's verdicts."""
    correction: str | None
    """The right label, where the reviewer names it."""


@dataclass(frozen=True, slots=True)
class Share:
    """The share of the judged rows that have the table's first verdict."""

    value: str
    """Of the column that the table is reported by."""
    listed: int
    judged: int
    """Rows with one of the first two verdicts."""
    undecided: int
    """Rows with another verdict."""
    confirmed: int
    share: float | None = None
    """None where no row was judged."""
    low: float | None = None
    high: float | None = None
    """Ends of the two-sided 95 % interval."""
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """A metric with the labels as given, and with those corrected."""

    value: str
    """Of the column that the table is reported by."""
    before: Measurement
    after: Measurement
    corrected: int
    """Rows whose label was corrected."""
    left_out: int
    """Rows whose label is wrong, and the right one is not known."""


def table_for(
    results: Mapping[str, Any], file: Path, rows: Sequence[tuple[int, Mapping[str, str]]]
) -> tuple[Mapping[str, Any], Table]:
    """Return the record and the table that a file was made from.

    It is the table with all ids of the file, of several the first that the file is named for. Raises ResultsError where
    the results have no table, DataError for a row that no table has.
    """
    known = list(tables_of(results))
    if not known:
        hint = "audit run writes one where a probe lists rows to look at"
        raise ResultsError("the results have no table for reviewers", where=str(file), hint=hint)
    known.sort(key=lambda entry: not file.stem.startswith(entry[1].name))
    ids = {row[ID] for _, row in rows}
    fitting = [entry for entry in known if ids <= set(_column(entry[1], ID))]
    if fitting:
        problem = problem_of(fitting[0][1])
        if problem is not None:
            raise ResultsError(f"the table {fitting[0][1].name!r} {problem}", where=RESULTS, hint=AGAIN)
        return fitting[0]
    listed = set(_column(known[0][1], ID))
    number, row = next((number, row) for number, row in rows if row[ID] not in listed)
    problem = f"row {number}, column {ID!r}: {row[ID][:60]!r} is none of the rows that these results list"
    raise DataError(problem, where=str(file), hint="name the folder of the audit that wrote the file with --results")


def rows_of(file: Path, needed: Sequence[str] = (ID, VERDICT)) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a filled-in CSV file, each with its number.

    The header is row 1, as spreadsheet programs count. Columns may be separated as any of these programs writes them.
    ``needed``: columns that it must have. Raises DataError.
    """
    where = str(file)
    text = tables.decoded(read_file(file, DataError, hint="name the file that audit run wrote, filled in"), where)
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise DataError(f"is no CSV: {error}", where=where, hint="save it as CSV (UTF-8)") from None
    header = [name.strip() for name in records[0]] if records else []
    for column in needed:
        if column not in header:
            names = ", ".join(map(repr, header[:20])) or "none"
            raise DataError(f"has no column {column!r}", where=where, hint=f"columns: {names}")
    rows = []
    for number, cells in enumerate(records[1:], 2):
        if any(cell.strip() for cell in cells):
            if len(cells) != len(header):
                problem = f"row {number} has {len(cells)} cells, the header has {len(header)}"
                raise DataError(problem, where=where, hint="put a text with a delimiter or a line break in quotes")
            rows.append((number, dict(zip(header, map(str.strip, cells), strict=True))))
    return rows


def judgements(file: Path, rows: Sequence[tuple[int, Mapping[str, str]]], table: Table) -> dict[str, Judgement]:
    """Return the judgement of each row that has one, by id.

    Raises DataError, with row and column, for a verdict or a label that there is not, for a row that stands twice, and
    for a correction that contradicts the verdict.
    """
    labels = dict(zip(_column(table, ID), _column(table, "label"), strict=True)) if table.corrections else {}
    judged: dict[str, Judgement] = {}
    seen: set[str] = set()
    for number, row in rows:
        place = f"row {number}, column"
        if row[ID] in seen:
            raise DataError(f"{place} {ID!r}: {row[ID]!r} stands in the file twice", where=str(file))
        seen.add(row[ID])
        verdict = known_answer(file, f"{place} {VERDICT!r}", row[VERDICT], table.verdicts)
        correction = known_answer(file, f"{place} {CORRECTION!r}", row.get(CORRECTION, ""), table.corrections)
        problem = _contradiction(table, verdict, correction, labels.get(row[ID]))
        if problem is not None:
            raise DataError(f"{place} {CORRECTION!r}: {problem}", where=str(file))
        if verdict is not None:
            judged[row[ID]] = Judgement(verdict, correction)
    return judged


def known_answer(file: Path, place: str, cell: str, known: Sequence[str]) -> str | None:
    """Return the known word in a cell; None where it is empty."""
    if not cell:
        return None
    exact = next((word for word in known if cell in (word, harmless(word).strip())), None)
    alike = [word for word in known if word.casefold() == cell.casefold()]
    if exact is None and len(alike) != 1:
        raise DataError(f"{place}: unknown value {cell[:60]!r}", where=str(file), hint=near_or_known(cell, known))
    return exact if exact is not None else alike[0]


def _contradiction(table: Table, verdict: str | None, correction: str | None, label: Cell | None) -> str | None:
    """Say why verdict and correction do not go together, or None."""
    if correction is None:
        return None
    if verdict is None:
        return f"names a label, and {VERDICT!r} is empty"
    if verdict == table.verdicts[0] and correction == label:
        return f"{correction!r} is the label that the verdict calls {verdict}"
    if verdict == table.verdicts[1] and correction != label:
        return f"{correction!r} is another label than the one that the verdict calls {verdict}"
    return None


def shares(table: Table, judged: Mapping[str, Judgement]) -> Iterator[Share]:
    """Yield the confirmed share by the values of the table's column."""
    rows = list(zip(_column(table, ID), _column(table, table.by), table.clusters, strict=True))
    for value in dict.fromkeys(value for _, value, _ in rows):
        own = [(judged[str(name)].verdict, cluster) for name, at, cluster in rows if at == value and name in judged]
        decided = [(verdict, cluster) for verdict, cluster in own if verdict in table.verdicts[:2]]
        confirmed = sum(verdict == table.verdicts[0] for verdict, _ in decided)
        counts = (str(value), sum(at == value for _, at, _ in rows), len(decided), len(own) - len(decided), confirmed)
        if not decided:
            yield Share(*counts)
            continue
        totals: dict[str, list[float]] = {}
        for verdict, cluster in decided:
            total = totals.setdefault(cluster, [0.0, 0.0])
            total[0] += verdict == table.verdicts[0]
            total[1] += 1.0
        sums = [Row(cluster, "", total, count) for cluster, (total, count) in totals.items()]
        estimate = stats.estimate("mean", sums, low=0.0, high=1.0)
        yield Share(*counts, estimate.value, estimate.low, estimate.high, stats.METHODS[estimate.method])


def corrected(record: ProbeRecord, table: Table, judged: Mapping[str, Judgement]) -> Iterator[Corrected]:
    """Yield the metric that corrections change, before and after.

    Rows that nobody judged keep their labels. Of two labels, a wrong one means the other; of more, a row whose right
    label the reviewer does not name is left out.
    """
    metric = next((metric for metric in record.metrics if metric.name == table.corrects), None)
    if metric is None:
        return
    for before in record.measurements:
        value = before.slice.get(table.by)
        if before.metric != metric.name or set(before.slice) != {table.by}:
            continue
        rows = {row.cluster: [row.total, row.count] for row in before.rows}
        changes = list(_changes(table, str(value), judged))
        for cluster, was_right, is_right in changes:
            if cluster not in rows:
                raise ResultsError(f"no row of {metric.name} [{in_words(before.slice)}] is of {cluster!r}")
            rows[cluster][0] += (is_right or 0) - was_right
            rows[cluster][1] -= is_right is None
        left = [Row(cluster, "", total, count) for cluster, (total, count) in rows.items() if count > 0]
        if changes and left:
            out = sum(is_right is None for *_, is_right in changes)
            after = metrics.measurement(metric, before.slice, left, n_cases=before.n_cases - out)
            yield Corrected(str(value), before, after, len(changes) - out, out)


def _changes(table: Table, value: str, judged: Mapping[str, Judgement]) -> Iterator[tuple[str, bool, bool | None]]:
    """Yield cluster, and whether the answer was right and is right now.

    The latter is None where the right label is not known.
    """
    columns = (ID, table.by, "label", "answer")
    for cluster, *cells in zip(table.clusters, *(_column(table, name) for name in columns), strict=True):
        name, own, label, answer = map(str, cells)
        said = judged.get(name)
        if own != value or said is None or said.verdict != table.verdicts[0]:
            continue
        others = [correction for correction in table.corrections if correction != label]
        correction = said.correction or (others[0] if len(others) == 1 else None)
        yield cluster, answer == label, None if correction is None else answer == correction


def _column(table: Table, name: str) -> list[Cell]:
    """Return the cells of a column, if there is such a column."""
    return [cell for row in table.rows for column, cell in zip(table.columns, row, strict=False) if column == name]
