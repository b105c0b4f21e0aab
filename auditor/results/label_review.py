"""Hand labels of changed texts, read back from a filled-in table.

They say how often the label survives a change, and what the rates are that count only changes that it survives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from auditor import stats
from auditor.errors import DataError, ResultsError
from auditor.results.blinded import ATTACKED, FLIP, PERTURBED, SUCCESS, Population, Shown, Stratum, measured_rows
from auditor.results.canonical_json import plain
from auditor.results.entries import RESULTS
from auditor.results.folder import DIGESTS, LABEL_REVIEW, folder_of
from auditor.results.reviewing import known_answer
from auditor.results.spreadsheets import csv_of
from auditor.storage import documents, files
from auditor.storage.reading import DOCUMENT, read_file
from auditor.types import (
    Controls,
    CorrectedRate,
    Interval,
    LabelReview,
    Measurement,
    Preserved,
    ProbeRecord,
    Row,
    Slice,
)
from auditor.types.given import COMMENT, ID, VERDICT

LABEL, ENTITIES = "label", "named_entities"
SCHEMA = 1
AGAIN = "read the filled-in file back again with audit review, or remove it"


def written(known: Population, rows: Sequence[Shown]) -> bytes:
    """Return the rows as CSV, with empty cells for the reviewer."""
    fields = known.task.fields
    named = {ID, LABEL, ENTITIES, VERDICT, COMMENT} & set(fields)
    if named:
        raise ResultsError(f"the task's text field {min(named)!r} has the name of a reviewer's column", where=RESULTS)
    entities = () if known.by_label else (ENTITIES,)
    header = (ID, *fields, *entities, answer_column(known), COMMENT)
    cells = ((each.id, *(each.texts[name] for name in fields), *(each.entities for _ in entities)) for each in rows)
    return csv_of(header, ((*own, "", "") for own in cells))


def answer_column(known: Population) -> str:
    """Return the column that the reviewer fills in."""
    return LABEL if known.by_label else VERDICT


def answers(file: Path, rows: Sequence[tuple[int, Mapping[str, str]]], known: Population) -> dict[str, str]:
    """Return the answer of each row that has one, by id.

    Raises DataError, with row and column, for an id or an answer that there is not, for a row that stands twice, and
    where no row is answered.
    """
    column = answer_column(known)
    given: dict[str, str] = {}
    seen: set[str] = set()
    for number, row in rows:
        place, name = f"row {number}, column", row[ID]
        if name not in known.shown:
            hint = "name the folder of the audit that wrote the file with --results, and leave ids as they are"
            problem = f"{place} {ID!r}: {name[:60]!r} is no text of these results"
            raise DataError(problem, where=str(file), hint=hint)
        if name in seen:
            raise DataError(f"{place} {ID!r}: {name!r} stands in the file twice", where=str(file))
        seen.add(name)
        answer = known_answer(file, f"{place} {column!r}", row[column], known.answers)
        if answer is not None:
            given[name] = answer
    if not given:
        hint = f"fill in {', '.join(known.answers)}"
        raise DataError(f"no row is answered: column {column!r} is empty", where=str(file), hint=hint)
    return given


def review(known: Population, given: Mapping[str, str], records: Sequence[ProbeRecord], candidate: str) -> LabelReview:
    """Return what the answers say of the candidate's rates."""
    preserved = tuple(_preserved(known, given))
    corrected = tuple(_corrected(known, given, [record for record in records if record.model == candidate]))
    controls = [each for each in known.shown.values() if each.stratum is None]
    return LabelReview(
        known.digest, candidate, _controls(known, given, controls), preserved, corrected, stats.preserved.METHOD
    )


def _counts(known: Population, given: Mapping[str, str], rows: Sequence[Shown]) -> tuple[int, int, int]:
    """Return how many rows are judged, agree with the gold, are undecided."""
    own = [(given[each.id], each) for each in rows if each.id in given]
    decided = [(answer, each) for answer, each in own if answer != known.answers[-1]]
    agreed = sum(answer == (each.gold if known.by_label else "yes") for answer, each in decided)
    return len(decided), agreed, len(own) - len(decided)


def _controls(known: Population, given: Mapping[str, str], rows: Sequence[Shown]) -> Controls:
    judged, agreed, undecided = _counts(known, given, rows)
    return Controls(judged, agreed, undecided, stats.preserved.share(agreed, judged) if judged else None)


def _preserved(known: Population, given: Mapping[str, str]) -> Iterator[Preserved]:
    """Yield shares by probe, then by attack or family.

    They are means over strata by the clusters' mean shares of changed texts.
    """
    strata = known.strata
    for probe in dict.fromkeys(stratum.probe for stratum in strata):
        own = {stratum: rows for stratum, rows in strata.items() if stratum.probe == probe}
        parts = list(dict.fromkeys(stratum.part for stratum in own))
        for part in [(), *parts]:
            chosen = {stratum: rows for stratum, rows in own.items() if part in ((), stratum.part)}
            told = _of_strata(known, given, probe, dict(part), chosen)
            if told is not None:
                yield told


def _of_strata(
    known: Population, given: Mapping[str, str], probe: str, slice_: Slice, strata: Mapping[Stratum, Sequence[Shown]]
) -> Preserved | None:
    weights = _weights(strata)
    shares, judged, kept, undecided = [], 0, 0, 0
    for stratum, rows in strata.items():
        decided, agreed, unclear = _counts(known, given, rows)
        judged, kept, undecided = judged + decided, kept + agreed, undecided + unclear
        if decided:
            shares.append((weights[stratum], stats.preserved.share(agreed, decided)))
    if not shares:
        return None
    of = "successes" if next(iter(strata)).kind == ATTACKED else "changed texts"
    weight = min(sum(own for own, _ in shares), 1.0)
    return Preserved(probe, of, slice_, judged, kept, undecided, weight, stats.preserved.weighted(shares))


def _weights(strata: Mapping[Stratum, Sequence[Shown]]) -> dict[Stratum, float]:
    """Return each stratum's share of the changed texts, as clusters have it."""
    texts: dict[str, dict[Stratum, int]] = {}
    for stratum, rows in strata.items():
        for each in rows:
            own = texts.setdefault(each.cluster, {})
            own[stratum] = own.get(stratum, 0) + 1
    return {
        stratum: sum(own.get(stratum, 0) / sum(own.values()) for own in texts.values()) / len(texts)
        for stratum in strata
    }


def _corrected(known: Population, given: Mapping[str, str], records: Sequence[ProbeRecord]) -> Iterator[CorrectedRate]:
    """Yield the rates of each stratum of turned answers that was judged."""
    by_probe = {record.probe: record for record in records}
    for stratum, rows in known.strata.items():
        judged, kept, _ = _counts(known, given, rows)
        if not stratum.turned or not judged:
            continue
        record, share = by_probe[stratum.probe], stats.preserved.share(kept, judged)
        if stratum.kind == PERTURBED:
            yield from _flips(record, stratum, share)
        else:
            yield from _attacks(record, stratum, share, known.task.metric)


def _attacks(record: ProbeRecord, stratum: Stratum, share: Interval, metric: str) -> Iterator[CorrectedRate]:
    by_name = {each.metric: each for each in record.measurements if dict(each.slice) == stratum.slice}
    success = by_name[SUCCESS]
    measured = _interval(success)
    yield _rate(record, success.metric, stratum.slice, measured, stats.preserved.product(measured, share))
    under = by_name.get(f"{metric}_under_attack")
    ratio = any(each.ratio for each in record.metrics if each.name == f"{metric}_under_attack")
    if under is None or ratio:
        return
    won: dict[str, float] = {}
    for row in measured_rows(success.rows):
        won[row.cluster] = won.get(row.cluster, 0.0) + row.total
    lost = 1.0 - share.value
    forgiven = [
        row
        if row.arm in stats.CLEAN_ARMS
        else Row(row.cluster, row.arm, row.total + lost * won.get(row.cluster, 0.0), row.count)
        for row in under.rows
    ]
    own = measured_rows(under.rows)
    events = sum(won.get(row.cluster, 0.0) / row.count for row in own) / len(own)
    estimate = stats.estimate("mean", forgiven, low=0.0, high=1.0)
    raised = stats.preserved.raised(Interval(estimate.value, estimate.low, estimate.high), events, share)
    yield _rate(record, under.metric, stratum.slice, _interval(under), raised)


def _flips(record: ProbeRecord, stratum: Stratum, share: Interval) -> Iterator[CorrectedRate]:
    """Yield the flip rate of a family, all its perturbations and severities."""
    totals: dict[str, list[float]] = {}
    for each in record.measurements:
        # Slices with further keys than a pool of them are those that cases name; each case counts once.
        if each.metric == FLIP and stratum.slice.items() <= each.slice.items() and _is_finest(record, each):
            for row in measured_rows(each.rows):
                total = totals.setdefault(row.cluster, [0.0, 0.0])
                total[0] += row.total
                total[1] += row.count
    rows = [Row(cluster, "", total, count) for cluster, (total, count) in totals.items()]
    estimate = stats.estimate("mean", rows, low=0.0, high=1.0)
    measured = Interval(estimate.value, estimate.low, estimate.high)
    yield _rate(record, FLIP, stratum.slice, measured, stats.preserved.product(measured, share))


def _is_finest(record: ProbeRecord, measurement: Measurement) -> bool:
    """Whether no slice of the same metric details this slice."""
    return not any(
        each.metric == measurement.metric and measurement.slice.items() < each.slice.items()
        for each in record.measurements
    )


def _interval(measurement: Measurement) -> Interval:
    return Interval(measurement.value, measurement.low, measurement.high)


def _rate(record: ProbeRecord, metric: str, slice_: Slice, measured: Interval, corrected: Interval) -> CorrectedRate:
    title = next((each.title for each in record.metrics if each.name == metric), metric)
    return CorrectedRate(record.probe, metric, title, dict(slice_), measured, corrected)


def store(folder: Path, told: LabelReview) -> Path:
    """Write the review beside the results it belongs to; return its file."""
    file = folder_of(folder) / LABEL_REVIEW
    content = json.dumps({"schema": SCHEMA, **as_json(told)}, indent=2, allow_nan=False) + "\n"
    files.write_whole(file, content.encode("ascii"), ResultsError)
    return file


def as_json(told: LabelReview) -> dict[str, Any]:
    """Return the review as JSON has it."""
    document: dict[str, Any] = plain(asdict(told))
    return document


def load(folder: Path, results: Mapping[str, Any]) -> LabelReview | None:
    """Return the review beside results; None without one.

    Raises ResultsError for a file that is broken, or that belongs to other results.
    """
    file = folder_of(folder) / LABEL_REVIEW
    if not file.is_file():
        return None
    return parsed(read_file(file, ResultsError, limit=DOCUMENT), results, str(file))


def parsed(content: bytes, results: Mapping[str, Any], where: str = LABEL_REVIEW) -> LabelReview:
    """Return the review that a file's content holds.

    Raises ResultsError as ``load`` does.
    """
    document = documents.json_object(content, ResultsError, where, AGAIN)
    if document.pop("schema", None) != SCHEMA:
        raise ResultsError(f"is no label review of schema {SCHEMA}", where=where, hint=AGAIN)
    try:
        told = TypeAdapter(LabelReview).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{documents.key_path(first['loc'])}: {first['msg']}"
        raise ResultsError(f"is no label review: {problem}", where=where, hint=AGAIN) from None
    if told.results != results[DIGESTS][RESULTS]:
        raise ResultsError(f"belongs to another {RESULTS}", where=where, hint=AGAIN)
    for each in _intervals(told):
        if not 0.0 <= each.low <= each.value <= each.high <= 1.0:
            problem = f"{each.value:g} [{each.low:g}, {each.high:g}] is no share with its interval"
            raise ResultsError(problem, where=where, hint=AGAIN)
    return told


def _intervals(told: LabelReview) -> Iterator[Interval]:
    if told.controls.share is not None:
        yield told.controls.share
    yield from (each.share for each in told.preserved)
    for rate in told.corrected:
        yield rate.measured
        yield rate.corrected
