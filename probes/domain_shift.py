"""Quality on other domains, and how far away they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from auditor import metrics
from auditor.settings import CheckedSettings, Count
from auditor.text import tokens
from auditor.types import Audit, Case, Example, Judged, Measurement, Metric, Planned, ProbeDefaults, Skipped, Task
from probes import _comparable_labels, _lengths

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
class Settings(CheckedSettings):
    """How many rows are asked."""

    examples: Count = 300
    """Rows of each other domain, at most."""
    home: Count = 1000
    """Rows of the home domain that the others are compared with, at most: as many as ``quality`` asks about."""

    def of(self, domain: str) -> int:
        """Rows of a domain, at most."""
        return self.home if domain == HOME["domain"] else self.examples


class DomainShift(ProbeDefaults):
    """Quality on other domains.

    The home domain's test set against each declared other domain, by the task's own metric. The examples differ, so the
    difference is unpaired (Newcombe 1998). The distance is that of a classifier told to tell the two domains apart
    (proxy A-distance, Ben-David et al. 2007: 2·(2·accuracy − 1) of TF-IDF and logistic regression, cross-validated):
    0 for domains it cannot tell apart, 2 for domains it always can. Of named entities those types are counted, at home
    too, that both the model and the domain have; the others are named.
    """

    name = "domain_shift"
    limitation: str | None = "domain"
    role = "shift"
    needs = frozenset({"domains"})
    settings = Settings()
    reads_details = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The task's metric, its drop against home, and how far domains are."""
        quality, drop = metrics.task_metric(task), metrics.drop_against(task, HOME)
        labels = _comparable_labels.of(task)
        if labels is not None:
            quality = _comparable_labels.on_comparable(quality, labels)
            drop = _comparable_labels.measured_later(drop)
        return (quality, drop, UNKNOWN, PIECES, DISTANCE, SEPARABLE)

    def planned(self, audit: Audit) -> Planned:
        """The examples of every domain."""
        rows = {domain: len(audit.examples(domain, audit.settings.of(domain))) for domain in audit.domains}
        return Planned(sum(rows.values()), unchanged=rows[HOME["domain"]])

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the examples of every domain."""
        for domain in audit.domains:
            n = audit.settings.of(domain)
            examples = audit.examples(domain, n)
            if not examples:
                yield Skipped({"domain": domain}, "every row occurs in the training data")
            facts = _comparable_labels.facts(_comparable_labels.of_domain(audit, domain, n))
            for example in examples:
                yield Case(example, slice={"domain": domain}, facts=facts)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield how far each domain is, where it has texts enough.

        Word pieces are counted at home too, to compare with.
        """
        n = audit.settings.examples
        labels = _comparable_labels.of(audit.task)
        if labels is not None:
            yield from _comparable_labels.drops(cases, metrics.drop_against(audit.task, HOME), labels)
        home = _texts(audit, audit.examples("home", n))
        known = {word for value in home + _train(audit) for word in tokens.words(value)}
        for domain in audit.domains:
            examples = audit.examples(domain, n)
            yield from _pieces(audit, examples, domain)
            if domain == "home":
                continue
            labels = _comparable_labels.of_domain(audit, domain, n)
            if labels is not None:
                yield from _comparable_labels.left_out(labels, domain)
            texts = _texts(audit, examples)
            yield from _unknown(known, texts, domain)
            yield from _distance(audit, home, texts, domain)


def _pieces(audit: Audit, examples: Sequence[Example], domain: str) -> Iterator[Measurement]:
    """Word pieces a word over the texts that the model sees whole."""
    special = audit.encode([dict.fromkeys(audit.task.fields, "")])[0].length
    pairs = zip(examples, audit.encode([example.inputs for example in examples]), strict=True)
    whole = [(example, encoded.length - special) for example, encoded in pairs if not encoded.truncated]
    unit = _lengths.unit(audit)
    words = sum(unit.count(value) for value in _texts(audit, [example for example, _ in whole]))
    if words:
        value = sum(pieces for _, pieces in whole) / words
        by_words = "tokens ÷ words, special tokens and cut texts left out"
        by_characters = "tokens ÷ characters, special tokens and cut texts left out"
        yield _descriptive(PIECES, domain, value, len(whole), by_words if unit.is_word else by_characters)


def _unknown(known: Set[str], texts: Sequence[str], domain: str) -> Iterator[Measurement]:
    words = [word for value in texts for word in tokens.words(value)]
    if words:
        value = sum(word not in known for word in words) / len(words)
        method = "share of the domain's words that no home text holds, training rows included"
        yield _descriptive(UNKNOWN, domain, value, len(texts), method)


def _distance(audit: Audit, home: Sequence[str], texts: Sequence[str], domain: str) -> Iterator[Measurement]:
    """How well a classifier tells the domain from home.

    Both give as many texts, so that guessing is right half of the time; texts without a word are left out.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    ours, theirs = ([value for value in side if tokens.words(value)] for side in (home, texts))
    size = min(len(ours), len(theirs))
    if size < FEWEST_TEXTS:
        return
    both, answers = [*ours[:size], *theirs[:size]], [0] * size + [1] * size
    classifier = make_pipeline(TfidfVectorizer(analyzer=tokens.words), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=audit.rng(domain).getrandbits(32))
    guesses = cross_val_predict(classifier, both, answers, cv=folds)
    accuracy = sum(int(guess == answer) for guess, answer in zip(guesses, answers, strict=True)) / (2 * size)
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


PROBE = DomainShift()
