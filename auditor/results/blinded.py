"""Changed texts for a reviewer who must not know what they are.

The reviewer sees texts under opaque names, in an order drawn by the audit's seed, and no two texts of a cluster: beside
its original, a changed text is known. Unchanged texts stand among them as controls.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor import stats, tasks, text
from auditor.errors import ResultsError
from auditor.results.canonical_json import slice_text
from auditor.results.entries import RESULTS
from auditor.results.folder import CASES, DIGESTS, folder_of
from auditor.storage.reading import open_file
from auditor.text import spans
from auditor.types import UNPRESERVED_ROWS, ProbeRecord, Row, Slice, Task

SUCCESS, FLIP = "attack_success_rate", "flip_rate"
"""Metrics that say which texts an attack turned, and how often a perturbation did."""
ATTACKED, PERTURBED, CONTROL = "attack", "perturbation", "control"
CHANGED = 50
"""Changed texts of a file, unless the user says otherwise."""
PER_CONTROL = 4
"""Changed texts for each control: a fifth of the rows are controls."""
COLUMNS = ("model", "probe", "slice", "example", "cluster", "before", "after", "answer_before", "answer_after", "gold")
UNDECIDED = ("unclear", "cannot say", "undecided")
"""Answer that decides nothing: the first that is no label."""
_CUT = re.compile(r"… \[[\d,]+ characters? left out\] …")
"""What stands in a long text for what was left out: nobody can label such a text."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Changed texts of which a share of the rows is drawn."""

    probe: str
    kind: str
    """``ATTACKED`` or ``PERTURBED``."""
    part: tuple[tuple[str, str], ...]
    """Keys and values of a slice: an attack, or a family of perturbations."""
    turned: bool
    """Whether the change turned the answer."""

    @property
    def slice(self) -> Slice:
        """The part as a slice."""
        return dict(self.part)


@dataclass(frozen=True, slots=True)
class Shown:
    """A text that a reviewer may be shown."""

    id: str
    cluster: str
    texts: Mapping[str, str]
    gold: str
    entities: str
    """Entities that the text should have, in words; empty where the task labels whole texts."""
    stratum: Stratum | None
    """None: a control."""


@dataclass(frozen=True, slots=True)
class Population:
    """All texts that a review may be about."""

    task: Task
    seed: int
    digest: str
    """Of ``results.json``."""
    shown: Mapping[str, Shown]
    """By opaque id."""

    @property
    def strata(self) -> dict[Stratum, list[Shown]]:
        """The changed texts by stratum, in a fixed order."""
        by_stratum: dict[Stratum, list[Shown]] = {}
        for each in self.shown.values():
            if each.stratum is not None:
                by_stratum.setdefault(each.stratum, []).append(each)
        return by_stratum

    @property
    def by_label(self) -> bool:
        """Whether the reviewer names a label; else whether entities are right."""
        return "one_label" in self.task.offers

    @property
    def answers(self) -> tuple[str, ...]:
        """What a reviewer may answer; the last answer decides nothing."""
        decided = tuple(self.task.labels) if self.by_label else ("yes", "no")
        return (*decided, next(word for word in UNDECIDED if word not in decided))


def population(results: Mapping[str, Any], records: Sequence[ProbeRecord], folder: Path) -> Population:
    """Return every changed text of the candidate, and controls.

    Raises ResultsError where no text was kept, nothing was changed, or the task has no labels that a person can give.
    """
    recorded = results["task"]
    task = tasks.create(recorded["name"], recorded["labels"], settings=recorded.get("settings"))
    if not {"one_label", "labelled_spans"} & task.offers:
        raise ResultsError(f"texts of the task {task.name} have no label that a reviewer can give", where=RESULTS)
    file, digest = folder_of(folder) / CASES, results[DIGESTS][RESULTS]
    reviewed = {
        record.probe: record
        for record in records
        if record.model == results["candidate"] and record.limitation in UNPRESERVED_ROWS and _turning(record)
    }
    cases = [case for case in _read(file, results["candidate"], frozenset(reviewed)) if case["gold"] is not None]
    if cases and all(case["before"] is None for case in cases):
        raise ResultsError("holds no texts", where=str(file), hint="run the audit again without --no-texts")
    shown: dict[str, Shown] = {}
    for each in _changed(cases, reviewed, task, digest):
        shown[each.id] = each
    if not shown:
        hint = "audit with the probes adversarial or noise"
        raise ResultsError("no text was changed that a reviewer could label", where=str(file), hint=hint)
    for case in cases:
        control = _shown(case, "before", task, None, _id(digest, CONTROL, case["example"]))
        if control is not None:
            shown.setdefault(control.id, control)
    return Population(task, results["seed"], digest, shown)


def _turning(record: ProbeRecord) -> str | None:
    """Return the metric that counts turned answers, if there is any."""
    names = {measurement.metric for measurement in record.measurements}
    return next((name for name in (SUCCESS, FLIP) if name in names), None)


def _read(file: Path, model: str, probes: frozenset[str]) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    missing = "is missing: a reviewer's texts come from it"
    try:
        with open_file(file, ResultsError, missing=missing) as stream, pq.ParquetFile(stream) as parquet:
            table = parquet.read(columns=[*COLUMNS, "invalid"])
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"cannot be read: {error}", where=str(file)) from None
    wanted = pc.and_(
        pc.equal(table["model"], model), pc.is_in(table["probe"], value_set=pa.array(sorted(probes), pa.string()))
    )
    cases: list[dict[str, Any]] = table.filter(wanted).to_pylist()
    return [case for case in cases if not case["invalid"]]


def _changed(
    cases: Iterable[Mapping[str, Any]], records: Mapping[str, ProbeRecord], task: Task, digest: str
) -> Iterator[Shown]:
    """Yield each changed text with its stratum.

    Of attacks only successes are shown: a failed attack leaves the text as it was, or the answer.
    """
    successes = {name: _successes(record) for name, record in records.items()}
    edited = [case for case in cases if case["before"] != case["after"]]
    tried: dict[tuple[str, str, str], int] = {}
    for case in edited:
        key = (case["probe"], case["slice"], case["cluster"])
        tried[key] = tried.get(key, 0) + 1
    for case in edited:
        turned = case["answer_before"] != case["answer_after"]
        slice_: dict[str, str] = json.loads(case["slice"])
        kind = ATTACKED if _turning(records[case["probe"]]) == SUCCESS else PERTURBED
        if kind == ATTACKED:
            key = (case["probe"], case["slice"], case["cluster"])
            won = successes[case["probe"]].get(key[1:], 0.0)
            turned = won >= tried[key] or (won > 0 and turned)
            if not turned:
                continue
        else:
            slice_ = {"family": slice_["family"]} if "family" in slice_ else dict([next(iter(slice_.items()))])
        stratum = Stratum(case["probe"], kind, tuple(slice_.items()), turned)
        name = _id(digest, kind, case["probe"], case["slice"], case["example"])
        each = _shown(case, "after", task, stratum, name)
        if each is not None:
            yield each


def _successes(record: ProbeRecord) -> dict[tuple[str, str], float]:
    """Return slice and cluster → number of successful attacks."""
    return {
        (slice_text(measurement.slice), row.cluster): row.total
        for measurement in record.measurements
        if measurement.metric == SUCCESS
        for row in measured_rows(measurement.rows)
    }


def measured_rows(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of cases, without those of clean answers alone."""
    return [row for row in rows if row.arm not in stats.CLEAN_ARMS]


def _shown(case: Mapping[str, Any], side: str, task: Task, stratum: Stratum | None, name: str) -> Shown | None:
    """Return a text to label, if a person can label it.

    None where it was cut, or where its entities cannot be told.
    """
    texts: dict[str, str] = json.loads(case[side])
    if any(_CUT.search(value) for value in (*texts.values(), *json.loads(case["before"]).values())):
        return None
    entities = ""
    if "one_label" not in task.offers:
        field = task.fields[0]
        known = _entities(json.loads(case["before"])[field], texts[field], case["gold"])
        if known is None:
            return None
        entities = known
    return Shown(name, case["cluster"], texts, case["gold"], entities, stratum)


def _entities(before: str, after: str, gold: str) -> str | None:
    """Return the gold entities in the words of the changed text.

    None where they cannot be told there, or where there is none.
    """
    words, changed = text.split(before), text.split(after)
    tags = gold.split(" ")
    if len(tags) != len(words.words):
        return None
    known = spans.spans(tags)
    moved = spans.followed(known, text.origins(words, text.diff(words, changed)))
    if not known or moved is None or len(moved) < len(known):
        return None
    return "; ".join(f"{' '.join(changed.words[start:end])} ({kind})" for start, end, kind in moved)


def is_id(name: str) -> bool:
    """Tell whether a name looks like an opaque id."""
    return re.fullmatch("[0-9a-f]{12}", name) is not None


def _id(*key: str) -> str:
    return hashlib.sha256("\x1f".join(key).encode("utf-8", "backslashreplace")).hexdigest()[:12]


def drawn(known: Population, changed: int = CHANGED) -> list[Shown]:
    """Return the rows of a review in the order of the file.

    Half of the changed texts are successes of attacks and half perturbations, if there are both; each stratum gets
    equally many, as far as it has so many. No two rows are of a cluster, so that a small audit gives fewer rows.
    """
    clusters = {each.cluster for each in known.shown.values()}
    wanted = max(1, min(changed, len(clusters) * PER_CONTROL // (PER_CONTROL + 1)))
    strata = known.strata
    queues = {
        kind: [_queue(known, own) for stratum, own in strata.items() if stratum.kind == kind]
        for kind in (ATTACKED, PERTURBED)
    }
    used: set[str] = set()
    rows: list[Shown] = []
    for kind, most in ((ATTACKED, wanted // 2), (PERTURBED, wanted), (ATTACKED, wanted)):
        rows += _in_turns(queues[kind], most - len(rows), used)
    controls = [each for each in known.shown.values() if each.stratum is None]
    rows += _in_turns([_queue(known, controls)], max(1, round(len(rows) / PER_CONTROL)), used)
    return sorted(rows, key=lambda each: _place(known, "order", each.id))


def _queue(known: Population, own: Iterable[Shown]) -> list[Shown]:
    """Return one text of each cluster, in a seeded order of clusters."""
    by_cluster: dict[str, Shown] = {}
    for each in sorted(own, key=lambda each: _place(known, "text", each.id)):
        by_cluster.setdefault(each.cluster, each)
    return [by_cluster[name] for name in sorted(by_cluster, key=lambda name: _place(known, "cluster", name))][::-1]


def _in_turns(queues: Sequence[list[Shown]], most: int, used: set[str]) -> list[Shown]:
    """Take texts from the queues in turn, each of an unused cluster."""
    taken: list[Shown] = []
    while len(taken) < most and any(queues):
        for queue in queues:
            while queue and queue[-1].cluster in used:
                queue.pop()
            if queue and len(taken) < most:
                taken.append(queue.pop())
                used.add(taken[-1].cluster)
    return taken


def _place(known: Population, *key: str) -> str:
    return hashlib.sha256("\x1f".join((str(known.seed), *key)).encode("utf-8", "backslashreplace")).hexdigest()
