"""Command ``audit card``: an audit as a section of a model card.

It does not import torch.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from auditor.cli.interrupts import INTERRUPTS
from auditor.errors import ResultsError, one_line
from auditor.plugins import registry
from auditor.results import model_card, verification
from auditor.storage import files
from auditor.storage.reading import read_file
from auditor.verdicts import advice


def run(options: Namespace) -> int:
    """Print the section, or write it and the metadata into a file."""
    audited = verification.load(options.results, options.policy)
    registry.sibling("reports")
    from reports import model_card as page

    section = page.render(audited.results, advice.next_steps(audited.results))
    into: Path | None = options.into
    if into is None:
        INTERRUPTS.settle(0)
        print(section, end="")
        return 0
    card = read_file(into, ResultsError) if into.exists() or into.is_symlink() else b""
    markers = model_card.Markers(page.START, page.END)
    written = model_card.with_audit(card, section, audited.results, markers, str(into))
    if written != card:
        files.write_whole(into, written, ResultsError)
    INTERRUPTS.settle(0)
    print(one_line(str(into)))
    return 0
