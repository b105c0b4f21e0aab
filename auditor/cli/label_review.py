"""Tables of changed texts for hand labels, written and read back.

It does not import torch.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from auditor import results
from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import DataError, ResultsError, UsageError, one_line
from auditor.results import blinded, label_review
from auditor.storage import files
from auditor.types import Interval, LabelReview, in_words
from auditor.types.given import COMMENT, ID, VERDICT

ENDING = "-labels.csv"
"""How the name of the table ends that stands beside a results folder."""


def is_export(options: Namespace) -> bool:
    """Tell whether a table is to be written.

    Raises UsageError for flags that do not go together.
    """
    if options.export is None:
        for flag in ("rows", "out"):
            if getattr(options, flag) is not None:
                raise UsageError(f"--{flag} goes with --export", hint="audit review --export audit/")
        if options.file is None:
            raise UsageError("name a filled-in table, or a folder with --export", hint="audit review audit/review.csv")
        return False
    if options.file is not None or options.results is not None or options.json:
        raise UsageError("--export takes a results folder, --rows and --out alone", hint="audit review --export audit/")
    if options.rows is not None and options.rows < 1:
        raise UsageError(f"--rows {options.rows}: must be at least 1")
    return True


def export(options: Namespace) -> int:
    """Write changed texts and controls for a reviewer; no file is replaced."""
    known = _population(options.export)
    wanted = options.rows or blinded.CHANGED
    rows = blinded.drawn(known, wanted)
    folder = results.folder_of(options.export).resolve()
    out: Path = options.out or folder.with_name(f"{folder.name}{ENDING}")
    files.write_whole(out, label_review.written(known, rows), ResultsError, over=False)
    INTERRUPTS.settle(0)
    controls = sum(row.stratum is None for row in rows)
    changed = len(rows) - controls
    successes = sum(row.stratum is not None and row.stratum.kind == blinded.ATTACKED for row in rows)
    print(one_line(str(out)))
    parts = f"{successes} attack successes, {changed - successes} perturbed texts, {controls} unchanged texts"
    print(one_line(f"{len(rows)} rows: {parts} ({controls / len(rows):.0%} controls)"))
    if changed < wanted:
        print(f"fewer than {wanted} changed texts: no two rows are of one example or group")
    answers = ", ".join(known.answers)
    print(one_line(f"fill in column {label_review.answer_column(known)} ({answers}), then: audit review FILE"))
    return 0


def is_labels(rows: list[tuple[int, dict[str, str]]]) -> bool:
    """Tell whether a file is a table of changed texts.

    It has opaque ids, or, where all ids were changed, no columns but those of such a table.
    """
    if any(blinded.is_id(row[ID]) for _, row in rows):
        return True
    return bool(rows) and VERDICT not in rows[0][1] and list(rows[0][1])[-2:] == [label_review.LABEL, COMMENT]


def read_back(options: Namespace, rows: list[tuple[int, dict[str, str]]]) -> int:
    """Say what the labels show, and write it beside the results."""
    file: Path = options.file
    folder = options.results or _folder_of(file)
    content = results.load(folder)
    records = results.records_of(content, folder)
    known = blinded.population(content, records, folder)
    column = label_review.answer_column(known)
    if rows and column not in rows[0][1]:
        names = ", ".join(map(repr, list(rows[0][1])[:20]))
        raise DataError(f"has no column {column!r}", where=str(file), hint=f"columns: {names}")
    told = label_review.review(known, label_review.answers(file, rows, known), records, content["candidate"])
    written = label_review.store(folder, told)
    INTERRUPTS.settle(0)
    if options.json:
        print(json.dumps(label_review.as_json(told), indent=2))
        return 0
    for line in _lines(told):
        print(one_line(line))
    print(one_line(f"{written}: audit report and audit gate read it"))
    return 0


def _population(folder: Path) -> blinded.Population:
    content = results.load(folder)
    return blinded.population(content, results.records_of(content, folder), folder)


def _folder_of(file: Path) -> Path:
    """Return the results folder that a table was written beside."""
    beside = file.with_name(file.name.removesuffix(ENDING)) if file.name.endswith(ENDING) else file.parent
    if not (beside / results.RESULTS).is_file():
        hint = "name the folder of the audit that wrote it with --results"
        raise ResultsError(f"no {results.RESULTS} for it", where=str(file), hint=hint)
    return beside


def _lines(told: LabelReview) -> Iterator[str]:
    for each in told.preserved:
        place = f" [{in_words(each.slice)}]" if each.slice else ""
        undecided = f", {each.undecided} unclear" if each.undecided else ""
        stands = f", for {each.weight:.0%} of them" if each.weight < 0.995 else ""
        counts = f"{each.kept} of {each.judged} {each.of}{undecided}{stands}"
        yield f"{each.probe}{place}: label preservation {_share(each.share)} ({counts})"
    controls = told.controls
    if controls.share is None:
        yield "unchanged texts: none was labelled, so that nothing says how often the reviewer agrees with the labels"
    else:
        undecided = f", {controls.undecided} unclear" if controls.undecided else ""
        counts = f"{controls.agreed} of {controls.judged} controls{undecided}"
        yield f"unchanged texts: agreement with their labels {_share(controls.share)} ({counts})"
    for rate in told.corrected:
        measured, corrected = _share(rate.measured), _share(rate.corrected)
        yield f"{rate.probe} {rate.metric} [{in_words(rate.slice)}]: {measured} measured"
        yield f"  {corrected} counting only changes whose label survives"


def _share(share: Interval) -> str:
    return f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}]"
