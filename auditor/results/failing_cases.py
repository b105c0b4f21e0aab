"""Cases of a results folder that can be asked again, for files.

They come from ``cases.parquet``, whose digest ``results.json`` holds.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.data.kept_cases import RIGHT, SAME, KeptCase
from auditor.errors import ResultsError, near_or_known
from auditor.results.folder import CASES, folder_of
from auditor.results.parquet import NO_TEXTS, CaseWriter
from auditor.results.verification import Audited
from auditor.storage.reading import open_file
from auditor.types import Slice, in_words

AGAIN = "the same case in another slice"
VACUOUS = "the model reads the text after as the text before"


@dataclass(frozen=True, slots=True)
class Selected:
    """Cases for a file, and those left out."""

    cases: tuple[KeptCase, ...]
    left_out: Mapping[str, int]
    """Why → how many cases."""
    without: tuple[str, ...] = ()
    """Failed verdicts under which no single case stands."""


def select(audited: Audited, folder: Path, *, probe: str | None = None, failed: bool = True) -> Selected:
    """Return the candidate's cases that can be asked again.

    ``failed``: only those of slices whose verdict is a failure, and of these the cases whose answer is wrong, or
    without a gold another one. ``probe``: of this probe alone. Raises ResultsError: an unknown probe, no
    ``cases.parquet``, results of an earlier auditor, results without texts.
    """
    probes = sorted({record.probe for record in audited.records})
    if probe is not None and probe not in probes:
        raise ResultsError(f"no probe is called {probe!r}", where=str(folder), hint=near_or_known(probe, probes))
    wanted = [(name, slice_) for name, slice_ in (_failed_slices(audited) if failed else ()) if probe in (None, name)]
    kept: dict[str, KeptCase] = {}
    left_out: Counter[str] = Counter()
    with_cases: set[int] = set()
    for row in _rows(folder_of(folder) / CASES, audited.results["candidate"], probe):
        if failed:
            slice_ = json.loads(row["slice"])
            places = [place for place, each in enumerate(wanted) if _stands_under(row["probe"], slice_, each)]
            with_cases.update(places)
            if not places or not _fails(row):
                continue
        reason = row["not_kept"] or (VACUOUS if row["vacuous"] and failed else None)
        case = _case(row, audited.results["task"]["name"]) if reason is None else None
        if case is None or case.id in kept:
            left_out[reason or AGAIN] += 1
        else:
            kept[case.id] = case
    if not kept and set(left_out) == {NO_TEXTS}:
        problem = "holds no texts, so that no case can be asked again"
        raise ResultsError(problem, where=str(folder), hint="run the audit again without --no-texts")
    without = tuple(
        f"{name} [{in_words(slice_)}]" for place, (name, slice_) in enumerate(wanted) if place not in with_cases
    )
    return Selected(tuple(kept.values()), dict(sorted(left_out.items())), without)


def _failed_slices(audited: Audited) -> Iterator[tuple[str, Slice]]:
    """Yield probe and slice of each failed verdict, each once."""
    seen = set()
    for verdict in audited.decision.verdicts:
        name, slice_ = audited.policy.rules[verdict.rule].probe, verdict.slice or {}
        key = (name, tuple(sorted(slice_.items())))
        if verdict.outcome == "fail" and key not in seen:
            seen.add(key)
            yield name, slice_


def _stands_under(probe: str, slice_: Slice, wanted: tuple[str, Slice]) -> bool:
    return probe == wanted[0] and wanted[1].items() <= slice_.items()


def _fails(row: Mapping[str, Any]) -> bool:
    """Whether the answer is wrong, or without a gold another one."""
    return not row["same"] if row["right"] is None else not row["right"]


def _rows(file: Path, model: str, probe: str | None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a model, in bounded memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    missing = "is missing: cases are read from it"
    try:
        with open_file(file, ResultsError, missing=missing) as stream, pq.ParquetFile(stream) as parquet:
            absent = [name for name in CaseWriter.COLUMNS if name not in parquet.schema_arrow.names]
            if absent:
                problem = f"has no column {absent[0]!r}: it is of an earlier auditor"
                raise ResultsError(problem, where=str(file), hint="run the audit again")
            for batch in parquet.iter_batches(columns=list(CaseWriter.COLUMNS)):
                yield from (row for row in batch.to_pylist() if row["model"] == model and probe in (None, row["probe"]))
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"cannot be read: {error}", where=str(file)) from None


def _case(row: Mapping[str, Any], task: str) -> KeptCase:
    gold = None if row["expected"] is None else json.loads(row["expected"])
    asked = [row["probe"], row["before"], row["after"], row["expected"]]
    digest = hashlib.sha256(json.dumps(asked).encode("ascii")).hexdigest()
    return KeptCase(
        id=f"{row['probe']}:{digest[:12]}",
        task=task,
        model=row["model"],
        probe=row["probe"],
        slice=json.loads(row["slice"]),
        example=row["example"],
        cluster=row["cluster"],
        expect=SAME if row["expected"] is None else RIGHT,
        before=json.loads(row["before"]),
        after=json.loads(row["after"]),
        gold=gold,
        answer_before=row["answer_before"],
        answer_after=row["answer_after"],
        facts=json.loads(row["facts"]),
    )


def left_out_in_words(left_out: Mapping[str, int]) -> Sequence[str]:
    """Say how many cases are left out, and why."""
    return [f"left out {count:,} case{'s' * (count > 1)}: {reason}" for reason, count in left_out.items()]
