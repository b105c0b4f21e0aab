"""Rows seen in training: are they known by heart?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from auditor import metrics, text
from auditor.perturbations.catalogue import Perturbation
from auditor.settings import CheckedSettings, Count, Share
from auditor.types import Audit, Case, Edits, Example, Judged, Metric, Planned, ProbeDefaults, Score, Skipped, Task
from probes import _perturbing

REWORDING = ("deleted word", "deleted letter")
"""Perturbations that reword a row lightly: the first that the language of the data has, words before characters."""
"""What rewords a row: the words that are left stay as they were."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How many rows are reworded, and how much."""

    examples: Count = 300
    """Rows of the home domain, at most."""
    share: Share = 0.15
    """Share of a row's words that are touched."""


class SeenRows(ProbeDefaults):
    """Whether the test rows look as if they were trained on.

    Where the training file is not given, rows of the test set that were trained on cannot be looked up. A model that
    has learned rows by heart is surer of them than of the same rows lightly reworded (Mattern et al. 2023): every row
    is asked about with about a seventh of its words deleted (in Chinese and Japanese of its characters). The drop in
    the probability of the gold label, and in accuracy, is small for a model that has learned what the rows say. It is
    evidence and no proof: rewording may break a label, and a good model may lean on every word.
    """

    name = "seen_rows"
    limitation: str | None = "distribution"
    needs = frozenset({"class_scores"})
    settings = Settings()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Accuracy and the gold label's probability, before and after."""
        del task
        return (
            metrics.share("right_as_they_stand", "right on the rows as they stand", _right_before, "higher"),
            metrics.change("accuracy_lost", "accuracy lost by light rewording", _right, "lower", ratio=False),
            metrics.change(
                "likelihood_lost",
                "probability of the gold label lost by light rewording",
                _likelihood,
                "lower",
                ratio=False,
            ),
        )

    def planned(self, audit: Audit) -> Planned:
        """At most one case for each home row."""
        return Planned(len(audit.examples("home", audit.settings.examples)), exact=False)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each home row with a label, reworded."""
        reworded = 0
        name = next(iter(_perturbing.names_in(audit, REWORDING)), None)
        if name is None:
            yield Skipped({}, str(_perturbing.in_language(audit, REWORDING[0])), applies=False)
            return
        perturbation = _perturbing.made(audit, name)
        for example in audit.examples("home", audit.settings.examples):
            edits = {} if example.gold is None else _reworded(audit, example, perturbation)
            if edits:
                reworded += 1
                yield Case(example, {}, edits, facts={"class": str(audit.task.stratum(example.gold))})
        if not reworded:
            yield Skipped({}, "no row with a label has two words", applies=False)


def _reworded(audit: Audit, example: Example, perturbation: Perturbation) -> Edits:
    """Edits of every text of two words or more."""
    protected = audit.task.protected(example)
    edits = {
        field: perturbation.edits(
            text.split(value),
            audit.settings.share,
            audit.rng(example.id, field),
            protected.get(field, frozenset()),
        )
        for field, value in example.inputs.items()
    }
    return {field: of_field for field, of_field in edits.items() if of_field}


def _is_right(classes: Mapping[str, float], judged: Judged) -> Score:
    return Score(float(max(classes, key=classes.__getitem__) == judged.facts["class"]), 1.0)


def _right_before(judged: Judged) -> float:
    return _is_right(judged.before_classes, judged).numerator


def _right(judged: Judged) -> tuple[Score, Score]:
    return _is_right(judged.before_classes, judged), _is_right(judged.after_classes, judged)


def _likelihood(judged: Judged) -> tuple[Score, Score]:
    label = str(judged.facts["class"])
    return Score(judged.before_classes[label], 1.0), Score(judged.after_classes[label], 1.0)


PROBE = SeenRows()
