"""Shortcuts in pairs: does the model compare the two texts?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from annotated_types import Ge

from auditor import metrics, text
from auditor.settings import CheckedSettings, Count
from auditor.types import (
    EXPECTED,
    NEEDS,
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Response,
    Score,
    Skipped,
    Task,
)
from probes import _constant_answer, _entailment_labels, _one_text, _overlap_pairs, _templates

ONE_TEXT, BASELINE, SWAPPED, OVERLAP = "reads", "baseline", "texts", "heuristic"
"""The key of each part's slices that the others do not have."""
HEURISTIC_ACCURACY = Metric(
    "heuristic_accuracy", "right answers where words overlap", "mean", "share", 0.0, 1.0, "higher"
)
NOT_SYMMETRIC = "the texts of a pair have their places ([task] symmetric = true says that they may change them)"
IN_ORDER = "a history stands before the last turn"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many pairs are asked about."""

    examples: Count = 500
    """Rows of the home domain, at most."""
    per_template: Annotated[int, Ge(0)] = 4
    """Pairs of each template of the heuristics; 0: none."""


class PairShortcuts(ProbeDefaults):
    """Ways to answer a pair without comparing its texts.

    *One text* (Gururangan et al. 2018, "Annotation artifacts in natural language inference data"; Poliak et al. 2018,
    "Hypothesis only baselines"): the model answers each row again with one of its texts left blank. What it gains by
    both texts over the one shows whether it compares them; what it gains by one text over the majority answer, it has
    learned from habits of the data. A linear bag of words, trained on that text of the training rows, says how far
    such habits go. *Swapped texts*: where a pair is symmetric (``[task] symmetric``), its texts change places and the
    answer should stay. *Heuristics* (McCoy, Pavlick & Linzen 2019, "Right for the wrong reasons", HANS; sentences of
    this project's own): all words of the second text stand in the first, as any words (lexical overlap), as a stretch
    of it (subsequence) or as a clause of it (constituent); in half of the pairs it follows, in half it does not, and a
    model that goes by the words says that it always does. The templates are the clusters.
    """

    name = "pair_shortcuts"
    limitation: str | None = "distribution"
    needs = frozenset({"text_pair"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Gains over one text and over the majority, changed and right answers."""
        return (
            _within((ONE_TEXT, SWAPPED), metrics.task_metric_before(task)),
            _within((ONE_TEXT, SWAPPED), metrics.task_metric(task)),
            _gain(task, "gain_over_one_text", "gain of both texts over one", _both_and_one, "higher"),
            _gain(task, "one_text_gain", "gain of one text over the majority answer", _one_and_constant, None),
            _gain(
                task,
                "baseline_gain",
                "gain of a bag of words of one text over the majority answer",
                _baseline_and_constant,
                None,
            ),
            metrics.share("swap_flip_rate", "answers that change when the texts change places", _swapped, "lower"),
            HEURISTIC_ACCURACY,
        )

    def planned(self, audit: Audit) -> Planned:
        """Four cases for each row, or five, and those of the templates."""
        rows, fields = len(audit.examples("home", audit.settings.examples)), len(audit.task.fields)
        unchanged = fields * rows if audit.has("train") else 0
        swaps = rows if _symmetric(audit.task) else 0
        overlap = sum(isinstance(item, Case) for item in _overlapping(audit))
        return Planned(fields * rows + unchanged + swaps + overlap, exact=False, unchanged=unchanged)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the rows with one text, swapped rows, and the templates' pairs."""
        examples = [row for row in audit.examples("home", audit.settings.examples) if row.gold is not None]
        constant = _constant_answer.of(audit)
        for field in audit.task.fields:
            yield from _with_one_text(audit, examples, field, constant)
            yield from _baseline(audit, examples, field, constant)
        if _symmetric(audit.task):
            yield from (Case(row, {SWAPPED: "swapped"}, _swap(row, audit.task)) for row in examples)
        else:
            reason = IN_ORDER if "dialogue" in audit.task.offers else NOT_SYMMETRIC
            yield Skipped({SWAPPED: "swapped"}, reason, applies=False)
        yield from _overlapping(audit)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """Yield the share of right answers of each heuristic.

        The templates are the clusters, all of which are asked.
        """
        del audit
        by_slice: dict[tuple[str, ...], list[Judged]] = {}
        for judged in cases:
            if OVERLAP in judged.slice:
                by_slice.setdefault(tuple(judged.slice.values()), []).append(judged)
        for own in by_slice.values():
            rows = metrics.summed((judged.cluster, Score(float(not _fails(judged)), 1.0)) for judged in own)
            rate = metrics.measurement(HEURISTIC_ACCURACY, own[0].slice, rows, n_cases=len(own))
            yield replace(rate, available=rate.n_clusters, cluster_unit="template")

    def worth_showing(self, judged: Judged) -> bool:
        """Those that go by one text, by the order or by words."""
        if ONE_TEXT in judged.slice:
            return BASELINE not in judged.slice and judged.same
        if SWAPPED in judged.slice:
            return not judged.same
        return _fails(judged)


def _symmetric(task: Task) -> bool:
    return bool(getattr(task.settings, "symmetric", False))


def _with_one_text(audit: Audit, examples: Sequence[Example], field: str, constant: Response | None) -> Iterator[Case]:
    """The rows with every text blank but one."""
    for row in examples:
        others = [name for name in audit.task.fields if name != field]
        edits = {name: (text.Edit(0, len(text.words_of(row.inputs[name])), ()),) for name in others}
        yield Case(row, {ONE_TEXT: field}, edits, facts=_constant_facts(audit.task, row, constant))


def _baseline(
    audit: Audit, examples: Sequence[Example], field: str, constant: Response | None
) -> Iterator[Case | Skipped]:
    """The rows as they are, with the bag of words' answers."""
    slice_ = {BASELINE: _one_text.BAG_OF_WORDS, ONE_TEXT: field}
    if not audit.has("train"):
        yield Skipped(slice_, NEEDS["train"])
        return
    answers = audit.once(f"bag of words of {field}", lambda: _one_text.predictions(audit, field))
    if isinstance(answers, str):
        yield Skipped(slice_, answers)
        return
    for row in examples:
        score = audit.task.score(row.gold, answers[row.id])
        facts = _one_text.facts_of("bag_of_words", score) | _constant_facts(audit.task, row, constant)
        yield Case(row, slice_, facts=facts)


def _constant_facts(task: Task, row: Example, constant: Response | None) -> dict[str, float]:
    return {} if constant is None else _one_text.facts_of("constant", task.score(row.gold, constant))


def _swap(row: Example, task: Task) -> dict[str, tuple[text.Edit, ...]]:
    first, second = (row.inputs[field] for field in task.fields)
    return dict(zip(task.fields, (text.edits_between(first, second), text.edits_between(second, first)), strict=True))


def _overlapping(audit: Audit) -> Iterator[Case | Skipped]:
    """The templates' pairs, whose answer is entailment or not."""
    label = _entailment_labels.entailment(audit.task)
    unsuited = _templates.unsuited("pair_shortcuts", audit.language)
    if label is None or unsuited is not None or not audit.settings.per_template:
        reason = _entailment_labels.NONE if label is None else unsuited or "per_template is 0 in its settings"
        for heuristic in _overlap_pairs.HEURISTICS:
            yield Skipped({OVERLAP: heuristic}, reason, applies=False)
        return
    for pair in _overlap_pairs.pairs(audit.settings.per_template, audit.rng):
        gold = audit.task.gold_of([label]) if pair.entailed else None
        yield Case(
            Example(pair.id, dict(zip(audit.task.fields, pair.texts, strict=True)), gold),
            {OVERLAP: pair.heuristic, "pairs": "entailed" if pair.entailed else "not entailed"},
            cluster=pair.cluster,
            facts={EXPECTED: label if pair.entailed else f"not {label}"},
        )


def _within(keys: Sequence[str], metric: Metric) -> Metric:
    """The metric of the model's cases with one of these keys."""
    return metrics.only(
        metric, lambda judged: BASELINE not in judged.slice and not judged.slice.keys().isdisjoint(keys)
    )


def _gain(task: Task, name: str, title: str, read: Any, better: metrics.Better | None) -> Metric:
    return metrics.change(name, title, read, better, ratio=task.ratio)


def _both_and_one(judged: Judged) -> tuple[Score, Score] | None:
    return metrics.before_after(judged) if _is_one_text(judged) else None


def _one_and_constant(judged: Judged) -> tuple[Score, Score] | None:
    constant = _one_text.score_in(judged.facts, "constant")
    if not _is_one_text(judged) or judged.after is None or constant is None:
        return None
    return judged.after, constant


def _is_one_text(judged: Judged) -> bool:
    return ONE_TEXT in judged.slice and BASELINE not in judged.slice


def _baseline_and_constant(judged: Judged) -> tuple[Score, Score] | None:
    scores = [_one_text.score_in(judged.facts, name) for name in ("bag_of_words", "constant")]
    return None if scores[0] is None or scores[1] is None else (scores[0], scores[1])


def _swapped(judged: Judged) -> float | None:
    return float(not judged.same) if SWAPPED in judged.slice else None


def _fails(judged: Judged) -> bool:
    """Whether a pair of a template is answered wrongly."""
    answer, expected = max(judged.after_classes, key=judged.after_classes.__getitem__), judged.facts[EXPECTED]
    return answer != expected if judged.slice["pairs"] == "entailed" else expected == f"not {answer}"


PROBE = PairShortcuts()
