"""Comparison of two results folders, and the JSON document that tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from auditor import results
from auditor.results import verification
from auditor.results.canonical_json import DIGITS, plain
from auditor.results.verification import Audited
from auditor.types import Regression
from auditor.verdicts import pairs, regressions, same_cases
from auditor.verdicts.changes import ORDER, Change, changes
from auditor.verdicts.pairs import LeftOut, Matched

SCHEMA = 1
"""Of the document."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two verified audits, the old and the new, side by side."""

    old: Audited
    new: Audited
    matched: Matched

    def regressions(self) -> tuple[Regression, ...]:
        """Return what the regression gate makes of required rules' slices."""
        return regressions.judged(self.matched)

    def not_compared(self) -> list[dict[str, Any]]:
        """Return what required rules read and only their limits judge."""
        return _not_compared(self.matched.by_limit_only)

    def document(self) -> dict[str, Any]:
        """Return the comparison as JSON, worst slices first."""
        ordered = sorted(changes(self.matched), key=_place)
        counts = Counter(change.conclusion for change in ordered)
        return {
            "schema": SCHEMA,
            "old": _audit(self.old),
            "new": _audit(self.new),
            "paired": self.matched.paired,
            "same_model": self.matched.same_model,
            "task": plain({key: self.new.results["task"][key] for key in ("name", "labels")}),
            "policy": self.new.policy.name,
            "counts": {conclusion: counts[conclusion] for conclusion in ORDER},
            "changes": [_change(change) for change in ordered],
            "not_compared": _not_compared(self.matched.left_out),
        }


def compare(
    old: Path,
    new: Path,
    *,
    policy: Path | None = None,
    unpaired: bool = False,
    tolerances: Mapping[str, float] | None = None,
    required_only: bool = False,
    waivers_file: Path | None = None,
    on: date | None = None,
) -> Compared:
    """Verify two results folders and set their candidates side by side.

    ``policy``: judges the new audit; None: its own. ``unpaired``: data, seed and settings may differ. ``tolerances``:
    metric, or probe.metric, → the worsening that is accepted. ``required_only``: only what required rules read.
    ``waivers_file`` and ``on``: what the new audit may break, and the day on which that is judged. Raises ResultsError
    for a folder that is not verified, or cannot be compared; UsageError for an unknown metric.
    """
    before, after = verification.load(old), verification.load(new, policy, waivers_file=waivers_file, on=on)
    paired = same_cases.check(before, after, unpaired=unpaired, where=str(new))
    matched = pairs.match(before, after, paired=paired, tolerances=tolerances, required_only=required_only)
    return Compared(before, after, matched)


def _place(change: Change) -> tuple[int, bool, float]:
    """Return what orders changes: conclusion, required first, size."""
    size = abs(change.pair.difference.value) / max(change.pair.tolerance, 0.01)
    return ORDER.index(change.conclusion), not change.pair.required, -size


def _audit(audited: Audited) -> dict[str, Any]:
    content = audited.results
    model = next(model for model in content["models"] if model["candidate"])
    return {
        "candidate": content["candidate"],
        "path": model["path"],
        "fingerprint": model["fingerprint"],
        "auditor": content["auditor"],
        "seed": content["seed"],
        "data": [{key: facts[key] for key in ("name", "sha256", "used")} for facts in content["data"]],
        "decision": results.decision_dict(audited.decision, audited.policy)["headline"],
    }


def _change(change: Change) -> dict[str, Any]:
    pair, difference = change.pair, change.pair.difference
    gained, lost = difference.discordant or (None, None)
    # Rounded as all numbers are, and above 0 as every p value is.
    p = None if difference.p is None else max(plain(difference.p), 10.0**-DIGITS)
    return {
        "probe": pair.probe,
        "metric": pair.metric.name,
        "title": pair.metric.title,
        "unit": pair.metric.unit,
        "better": pair.metric.better,
        "slice": dict(pair.slice),
        "required": pair.required,
        "conclusion": change.conclusion,
        **plain({"old": difference.old, "new": difference.new, "value": difference.value}),
        **plain({"low": change.low, "high": change.high}),
        "tolerance": pair.tolerance,
        "paired": pair.paired,
        "p": p,
        "mcnemar": None if gained is None else {"only_new": gained, "only_old": lost, "p": p},
        "clusters": difference.clusters,
        "clusters_old": pair.old.n_clusters,
        "clusters_new": pair.new.n_clusters,
        "cluster_unit": pair.new.cluster_unit,
        "method": difference.method,
        "reason": change.reason,
    }


def _not_compared(left_out: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """Return what is left out, with alike slices together."""
    alike = Counter((item.probe, item.metric, item.reason, item.required) for item in left_out)
    named: dict[tuple[str, str, str, bool], LeftOut] = {}
    for item in left_out:
        named.setdefault((item.probe, item.metric, item.reason, item.required), item)
    return [
        {
            **{"probe": item.probe, "metric": item.metric, "reason": item.reason, "required": item.required},
            "slices": alike[key],
            "slice": dict(item.slice) if item.slice and alike[key] == 1 else None,
        }
        for key, item in named.items()
    ]
