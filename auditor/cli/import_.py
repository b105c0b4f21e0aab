"""Command ``audit import``: graded answers of another tool as a results folder.

It does not import torch.
"""

from __future__ import annotations

from argparse import Namespace

from auditor.cli.interrupts import INTERRUPTS
from auditor.data import graded
from auditor.errors import one_line
from auditor.results import imported


def run(options: Namespace) -> int:
    """Read the files, write the folder, print the numbers."""
    read = {path: graded.read(path, options.metric, options.filter, better=options.better) for path in options.files}
    files = dict(graded.by_task(read))
    record = imported.write_folder(files, options.out, options.model_name)
    INTERRUPTS.settle(0)
    for measured in record.measurements:
        bounds = f"95 % interval {measured.low:.3f} to {measured.high:.3f}, n = {measured.n_clusters:,}"
        print(one_line(f"{measured.slice['task']}: {measured.value:.3f} ({bounds})"))
    print(one_line(f"{options.out}: judge it with audit gate --policy"))
    return 0
