"""Plans over fake models, for tests of the runner, the gate and the commands."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor import tasks, text
from auditor.engine.deriving import derived
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.plugins import registry
from auditor.types import Case, Example, Inputs, Model, Probe, ScoredCase, Slice, Task

LABELS = ("negative", "positive")
GOOD = ("good", "great", "fine", "lovely", "superb")
BAD = ("bad", "awful", "dull", "poor", "weak")
FILLER = [
    "the",
    "film",
    "was",
    "on",
    "for",
    "two",
    "hours",
    "in",
    "a",
    "small",
    "town",
    "and",
    "we",
    "sat",
    "there",
    "with",
    "friends",
    "that",
    "evening",
]


def reviews(n: int, name: str = "home") -> tuple[Example, ...]:
    """Balanced reviews of eight words; one word decides the label."""
    made = []
    for index in range(n):
        words = [FILLER[(index * 7 + step) % len(FILLER)] for step in range(8)]
        label = LABELS[index % 2]
        words[index % 8] = (BAD, GOOD)[index % 2][index // 2 % 5]
        made.append(Example(f"{name}:{index + 2}", {"text": f"{' '.join(words)} number {index}"}, label))
    return tuple(made)


def plan_of(model: Model, probes: Sequence[Probe], n: int = 200, **given: Any) -> Plan:
    arguments: dict[str, Any] = {
        "task": tasks.create("text-classification", LABELS),
        "models": (AuditedModel(model),),
        "candidate": model.name,
        "examples": {"home": reviews(n)},
        "probes": tuple(probes),
        "settings": {probe.name: probe.settings for probe in probes},
        "selected": frozenset(probe.name for probe in probes),
    }
    return Plan(**{**arguments, **given})


def changed(example: Example, slice_: Slice, inputs: Inputs, **given: Any) -> Case:
    """A case that asks about these texts in place of the example's."""
    edits = {name: text.edits_between(example.inputs[name], value) for name, value in inputs.items()}
    case = Case(example, slice_, edits, **given)
    assert asked(case) == {**example.inputs, **inputs}
    return case


def asked(case: Case) -> Inputs:
    """The texts that a case asks about."""
    return text.edited(case.example.inputs, case.edits)[0]


def words_touched(case: Case, task: Task | None = None) -> float | None:
    """The share of the words that the case's edits replace, as the engine has it."""
    return derived(case, task or tasks.create("text-classification", LABELS)).words_touched


def nowhere(_model: str, _probe: str, _case: ScoredCase) -> None:
    """A sink that keeps nothing."""


def shipped(*names: str) -> tuple[Probe, ...]:
    found = {probe.name: probe for probe in registry.discover()}
    return tuple(found[name] for name in names)


@functools.cache
def script(path: str) -> Any:
    """A script of the project that is part of no package, as a module; ``path``: from the project's root."""
    file = Path(__file__).resolve().parent.parent / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PRAISE = {"good", "great", "excellent", "wonderful", "fantastic", "brilliant", "superb", "lovely", "nice", "pleasant"}
PRAISE |= {"enjoyable", "impressive"}
BLAME = {"bad", "terrible", "awful", "horrible", "dreadful", "poor", "disappointing", "lousy", "boring", "unpleasant"}
BLAME |= {"annoying"}
NEGATIONS = {"not", "wasn't", "isn't", "can't", "don't", "never", "nothing", "nobody", "no"}
PAST = ("used to", "in the past", "last year", "at first", "two years ago")


def mood(sentence: str, *, negation: bool = True, past: bool = True) -> int:
    """1 for praise, -1 for blame, 0 for neither, by rules of thumb; without one of them a defect is planted.

    The last word of praise or blame counts, unless its part of the sentence is about the past. A negation anywhere
    before it turns it around.
    """
    found, turned = 0, False
    for part in re.split("[,;:]| and these days", sentence.casefold().rstrip(".")):
        words = part.split()
        turned = turned or (negation and not NEGATIONS.isdisjoint(words))
        if past and any(marker in part for marker in PAST):
            continue
        for word in words:
            found = (word in PRAISE) - (word in BLAME) or found
    return -found if turned else found
