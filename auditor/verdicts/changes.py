"""What changed between two audits, slice by slice, in four words.

*Worse* and *better* claim a difference from zero: a paired test, its p value where there is one, and bounds that lie on
one side of zero, each with a family-wise error of 2.5 % over all slices compared, by the step-down min-p of
``multiplicity``. Slices that required rules read have PRIMARY of that error, all others the rest: many slices that
nobody waits for take no power from those that decide. *No difference shown* claims equivalence: the two-sided 95 %
interval lies inside the tolerance on both sides (two one-sided tests, Schuirmann 1987). Whatever is neither is *cannot
tell*: an interval that holds zero says nothing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.stats.joint import Influence
from auditor.types import Conclusion, Slice
from auditor.verdicts.multiplicity import SharedError
from auditor.verdicts.pairs import Matched, Pair
from auditor.verdicts.reasons import count

SIDE = 0.025
"""Error of *worse*, and of *better*; and of each end of an interval."""
PRIMARY = 0.8
"""Part of the error that slices of required rules have, whether others are compared or not."""
WAYS: tuple[Literal["worse", "better"], ...] = ("worse", "better")
ORDER: tuple[Conclusion, ...] = ("worse", "cannot tell", "no difference shown", "better")
"""Conclusions from worst to best."""


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """The claim that a slice moved one way, beyond a limit."""

    pair: Pair
    index: int
    way: Literal["worse", "better"]
    limit: float
    alpha: float
    by_test: bool = False
    """Whether the p value must say so too: of a limit of 0."""

    @property
    def probe(self) -> str:
        """The probe that measured it."""
        return self.pair.probe

    @property
    def slice(self) -> Slice:
        """The slice that it is about."""
        return self.pair.slice

    @property
    def looks(self) -> int:
        """Looks planned before the first."""
        return self.pair.looks

    @property
    def level(self) -> float:
        """The error that it has alone."""
        return self.pair.level(self.alpha)

    @property
    def joint(self) -> bool:
        """Whether its joint distribution with other claims is known."""
        return self.pair.difference.influence is not None

    @property
    def influence(self) -> Influence:
        """The influences on the shift, signed so that large values fail."""
        influence = self.pair.difference.influence
        if influence is None:
            raise ValueError(f"{self.pair.name}: no influence is known")
        is_up = (self.way == "worse") == (self.pair.metric.better == "lower")
        return influence if is_up else Influence(influence.clusters, -influence.values)

    def fails_at(self, level: float) -> bool:
        """Tell whether it holds at a level."""
        p = self.pair.difference.p
        if self.by_test and p is not None and p / 2 > level:
            return False
        low, high = self.pair.worsening(level)
        return low > self.limit if self.way == "worse" else -high > self.limit


@dataclass(frozen=True, slots=True)
class Change:
    """A slice of two audits with what is concluded of it."""

    pair: Pair
    conclusion: Conclusion
    low: float
    high: float
    """Ends of the two-sided 95 % interval of new − old; at a look's share of the error where several were planned."""
    reason: str


def changes(matched: Matched) -> list[Change]:
    """Return what changed, in the order of the slices."""
    required = [pair for pair in matched.pairs if pair.required]
    rest = [pair for pair in matched.pairs if not pair.required]
    by_pair = {
        **_of_family(required, PRIMARY * SIDE),
        **_of_family(rest, (1.0 - PRIMARY if required else 1.0) * SIDE),
    }
    return [by_pair[id(pair)] for pair in matched.pairs]


def _of_family(pairs: Sequence[Pair], alpha: float) -> dict[int, Change]:
    """Return the id of each pair → its change.

    The pairs share an error.
    """
    metrics = {key: index for index, key in enumerate(dict.fromkeys((pair.probe, pair.metric.name) for pair in pairs))}
    shown: dict[int, Conclusion] = {}
    for way in WAYS:
        claims = [
            Shift(pair, metrics[pair.probe, pair.metric.name], way, 0.0, alpha, by_test=True)
            for pair in pairs
            if not pair.too_few and not pair.proven
        ]
        failed = SharedError(claims).failed()
        shown |= {id(claim.pair): way for claim in claims if id(claim) in failed}
    return {id(pair): _change(pair, shown.get(id(pair)), len(pairs)) for pair in pairs}


def _change(pair: Pair, shown: Conclusion | None, family: int) -> Change:
    low, high = pair.difference.bounds(pair.level(SIDE))
    if pair.proven:
        return Change(pair, "no difference shown", low, high, "the same model gave the same answers")
    if pair.too_few:
        clusters = count(pair.difference.clusters, "common informative cluster" if pair.paired else "cluster")
        return Change(pair, "cannot tell", low, high, f"too few: {clusters}")
    if shown is not None and pair.metric.kind == "count":
        return Change(pair, shown, low, high, f"{shown}, counted exactly")
    if shown is not None:
        shared = f", shared over {count(family, 'slice')}" if family > 1 else ""
        return Change(pair, shown, low, high, f"{shown} at 95 %{shared}")
    if -pair.tolerance <= low and high <= pair.tolerance:
        return Change(pair, "no difference shown", low, high, "the 95 % interval lies within the tolerance")
    beyond = "holds zero and reaches beyond the tolerance" if low <= 0.0 <= high else "lies on one side of zero"
    by = f", but not with the error shared over {count(family, 'slice')}" if not low <= 0.0 <= high else ""
    return Change(pair, "cannot tell", low, high, f"the 95 % interval {beyond}{by}")
