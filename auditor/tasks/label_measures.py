"""Measures of sets of labels: whole, by label, and averaged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from auditor.tasks.macro_averages import macro
from auditor.types import Detail, Measurement, Metric, Score, Sums

MEASURES = {"f1": "F1", "precision": "precision", "recall": "recall"}


def _share(name: str, title: str, better: Literal["higher", "lower"] = "higher", *, ratio: bool = False) -> Metric:
    return Metric(name, title, "mean", "share", 0.0, 1.0, better, ratio=ratio)


WHOLE = (
    _share("subset_accuracy", "share of texts whose labels are all right"),
    _share("hamming_loss", "share of wrong decisions, of every label of every text", "lower"),
    _share("micro_precision", "precision over all labels", ratio=True),
    _share("micro_recall", "recall over all labels", ratio=True),
)
"""Metrics of a whole text's details."""
SLICED = tuple(_share(f"label_{name}", f"{title} by label", ratio=True) for name, title in MEASURES.items())
"""Metrics by label."""
MACRO = {
    name: Metric(
        f"macro_{name}", f"{title}, mean over the labels that occur", "descriptive", "share", 0.0, 1.0, "higher"
    )
    for name, title in MEASURES.items()
}


def details(gold: frozenset[str], answer: frozenset[str], labels: Sequence[str]) -> Iterator[Detail]:
    """The details of one text.

    ``gold`` and ``answer``: its labels, and those that the model gives. ``labels``: all that there are.
    """
    right, wrong = len(gold & answer), len(gold ^ answer)
    yield Detail("subset_accuracy", {}, Score(float(not wrong), 1.0))
    yield Detail("hamming_loss", {}, Score(wrong / len(labels), 1.0))
    yield Detail("micro_precision", {}, Score(float(right), float(len(answer))))
    yield Detail("micro_recall", {}, Score(float(right), float(len(gold))))
    for label in labels:
        wanted, given = float(label in gold), float(label in answer)
        yield Detail("label_f1", {"label": label}, Score(2.0 * wanted * given, wanted + given))
        yield Detail("label_precision", {"label": label}, Score(wanted * given, given))
        yield Detail("label_recall", {"label": label}, Score(wanted * given, wanted))


class LabelAverages:
    """Means over labels of F1, precision and recall.

    A label without a share, as of precision where the model never gives it, counts as 0, as in scikit-learn.
    """

    whole: tuple[Metric, ...] = tuple(MACRO.values())
    sliced: tuple[Metric, ...] = ()

    def __call__(self, sums: Sums) -> Iterator[Measurement]:
        """The averages over the labels that a text or an answer has."""
        labels = [name for (metric, name), rows in sums.items() if metric == "label_f1" and _occurs(rows)]
        for name in MEASURES if labels else ():
            yield from macro(MACRO[name], [sums[f"label_{name}", label] for label in labels], "labels")


def _occurs(rows: Mapping[str, Sequence[float]]) -> bool:
    return any(row[1] for row in rows.values())
