"""Adversarial attacks: how often does an attacker flip a right decision?"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from auditor import metrics
from auditor.types import (
    WORDS_TOUCHED,
    AttackRecipe,
    Audit,
    Case,
    Example,
    Judged,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Task,
)
from probes import _entity_swap
from probes._attack_strength import Settings, not_run, of_audit, suits, unavailable, unsuited
from probes._attacks import Target, attacks_of
from probes._entity_swap import SWAP
from probes._reading import parts_read
from probes._tries import left_alone, mostly_nothing, nothing_to_change

CHANGES = {
    "deepwordbug": "words of two letters or more that are no English stop words",
    "pruthi": "words of four letters or more that are no English stop words",
    "textbugger": (
        "words of three letters or more, or with a letter that has a look-alike, that are no English stop words"
    ),
    "pwws": "words with a synonym in the English WordNet that are no stop words",
    SWAP: _entity_swap.CHANGES,
}
"""Recipe → what it changes."""


class Adversarial(ProbeDefaults):
    """Attacks by someone who sees the scores.

    TextAttack (Morris et al. 2020) attacks the examples that the model decides correctly; the others are not attacked
    and count in the metric under attack as they are answered. DeepWordBug (Gao et al. 2018) edits a random character
    of the words in the order of their importance; Pruthi (Pruthi et al. 2019) tries the inner character edits of one
    word; TextBugger (Li et al. 2019) is run with its character edits alone (inserted spaces, look-alike letters),
    without neighbours in an embedding; PWWS (Ren et al. 2019) swaps synonyms and needs WordNet. At most max(1, ⌊s n⌋)
    of the n words that the model reads of a text may change, and stop words never do. An attack ends when its query
    budget is spent, which goes to a random sample of the candidates; where there are too many words to rank them all,
    ranking takes half of it. The final text is scored by a freshly loaded model, and only that decides success; a
    failed attack ends with the original text. Texts that offer a recipe nothing to change are left out of its success
    rate and count in the metric under attack as they are answered; if most texts offer nothing, the recipe is not
    applicable. Success rates have a different denominator for each model: compare the metric under attack. A flip
    may be a text whose meaning did change: hand labels say how often (``audit review --export``). Where an example has
    several texts, such as premise and hypothesis, each is attacked by itself (``field``) while the others stay; without
    that, an attacker tries one after another, each with the whole budget, until one falls.

    In named entity recognition, only sentences in which the model finds an entity are attacked, until it loses one
    that it found, or gives it other boundaries or another type; only words of the context change (Lin et al. 2021,
    RockNER, attack both). ``entity swap`` puts other entities of the same type, drawn from the training rows, in an
    entity's place, and leaves the context alone: a model that reads it finds them too.
    """

    name = "adversarial"
    limitation: str | None = "attack"
    role = "attack"
    needs = frozenset({"attack_goal", "package:textattack"})
    settings = Settings()
    interactive = True

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The task's metric before and under attack, and what the attacks took."""
        under_attack = metrics.task_metric(task)
        answers = (
            metrics.task_metric_before(task),
            replace(
                under_attack,
                name=f"{task.metric}_under_attack",
                title=f"{under_attack.title} under attack, over all examples",
            ),
            metrics.share("attack_success_rate", "attack success rate", _succeeded, "lower", comparable=False),
        )
        return (
            *map(metrics.predicted_by_clean, answers),
            replace(metrics.median_fact("queries", "median queries"), comparable=False),
            metrics.share("mean_words_changed", "words changed where it succeeded", _words_changed, comparable=False),
            metrics.share(
                "unconfirmed_successes",
                "successes that a fresh checkpoint does not confirm",
                _unconfirmed,
                "lower",
                comparable=False,
            ),
            nothing_to_change("rightly decided texts that offer nothing to change"),
        )

    def planned(self, audit: Audit) -> Planned:
        """The most queries that the attacks may need.

        What the model decides wrongly is not attacked, and few attacks spend their budget.
        """
        strength = of_audit(audit)
        examples = sum(example.gold is not None for example in audit.examples("home", audit.settings.examples))
        runs = sum(
            not_run(recipe, limit) is None
            for recipe in strength.recipes
            if unavailable(audit, recipe) is None
            for _, limit in strength.slices(recipe)
        )
        return Planned(runs * examples, exact=False, queries=examples + runs * examples * strength.query_budget)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the attacked texts, recipe by recipe."""
        examples = [example for example in audit.examples("home", audit.settings.examples) if example.gold is not None]
        attacked = _attacked(audit, examples)
        strength = of_audit(audit)
        for recipe in strength.recipes:
            reason = unavailable(audit, recipe) if examples else "no example has a label"
            if reason is not None:
                applies = suits(audit.task, recipe) and unsuited(audit, recipe) is None
                yield from (Skipped(slice_, reason, applies) for slice_, _ in strength.slices(recipe))
            else:
                yield from _of_recipe(audit, recipe, examples, attacked)


def _attacked(audit: Audit, examples: Sequence[Example]) -> dict[str, Target]:
    """Example's id → what is attacked.

    Examples that the model decides wrongly, or fails on, have none.
    """
    answers = audit.ask([example.inputs for example in examples]) if examples else []
    goals = {
        example.id: (example, goal, answer)
        for example, answer in zip(examples, answers, strict=True)
        if answer is not None and (goal := audit.task.goal(example, answer)) is not None
    }
    parts = parts_read(audit, [example for example, _, _ in goals.values()])
    return {name: Target(*decided, parts[name]) for name, decided in goals.items()}


def _of_recipe(
    audit: Audit, recipe: AttackRecipe, examples: Sequence[Example], targets: Mapping[str, Target]
) -> Iterator[Case | Skipped]:
    attacks = attacks_of(audit, recipe)
    offers = {
        field: {name: attack.offers(target) for name, target in targets.items()} for field, attack in attacks.items()
    }
    for slice_, limit in of_audit(audit).slices(recipe):
        field = slice_.get("field")
        own, changes = offers[field], f"{recipe} changes {CHANGES[recipe]}"
        reason = mostly_nothing(own, "texts that the model decides rightly", changes) or not_run(recipe, limit)
        if reason is not None:
            yield Skipped(slice_, reason, applies=False)
            continue
        if not own:
            yield Skipped(slice_, _nothing_right(audit.task, len(examples)))
        yield from audit.side_by_side(
            slice_,
            (
                functools.partial(attacks[field].case, targets[example.id], slice_, limit)
                if own.get(example.id)
                else functools.partial(left_alone, example, slice_, own)
                for example in examples
            ),
        )


def _nothing_right(task: Task, texts: int) -> str:
    if task.unit is not None:
        return f"the model finds none of the {task.unit} in the {texts} texts"
    return f"the model decides none of the {texts} texts rightly"


def _succeeded(judged: Judged) -> float | None:
    """1 where the attacked decision fell; None where nothing was attacked."""
    if judged.facts.get("attacked") != 1.0 or judged.withstood is None:
        return None
    return float(not judged.withstood)


def _unconfirmed(judged: Judged) -> float | None:
    """1 where the search succeeded and the decision stands.

    None where the search did not succeed.
    """
    if judged.facts.get("claimed") != 1.0 or judged.withstood is None:
        return None
    return float(judged.withstood)


def _words_changed(judged: Judged) -> float | None:
    return float(judged.facts.get(WORDS_TOUCHED, 0.0)) if _succeeded(judged) else None


PROBE = Adversarial()
