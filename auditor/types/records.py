"""Judged cases become rows, measurements, records, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from auditor.types.cases import Judged, Skipped, Slice
from auditor.types.given import Table, TextPair
from auditor.types.limits import edge_of
from auditor.types.shown import WeightedText, WorstCase
from auditor.types.waivers import Waived, WaiverUse


@dataclass(frozen=True, slots=True)
class Row:
    """Sufficient statistics of one cluster in one slice for one metric."""

    cluster: str
    """The independent unit: an example, or what stands for several."""
    arm: str
    """``""`` for a mean; ``first`` and ``second`` for a change or a difference (value = first − second);
    ``family/group`` for a gap between groups (only groups of one family are compared); ``answer 1`` and ``gold 1`` for
    a correlation, with the case's number in its cluster."""
    total: float
    """The sum over its cases."""
    count: float
    """The cluster's mean is total ÷ count; a ratio metric's value is Σ total ÷ Σ count."""


Kind: TypeAlias = Literal[
    "mean", "change", "difference", "gap", "median", "correlation", "rank_correlation", "count", "descriptive"
]
"""mean: mean over clusters of the cluster's mean. change: paired, first − second within clusters. difference:
unpaired, first − second between clusters. gap: largest difference between two groups, paired by cluster.
median: of the clusters' values. correlation, rank_correlation: Pearson's and Spearman's, of two numbers of each case.
count: Σ total over a fixed list, exact as it is no sample. descriptive: computed by the probe, no rows, no rule may
read it."""

Contribution: TypeAlias = tuple[str, float, float]
"""(arm, total, count) that a judged case adds to its cluster's row."""


def _reads_nothing(_judged: Judged) -> Sequence[Contribution]:
    return ()


@dataclass(frozen=True, slots=True)
class Metric:
    """What is read from judged cases, and how its uncertainty is found."""

    name: str
    """In snake_case, unique within its probe: ``drop_over_changed_cases``."""
    title: str
    """For people: "drop over changed cases"."""
    kind: Kind
    """How cases become a value, and the value gets its interval."""
    unit: Literal["share", "points", "count", "ratio", "words"]
    """share: in [0, 1], shown as a percentage. points: a difference of shares, shown in percentage points."""
    low: float
    """The least that one cluster's value can be; infinite where unbounded."""
    high: float
    """The most that one cluster's value can be; infinite where unbounded."""
    better: Literal["higher", "lower"] | None
    """Which values are good; None: neither."""
    read: Callable[[Judged], Sequence[Contribution]] = field(default=_reads_nothing, repr=False, compare=False)
    """What one case adds; an empty sequence leaves the case out."""
    ratio: bool = False
    """The value is a ratio of sums, not a mean of cluster means."""
    against: Slice | None = None
    """For a difference: the slice that is the first arm (each other slice with the same keys is a second arm)."""
    comparable: bool = True
    """Whether two models' values may be compared (a success rate's denominator differs between models: no)."""
    predicted_by_clean: bool = field(default=False, compare=False)
    """Whether the clean answers to all examples of the home domain may narrow its interval (``stats.regression``). They
    do for a mean or a change that is no ratio, whose cases are of such examples with a gold."""

    @property
    def tallied(self) -> bool:
        """Whether it is read case by case.

        Otherwise the probe's own ``measure`` yields it.
        """
        return self.read is not _reads_nothing


Role: TypeAlias = Literal["repeatability", "labels", "quality", "robustness", "attack", "shift", "bias"]
"""repeatability: answers to the same texts asked again. labels: whether answers carry the right names. quality: the
task's own metric on clean data. robustness: answers under noise. attack: answers under an attacker. shift: quality on
other domains. bias: answers and quality over groups of people."""
ROLES: tuple[Role, ...] = get_args(Role)
Status: TypeAlias = Literal["ok", "too_few", "removed_by_tokenizer"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number with its uncertainty."""

    metric: str
    """The name of the metric."""
    slice: Slice
    """The slice whose cases it is of; empty: all."""
    value: float
    """In the metric's unit; a share is in [0, 1]."""
    low: float
    """The lower end of the two-sided 95 % interval; at most ``value``."""
    high: float
    """The upper end of the two-sided 95 % interval; at least ``value``."""
    n_cases: int
    """Cases that the metric was read from."""
    n_clusters: int
    """Informative clusters: those that the value was computed from."""
    method: str
    """A key of ``stats.METHODS``, so that ``stats.bounds(method, rows, alpha)`` gives bounds at any level;
    or words, for a descriptive number."""
    status: Status = "ok"
    """too_few: fewer than 10 informative clusters. removed_by_tokenizer: over half of the cases were vacuous."""
    vacuous: float = 0.0
    """Share of the slice's cases that the tokenizer maps to the same ids."""
    rows: Sequence[Row] = field(default=(), repr=False)
    """``Rows`` where there are many: clusters in the order in which they were first drawn."""
    detail: str = ""
    """What stands behind the value, in a few words: of a gap, the groups farthest apart; of a pool, its worst part."""
    available: int | None = None
    """About how many informative clusters there are in all, drawn or not; None where that is not known."""
    cluster_unit: str | None = None
    """What a cluster is, in the singular, where it is not one example: ``sentence``, ``group of rows``."""
    look: int = 1
    """The look, from 1, at which its last examples were drawn; the gate reads it at that look's level."""
    looks: int = 1
    """How many looks were planned for its slice before the first; 1: it is drawn once, at the whole level."""


GROUP_OF_ROWS = "group of rows"
"""The unit where clusters hold several rows of the data."""
GROUPED = frozenset({"group", "pair"})
"""Keys of slices that single out a group, or two groups that are compared."""


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """Results of one probe on one model.

    Every discovered probe appears exactly once for each model.
    """

    model: str
    probe: str
    status: Literal["measured", "not_applicable", "failed"]
    reason: str | None = None
    """Why it is not applicable or how it failed, in one line."""
    missing: tuple[str, ...] = ()
    """The needs that were not met, where that is the reason."""
    limitation: str | None = None
    role: Role | None = None
    """By which remedies and next steps select the probe; None without one, and in results of an earlier auditor."""
    description: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[Metric, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    worst: tuple[WorstCase, ...] = ()
    pairs: tuple[TextPair, ...] = ()
    tables: tuple[Table, ...] = ()
    weighted_texts: tuple[WeightedText, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """cases, vacuous, invalid, forward_passes (texts that went through the model), queries."""

    def groups(self, slice_: Slice) -> tuple[Measurement, ...]:
        """Return the measurements of groups, and of pairs, within a slice.

        The slices of these measurements have the keys and values of this slice, and more.
        """
        own = slice_.items()
        return tuple(
            measurement
            for measurement in self.measurements
            if not GROUPED.isdisjoint(measurement.slice) and own <= measurement.slice.items()
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric of two models on the same clusters.

    value = model − against.
    """

    model: str
    against: str
    probe: str
    metric: str
    slice: Slice
    value: float
    low: float
    high: float
    p: float
    n_clusters: int
    method: str
    expect: Literal["higher", "lower"] | None = None
    """The hypothesis named beforehand in ``[[compare]]``, if any."""


Outcome: TypeAlias = Literal["pass", "fail", "inconclusive", "not_measured", "not_applicable"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit of a policy."""

    probe: str
    metric: str
    slice: Mapping[str, str | tuple[str, ...]]
    """Matches slices with exactly these keys; a value may be ``*`` or a tuple of values."""
    why: str
    max: float | None = None
    min: float | None = None
    required: Literal["always", "when_input_given", "never"] = "always"
    margin: float = 0.0
    """Width of the indifference zone, at least 0, in the metric's unit. *Fail* claims that the value is beyond the
    limit, *pass* that it is within ``edge``: between the two either verdict may come."""

    @property
    def edge(self) -> float | None:
        """The limit with its margin.

        It lies above a maximum and below a minimum; None for a rule that only shows.
        """
        return edge_of(self.max, self.min, self.margin)

    @property
    def limit(self) -> float | None:
        """Its maximum or minimum; None for a rule that only shows."""
        return self.max if self.max is not None else self.min

    def is_broken_by(self, low: float, high: float) -> bool:
        """Whether bounds show that a value is beyond the limit."""
        if self.max is not None:
            return low > self.max
        return self.min is not None and high < self.min

    @property
    def text(self) -> str:
        """``noise drop_over_changed_cases [family=typos, severity=middle] ≤ 0.1``."""
        inside = ", ".join(
            f"{key}={value if isinstance(value, str) else '|'.join(value)}" for key, value in self.slice.items()
        )
        bound = "shown" if self.limit is None else f"{'≤' if self.max is not None else '≥'} {self.limit:g}"
        zone = f", margin {self.margin:g}" if self.margin else ""
        return f"{self.probe} {self.metric}{f' [{inside}]' if inside else ''} {bound}{zone}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's verdict on one rule and one measurement.

    Without a measurement, it is on a rule that nothing matched.
    """

    rule: int
    """Index into the policy's rules."""
    slice: Slice | None
    outcome: Outcome
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    """One-sided bounds at the levels the decision used: ``high`` for claiming it is below, ``low`` for above."""
    more_examples: int | None = None
    """With about so many more clusters an inconclusive verdict is as likely as not decided. The ``cluster_unit`` of its
    measurement says what they are."""
    more_examples_high: int | None = None
    """With about so many more clusters 19 of 20 such verdicts are decided; None where no such number exists."""
    waiver: Waived | None = None
    """Of a required verdict that failed or is undecided; the outcome stays what it is."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The gate's last word."""

    exit_code: Literal[0, 1, 2, 3]
    """0: release. 1: a rule failed. 2: a probe crashed. 3: undecided, or a required measurement is missing."""
    release: bool
    headline: str
    verdicts: tuple[Verdict, ...]
    reasons: tuple[str, ...] = ()
    """The slices that decided it, in one line each."""
    waivers: tuple[WaiverUse, ...] = ()
    """What became of each waiver, in the order of their file."""

    @property
    def word(self) -> str:
        """``release``, ``hold``, ``incomplete`` or ``undecided``."""
        return ("release", "hold", "incomplete", "undecided")[self.exit_code]
