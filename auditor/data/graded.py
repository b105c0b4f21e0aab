"""Answers that another tool has graded: lm-evaluation-harness and inspect_ai.

lm-evaluation-harness writes ``samples_<task>_<time>.jsonl`` with ``--log_samples``, a row an example: ``doc_id``,
``filter``, ``metrics`` (names) and each metric's value. The ``.json`` log of inspect_ai holds ``eval`` (``task``,
``model``), ``status`` and ``samples``: ``id``, ``epoch``, ``scores`` (scorer → ``value``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from auditor.data import tables
from auditor.errors import DataError, near_or_known
from auditor.storage import documents
from auditor.storage.documents import short
from auditor.storage.reading import read_file

Tool: TypeAlias = Literal["lm-evaluation-harness", "inspect_ai"]
GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Grades of inspect_ai (correct, partial, incorrect, no answer) → what its ``value_to_float`` makes of them."""
_HARNESS = re.compile(r"samples_(.+?)(_\d{4}-\d\d-\d\dT[\d.:-]+)?")
_USUAL = ("acc", "exact_match")
"""Metrics that are taken where none is named, the first that a file has."""


@dataclass(frozen=True, slots=True)
class Graded:
    """The graded examples of one file."""

    tool: Tool
    task: str
    """What the tool calls it."""
    model: str | None
    """What the tool calls it; None where the file does not say."""
    metric: str
    """The tool's metric or scorer that was read."""
    scores: tuple[tuple[str, float], ...]
    """Id of the example and score in [0, 1]; an example that was asked several times has several."""
    sha256: str
    """Of the examples (ids, inputs, targets): the same for every model that answered them."""


def read(path: Path, metric: str | None = None, filter_: str | None = None) -> Graded:
    """Read a file of graded answers.

    ``metric``: the metric or scorer to read; None: ``acc`` or ``exact_match``, else the only one. ``filter_``: of
    lm-evaluation-harness, where a file has several. Raises DataError in one line with file, row and field.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return _harness(path, metric, filter_)
    if suffix == ".json":
        return _inspect(path, metric)
    hint = "samples_*.jsonl of lm-evaluation-harness (--log_samples), or a .json log of inspect_ai"
    if suffix == ".eval":
        hint = "convert it first: inspect log convert --to json"
    raise DataError(f"is no file of graded answers: {path.suffix or 'no ending'}", where=str(path), hint=hint)


def _harness(path: Path, metric: str | None, filter_: str | None) -> Graded:
    where = str(path)
    named = _HARNESS.fullmatch(path.stem)
    if named is None:
        raise DataError(
            "its name does not tell the task", where=where, hint="samples_<task>.jsonl, as the tool names it"
        )
    rows = list(tables.read(path).rows)
    for number, row in rows:
        for name in ("doc_id", "target"):
            if name not in row:
                hint = "is it a file of lm-evaluation-harness, written with --log_samples?"
                raise DataError(f"has no field {name!r}", where=f"{where}: row {number}", hint=hint)
    filters = list(dict.fromkeys(str(row.get("filter", "none")) for _, row in rows))
    chosen = filter_ or filters[0]
    if chosen not in filters:
        raise DataError(f"no filter is called {chosen!r}", where=where, hint=near_or_known(chosen, filters))
    if filter_ is None and len(filters) > 1:
        raise DataError(f"has the filters {', '.join(filters)}", where=where, hint=f"--filter {filters[0]}")
    rows = [(number, row) for number, row in rows if str(row.get("filter", "none")) == chosen]
    known = rows[0][1].get("metrics")
    names = known if isinstance(known, list) else [name for name in _USUAL if name in rows[0][1]]
    name = _chosen(metric, [str(each) for each in names], where)
    scores: dict[str, float] = {}
    asked = [(str(row["doc_id"]), row.get("doc"), row["target"]) for _, row in rows]
    for number, row in rows:
        key = str(row["doc_id"])
        if key in scores:
            raise DataError(f"doc_id {short(row['doc_id'])} occurs twice", where=f"{where}: row {number}")
        scores[key] = _score(row.get(name), name, f"{where}: row {number}")
    return Graded("lm-evaluation-harness", named[1], None, name, tuple(scores.items()), _digest(asked))


def _inspect(path: Path, scorer: str | None) -> Graded:
    where = str(path)
    # inspect_ai writes NaN where a score is none; it is refused where it stands for a score.
    log = documents.json_object(read_file(path, DataError), DataError, where, strict=False)
    about = log.get("eval")
    if not isinstance(about, dict) or not all(isinstance(about.get(name), str) for name in ("task", "model")):
        raise DataError("has no eval.task and eval.model", where=where, hint="is it a log of inspect_ai?")
    if log.get("status") != "success":
        raise DataError(f"status = {short(log.get('status'))}", where=where, hint="only a finished log is imported")
    samples = log.get("samples")
    if not isinstance(samples, list) or not samples:
        raise DataError("has no samples", where=where, hint="was it written with --no-log-samples?")
    scores, asked = [], []
    name = scorer
    for number, sample in enumerate(samples, 1):
        place = f"{where}: sample {number}"
        graded = sample.get("scores") if isinstance(sample, dict) else None
        if not isinstance(graded, dict) or not graded or "id" not in sample:
            raise DataError("has no id or no scores", where=place, hint="only a finished log is imported")
        name = _chosen(name, list(graded), place)
        value = graded[name].get("value") if isinstance(graded[name], dict) else None
        grade = GRADES.get(value, value) if isinstance(value, str) else value
        asked.append((str(sample["id"]), sample.get("input"), sample.get("target")))
        scores.append((str(sample["id"]), _score(grade, f"scores.{name}.value", place)))
    return Graded("inspect_ai", about["task"], about["model"], str(name), tuple(scores), _digest(asked))


def _digest(asked: Iterable[tuple[str, Any, Any]]) -> str:
    """Return the digest of examples, in any order."""
    lines = sorted({json.dumps(each, sort_keys=True) for each in asked})
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()


def _chosen(wanted: str | None, names: list[str], where: str) -> str:
    """Return the metric to read. Raises DataError where it is not clear."""
    if wanted is not None:
        if wanted not in names:
            raise DataError(f"no metric is called {wanted!r}", where=where, hint=near_or_known(wanted, names))
        return wanted
    usual = [name for name in _USUAL if name in names]
    if not usual and len(names) != 1:
        problem = f"has the metrics {', '.join(names)}" if names else "has no metric"
        raise DataError(problem, where=where, hint="name it with --metric")
    return (usual or names)[0]


def _score(value: Any, name: str, where: str) -> float:
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        shown = json.dumps(value) if isinstance(value, float) else short(value)
        raise DataError(f"{name} = {shown} should be a number from 0 to 1", where=where, hint="another with --metric?")
    return float(value)


def by_task(files: Mapping[Path, Graded]) -> Iterator[tuple[Path, Graded]]:
    """Yield the files, each of another task and all of one tool.

    Raises DataError.
    """
    tasks: dict[str, Path] = {}
    tools: dict[str, Path] = {}
    for path, graded in files.items():
        if graded.task in tasks:
            raise DataError(f"is of the task {graded.task!r}, as {tasks[graded.task]} is", where=str(path))
        tasks[graded.task] = path
        tools.setdefault(graded.tool, path)
        if len(tools) > 1:
            hint = "import the files of each tool apart"
            raise DataError(f"is of {graded.tool}, unlike {next(iter(tools.values()))}", where=str(path), hint=hint)
        yield path, graded
