"""What a reviewer's hand labels say of changed texts.

A text that was changed may have another label than before; a rate that counts such a text as the model's mistake is too
high.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.types.cases import Slice

UNPRESERVED = "label preservation not measured"
"""What stands beside rates of changed texts until a reviewer has labelled them."""
UNPRESERVED_ROWS = frozenset({"noise", "attack"})
"""Limitations whose probes change texts, so that the label may not survive the change."""


_OF_CHANGED = ("_under_attack", "_under_noise", "attack_success_rate")
"""How metrics of changed texts end that other probes than those may have."""


def is_of_changed_texts(metric: str) -> bool:
    """Tell by its name whether a metric is about changed texts."""
    return metric.endswith(_OF_CHANGED)


@dataclass(frozen=True, slots=True)
class Interval:
    """A share in [0, 1] and its two-sided 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Preserved:
    """How often the label survives the changes of a probe."""

    probe: str
    of: str
    """``successes`` of attacks, or ``changed texts``."""
    slice: Slice
    """Empty: all that the probe changed."""
    judged: int
    """Rows that the reviewer decided, each of a cluster of its own."""
    kept: int
    """Rows of these whose hand label is the gold label."""
    undecided: int
    """Rows that the reviewer called unclear."""
    weight: float
    """Share in (0, 1] of the changed texts that the judged rows stand for."""
    share: Interval


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """A rate that counts only changes whose label survives."""

    probe: str
    metric: str
    title: str
    """The metric, as people call it."""
    slice: Slice
    measured: Interval
    """As measured, whatever the label became."""
    corrected: Interval


@dataclass(frozen=True, slots=True)
class Controls:
    """How often a reviewer agrees with the labels of unchanged texts."""

    judged: int
    agreed: int
    undecided: int
    share: Interval | None
    """None where no control was judged."""


@dataclass(frozen=True, slots=True)
class LabelReview:
    """The content of ``label_review.json``."""

    results: str
    """SHA-256 of the ``results.json`` that it belongs to, as that file gives it."""
    candidate: str
    """The model whose changed texts were labelled."""
    controls: Controls
    preserved: tuple[Preserved, ...]
    corrected: tuple[CorrectedRate, ...]
    method: str
    """How the intervals were computed."""

    def of_probe(self, probe: str) -> Preserved | None:
        """Return what is said of all that a probe changed, or None."""
        return next((each for each in self.preserved if each.probe == probe and not each.slice), None)


def preservation(review: LabelReview | None, probe: str) -> str:
    """Return how often a probe's labels survive, in words.

    Example: ``label preservation 0.84 [0.71, 0.92] by a reviewer``.
    """
    known = None if review is None else review.of_probe(probe)
    if known is None:
        return UNPRESERVED
    share = known.share
    return f"label preservation {share.value:.2f} [{share.low:.2f}, {share.high:.2f}] by a reviewer"
