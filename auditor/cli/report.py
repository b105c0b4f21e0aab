"""``audit report``: results.json → the page, byte for byte; nothing else is read."""

from __future__ import annotations

from argparse import Namespace

from auditor import registry, results
from auditor.errors import ResultsError


def run(options: Namespace) -> int:
    """Render the scorecard of a results folder again."""
    found = results.load(options.results)
    registry.sibling("reports")
    from reports import scorecard

    folder = options.results if options.results.is_dir() else options.results.parent
    out = options.out or folder / results.PAGE
    try:
        out.write_text(scorecard.render(found), encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"cannot be written: {error.strerror}", where=str(out)) from None
    print(out)
    return 0
