"""Command ``audit export``: results for the tools of others.

It does not import torch.
"""

from __future__ import annotations

from argparse import Namespace

from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import one_line
from auditor.plugins import registry
from auditor.results import mlflow_run, timings, verification
from auditor.verdicts import advice


def run(options: Namespace) -> int:
    """Log a results folder as a run of MLflow."""
    audited = verification.load(options.results)
    registry.sibling("reports")
    from reports import scorecard

    costs = timings.costs_of(options.results)
    page = scorecard.render(audited.results, advice.next_steps(audited.results), costs)
    page = page.encode("utf-8", "backslashreplace").decode("utf-8")
    identity = mlflow_run.log(audited, page, experiment=options.experiment, run=options.run_name)
    INTERRUPTS.settle(0)
    print(one_line(f"mlflow run {identity}"))
    return 0
