"""From what failed to a training that may mend it.

A remedy names what it is not trained on: in the audit after the training, only that still tells whether the model
became better.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor.perturbations.catalogue import families
from auditor.types import Role, Slice, in_words

LABEL_KEEPING = families(keeps_label=True)
"""Families of noise that leave a text's label to a reader: a text may be trained on with them."""
ATTACKS = ("textbugger", "deepwordbug", "pruthi")
"""Attacks to train against: those that edit characters."""
BY_NAMES = frozenset({"entity swap"})
"""Attacks that put other names in: no recipe trains against them."""
BAD = ("fail", "inconclusive")
SHOWN: Mapping[Role, str] = {
    "quality": "{metric}",
    "robustness": "drop_over_changed_cases",
    "attack": "{metric}_under_attack",
}
"""Role of a probe → the metric that says what a remedy did; ``{metric}`` is the task's."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A recipe for what failed in one probe."""

    name: str
    """Of its checkpoint: ``remedy-noise``."""
    role: Role
    probe: str
    recipe: str
    settings: Mapping[str, Any]
    reasons: tuple[str, ...]
    """The verdicts that it answers, in words."""
    key: str
    """Of the probe's slices: ``family`` or ``recipe``."""
    trained_on: tuple[str, ...]
    """Values of that key that the training sees."""
    held_out: tuple[str, ...]
    """Values that it does not: only they say whether the model became more robust or learned the test."""


def proposed(results: Mapping[str, Any]) -> tuple[Remedy, ...]:
    """Propose a remedy for noise and one for attacks.

    Failed rules count, or undecided ones where none failed. Of several probes of a role, the first with a known recipe
    counts.
    """
    by_role = (
        [_noise(results, probe) for probe in _of_role(results, "robustness")],
        [_attack(results, probe) for probe in _of_role(results, "attack")],
    )
    taken = {model["name"] for model in results["models"]}
    first = (next((remedy for remedy in remedies if remedy is not None), None) for remedies in by_role)
    return tuple(replace(remedy, name=_free(remedy.name, taken)) for remedy in first if remedy is not None)


def answered(results: Mapping[str, Any]) -> frozenset[int]:
    """Places of the failed verdicts that a proposed remedy answers."""
    roles = {remedy.probe: remedy.role for remedy in proposed(results)}
    return frozenset(
        place
        for place, verdict in enumerate(results["decision"]["verdicts"])
        if verdict["outcome"] == "fail" and verdict["slice"]
        if has_recipe(roles.get(_probe(results, verdict)), verdict["slice"])
    )


def has_recipe(role: Role | None, slice_: Slice) -> bool:
    """Whether a recipe trains for a slice of such a probe.

    None trains for names, or for noise of families that may change the label.
    """
    if role == "robustness" and slice_.get("family") not in (None, *LABEL_KEEPING):
        return False
    return role in ("robustness", "attack") and BY_NAMES.isdisjoint(slice_.values())


def shown(results: Mapping[str, Any], role: Role) -> str:
    """The metric that says what a remedy of that role did."""
    return SHOWN[role].format(metric=results["task"]["metric"])


def _of_role(results: Mapping[str, Any], role: Role) -> Iterator[str]:
    """The probes of a role that a remedy may be judged by.

    Such probes published its metric for the candidate.
    """
    for record in results["records"]:
        mine = record["model"] == results["candidate"] and record.get("role") == role
        if mine and any(metric["name"] == shown(results, role) for metric in record["metrics"]):
            yield record["probe"]


def _free(name: str, taken: Container[str]) -> str:
    """The name, with a number where an audited checkpoint has it.

    This happens when a remedy follows another.
    """
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(free for free in itertools.chain((name,), numbered) if free not in taken)


def _bad(results: Mapping[str, Any], probe: str) -> list[Mapping[str, Any]]:
    """The probe's failed verdicts; else its undecided ones.

    Rules that are not required count too.
    """
    own = [
        verdict
        for verdict in results["decision"]["verdicts"]
        if _probe(results, verdict) == probe and _is_answerable(verdict)
    ]
    by_outcome = ([verdict for verdict in own if verdict["outcome"] == outcome] for outcome in BAD)
    return next((verdicts for verdicts in by_outcome if verdicts), [])


def _probe(results: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    return str(results["policy"]["rules"][verdict["rule"]]["probe"])


def _is_answerable(verdict: Mapping[str, Any]) -> bool:
    """Whether a recipe may train for a verdict's slice."""
    return bool(verdict["slice"]) and BY_NAMES.isdisjoint(verdict["slice"].values())


def _reasons(results: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    rules = results["policy"]["rules"]
    return tuple(
        f"{verdict['outcome']}: {rules[verdict['rule']]['probe']} {rules[verdict['rule']]['metric']} "
        f"[{in_words(verdict['slice'])}] {verdict['value']:.3f}"
        for verdict in verdicts
        if verdict["value"] is not None
    )


def measured(results: Mapping[str, Any], probe: str, key: str) -> list[str]:
    """The values of a slice's key that the candidate was measured on."""
    own = (
        record["measurements"]
        for record in results["records"]
        if (record["model"], record["probe"]) == (results["candidate"], probe)
    )
    values = (measurement["slice"].get(key) for measurement in next(own, ()))
    return [value for value in dict.fromkeys(values) if value is not None]


def _epochs(results: Mapping[str, Any]) -> int:
    """Epochs of the candidate's training.

    Where nothing is known about it, the epochs that its remedy would have.
    """
    training = next(model["training"] for model in results["models"] if model["name"] == results["candidate"])
    settings = results["config"].get("training", {}) if training is None else training.get("settings", {})
    return int(settings.get("epochs", 2))


def _noise(results: Mapping[str, Any], probe: str) -> Remedy | None:
    """Random noise of the families that failed, drawn anew every epoch.

    At least half of the families are held out.
    """
    bad = _bad(results, probe)
    families = measured(results, probe, "family")
    bad_families = {verdict["slice"].get("family") for verdict in bad}
    failed = [family for family in LABEL_KEEPING if family in bad_families]
    trained_on = failed[: max(1, len(families) // 2)]
    held_out = [family for family in families if family not in trained_on]
    if not trained_on or not held_out:
        return None
    return Remedy(
        name="remedy-noise",
        role="robustness",
        probe=probe,
        recipe="online",
        settings={"perturbations": tuple(trained_on), "share": 0.5},
        reasons=_reasons(results, bad),
        key="family",
        trained_on=tuple(trained_on),
        held_out=tuple(held_out),
    )


def _attack(results: Mapping[str, Any], probe: str) -> Remedy | None:
    """Adversarial texts of an attack that was not audited.

    Where every attack was audited, the texts are of one of several.
    """
    bad = _bad(results, probe)
    audited = measured(results, probe, "recipe")
    fresh = (attack for attack in ATTACKS if attack not in audited)
    method = next(fresh, next((attack for attack in ATTACKS if attack in audited), ""))
    held_out = [attack for attack in audited if attack != method]
    if not bad or not method or not held_out:
        return None
    return Remedy(
        name="remedy-attack",
        role="attack",
        probe=probe,
        recipe="attack",
        # After the first epoch there is something to attack; where there is no other, better than nothing.
        settings={"method": method, "first": 0 if _epochs(results) == 1 else 1},
        reasons=_reasons(results, bad),
        key="recipe",
        trained_on=(method,),
        held_out=tuple(held_out),
    )
