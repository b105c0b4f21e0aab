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
_HIGHER = (*_USUAL, "acc_norm")
"""Metrics that are known to be better when higher."""
Better: TypeAlias = Literal["higher", "lower"]


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
    better: Better
    filter: str | None
    """Of lm-evaluation-harness: which of several readings of an answer was graded."""
    sha256: str
    """Of the examples (ids, inputs, targets): the same for every model that answered them."""


def read(path: Path, metric: str | None = None, filter_: str | None = None, *, better: Better | None = None) -> Graded:
    """Read a file of graded answers.

    ``metric``: the metric or scorer to read; None: ``acc`` or ``exact_match``, or the only scorer of inspect_ai.
    ``filter_``: of lm-evaluation-harness, where a file has several. ``better``: of a metric that auditor does not know.
    Raises DataError in one line with file, row and field.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return _harness(path, metric, filter_, better)
    if suffix == ".json":
        return _inspect(path, metric, better)
    hint = "samples_*.jsonl of lm-evaluation-harness (--log_samples), or a .json log of inspect_ai"
    if suffix == ".eval":
        hint = "convert it first: inspect log convert --to json"
    raise DataError(f"is no file of graded answers: {path.suffix or 'no ending'}", where=str(path), hint=hint)


def _harness(path: Path, metric: str | None, filter_: str | None, better: Better | None) -> Graded:
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
    chosen, rows = _filtered(rows, filter_, where)
    known = rows[0][1].get("metrics")
    names = known if isinstance(known, list) else [name for name in _USUAL if name in rows[0][1]]
    names = [_text(each, "metrics", f"{where}: row {rows[0][0]}") for each in names]
    name = _chosen(metric, names, [each for each in _USUAL if each in names], where)
    direction = _direction(name, better, known=name in _HIGHER, where=where)
    scores: dict[str, float] = {}
    asked = []
    for number, row in rows:
        key = _text(row["doc_id"], "doc_id", f"{where}: row {number}", number=True)
        asked.append((key, row.get("doc"), row["target"]))
        if key in scores:
            raise DataError(f"doc_id {short(row['doc_id'])} occurs twice", where=f"{where}: row {number}")
        scores[key] = _score(row.get(name), name, f"{where}: row {number}")
    task = _text(named[1], "task", where)
    digest = _digest(asked)
    return Graded("lm-evaluation-harness", task, None, name, tuple(scores.items()), direction, chosen, digest)


Rows: TypeAlias = list[tuple[int, Mapping[str, Any]]]


def _filtered(rows: Rows, wanted: str | None, where: str) -> tuple[str, Rows]:
    """Return the filter to read, and its rows."""
    own = [_text(row.get("filter", "none"), "filter", f"{where}: row {number}") for number, row in rows]
    filters = list(dict.fromkeys(own))
    chosen = wanted or filters[0]
    if chosen not in filters:
        raise DataError(f"no filter is called {chosen!r}", where=where, hint=near_or_known(chosen, filters))
    if wanted is None and len(filters) > 1:
        raise DataError(f"has the filters {', '.join(filters)}", where=where, hint=f"--filter {filters[0]}")
    return chosen, [row for name, row in zip(own, rows, strict=True) if name == chosen]


def _inspect(path: Path, scorer: str | None, better: Better | None) -> Graded:
    where = str(path)
    # inspect_ai writes NaN where a score is none; it is refused where it stands for a score.
    log = documents.json_object(read_file(path, DataError), DataError, where, strict=False)
    about = log.get("eval")
    if not isinstance(about, dict) or not all(isinstance(about.get(name), str) for name in ("task", "model")):
        raise DataError("has no eval.task and eval.model", where=where, hint="is it a log of inspect_ai?")
    task, model = (_text(about[name], f"eval.{name}", where) for name in ("task", "model"))
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
        names = [_text(each, "scores", place) for each in graded]
        name = _chosen(name, names, names if len(names) == 1 else [], place)
        value = graded[name].get("value") if isinstance(graded[name], dict) else None
        grade = GRADES.get(value, value) if isinstance(value, str) else value
        key = _text(sample["id"], "id", place, number=True)
        asked.append((key, sample.get("input"), sample.get("target")))
        scores.append((key, _score(grade, f"scores.{name}.value", place)))
        # A grade, unlike a number, says itself what is better.
        direction = _direction(name, better, known=isinstance(value, bool | str) or name in _HIGHER, where=place)
    return Graded("inspect_ai", task, model, str(name), tuple(scores), direction, None, _digest(asked))


def _text(value: Any, field: str, where: str, *, number: bool = False) -> str:
    """Return a name as text.

    ``number``: a whole number is one too. Raises DataError for anything else, as a name that is none would merge
    examples, and for characters that are not text.
    """
    if not isinstance(value, str) and not (number and type(value) is int):
        wanted = "a text or a whole number" if number else "a text"
        raise DataError(f"{field} = {short(value)} should be {wanted}", where=where)
    return tables.cell(value, where, field)


def _direction(name: str, better: Better | None, *, known: bool, where: str) -> Better:
    """Return which scores are better. Raises DataError where nobody says so."""
    if better is None and not known:
        hint = "--better higher, or --better lower for an error"
        raise DataError(f"nothing says whether {name} is better higher or lower", where=where, hint=hint)
    if known and better == "lower":
        raise DataError(f"{name} is better when higher", where=where, hint="leave out --better")
    return better or "higher"


def _digest(asked: Iterable[tuple[str, Any, Any]]) -> str:
    """Return the digest of examples, in any order."""
    lines = sorted({json.dumps(each, sort_keys=True) for each in asked})
    return hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest()


def _chosen(wanted: str | None, names: list[str], usual: list[str], where: str) -> str:
    """Return the metric to read: the wanted, or the first usual.

    Raises DataError where it is not clear.
    """
    if wanted is not None:
        if wanted not in names:
            raise DataError(f"no metric is called {wanted!r}", where=where, hint=near_or_known(wanted, names))
        return wanted
    if not usual:
        told = f"has the metric{'s' * (len(names) > 1)} {', '.join(names)}" if names else "has no metric"
        raise DataError(told, where=where, hint="name it with --metric, and say with --better which scores are better")
    return usual[0]


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
    better: dict[str, Path] = {}
    for path, graded in files.items():
        if graded.task in tasks:
            raise DataError(f"is of the task {graded.task!r}, as {tasks[graded.task]} is", where=str(path))
        tasks[graded.task] = path
        tools.setdefault(graded.tool, path)
        if len(tools) > 1:
            hint = "import the files of each tool apart"
            raise DataError(f"is of {graded.tool}, unlike {next(iter(tools.values()))}", where=str(path), hint=hint)
        better.setdefault(graded.better, path)
        if len(better) > 1:
            hint = "import them apart"
            raise DataError(
                f"is better {graded.better}, unlike {next(iter(better.values()))}", where=str(path), hint=hint
            )
        yield path, graded
