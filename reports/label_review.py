"""What a reviewer says of labels under change, for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditor.types import CorrectedRate, Interval, LabelReview, Preserved
from reports.formats import amount, interval, slice_text
from reports.lookup import Findings
from reports.words import later, recorded, say

UNKNOWN = later("It is not known how often the right answer stays right after the change.")


def note(findings: Findings, probe: str) -> str:
    """Return the sentence on labels above a probe's rates."""
    if findings.review is None or findings.review.of_probe(probe) is None:
        return say(UNKNOWN)
    return say("It was read from hand labels of changed texts; {controls}.", controls=controls(findings.review))


def controls(review: LabelReview) -> str:
    """Say how often the reviewer agrees with labels of unchanged texts."""
    known = review.controls
    if known.share is None:
        return say("no unchanged text was labelled beside them")
    shown = f"{known.share.value:.2f} [{known.share.low:.2f}, {known.share.high:.2f}]"
    return say(
        "of unchanged texts among them, the reviewer agrees with {share} ({agreed} of {judged})",
        share=shown,
        agreed=known.agreed,
        judged=known.judged,
    )


def tables(findings: Findings, probe: str) -> dict[str, list[dict[str, Any]]] | None:
    """Describe preservation by part, and corrected rates; None without any."""
    review = findings.review
    if review is None or review.of_probe(probe) is None:
        return None
    return {
        "preserved": [_preserved(each) for each in review.preserved if each.probe == probe],
        "corrected": [_corrected(each) for each in review.corrected if each.probe == probe],
    }


def _preserved(told: Preserved) -> dict[str, Any]:
    cells: Mapping[str, Any] = _share(told.share)
    return {
        "of": f"{slice_text(told.slice)} ({recorded(told.of)})",
        "judged": told.judged,
        "kept": told.kept,
        "undecided": told.undecided,
        "weight": f"{told.weight:.0%}",
        **cells,
    }


def _corrected(rate: CorrectedRate) -> dict[str, Any]:
    return {
        "title": recorded(rate.title),
        "slice": slice_text(rate.slice),
        "before": _share(rate.measured),
        "after": _share(rate.corrected),
    }


def _share(share: Interval) -> dict[str, str]:
    return {"value": amount(share.value, "share"), "interval": interval(share.low, share.high, "share")}
