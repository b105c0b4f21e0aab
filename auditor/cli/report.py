"""``audit report``: results.json → the page, byte for byte; nothing else is read."""

from __future__ import annotations

from argparse import Namespace

from auditor import registry, results
from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import ResultsError, one_line

PAGES = (".html", ".htm")
"""What may be written over."""


def run(options: Namespace) -> int:
    """Render the scorecard of a results folder again."""
    found = results.load(options.results)
    registry.sibling("reports")
    from reports import scorecard

    out = options.out or results.folder_of(options.results) / results.PAGE
    if out.exists() and out.suffix not in PAGES:
        raise ResultsError("is there already and is no page", where=str(out), hint="name a file that ends in .html")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(scorecard.render(found), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise ResultsError(f"cannot be written: {error.strerror}", where=str(out)) from None
    INTERRUPTS.settle(0)
    print(one_line(str(out)))
    return 0
