"""Command ``audit report``: judge a results folder and render its page.

The same files and policy give the same bytes.
"""

from __future__ import annotations

from argparse import Namespace

from auditor import results
from auditor.cli.against import judged
from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import ResultsError, one_line
from auditor.plugins import registry
from auditor.results import label_review, timings
from auditor.storage import files
from auditor.verdicts import advice

PAGES = (".html", ".htm")
"""Suffixes of files that may be overwritten."""


def run(options: Namespace) -> int:
    """Render the scorecard of a results folder and write it.

    ``--against`` an earlier folder, its rows say how they changed.
    """
    audited, compared = judged(options)
    registry.sibling("reports")
    from reports import scorecard

    out = options.out or results.folder_of(options.results) / results.PAGE
    if out.exists() and out.suffix not in PAGES:
        raise ResultsError("already exists and is not a page", where=str(out), hint="name a file that ends in .html")
    costs = timings.costs_of(options.results)
    labelled = label_review.load(options.results, audited.results)
    page = scorecard.render(
        audited.results,
        advice.next_steps(audited.results),
        costs,
        () if compared is None else compared.regressions(),
        review=labelled,
        language=options.language,
    )
    files.write_whole(out, page.encode("utf-8", "backslashreplace"), ResultsError)
    INTERRUPTS.settle(0)
    print(one_line(str(out)))
    return 0
