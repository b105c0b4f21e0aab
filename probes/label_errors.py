"""Wrong labels: which rows look as if somebody mislabelled them?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge

from auditor import metrics
from auditor.settings import CheckedSettings, Count
from auditor.types import (
    HOME,
    NEEDS,
    Audit,
    Case,
    Finding,
    GivenRow,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Score,
    Skipped,
    Table,
    Task,
    metric_words,
)
from probes._embedded_rows import embedded
from probes._label_checks import Checked, Fold, as_read, by_linear_head, checked, conflicts, folds
from probes._learning_curves import Steps, steps_for, stratified
from probes._review_tables import conflict_table, review_table, suspects

TRAINING, TEST = "training", "test"
"""The sets whose labels are checked, as slices name them."""
SETS = {TRAINING: "train", TEST: HOME}
CONFLICTING = Metric(
    "conflict_share",
    "share of rows whose text has another label elsewhere",
    "mean",
    "share",
    0.0,
    1.0,
    "lower",
    ratio=True,
)
PROBABILITY = Metric(
    "label_probability", "probability of the label, out of sample", "descriptive", "share", 0.0, 1.0, "higher"
)
AT_MOST = replace(PROBABILITY, title="the most that the right answer's probability can be, out of sample")
LISTED = Metric("rows_listed", "rows listed for review", "descriptive", "count", 0.0, float("inf"), None)
NO_LABELS = "right answers are no labels of a fixed set"
NO_CHOICES = "the model's answers have no probabilities"
BY_WORD = "no base to retrain from, and a linear head on embeddings of texts says nothing of single words"
OF_ONE_LABEL = "no base to retrain from, and a linear head on embeddings gives one label (training.json or --base)"
OF_SPANS = "no base to retrain from, and a linear head on embeddings gives no span (training.json or --base)"
NO_EMBEDDINGS = "no base to retrain from (training.json or --base), and the model gives no embeddings for a linear head"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many labels are checked, how models train, what is listed."""

    rows: Count = 1000
    """Training rows whose labels are checked, at most; conflicts are looked for in all rows."""
    examples: Count = 1000
    """Test rows whose labels are checked, at most."""
    folds: Annotated[int, Ge(2)] = 3
    """Parts of the training rows; each is held out from one training."""
    listed: Count = 50
    """Rows in ``review.csv``, at most; half of them training rows where there are both."""
    steps: Steps | None = None
    """Optimiser steps of every fit. None: the task's own number, and at least two passes over the rows."""
    batch_size: Count = 16


class LabelErrors(ProbeDefaults):
    """Rows whose label looks wrong, for a person to check.

    Rows are ranked by how unlikely a model finds their label that has not learned it. For training rows it is
    trained again from the base, by the recipe of the audited model, on the other folds: a model finds the labels
    likely that it was trained on, the wrong ones too (Northcutt et al. 2021 rank out of sample for this reason).
    Rows of one group and equal texts are held out together. Without a base it is a logistic regression on the
    audited model's embeddings, cross-validated; wrong labels that the audited model has learned by heart shape
    these embeddings, so that fewer are found. Test rows are ranked by the audited model itself, which has not seen
    them. Of named entities a sentence counts as its least likely tag, and a text of any number of labels as its
    least likely decision about one of them. Of answers in a context a model tells the probability of its own alone:
    where that is another than the right answer, this has at most what is left, and words that both share count for it.

    ``review.csv`` lists the rows whose label is least likely and not the model's answer, ``conflicts.csv`` those
    with equal texts and different labels. A reviewer fills in ``verdict``, and ``audit review`` reads it back. A
    listed row is no wrong label: unusual rows and weak models fill the list just as well, and how many labels are
    wrong does not follow from it. Descriptive: no limit reads it.
    """

    name = "label_errors"
    limitation: str | None = "label-quality"
    scope = "candidate"
    settings = Settings()
    reads_details = True
    retrains = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Quality of the ranking models, conflicts, and what is listed."""
        return (_quality(task), CONFLICTING, AT_MOST if _in_context(task) else PROBABILITY, LISTED)

    def planned(self, audit: Audit) -> Planned:
        """A training for each fold, and a case for each row."""
        settings: Settings = audit.settings
        if not _checkable(audit.task):
            return Planned(0)
        cases = len(audit.examples(HOME, settings.examples))
        rows = min(settings.rows, len(audit.examples("train"))) if audit.has("train") else 0
        if not (rows and audit.has("base")):
            by_head = "class_scores" in audit.task.offers
            return Planned(cases, exact=False, unchanged=cases, embedded=rows if by_head else 0)
        learned = rows - rows // settings.folds
        steps = steps_for(settings.steps, audit.task, learned, settings.batch_size)
        return Planned(
            cases + rows,
            exact=False,
            unchanged=cases,
            trainings=settings.folds,
            steps=steps,
            batch_size=settings.batch_size,
        )

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the test rows, and training rows asked of their fold's model."""
        settings: Settings = audit.settings
        if not _checkable(audit.task):
            yield Skipped({}, NO_LABELS, applies=False)
            return
        for example in audit.examples(HOME, settings.examples):
            if example.gold is not None:
                yield Case(example, {"rows": TEST}, facts={"row": example.id})
        parts = _parts(audit)
        if isinstance(parts, str):
            yield Skipped({"rows": TRAINING}, parts, applies=False)
        elif audit.has("base"):
            for number, part in enumerate(part for part in parts if part.held_out):
                # A generator of its own, so that the fitted model is let go before the next one is trained.
                yield from _held_out(audit, part, number)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Finding]:
        """Yield quality and probabilities by set, conflicts, and the tables."""
        if not _checkable(audit.task):
            return
        by_set: dict[str, list[Checked]] = {TRAINING: [], TEST: []}
        rows = {row.id: row for name in _given(audit) for row in audit.examples(name)}
        unknown = 0
        for judged in cases:
            check = checked(judged, rows[str(judged.facts["row"])], audit.task)
            if check is None:
                unknown += 1
            else:
                by_set[judged.slice["rows"]].append(check)
        if unknown and not any(by_set.values()):
            yield Skipped({}, NO_CHOICES, applies=False)
        elif not audit.has("base") and not isinstance(parts := _parts(audit), str):
            by_head = _without_base(audit, parts)
            if isinstance(by_head, str):
                yield Skipped({"rows": TRAINING}, by_head, applies=False)
            else:
                by_set[TRAINING] = by_head
        listed = suspects(by_set, audit.settings.listed)
        for name, own in by_set.items():
            if own:
                yield from _measured(audit, name, own, [row for at, row in listed if at == name])
        if listed:
            yield review_table(audit.task, listed, _quality(audit.task).name)
        yield from _conflicts(audit)

    def worth_showing(self, judged: Judged) -> bool:
        """None: the tables are shown."""
        del judged
        return False


def _in_context(task: Task) -> bool:
    """Whether right answers are spans of a context."""
    return "answers_in_context" in task.offers


def _checkable(task: Task) -> bool:
    return bool(task.labels) or _in_context(task)


def _quality(task: Task) -> Metric:
    title = f"{metric_words(task.metric)} of the models that rank the rows"
    return Metric(f"{task.metric}_out_of_sample", title, "mean", "share", 0.0, 1.0, "higher", ratio=task.ratio)


def _given(audit: Audit) -> list[str]:
    return [name for name in SETS.values() if name == HOME or audit.has("train")]


def _parts(audit: Audit) -> list[Fold] | str:
    """The folds of the training rows, or why there are none."""
    if not audit.has("train"):
        return NEEDS["train"]
    settings: Settings = audit.settings
    known = {row.example.id: row for row in audit.given("train") if row.example.gold is not None}
    rows = [row.example for row in known.values()]
    chosen = stratified(audit.task, rows, settings.rows, audit.rng("rows"))
    given: list[GivenRow] = [known[row.id] for row in chosen]
    parts = folds(given, audit.task, settings.folds, audit.rng("folds"))
    if len(given) < 2 * settings.folds or not all(part.learned for part in parts):
        return f"{len(given)} training rows with labels are too few for {settings.folds} folds"
    classes = ({audit.task.stratum(row.gold) for row in part.learned} for part in parts)
    if any(len(names) == 1 and None not in names for names in classes):
        return "the training rows have one class only"
    return parts


def _held_out(audit: Audit, part: Fold, number: int) -> Iterator[Case]:
    """The rows of a fold, asked of the model of the others."""
    settings: Settings = audit.settings
    model = audit.fit(
        part.learned,
        seed=audit.rng("fit", number).getrandbits(31),
        steps=steps_for(settings.steps, audit.task, len(part.learned), settings.batch_size),
        batch_size=settings.batch_size,
    )
    for example in part.held_out:
        yield Case(example, {"rows": TRAINING}, model=model, facts={"row": example.id})


def _without_base(audit: Audit, parts: Sequence[Fold]) -> list[Checked] | str:
    """Training rows checked by a linear head, or why they are not."""
    if "label_sets" in audit.task.offers:
        return OF_ONE_LABEL
    if _in_context(audit.task):
        return OF_SPANS
    if "class_scores" not in audit.task.offers:
        return BY_WORD
    every = list({row.id: row for part in parts for row in (*part.learned, *part.held_out)}.values())
    vectors = embedded(audit, every)
    return NO_EMBEDDINGS if vectors is None else list(by_linear_head(parts, vectors, audit.task))


def _measured(audit: Audit, name: str, rows: Sequence[Checked], listed: Sequence[Checked]) -> Iterator[Measurement]:
    slice_ = {"rows": name}
    scores = metrics.summed((row.example.cluster, row.score) for row in rows)
    if any(row.count for row in scores):
        quality = metrics.measurement(_quality(audit.task), slice_, scores, n_cases=len(rows))
        yield replace(quality, available=quality.n_clusters, detail=_by(audit, name))
    for which, own in (("all", rows), ("listed", listed)):
        if own:
            chances = [row.probability for row in own]
            mean = min(max(sum(chances) / len(chances), min(chances)), max(chances))
            ends = (mean, min(chances), max(chances), len(own), len({row.example.cluster for row in own}))
            yield Measurement(
                PROBABILITY.name, {**slice_, "which": which}, *ends, f"mean, least and most; {_by(audit, name)}"
            )
    number = float(len(listed))
    yield Measurement(LISTED.name, slice_, number, number, number, len(rows), len(rows), "a count")


def _by(audit: Audit, name: str) -> str:
    """Which model ranks the rows of a set."""
    if name == TEST:
        return "by the audited model"
    if audit.has("base"):
        return f"by models trained on the other {audit.settings.folds - 1} of {audit.settings.folds} parts"
    return "by a linear head on the audited model's embeddings, which it made of these labels: fewer errors show"


def _conflicts(audit: Audit) -> Iterator[Measurement | Table]:
    """The share of rows with conflicting labels, and the rows."""
    names = {name: own for name, own in SETS.items() if own in _given(audit)}
    rows = {
        name: [row.example for row in audit.given(own) if row.example.gold is not None] for name, own in names.items()
    }
    alike = conflicts(rows, audit.task)
    conflicting = {row.id for group in alike for _, row in group}
    for name, own in rows.items():
        first: dict[tuple[str, ...], str] = {}
        # Results hold no text as a cluster's name.
        clusters = [row.cluster if row.group is not None else first.setdefault(as_read(row), row.id) for row in own]
        scores = metrics.summed(
            (cluster, Score(float(row.id in conflicting), 1.0)) for cluster, row in zip(clusters, own, strict=True)
        )
        if scores:
            share = metrics.measurement(CONFLICTING, {"rows": name}, scores, n_cases=len(own))
            yield replace(metrics.in_groups(share, clusters), available=share.n_clusters)
    if alike:
        yield conflict_table(audit.task, alike, audit.settings.listed)


PROBE = LabelErrors()
