"""What one text of a pair gives away of its label."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from auditor.text import tokens
from auditor.types import Audit, Response, Score

BAG_OF_WORDS = "bag of words"


def predictions(audit: Audit, field: str) -> dict[str, Response] | str:
    """Home row's id → what a linear model of one text says.

    It is trained on that text of the training rows: a logistic regression on its words and pairs of words, as
    Gururangan et al. (2018) have a linear one, or of numbers a ridge regression. The result is a reason where the
    training rows teach nothing.
    """
    task, numbers = audit.task, "numbers" in audit.task.offers
    rows = [
        (row.inputs[field], row.gold if numbers else task.stratum(row.gold))
        for row in audit.examples("train")
        if row.gold is not None
    ]
    known = [(value, answer) for value, answer in rows if answer is not None and tokens.words(value)]
    if len({answer for _, answer in known}) < 2:
        return f"the training rows with words in the {field} text have no two {'numbers' if numbers else 'labels'}"
    home = audit.examples()
    answers = _fitted(known, numbers=numbers).predict([row.inputs[field] for row in home])
    return {
        row.id: float(answer) if numbers else _sure(task.labels, str(answer))
        for row, answer in zip(home, answers, strict=True)
    }


def _fitted(known: Sequence[tuple[str, Any]], *, numbers: bool) -> Any:
    """Fit a linear model to texts and their answers."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    words = CountVectorizer(analyzer=_terms, binary=True)
    model = make_pipeline(words, Ridge() if numbers else LogisticRegression(max_iter=1000))
    return model.fit([value for value, _ in known], [answer for _, answer in known])


def _terms(value: str) -> list[str]:
    """Words and pairs of neighbours."""
    words = tokens.words(value)
    return [*words, *map(" ".join, itertools.pairwise(words))]


def _sure(labels: Sequence[str], answer: str) -> Response:
    return tuple(float(label == answer) for label in labels)


def facts_of(name: str, score: Score) -> dict[str, float]:
    """A score as facts of a case."""
    return {f"{name}_numerator": score.numerator, f"{name}_denominator": score.denominator}


def score_in(facts: Any, name: str) -> Score | None:
    """The score that ``facts_of`` put there, if any."""
    if f"{name}_numerator" not in facts:
        return None
    return Score(float(facts[f"{name}_numerator"]), float(facts[f"{name}_denominator"]))
