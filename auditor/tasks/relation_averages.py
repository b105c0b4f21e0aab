"""F1 of relations as SemEval-2010's task 8 counts it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor.tasks.macro_averages import macro
from auditor.types import Detail, Measurement, Metric, Score, Sums

_DIRECTED = re.compile(r"(.*)\((e[12]),(e[12])\)", re.DOTALL)


def _ratio(name: str, title: str) -> Metric:
    return Metric(name, title, "mean", "share", 0.0, 1.0, "higher", ratio=True)


WHOLE = (
    _ratio("accuracy", "accuracy over all labels, no relation among them"),
    _ratio("precision", "precision of relations"),
    _ratio("recall", "recall of relations"),
    Metric("named_relations", "texts whose answer is a relation", "mean", "share", 0.0, 1.0, None, ratio=True),
)
"""Metrics of a text's details."""
SLICED = (
    _ratio("relation_f1", "F1 by relation, a wrong direction counted as wrong"),
    _ratio("relation_recall", "recall by relation, a wrong direction counted as wrong"),
)
"""Metrics by relation."""
MACRO = Metric(
    "macro_f1", "macro F1 of relations, as SemEval-2010's scorer", "descriptive", "share", 0.0, 1.0, "higher"
)


def undirected(label: str) -> str:
    """Return a relation's name: ``Cause-Effect(e1,e2)`` → ``Cause-Effect``."""
    matched = _DIRECTED.fullmatch(label)
    return label if matched is None else matched[1]


def turned(label: str) -> str | None:
    """Return the label in the other direction; None for one without direction."""
    matched = _DIRECTED.fullmatch(label)
    return None if matched is None else f"{matched[1]}({matched[3]},{matched[2]})"


def details(gold: str, answer: str, no_relation: str | None) -> Iterator[Detail]:
    """Yield the details of one text.

    Of each relation that gold or answer name, F1 counts the answers with the right direction, over answers and golds of
    either direction: the official measure of SemEval-2010's task 8 (Hendrickx et al. 2010).
    """
    right = float(gold == answer)
    seen, wanted = answer != no_relation, gold != no_relation
    yield Detail("accuracy", {}, Score(right, 1.0))
    yield Detail("precision", {}, Score(right * seen, float(seen)))
    yield Detail("recall", {}, Score(right * wanted, float(wanted)))
    yield Detail("named_relations", {}, Score(float(seen), 1.0))
    named = {undirected(label): None for label in (gold, answer) if label != no_relation}
    for relation in named:
        of_gold = float(wanted and undirected(gold) == relation)
        of_answer = float(seen and undirected(answer) == relation)
        both = right * of_gold
        yield Detail("relation_f1", {"relation": relation}, Score(2.0 * both, of_gold + of_answer))
        yield Detail("relation_recall", {"relation": relation}, Score(both, of_gold))


class RelationAverages:
    """Macro F1: the mean over the relations that occur."""

    whole: tuple[Metric, ...] = (MACRO,)
    sliced: tuple[Metric, ...] = ()

    def __call__(self, sums: Sums) -> Iterator[Measurement]:
        """The mean of these sums' F1."""
        of_relations = [rows for (metric, _), rows in sums.items() if metric == "relation_f1"]
        if of_relations:
            yield from macro(MACRO, of_relations, "relations")
