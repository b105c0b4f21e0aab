"""Calibration of the probability of each of many labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor import metrics
from auditor.types import Audit, Judged, Measurement, Metric
from probes._calibration_metrics import chosen
from probes._confidence import DRAWS, WIDTHS, Answers

GAP, ERROR, CALIBRATED = "label_probability_gap", "label_calibration_error", "label_calibration_error_if_calibrated"


def of() -> dict[str, Metric]:
    """Return every metric by its name."""
    every = (
        Metric(GAP, "mean probability of a label less its frequency", "change", "points", -1, 1, None),
        Metric(ERROR, f"expected calibration error of a label ({WIDTHS} bins)", "descriptive", "ratio", 0, 1, "lower"),
        Metric(CALIBRATED, "what a calibrated label shows on as many rows", "descriptive", "ratio", 0, 1, None),
    )
    return {metric.name: metric for metric in every}


def measured(own: Mapping[str, Metric], cases: Sequence[Judged], audit: Audit) -> Iterator[Measurement]:
    """Yield gap and error of each label's probability.

    The probability is that the label holds, whether or not the answer gives it: near 0 for most texts and labels.
    """
    rows = [(judged.cluster, chosen(judged)) for judged in cases]
    labels = audit.task.labels
    if any(len(choices) != len(labels) for _, choices in rows):
        # A task of somebody else's, whose choices are of other things.
        return
    for place, label in enumerate(labels):
        clusters = [cluster for cluster, _ in rows]
        # "The label holds", as sure as its probability, and right where it does.
        answers = Answers(clusters, [replace(choices[place], chosen=1) for _, choices in rows])
        slice_, n = {"label": label}, len(rows)
        gap = [*answers.rows(answers.confidence, "first"), *answers.rows(answers.right, "second")]
        yield metrics.measurement(own[GAP], slice_, gap, n_cases=n)
        observed, clusters_in_all = answers.calibration_error(), answers.n_clusters
        method = f"mean distance of confidence and accuracy over {WIDTHS} bins of equal width"
        yield Measurement(ERROR, slice_, observed, observed, observed, n, clusters_in_all, method)
        drawn = sorted(answers.calibration_errors_if_calibrated(audit.rng("label", label).getrandbits(64)).tolist())
        mean = sum(drawn) / len(drawn)
        low, high = (drawn[at] for at in (DRAWS // 40, DRAWS - 1 - DRAWS // 40))
        method = f"{DRAWS} draws of answers that are right as often as they are sure: mean, and 95 % of them"
        bounds = min(low, mean), max(high, mean)
        yield Measurement(CALIBRATED, slice_, mean, *bounds, n, clusters_in_all, method)
