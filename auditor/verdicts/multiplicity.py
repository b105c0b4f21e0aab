"""Sharing of a fail's error over all slices of all required rules.

*Fail* says that a slice breaks its limit; that any of them is said wrongly has probability at most ALPHA, however many
slices there are. The error is shared equally over the probes that a required rule reads, the share of a probe equally
over its rules, and that of a rule over its slices: a probe with fourteen slices has no larger part than one with a
single slice. The levels follow from the shares and the dependence of the slices, many of which read the same examples
(``stats.joint``): the weighted step-down min-p of Westfall & Young (1993). The share of a slice that has failed goes to
all that are left, in proportion to their own; a flow that preferred some of them would not keep the levels growing, on
which the proof for joint levels rests.

With several looks each has its part of ALPHA, and its own critical level for it; slices of different numbers of planned
looks share by Bonferroni, since what their dependence saves would be spent twice. So do slices whose bounds hold at any
time, and those of regressions, of which no joint distribution is known (Holm 1979, weighted).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from typing import Protocol

from auditor.stats import joint
from auditor.stats.joint import Influence
from auditor.types import Slice


class Testable(Protocol):
    """A claim on one slice that may be made wrongly."""

    @property
    def index(self) -> int:
        """Of the rule, or metric, that shares its probe's part."""

    @property
    def probe(self) -> str:
        """The probe that measured it."""

    @property
    def slice(self) -> Slice:
        """The slice that it is about."""

    @property
    def looks(self) -> int:
        """Looks planned before the first."""

    @property
    def level(self) -> float:
        """The error that it has alone."""

    @property
    def joint(self) -> bool:
        """Whether its joint distribution with other claims is known."""

    @property
    def influence(self) -> Influence:
        """The influences on its value, signed so that large values fail."""

    def fails_at(self, level: float) -> bool:
        """Tell whether it holds at a level."""


class SharedError:
    """Claims on slices of required rules, with shares of a fail's error."""

    def __init__(self, claims: Sequence[Testable], coming: Sequence[Testable] = ()) -> None:
        """Share the error over the claims.

        ``coming``: those that have too few examples yet and may have enough later; they keep their shares.
        """
        # The order decides the draws: it must not depend on that of the measurements.
        self._claims = sorted(claims, key=_place)
        self._shares = shares([*self._claims, *coming])
        self._kept = sum(self._shares[len(self._claims) :])
        self._dependent = [place for place, claim in enumerate(self._claims) if claim.joint]
        self._joint: joint.Joint | None = None
        self._left = set(range(len(self._claims)))
        self._levels: dict[int, float] | None = None

    def words(self, claim: Testable) -> str:
        """Return a few words on how the claim's error is shared.

        There are none for a single claim.
        """
        if len(self._shares) < 2:
            return ""
        by = ", by their dependence" if len(self._dependent) > 1 else ""
        return f"{100 * claim.level:g} % shared over {len(self._shares)} slices{by}"

    def levels(self, left: Set[int]) -> dict[int, float]:
        """Return place → level of the claims left, by their places."""
        levels: dict[int, float] = {}
        for looks in {self._claims[place].looks for place in left}:
            own = {place for place in left if self._claims[place].looks == looks}
            weights = [self._shares[place] if place in own else 0.0 for place in self._dependent]
            alone = self._kept + sum(self._shares[place] for place in left) - sum(weights)
            alphas = {place: self._claims[place].level for place in own}
            critical = {alpha: self._critical(alpha, weights, alone) for alpha in set(alphas.values())}
            levels |= {place: min(self._shares[place] * critical[alpha], alpha) for place, alpha in alphas.items()}
        return levels

    def _critical(self, alpha: float, weights: Sequence[float], alone: float) -> float:
        if sum(weight > 0.0 for weight in weights) < 2:
            return alpha / (sum(weights) + alone)
        if self._joint is None:
            dependent = [self._claims[place] for place in self._dependent]
            self._joint = joint.Joint(joint.correlations([claim.influence for claim in dependent]))
        return self._joint.critical(alpha, weights, alone)

    def failed(self) -> set[int]:
        """Return the ids of the claims that fail.

        A claim is tested at a level that is never above its own, so that only those that fail by themselves can fail.
        """
        left = set(range(len(self._claims)))
        alone = {place for place in left if self._claims[place].fails_at(self._claims[place].level)}
        while alone:
            levels = self.levels(left)
            more = {place for place in alone if self._claims[place].fails_at(levels[place])}
            if not more:
                break
            left, alone = left - more, alone - more
        self._left = left
        return {id(claim) for place, claim in enumerate(self._claims) if place not in left}

    def level(self, claim: Testable) -> float:
        """Return the level at which a claim that is left would fail."""
        if self._levels is None:
            self._levels = {id(self._claims[place]): level for place, level in self.levels(self._left).items()}
        return self._levels[id(claim)]


def shares(claims: Sequence[Testable]) -> list[float]:
    """Return the share of each claim; they add up to 1."""
    slices = Counter(claim.index for claim in claims)
    rules = Counter(probe for probe, _ in {(claim.probe, claim.index) for claim in claims})
    return [1.0 / (len(rules) * rules[claim.probe] * slices[claim.index]) for claim in claims]


def _place(claim: Testable) -> tuple[int, list[tuple[str, str]]]:
    return claim.index, sorted(claim.slice.items())
