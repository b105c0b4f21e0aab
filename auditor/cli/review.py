"""Command ``audit review``: what a reviewer says of listed rows.

It does not import torch.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auditor import results
from auditor.cli import label_review
from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import ResultsError, one_line
from auditor.results import reviewing
from auditor.results.canonical_json import plain
from auditor.results.reviewing import Corrected, Share
from auditor.types import Measurement, ProbeRecord, Table
from auditor.types.given import ID

ONLY_LISTED = "This is said of the rows listed, which were chosen for review: it is no share of all rows."
ONE_SIDED = (
    "Rows that nobody judged keep their labels, and rows whose wrong label is also the model's answer are hardly ever "
    "listed: the corrected number leans upwards."
)


def run(options: Namespace) -> int:
    """Read a filled-in table and print what it says.

    Nothing is changed, but that what hand labels of changed texts say is kept beside the results. With ``--export``,
    write the table of such texts.
    """
    if label_review.is_export(options):
        return label_review.export(options)
    file: Path = options.file
    rows = reviewing.rows_of(file, (ID,))
    if label_review.is_labels(rows):
        return label_review.read_back(options, rows)
    rows = reviewing.rows_of(file)
    folder = options.results or file.parent
    if options.results is None and not (folder / results.RESULTS).is_file():
        hint = "name the folder of the audit that wrote it with --results"
        raise ResultsError(f"no {results.RESULTS} beside it", where=str(file), hint=hint)
    audited = results.load(folder)
    records = results.records_of(audited, folder)
    recorded, table = reviewing.table_for(audited, file, rows)
    judged = reviewing.judgements(file, rows, table)
    record = records[audited["records"].index(recorded)]
    shares = list(reviewing.shares(table, judged))
    corrected = list(reviewing.corrected(record, table, judged))
    INTERRUPTS.settle(0)
    if options.json:
        print(json.dumps(_as_json(record, table, shares, corrected), indent=2))
    else:
        titles = {metric.name: metric.title for metric in record.metrics}
        for line in _lines(table, shares, corrected, titles.get(table.corrects or "", "")):
            print(one_line(line))
    return 0


def _lines(table: Table, shares: Sequence[Share], corrected: Sequence[Corrected], title: str) -> Iterator[str]:
    yield table.title
    for share in shares:
        counts = f"{share.judged} of {share.listed} rows judged"
        undecided = f", {share.undecided} more left undecided" if share.undecided else ""
        if share.share is None:
            yield f"  {table.by} {share.value}: {counts}{undecided}"
            continue
        interval = f"{share.share:.1%} (95 % interval {share.low:.1%} to {share.high:.1%})"
        yield f"  {table.by} {share.value}: {share.confirmed} {table.verdicts[0]}, {interval}; {counts}{undecided}"
    if any(share.judged for share in shares):
        yield ONLY_LISTED
    for change in corrected:
        left = f", {change.left_out} left out whose right label is not named" if change.left_out else ""
        before, after = _in_words(change.before), _in_words(change.after)
        yield f"{title}, {table.by} {change.value}: {before} as labelled"
        yield f"  {after} with {change.corrected} labels corrected{left}"
    if corrected:
        yield ONE_SIDED


def _in_words(measurement: Measurement) -> str:
    bounds = f"95 % interval {measurement.low:.3f} to {measurement.high:.3f}"
    return f"{measurement.value:.3f} ({bounds}, n = {measurement.n_clusters:,})"


def _as_json(
    record: ProbeRecord, table: Table, shares: Sequence[Share], corrected: Sequence[Corrected]
) -> dict[str, Any]:
    kept = ("metric", "slice", "value", "low", "high", "n_cases", "n_clusters", "method")
    changes = [
        {
            **{"value": change.value, "corrected": change.corrected, "left_out": change.left_out},
            **{
                name: {key: plain(getattr(measurement, key)) for key in kept}
                for name, measurement in (("before", change.before), ("after", change.after))
            },
        }
        for change in corrected
    ]
    told = {
        "model": record.model,
        "probe": record.probe,
        "table": table.name,
        "by": table.by,
        "verdict": table.verdicts[0],
    }
    return {**told, "shares": [plain(asdict(share)) for share in shares], "corrected": changes}
