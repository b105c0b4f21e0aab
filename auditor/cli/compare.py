"""Command ``audit compare``: two results folders, slice by slice.

It does not import torch.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

from auditor.cli.decision import GREEN, RED, YELLOW, for_programs, has_colours, painted
from auditor.cli.interrupts import INTERRUPTS
from auditor.cli.languages import ENGLISH
from auditor.cli.report import PAGES
from auditor.cli.tolerances import tolerances_of
from auditor.errors import ResultsError, UsageError, one_line
from auditor.results import comparing
from auditor.storage import files
from auditor.types import in_words

COLOURS = {"worse": RED, "cannot tell": YELLOW, "better": GREEN}
SHOWN = 10
"""Lines of one conclusion; the page and JSON have all."""


def run(options: Namespace) -> int:
    """Compare two results folders and print what changed.

    Neither folder is changed.
    """
    if options.out is not None and options.out.suffix not in PAGES:
        raise ResultsError("is not a page", where=str(options.out), hint="name a file that ends in .html")
    if options.out is None and options.language != ENGLISH:
        raise UsageError(f"--language {options.language}: no page is written", hint="--out comparison.html")
    compared = comparing.compare(
        options.old,
        options.new,
        policy=options.policy,
        unpaired=options.unpaired,
        tolerances=tolerances_of(options.tolerance),
    )
    content = compared.document()
    if options.out is not None:
        from auditor.api.comparing import page

        files.write_whole(options.out, page(content, options.language).encode(), ResultsError)
    INTERRUPTS.settle(0)
    if options.json:
        print(for_programs(content))
        return 0
    coloured = has_colours()
    for conclusion, line in lines(content):
        print(painted(one_line(line), COLOURS.get(conclusion), coloured))
    if options.out is not None:
        print(one_line(str(options.out)))
    return 0


def lines(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield conclusion and line of every slice, worst first, then sums."""
    label = "" if content["paired"] else ", unpaired"
    old, new = content["old"]["candidate"], content["new"]["candidate"]
    same = " (one model, by its fingerprint)" if content["same_model"] else ""
    yield "", f"{new} compared with {old}{label}{same}; differences are new − old"
    for conclusion, number in content["counts"].items():
        of_it = [change for change in content["changes"] if change["conclusion"] == conclusion]
        for change in of_it[:SHOWN]:
            yield conclusion, f"{conclusion:>19}  {_line(change)}"
        if number > SHOWN:
            yield conclusion, f"{conclusion:>19}  … {number - SHOWN} more: --json and --out list them"
    for item in content["not_compared"]:
        where = f" [{in_words(item['slice'])}]" if item["slice"] else ""
        several = f" ({item['slices']} slices)" if item["slices"] > 1 else ""
        yield "", f"{'not compared':>19}  {item['probe']} {item['metric']}{where}{several}: {item['reason']}"
    counts = ", ".join(f"{number} {conclusion}" for conclusion, number in content["counts"].items())
    yield "", f"{len(content['changes'])} slices compared{label}: {counts}"


def _line(change: Mapping[str, Any]) -> str:
    place = f" [{in_words(change['slice'])}]" if change["slice"] else ""
    numbers = f"{change['old']:.3f} → {change['new']:.3f}, {change['value']:+.3f}"
    bounds = f"95 % interval {change['low']:+.3f} to {change['high']:+.3f}, tolerance {change['tolerance']:g}"
    return f"{change['probe']} {change['metric']}{place} {numbers} ({bounds}, {_facts(change)}): {change['reason']}"


def _facts(change: Mapping[str, Any]) -> str:
    old, new = change["clusters_old"], change["clusters_new"]
    if not change["paired"]:
        return f"unpaired, n = {old} and {new}"
    of = "" if change["clusters"] == old == new else f" common of {old} and {new}"
    p = "" if change["p"] is None else f", {'McNemar ' if change['mcnemar'] else ''}p = {change['p']:.3g}"
    return f"n = {change['clusters']}{of}{p}"
