"""Quality on other domains, and how far away they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor import metrics, text
from auditor.types import Audit, Case, Example, Judged, Measurement, Metric, Skipped, Task

HOME = {"domain": "home"}
FOLDS = 5
FEWEST_TEXTS = 20
"""A domain classifier is not trained on fewer texts of each domain."""

UNKNOWN = Metric("unknown_words", "share of words unknown at home", "descriptive", "share", 0.0, 1.0, None)
PIECES = Metric("pieces_a_word", "word pieces a word", "descriptive", "ratio", 0.0, float("inf"), None)
DISTANCE = Metric("proxy_distance", "proxy A-distance", "descriptive", "ratio", 0.0, 2.0, None)
SEPARABLE = Metric(
    "domain_classifier_accuracy", "accuracy of a domain classifier", "descriptive", "share", 0.0, 1.0, None
)


@dataclass(frozen=True, slots=True)
class Settings:
    """``examples``: rows of each domain, at most."""

    examples: int = 300


class DomainShift:
    """Quality on other domains.

    The home domain's test set against each declared other domain, by the task's own metric. The examples differ, so the
    difference is unpaired (Newcombe 1998). The distance is that of a classifier told to tell the two domains apart
    (proxy A-distance, Ben-David et al. 2007: 2·(2·accuracy − 1) of TF-IDF and logistic regression, cross-validated):
    0 for domains it cannot tell apart, 2 for domains it always can.
    """

    name = "domain_shift"
    limitation = "domain"
    needs = frozenset({"domains"})
    settings = Settings()
    pools: tuple[frozenset[str], ...] = ()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.task_metric(task), metrics.drop_against(task, HOME), UNKNOWN, PIECES, DISTANCE, SEPARABLE)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        for domain in audit.domains:
            for example in audit.examples(domain, audit.settings.examples):
                yield Case(example, slice={"domain": domain})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        del cases
        n = audit.settings.examples
        home = _texts(audit, audit.examples("home", n))
        known = {word for one in home + _train(audit) for word in _words(one)}
        for domain in audit.domains:
            examples = audit.examples(domain, n)
            texts = _texts(audit, examples)
            pieces = [found.length - 2 for found in audit.encode([example.inputs for example in examples])]
            counted = sum(len(text.split(one).words) for one in texts)
            yield _descriptive(
                PIECES,
                domain,
                sum(pieces) / max(counted, 1),
                len(texts),
                "tokens without special ones ÷ words; cut texts count as cut",
            )
            if domain == "home":
                continue
            words = [word for one in texts for word in _words(one)]
            unknown = sum(word not in known for word in words) / max(len(words), 1)
            yield _descriptive(
                UNKNOWN, domain, unknown, len(texts), "words of the domain not among those of the home texts"
            )
            if min(len(home), len(texts)) >= FEWEST_TEXTS:
                yield from _distance(audit, home, texts, domain)


def _distance(audit: Audit, home: Sequence[str], texts: Sequence[str], domain: str) -> Iterator[Measurement]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    size = min(len(home), len(texts))
    both = [*home[:size], *texts[:size]]
    classifier = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=audit.rng(domain).getrandbits(32))
    accuracy = float(cross_val_score(classifier, both, [0] * size + [1] * size, cv=folds).mean())
    method = f"TF-IDF and logistic regression, {FOLDS}-fold cross-validation"
    yield _descriptive(SEPARABLE, domain, accuracy, 2 * size, method)
    yield _descriptive(DISTANCE, domain, max(0.0, 2 * (2 * accuracy - 1)), 2 * size, f"2·(2·accuracy − 1); {method}")


def _descriptive(metric: Metric, domain: str, value: float, n: int, method: str) -> Measurement:
    return Measurement(metric.name, {"domain": domain}, value, value, value, n, n, method)


def _train(audit: Audit) -> list[str]:
    try:
        return _texts(audit, audit.examples("train"))
    except KeyError:
        return []


def _texts(audit: Audit, examples: Sequence[Example]) -> list[str]:
    return [" ".join(example.inputs[name] for name in audit.task.fields) for example in examples]


def _words(one: str) -> list[str]:
    return re.findall(r"\w+", one.lower())


PROBE = DomainShift()
