"""Regressions against an earlier audit, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from auditor.cli.decision import BY_CODE, COLOURS, ORDER, has_colours, painted
from auditor.errors import one_line
from auditor.results.canonical_json import plain
from auditor.types import Regression, in_words
from auditor.verdicts import regressions


def show(judgements: Sequence[Regression], not_compared: Sequence[Mapping[str, Any]] = (), *, quiet: bool) -> None:
    """Print each slice, failures last, then the decision.

    ``not_compared``: what required rules read and only their limits judge. ``quiet`` prints the decision alone.
    """
    coloured = has_colours()
    against = regressions.decision(judgements, not_compared=len(not_compared))
    if not quiet:
        for item in not_compared:
            print(one_line(_not_compared_line(item)))
        for judged in sorted(judgements, key=lambda judged: ORDER.index(judged.outcome)):
            print(painted(one_line(_line(judged)), COLOURS.get(judged.outcome), coloured))
    print(painted(one_line(against.headline), BY_CODE[against.exit_code], coloured))


def as_json(judgements: Sequence[Regression], not_compared: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return what joins the decision's JSON."""
    against = regressions.decision(judgements, not_compared=len(not_compared))
    return {
        "against": {
            "exit_code": against.exit_code,
            "headline": against.headline,
            "regressions": [plain(asdict(judged)) for judged in judgements],
            "not_compared": [dict(item) for item in not_compared],
        }
    }


def _not_compared_line(item: Mapping[str, Any]) -> str:
    """Say what only a limit judges, and why."""
    slices = f" ({item['slices']} slices)" if item["slices"] > 1 else ""
    place = f" [{in_words(item['slice'])}]" if item["slice"] else slices
    name = f"{item['probe']} {item['metric']}{place}"
    return f"{'not compared':>14}  against old: {name}: {item['reason']}; only its limit judges it"


def _line(judged: Regression) -> str:
    place = f" [{in_words(judged.slice)}]" if judged.slice else ""
    numbers = ""
    if judged.old is not None and judged.new is not None and judged.value is not None:
        ends = " to ".join("unbounded" if end is None else f"{end:+.3f}" for end in (judged.low, judged.high))
        numbers = f" {judged.old:.3f} → {judged.new:.3f}, {judged.value:+.3f} (95 % interval {ends})"
    against = "" if judged.paired else " (unpaired)"
    mark = judged.outcome.replace("_", " ")
    tolerance = f", tolerance {judged.tolerance:g}"
    return (
        f"{mark:>14}  against old{against}: {judged.probe} {judged.metric}{place}{numbers}{tolerance}: {judged.reason}"
    )
