"""Command ``audit export-cases``: failing cases as a file to keep.

It does not import torch.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import ResultsError, UsageError, one_line
from auditor.results import case_files, failing_cases, verification
from auditor.storage import files

WRITERS = {"auditor": case_files.json_lines, "inspect": case_files.inspect_samples}
"""Value of ``--format`` → what writes the lines."""


def run(options: Namespace) -> int:
    """Write cases of a results folder; say what is left out."""
    out: Path | None = options.out
    suffix = ".jsonl" if out is None else out.suffix.lower()
    if suffix not in (".jsonl", ".csv"):
        raise UsageError(f"--out {out} is neither .jsonl nor .csv", hint="--out kept.jsonl")
    if suffix == ".csv" and options.format != "auditor":
        raise UsageError(f"--format {options.format} is written as .jsonl", hint="--out cases.jsonl")
    audited = verification.load(options.results)
    selected = failing_cases.select(audited, options.results, probe=options.probe, failed=options.failed)
    for line in failing_cases.left_out_in_words(selected.left_out):
        print(one_line(line), file=sys.stderr)
    for name in selected.without:
        print(one_line(f"no single case stands under the failed verdict of {name}"), file=sys.stderr)
    cases = selected.cases
    told = f"{len(cases):,} case{'s' * (len(cases) != 1)}"
    if not cases:
        INTERRUPTS.settle(0)
        print("no case to keep; nothing was written", file=sys.stderr)
        return 0
    content = case_files.spreadsheet(cases) if suffix == ".csv" else WRITERS[options.format](cases)
    if out is None:
        print(content.decode("ascii"), end="")
        print(told, file=sys.stderr)
    else:
        files.write_whole(out, content, ResultsError)
        print(one_line(f"{out}: {told}"))
    INTERRUPTS.settle(0)
    return 0
