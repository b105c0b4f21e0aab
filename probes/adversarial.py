"""Adversarial attacks: how often an attacker who may ask the model flips its answer."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from auditor import text
from auditor.environment import resources
from auditor.metrics import median_fact, share, task_metric
from auditor.text import shares
from auditor.types import Audit, Case, Example, Facts, Judged, Metric, Planned, Score, Skipped, Slice, Task
from probes._reading import parts_read
from probes._tries import left_alone, mostly_nothing, nothing_to_change

if TYPE_CHECKING:
    from auditor.attacks.attacker import Attacker

Recipe = Literal["deepwordbug", "pruthi", "textbugger", "pwws"]
CHANGES = {
    "deepwordbug": "words of two letters or more that are no English stop words",
    "pruthi": "words of four letters or more that are no English stop words",
    "textbugger": "words of three letters or more, or with a letter that has a look-alike, that are no English stop words",
    "pwws": "words with a synonym in the English WordNet that are no stop words",
}
"""Recipe → what it changes."""


@dataclass(frozen=True)
class AdversarialSettings:
    """``[probes.adversarial]``."""

    examples: int = 100
    """Of the home domain; at least 1."""
    recipes: tuple[Recipe, ...] = ("deepwordbug", "pruthi", "textbugger", "pwws")
    max_words_changed: float = 0.10
    """Share in (0, 1] of the words that the model reads which may change; one word always may."""
    query_budget: int = 300
    """Queries of one attack on one example; at least 3."""
    freedom: bool = False
    """Also run each recipe without the limit on words: slice ``freedom = unlimited``."""

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError("examples must be at least 1")
        if not 0 < self.max_words_changed <= 1:
            raise ValueError("max_words_changed must be above 0 and at most 1")
        if self.query_budget < 3:
            raise ValueError("query_budget must be at least 3")


class Adversarial:
    """Attacks by someone who sees the scores.

    TextAttack (Morris et al. 2020) attacks the examples that the model answers rightly; those it answers wrongly are
    not attacked and count as 0 in the metric under attack. DeepWordBug (Gao et al. 2018) edits a random character of
    the words in the order of their importance; Pruthi (Pruthi et al. 2019) tries the inner character edits of one
    word; TextBugger (Li et al. 2019) is run with its character edits alone (inserted spaces, look-alike letters),
    without neighbours in an embedding; PWWS (Ren et al. 2019) swaps synonyms and needs WordNet. At most max(1, ⌊0.1 n⌋)
    of the n words that the model reads of a text may change, and stop words never do. An attack ends with its query
    budget, spent on a random sample of the candidates; words are ranked by half of it where there are too many to rank
    them all. The final text is scored by a freshly loaded model, and only that decides success; a failed attack ends with
    the original text. Texts that offer a recipe nothing to change are left out of its success rate and count in the metric
    under attack as they are answered; where they are the most the recipe does not apply. Success rates have another
    denominator for each model: compare the metric under attack. Label preservation is not measured: a flip may be a text
    whose meaning did change.
    """

    name = "adversarial"
    limitation: str | None = "attack"
    needs = frozenset({"single_text", "class_scores", "package:textattack"})
    settings = AdversarialSettings()
    pools: tuple[frozenset[str], ...] = ()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        under_attack = task_metric(task)
        return (
            replace(
                under_attack,
                name=f"{task.metric}_under_attack",
                title=f"{under_attack.title} under attack, over all examples",
            ),
            share("attack_success_rate", "attack success rate", _succeeded, "lower", comparable=False),
            replace(median_fact("queries", "median queries"), comparable=False),
            share("mean_words_changed", "words changed where it succeeded", _words_changed, comparable=False),
            nothing_to_change("rightly answered texts that offer nothing to change"),
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
        settings, field = audit.settings, audit.task.fields[0]
        examples = [one for one in audit.examples("home", settings.examples) if one.gold is not None]
        rightly = _answered_rightly(audit, examples)
        read = {name: parts[field] for name, parts in parts_read(audit, rightly).items()}
        for recipe in dict.fromkeys(settings.recipes):
            reason = resources.lacking(recipe) if examples else "no example has a label"
            if reason is not None:
                yield from (Skipped(slice_, reason) for slice_, _ in _strengths(recipe, settings))
            else:
                yield from self._of_recipe(audit, recipe, examples, read)

    def _of_recipe(
        self, audit: Audit, recipe: Recipe, examples: Sequence[Example], read: Mapping[str, tuple[int, int]]
    ) -> Iterator[Case | Skipped]:
        """``read``: of the examples that are answered rightly, what the model reads of their texts."""
        attacker, field = _attacker(audit, recipe), audit.task.fields[0]
        offers = {
            one.id: attacker.offers(one.inputs[field], rng=audit.rng(recipe, one.id), part=read[one.id])
            for one in examples
            if one.id in read
        }
        changes = f"{recipe} changes {CHANGES[recipe]}"
        nothing = mostly_nothing(offers, "texts that the model answers rightly", changes)
        for slice_, limit in _strengths(recipe, audit.settings):
            if nothing is not None:
                yield Skipped(slice_, nothing, applies=False)
                continue
            if recipe == "pruthi" and limit is None:
                yield Skipped(slice_, "the recipe itself changes one word: no other strength", applies=False)
                continue
            if not offers:
                yield Skipped(slice_, f"the model answers none of the {len(examples)} texts rightly")
            attack = functools.partial(_attacked, audit, attacker)
            yield from audit.side_by_side(
                slice_,
                (
                    functools.partial(attack, one, slice_, limit, read[one.id])
                    if offers.get(one.id)
                    else functools.partial(left_alone, one, slice_, offers)
                    for one in examples
                ),
            )


def _strengths(recipe: str, settings: AdversarialSettings) -> Iterator[tuple[Slice, float | None]]:
    """Slices and the share of words that may change in each; None: as many as the recipe allows."""
    yield {"recipe": recipe}, settings.max_words_changed
    if settings.freedom:
        yield {"recipe": recipe, "freedom": "unlimited"}, None


def _answered_rightly(audit: Audit, examples: Sequence[Example]) -> list[Example]:
    answers = audit.ask([one.inputs for one in examples]) if examples else []
    pairs = zip(examples, answers, strict=True)
    # The model may fail on a text: then it has no answer.
    return [one for one, answer in pairs if answer is not None and _right(audit.task.score(one.gold, answer))]


def _right(score: Score | None) -> bool:
    """Nothing was lost: (1, 1) for accuracy; (2, 2), or (0, 0) for a true negative, for F1."""
    return score is not None and score.numerator == score.denominator


def _attacker(audit: Audit, recipe: Recipe) -> Attacker:
    from auditor.attacks.attacker import Attacker

    task, field = audit.task, audit.task.fields[0]

    def ask(texts: Sequence[str]) -> list[list[float]]:
        answers = audit.ask([{field: one} for one in texts])
        return [[task.class_scores(answer)[label] for label in task.labels] for answer in answers]

    return Attacker(recipe, ask, audit.settings.query_budget)


def _attacked(
    audit: Audit,
    attacker: Attacker,
    example: Example,
    slice_: Slice,
    max_words_changed: float | None,
    part: tuple[int, int],
) -> Case:
    """``part``: start and end of what the model reads, of whose words a share may change."""
    field, (start, end) = audit.task.fields[0], part
    value = example.inputs[field]
    before = text.split(value[start:end])
    limit = None if max_words_changed is None else shares.at_most(max_words_changed, len(before.words))
    label, rng = audit.task.labels.index(example.gold), audit.rng(slice_["recipe"], example.id)
    outcome = attacker.attack(value, label, limit=limit, rng=rng, part=part)
    after = text.split(outcome.text[start : len(outcome.text) - (len(value) - end)])
    facts: Facts = {
        "attacked": 1.0,
        "queries": float(outcome.queries),
        "words_changed": text.share_touched(before, text.diff(before, after)),
        "claimed": float(outcome.success),
    }
    inputs = {**example.inputs, field: outcome.text} if outcome.success else None
    return Case(example, slice_, inputs=inputs, facts=facts)


def _succeeded(judged: Judged) -> float | None:
    """1 where the attacked answer was right and is no longer; None for an example that was not attacked."""
    if judged.facts.get("attacked") != 1.0 or not _right(judged.before):
        return None
    return 0.0 if _right(judged.after) else 1.0


def _words_changed(judged: Judged) -> float | None:
    return float(judged.facts["words_changed"]) if _succeeded(judged) else None


PROBE = Adversarial()
