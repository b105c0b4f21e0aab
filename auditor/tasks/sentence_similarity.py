"""Similarity of sentences: two texts, one number."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.tasks import pairs, regression
from auditor.tasks.regression import TextRegression


@dataclass(frozen=True, slots=True)
class Settings(regression.Settings):
    """What counts as right, and whether the texts may change places."""

    symmetric: bool = True
    """Whether the two texts may change places without another number being right, as of similarity. False: of what the
    one says about the other."""


class SentenceSimilarity(TextRegression):
    """Two texts, one number; the metric is the share within a tolerance.

    Semantic textual similarity and relatedness are such tasks. A response is a number; answers and golds are also
    correlated, as such models are compared (Cer et al. 2017, the STS benchmark).
    """

    name = "sentence-similarity"
    fields: tuple[str, ...] = pairs.FIELDS
    settings: Settings = Settings()
    usual_columns = pairs.USUAL_COLUMNS
    usual_labels = ("relatedness_score", "similarity_score", "similarity", "score")
    attacks = pairs.ATTACKS


TASK = SentenceSimilarity
