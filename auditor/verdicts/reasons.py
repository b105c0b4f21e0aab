"""Why a slice has its verdict, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from auditor.types import Measurement, Verdict, in_words
from auditor.verdicts.claims import Bounds, Claim
from auditor.verdicts.policy import Policy


def passed(claim: Claim, bounds: Bounds) -> str:
    """Say whether a slice keeps its limit, or only limit and margin."""
    return f"within its limit{'' if claim.keeps_limit(bounds) else ' and margin'} {_confidence(claim)}"


def failed(claim: Claim, shares: str) -> str:
    """Say that a slice breaks its limit.

    ``shares``: how the error is shared, if it is.
    """
    return f"outside its limit {_confidence(claim)}{f' ({shares})' if shares else ''}"


def _confidence(claim: Claim) -> str:
    """Say the level of a one-sided claim.

    It is that of its look where several were planned. A count has none.
    """
    if claim.counted:
        return "by an exact count"
    look = f" at look {claim.measurement.look} of {claim.looks}" if claim.looks > 1 else ""
    return f"at {100 * (1 - claim.level):g} % one-sided{look}"


def undecided(claim: Claim, shares: str) -> str:
    """Say what the bounds of an undecided slice show.

    ``shares``: how the error is shared, where the slice lies beyond its limit by itself.
    """
    if shares:
        return f"likely beyond its limit: its own interval is, but not with {shares}"
    return f"the interval {'spans the limit and its margin' if claim.rule.margin else 'includes the limit'}"


def removed(measurement: Measurement) -> str:
    """Say that the tokenizer removes what a slice changes."""
    return f"removed by the tokenizer: {measurement.vacuous:.0%} of the cases have the same token ids as before"


def line(policy: Policy, verdict: Verdict) -> str:
    """Say a verdict in one line: rule, slice, numbers and reason."""
    rule = policy.rules[verdict.rule]
    place = f" [{in_words(verdict.slice)}]" if verdict.slice else ""
    numbers = ""
    if verdict.value is not None:
        zone = f", margin {rule.margin:g}" if rule.margin else ""
        bounds = _bounds(verdict)
        numbers = f" {verdict.value:.3f}, {bounds}, limit {rule.limit:g}{zone};"
    waiver = "" if verdict.waiver is None else f"; {verdict.waiver.text}"
    return f"{rule.probe} {rule.metric}{place}:{numbers} {verdict.outcome.replace('_', ' ')}: {verdict.reason}{waiver}"


def _bounds(verdict: Verdict) -> str:
    """Say the one-sided bounds, of which too few values have none."""
    low, high = (None if end is None or math.isinf(end) else end for end in (verdict.low, verdict.high))
    if low is not None and high is not None:
        return f"one-sided bounds {low:.3f} to {high:.3f}"
    below = "no lower bound" if low is None else f"one-sided lower bound {low:.3f}"
    above = "no upper bound" if high is None else f"one-sided upper bound {high:.3f}"
    return f"{below}, {above}"


def listed(names: Sequence[str]) -> str:
    """``bias, noise and quality``."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def count(number: int, noun: str) -> str:
    """``1 slice``, ``2 slices``."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """``slices``, ``groups of rows``."""
    head, of, rest = noun.partition(" of ")
    return f"{head}s{of}{rest}"
