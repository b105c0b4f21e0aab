"""Capabilities: does the model handle negation, intensity, names and the like?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor import metrics, text
from auditor.settings import CheckedSettings, Count, Fraction
from auditor.types import (
    EXPECTED,
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Row,
    Score,
    Skipped,
    Slice,
    Task,
)
from probes import _capability_rows, _capability_suites, _sentiment_labels, _templates
from probes._capability_suites import Unlabelled
from probes._capability_tests import (
    DIRECTION,
    DIRECTIONS,
    FUNCTIONALITY,
    CapabilityTest,
    Question,
    RowTest,
    TemplateTest,
)
from probes._sentiment_labels import Labels, Mood

FAILURES = Metric("failure_rate", "failure rate", "mean", "share", 0.0, 1.0, "lower")
NOTHING = (
    "the labels are not of sentiment, which the shipped tests are about, and no file of tests is named "
    "([probes.capabilities] files, or sentiment to say what the labels mean)"
)
ROUNDING = 1e-9
"""What a difference of two probabilities is off, at most."""
SHOWN = 3
"""Tests that fail most, at most, that stand behind a number."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Which tests there are, and how many questions each asks."""

    files: tuple[Path, ...] = ()
    """Tests of your own: files (.toml, .csv, .tsv, .jsonl, .parquet) and folders of them."""
    shipped: bool = True
    """Whether the shipped tests of sentiment are run. A capability that your files test is tested by them alone."""
    sentiment: Mapping[str, Mood] = field(default_factory=dict)
    """Label → positive, negative or neutral, where its name does not say it: ``{ LABEL_0 = "negative" }``."""
    per_template: Count = 8
    """Questions of each template, at most: fillings of its slots."""
    rows: Count = 2000
    """Rows of each test in a file of rows, at most: a seeded sample."""
    tolerance: Fraction = 0.1
    """What a probability may move the wrong way in a test of direction."""


class Capabilities(ProbeDefaults):
    """Tests of single capabilities, each with an expectation (CheckList).

    Three kinds of tests, as Ribeiro et al. (2020) have them: *minimum functionality* expects a label; *invariance*
    changes what does not matter, and expects the same answer; *direction* changes what matters, and expects the
    probability of a label not to fall (or not to rise) by more than a tolerance, 0.1. The failure rate of a capability
    and kind is the mean over its templates, which are the clusters: fillings of one template resemble each other. The
    shipped suite has six capabilities of sentiment in short English sentences, among them negation, intensity and
    change over time; it runs where the labels read as positive and negative, on English data. Other tests come from
    files: templates in TOML, or rows of a text and what is expected of it. Pairs that the model reads as one text are
    left out. A failure says that this sentence is answered wrongly; how often such sentences occur in use it does not
    say.
    """

    name = "capabilities"
    limitation: str | None = "coverage"
    needs = frozenset({"single_text", "plain_text", "class_scores"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The failure rate."""
        del task
        return (FAILURES,)

    def check(self, settings: Settings, task: Task) -> None:
        """Refuse files that cannot be read, and labels that the model lacks."""
        _tests(settings, task)

    def planned(self, audit: Audit) -> Planned:
        """One case for each question."""
        cases = sum(isinstance(item, Case) for item in self.cases(audit))
        return Planned(cases, reason=None if cases else _unsuited(audit) or NOTHING)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each question, capability by capability."""
        unsuited = _unsuited(audit)
        tests, lacking = _tests(audit.settings, audit.task, shipped=unsuited is None)
        if not tests:
            yield Skipped({"capability": "none", "kind": "none"}, unsuited or NOTHING, applies=False)
            return
        for test in tests:
            for question in _questions(test, audit):
                yield _case(test, question, audit)
        for gap in lacking:
            slice_ = {"capability": gap.capability, "kind": gap.kind, "test": gap.name}
            yield Skipped(slice_, f"no label of the model is {gap.wanted}", applies=False)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield the failure rate of each capability and kind."""
        del audit
        by_slice: dict[tuple[str, ...], list[Judged]] = {}
        for judged in cases:
            by_slice.setdefault(tuple(judged.slice.values()), []).append(judged)
        for own in by_slice.values():
            yield _failure_rate(own[0].slice, own)

    def worth_showing(self, judged: Judged) -> bool:
        """Those that fail."""
        return failed(judged)


def _unsuited(audit: Audit) -> str | None:
    """Why the shipped tests say nothing of the data, or None."""
    settings: Settings = audit.settings
    shipped = settings.shipped and _sentiment_labels.read(audit.task, settings.sentiment).moods
    return _templates.unsuited("capabilities", audit.language) if shipped else None


def _tests(settings: Settings, task: Task, *, shipped: bool = True) -> tuple[list[CapabilityTest], list[Unlabelled]]:
    """The tests of the files and the shipped ones.

    Beside them stand the shipped tests that lack a label. Raises DataError and ConfigError in one line.
    """
    labels = _sentiment_labels.read(task, settings.sentiment)
    given = [test for path in _capability_rows.files(settings.files) for test in _capability_rows.read(path, labels)]
    own, lacking = _shipped(settings, labels) if shipped else ([], [])
    replaced = {test.capability for test in given}
    tests = [*given, *(test for test in own if test.capability not in replaced)]
    return tests, [test for test in lacking if test.capability not in replaced]


def _shipped(settings: Settings, labels: Labels) -> tuple[list[TemplateTest], list[Unlabelled]]:
    return _capability_suites.own(labels) if settings.shipped and labels.moods else ([], [])


def _questions(test: CapabilityTest, audit: Audit) -> Sequence[Question]:
    settings: Settings = audit.settings
    rng = audit.rng(test.source, test.capability, test.kind, test.name, *test.labels, test.direction)
    if isinstance(test, TemplateTest):
        return list(test.questions(settings.per_template, rng))
    questions = list(test.questions()) if isinstance(test, RowTest) else []
    if len(questions) <= settings.rows:
        return questions
    return [questions[place] for place in sorted(rng.sample(range(len(questions)), settings.rows))]


def _case(test: CapabilityTest, question: Question, audit: Audit) -> Case:
    """Return a question as the engine asks it.

    What is expected is in its facts.
    """
    name = audit.task.fields[0]
    facts: dict[str, float | str] = {"test": test.name}
    facts |= {f"label {number}" if number > 1 else "label": label for number, label in enumerate(test.labels, 1)}
    if test.kind == DIRECTION:
        facts |= {EXPECTED: test.direction, "tolerance": audit.settings.tolerance}
    only = test.labels[0] if test.kind == FUNCTIONALITY and len(test.labels) == 1 else None
    return Case(
        Example(question.id, {name: question.text}, None if only is None else audit.task.gold_of([only])),
        slice={"capability": test.capability, "kind": test.kind},
        edits={} if question.changed is None else {name: text.edits_between(question.text, question.changed)},
        cluster=question.cluster,
        facts=facts,
    )


def failed(judged: Judged) -> bool:
    """Whether the answer is not what its test expects."""
    labels = [str(value) for key, value in judged.facts.items() if key.partition(" ")[0] == "label"]
    kind = judged.slice["kind"]
    if kind == FUNCTIONALITY:
        return max(judged.after_classes, key=judged.after_classes.__getitem__) not in labels
    if kind == DIRECTION:
        before, after = (
            sum(classes[label] for label in labels) for classes in (judged.before_classes, judged.after_classes)
        )
        wrong_way = before - after if judged.facts[EXPECTED] == DIRECTIONS[0] else after - before
        return wrong_way > float(judged.facts["tolerance"]) + ROUNDING
    return not judged.same


def _failure_rate(slice_: Slice, cases: Sequence[Judged]) -> Measurement | Skipped:
    """The failure rate over the cases whose texts the model tells apart."""
    read = [judged for judged in cases if not judged.vacuous]
    if not read:
        return Skipped(slice_, "the model reads both texts of every pair as one", applies=False)
    vacuous = 1.0 - len(read) / len(cases)
    rows = _rows(read)
    rate = metrics.measurement(FAILURES, slice_, rows, n_cases=len(read), vacuous=vacuous)
    by_test: dict[str, list[Judged]] = {}
    for judged in read:
        by_test.setdefault(str(judged.facts["test"]), []).append(judged)
    rates = {name: _mean(own) for name, own in by_test.items()}
    worst = sorted((name for name in rates if rates[name]), key=lambda name: -rates[name])[:SHOWN]
    told = ", ".join(f"{name} {100 * rates[name]:.1f} %" for name in worst)
    rate = metrics.in_groups(rate, [judged.cluster for judged in read], "template")
    return replace(rate, detail=f"fails most: {told}" if told else "", available=rate.n_clusters)


def _rows(cases: Sequence[Judged]) -> list[Row]:
    return metrics.summed((judged.cluster, Score(float(failed(judged)), 1.0)) for judged in cases)


def _mean(cases: Sequence[Judged]) -> float:
    """The mean over templates of the share that fails."""
    rows = _rows(cases)
    return sum(row.total / row.count for row in rows) / len(rows)


PROBE = Capabilities()
