"""What is measured of choices: confidence against what is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from auditor import metrics
from auditor.metrics import Better
from auditor.types import Choice, Contribution, Judged, Metric, Score
from probes._confidence import HOTTEST, MOST_LOSS, WIDTHS, brier, loss

SURE = 0.9
"""Confidence above which an answer counts as sure."""
COVERAGES = (0.8, 0.5)
"""Shares of the answers that are given, the surest ones."""
GAP = "mean confidence less accuracy"
LOSS = "negative log-likelihood"
Unit = Literal["share", "points", "ratio"]


def of(*, ratio: bool) -> dict[str, Metric]:
    """Return every metric by its name.

    ``ratio``: an example has several choices, all of which count alike.
    """
    every = (
        metrics.change("confidence_gap", GAP, _gap, None, ratio=ratio),
        *(_plain(error_at(share), f"error of the surest {share:.0%}", "lower", ratio=ratio) for share in COVERAGES),
        _mean("sure_answers", f"answers with a confidence above {SURE:g}", _sure, None, ratio=ratio),
        _mean("accuracy_of_sure_answers", "accuracy of these answers", _right_if_sure, "higher", ratio=ratio),
        _mean("brier_score", "Brier score", brier, "lower", unit="ratio", ratio=ratio),
        # Not a ratio, whose bounds are of values up to 1.
        _mean("negative_log_likelihood", LOSS, loss, "lower", unit="ratio", high=MOST_LOSS, ratio=False),
        _shown("calibration_error", f"expected calibration error ({WIDTHS} bins)", "lower"),
        _shown("calibration_error_if_calibrated", "what a calibrated model of this size shows", None),
        _shown("confidence_in_bin", "mean confidence by bin, the least sure answers first", None, unit="share"),
        _plain("accuracy_in_bin", "accuracy by bin", None, ratio=ratio),
        _shown("temperature", "temperature that mends it", None, high=HOTTEST),
        Metric(
            "confidence_gap_at_temperature", f"{GAP}, at that temperature", "change", "points", -1, 1, None, ratio=ratio
        ),
        _plain("negative_log_likelihood_at_temperature", f"{LOSS}, at that temperature", "lower", high=MOST_LOSS),
    )
    return {metric.name: metric for metric in every}


def error_at(share: float) -> str:
    """Return the name of the metric of the surest share's error."""
    return f"error_at_{share:.0%}".removesuffix("%") + "_percent_coverage"


def chosen(judged: Judged) -> list[Choice]:
    """Return the choices that the case's slice is about."""
    kind = judged.slice.get("of", "texts")
    return [choice for choice in judged.choices if choice.of == kind]


def _gap(judged: Judged) -> tuple[Score, Score] | None:
    choices = chosen(judged)
    if not choices:
        return None
    n = float(len(choices))
    return Score(sum(choice.confidence for choice in choices), n), Score(sum(choice.right for choice in choices), n)


def _sure(choice: Choice) -> float:
    return float(choice.confidence > SURE)


def _right_if_sure(choice: Choice) -> float | None:
    return float(choice.right) if choice.confidence > SURE else None


def _mean(
    name: str,
    title: str,
    read: Callable[[Choice], float | None],
    better: Better | None,
    *,
    ratio: bool,
    unit: Unit = "share",
    high: float = 1.0,
) -> Metric:
    def contribution(judged: Judged) -> Sequence[Contribution]:
        values = [value for value in map(read, chosen(judged)) if value is not None]
        return (("", sum(values), float(len(values))),) if values else ()

    partial = read is _right_if_sure
    return Metric(name, title, "mean", unit, 0.0, high, better, contribution, ratio=ratio, comparable=not partial)


def _plain(name: str, title: str, better: Better | None, *, ratio: bool = False, high: float = 1.0) -> Metric:
    """Return a mean that the probe measures itself.

    It is over answers that differ between models.
    """
    unit: Unit = "share" if high == 1.0 else "ratio"
    return Metric(name, title, "mean", unit, 0.0, high, better, ratio=ratio, comparable=False)


def _shown(name: str, title: str, better: Better | None, *, high: float = 1.0, unit: Unit = "ratio") -> Metric:
    return Metric(name, title, "descriptive", unit, 0.0, high, better)
