"""Adversarial attacks: how often an attacker who may ask the model flips its answer."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from auditor import resources, text
from auditor.metrics import median_fact, share, task_metric
from auditor.types import Audit, Case, Example, Facts, Judged, Metric, Planned, Score, Skipped, Slice, Task
from probes._attacks import word_limit

if TYPE_CHECKING:
    from auditor.attacking import Attacker

Recipe = Literal["deepwordbug", "pruthi", "textbugger", "pwws"]


@dataclass(frozen=True)
class AdversarialSettings:
    """``[probes.adversarial]``."""

    examples: int = 100
    """Of the home domain; at least 1."""
    recipes: tuple[Recipe, ...] = ("deepwordbug", "pruthi", "textbugger", "pwws")
    max_words_changed: float = 0.10
    """Share in (0, 1] of a text's words that may change; one word always may."""
    query_budget: int = 300
    """Queries of one attack on one example; at least 2."""
    freedom: bool = False
    """Also run each recipe without the limit on words: slice ``freedom = unlimited``."""

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError("examples must be at least 1")
        if not 0 < self.max_words_changed <= 1:
            raise ValueError("max_words_changed must be above 0 and at most 1")
        if self.query_budget < 2:
            raise ValueError("query_budget must be at least 2")


class Adversarial:
    """Attacks by someone who sees the scores.

    TextAttack (Morris et al. 2020) attacks the examples that the model answers rightly; those it answers wrongly are
    not attacked and count as 0 in the metric under attack. DeepWordBug (Gao et al. 2018) edits a random character of
    the words in the order of their importance; Pruthi (Pruthi et al. 2019) tries the inner character edits of one
    word; TextBugger (Li et al. 2019) is run with its character edits alone (inserted spaces, look-alike letters),
    without neighbours in an embedding; PWWS (Ren et al. 2019) swaps synonyms and needs WordNet. At most max(1, ⌊0.1 n⌋)
    of a text's n words may change, stop words never do, and an attack ends with its query budget, spent on a random
    order of the candidates. The final text is scored by a freshly loaded model, and only that decides success; a failed
    attack ends with the original text. Success rates have another denominator for each model: compare the metric under
    attack. Label preservation is not measured: a flip may be a text whose meaning did change.
    """

    name = "adversarial"
    limitation: str | None = "attack"
    needs = frozenset({"single_text", "class_scores", "package:textattack"})
    settings = AdversarialSettings()
    pools: tuple[frozenset[str], ...] = ()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        under_attack = task_metric(task)
        return (
            replace(under_attack, name=f"{task.metric}_under_attack", title=f"{under_attack.title} under attack"),
            share("attack_success_rate", "attack success rate", _succeeded, "lower", comparable=False),
            replace(median_fact("queries", "median queries"), comparable=False),
            share("mean_words_changed", "words changed where it succeeded", _words_changed, comparable=False),
        )

    def planned(self, audit: Audit) -> Planned:
        """Queries at most: those that the model answers wrongly are not attacked, and few attacks spend their budget."""
        settings: AdversarialSettings = audit.settings
        examples = sum(one.gold is not None for one in audit.examples("home", settings.examples))
        runs = sum(
            recipe != "pruthi" or limit is not None
            for recipe in dict.fromkeys(settings.recipes)
            if resources.lacking(recipe) is None
            for _, limit in _strengths(recipe, settings)
        )
        return Planned(runs * examples, queries=examples + runs * examples * settings.query_budget)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        settings: AdversarialSettings = audit.settings
        examples = [one for one in audit.examples("home", settings.examples) if one.gold is not None]
        right = _answered_rightly(audit, examples)
        for recipe in dict.fromkeys(settings.recipes):
            reason = resources.lacking(recipe) if examples else "no example has a label"
            for slice_, limit in _strengths(recipe, settings):
                if reason is not None or (recipe == "pruthi" and limit is None):
                    yield Skipped(slice_, reason or "the recipe itself changes one word: no other strength")
                    continue
                attack = functools.partial(_attacked, audit, _attacker(audit, recipe, settings.query_budget))
                yield from audit.side_by_side(
                    slice_,
                    (
                        functools.partial(attack if ok else _left_alone, example, slice_, limit)
                        for example, ok in zip(examples, right, strict=True)
                    ),
                )


def _strengths(recipe: str, settings: AdversarialSettings) -> Iterator[tuple[Slice, float | None]]:
    """Slices and the share of words that may change in each; None: as many as the recipe allows."""
    yield {"recipe": recipe}, settings.max_words_changed
    if settings.freedom:
        yield {"recipe": recipe, "freedom": "unlimited"}, None


def _answered_rightly(audit: Audit, examples: Sequence[Example]) -> list[bool]:
    answers = audit.ask([one.inputs for one in examples]) if examples else []
    return [
        answer is not None and _right(audit.task.score(one.gold, answer))
        for one, answer in zip(examples, answers, strict=True)
    ]


def _right(score: Score | None) -> bool:
    """Nothing was lost: (1, 1) for accuracy; (2, 2), or (0, 0) for a true negative, for F1."""
    return score is not None and score.numerator == score.denominator


def _attacker(audit: Audit, recipe: str, query_budget: int) -> Attacker:
    from auditor.attacking import Attacker

    task, field = audit.task, audit.task.fields[0]

    def ask(texts: Sequence[str]) -> list[list[float]]:
        answers = audit.ask([{field: one} for one in texts])
        return [[task.class_scores(answer)[label] for label in task.labels] for answer in answers]

    return Attacker(recipe, ask, query_budget)


def _attacked(
    audit: Audit, attacker: Attacker, example: Example, slice_: Slice, max_words_changed: float | None
) -> Case:
    field = audit.task.fields[0]
    before = text.split(example.inputs[field])
    limit = None if max_words_changed is None else word_limit(len(before.words), max_words_changed)
    label = audit.task.labels.index(example.gold)
    outcome = attacker.attack(example.inputs[field], label, limit=limit, rng=audit.rng(slice_["recipe"], example.id))
    facts: Facts = {
        "attacked": 1.0,
        "queries": float(outcome.queries),
        "words_changed": text.share_touched(before, text.diff(before, text.split(outcome.text))),
        "claimed": float(outcome.success),
    }
    inputs = {**example.inputs, field: outcome.text} if outcome.success else None
    return Case(example, slice_, inputs=inputs, facts=facts)


def _left_alone(example: Example, slice_: Slice, _limit: float | None) -> Case:
    return Case(example, slice_, facts={"attacked": 0.0})


def _succeeded(judged: Judged) -> float | None:
    """1 where the attacked answer was right and is no longer; None for an example that was not attacked."""
    if judged.facts.get("attacked") != 1.0 or not _right(judged.before):
        return None
    return 0.0 if _right(judged.after) else 1.0


def _words_changed(judged: Judged) -> float | None:
    return float(judged.facts["words_changed"]) if _succeeded(judged) else None


PROBE = Adversarial()
