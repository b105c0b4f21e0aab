"""From what failed to a training that may mend it, and what of the audit then still tells: what it was not trained on."""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor.perturbations.catalogue import families

LABEL_KEEPING = families(keeps_label=True)
"""Families of noise that leave a text's label to a reader: a text may be trained on with them."""
ATTACKS = ("textbugger", "deepwordbug", "pruthi")
"""Attacks to train against: those that edit characters."""
BY_NAMES = frozenset({"entity swap"})
"""Attacks that put other names in: no recipe trains against them."""
BAD = ("fail", "inconclusive")


@dataclass(frozen=True, slots=True)
class Remedy:
    """A recipe for what failed in one probe."""

    name: str
    """Of its checkpoint: ``remedy-noise``."""
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
    """A remedy for each probe that has one and did not pass; what failed counts, else what was left undecided."""
    found = (_noise(results), _attack(results))
    taken = {one["name"] for one in results["models"]}
    return tuple(replace(one, name=_free(one.name, taken)) for one in found if one is not None)


def _free(name: str, taken: Container[str]) -> str:
    """The name, or one with a number that no audited checkpoint has: a remedy may be followed by another."""
    return next(
        one for one in itertools.chain((name,), (f"{name}-{n}" for n in itertools.count(2))) if one not in taken
    )


def _bad(results: Mapping[str, Any], probe: str) -> list[Mapping[str, Any]]:
    """The probe's failed verdicts, of required rules or not; else its undecided ones."""
    rules = results["policy"]["rules"]
    own = [
        one
        for one in results["decision"]["verdicts"]
        if rules[one["rule"]]["probe"] == probe and one["slice"] and BY_NAMES.isdisjoint(one["slice"].values())
    ]
    by_outcome = ([one for one in own if one["outcome"] == outcome] for outcome in BAD)
    return next((found for found in by_outcome if found), [])


def _reasons(results: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    rules = results["policy"]["rules"]
    return tuple(
        f"{one['outcome']}: {rules[one['rule']]['probe']} {rules[one['rule']]['metric']} "
        f"[{', '.join(f'{key} {value}' for key, value in one['slice'].items())}] {one['value']:.3f}"
        for one in verdicts
        if one["value"] is not None
    )


def measured(results: Mapping[str, Any], probe: str, key: str) -> list[str]:
    """The values of a slice's key that the candidate was measured on, in their order."""
    record = next(
        (one for one in results["records"] if (one["model"], one["probe"]) == (results["candidate"], probe)), None
    )
    values = [one["slice"].get(key) for one in (record or {"measurements": ()})["measurements"]]
    return [value for value in dict.fromkeys(values) if value is not None]


def _epochs(results: Mapping[str, Any]) -> int:
    """Of the candidate's training; where nothing is known of it, those that its remedy would have."""
    training = next((one["training"] for one in results["models"] if one["name"] == results["candidate"]), None)
    settings = results["config"].get("training", {}) if training is None else training.get("settings", {})
    return int(settings.get("epochs", 2))


def _noise(results: Mapping[str, Any]) -> Remedy | None:
    """Random noise of the families that failed, drawn anew every epoch; half of what could be is held out at least."""
    bad = _bad(results, "noise")
    families = measured(results, "noise", "family")
    failed = [family for family in LABEL_KEEPING if family in {one["slice"].get("family") for one in bad}]
    trained_on = failed[: max(1, len(families) // 2)]
    held_out = [family for family in families if family not in trained_on]
    if not trained_on or not held_out:
        return None
    settings = {"perturbations": tuple(trained_on), "share": 0.5}
    reasons = _reasons(results, bad)
    return Remedy("remedy-noise", "noise", "online", settings, reasons, "family", tuple(trained_on), tuple(held_out))


def _attack(results: Mapping[str, Any]) -> Remedy | None:
    """Adversarial texts of an attack that was not audited, where there is one, else of one of several that were."""
    bad = _bad(results, "adversarial")
    audited = measured(results, "adversarial", "recipe")
    method = next((one for one in ATTACKS if one not in audited), next((one for one in ATTACKS if one in audited), ""))
    held_out = [one for one in audited if one != method]
    if not bad or not method or not held_out:
        return None
    # After the first epoch there is something to attack; where there is no other, better than nothing.
    settings = {"method": method, "first": 0 if _epochs(results) == 1 else 1}
    reasons = _reasons(results, bad)
    return Remedy("remedy-attack", "adversarial", "attack", settings, reasons, "recipe", (method,), tuple(held_out))
