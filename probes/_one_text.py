"""What one text of a pair gives away of its label."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from auditor.text import tokens
from auditor.types import Audit, Response, Score

BAG_OF_WORDS = "bag of words"


def predictions(audit: Audit, field: str) -> dict[str, Response] | str:
    """Home row's id → what a classifier of one text says.

    It is trained on that text of the training rows: a logistic regression on its words and pairs of words, as
    Gururangan et al. (2018) have a linear one. The result is a reason where the training rows teach nothing.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    task = audit.task
    rows = [(row.inputs[field], task.stratum(row.gold)) for row in audit.examples("train")]
    labelled = [(value, label) for value, label in rows if label is not None and tokens.words(value)]
    if len({label for _, label in labelled}) < 2:
        return f"the training rows with words in the {field} text have no two labels"
    words = CountVectorizer(analyzer=_terms, binary=True)
    classifier = make_pipeline(words, LogisticRegression(max_iter=1000))
    classifier.fit([value for value, _ in labelled], [label for _, label in labelled])
    home = audit.examples()
    answers: Sequence[Any] = classifier.predict([row.inputs[field] for row in home])
    return {row.id: _sure(task.labels, str(label)) for row, label in zip(home, answers, strict=True)}


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
