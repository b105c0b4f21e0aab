"""Noise in the input: typos, case, spacing, words, invisible characters, homoglyphs, social-media spelling."""

from __future__ import annotations

import functools
import importlib.util
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from auditor import metrics, text
from auditor.errors import ConfigError, near_match
from auditor.types import Audit, Case, Example, Metric, Skipped, Task
from probes import _noise_nlpaug, _noise_own

Change = Callable[[str, random.Random], tuple[str, ...] | None]

WORD_ORDER = {"swapped words": "words", "deleted word": "words", "joined words": "spacing and punctuation"}
"""Perturbations that take a word and its neighbour. nlpaug would choose the words itself, and severities not be nested."""

FAMILIES: dict[str, str] = {
    **_noise_nlpaug.METHODS,
    **{name: family for name, (family, _) in _noise_own.OWN.items()},
    **WORD_ORDER,
}
"""Perturbation → family."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much noise on how many examples."""

    examples: int = 200
    severities: Mapping[str, float] = field(default_factory=lambda: {"low": 0.1, "middle": 0.2, "high": 0.4})
    """Severity → share of the words that are touched, in (0, 1]."""
    perturbations: tuple[str, ...] = tuple(FAMILIES)


class Noise:
    """The same examples before and after noise in a share of their words.

    Every perturbation touches a tenth, a fifth and two fifths of the words (at least one): the words of a milder
    severity are among those of a harder one. Character noise, misspellings and word splits come from nlpaug. Examples
    that offer a perturbation nothing to change (no digit, no contraction) are left out of its slices. Cases whose token
    ids do not change are vacuous: the drop is given over all cases, as deployed, and over the changed ones. Whether a
    person would still give the same label was not measured.
    """

    name = "noise"
    limitation = "noise"
    needs: frozenset[str] = frozenset()
    settings = Settings()
    pools: tuple[frozenset[str], ...] = (frozenset({"family", "severity"}),)

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (
            metrics.task_metric_before(task),
            metrics.task_metric(task),
            metrics.drop(task),
            metrics.drop_over_changed_cases(task),
            metrics.flip_rate(),
            metrics.vacuous_rate(),
            metrics.mean_fact("words_touched", "share of words touched"),
        )

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        settings: Settings = audit.settings
        examples = audit.examples("home", settings.examples)
        for name in settings.perturbations:
            if name not in FAMILIES:
                hint = near_match(name, FAMILIES) or f"known: {', '.join(FAMILIES)}"
                raise ConfigError(f"no perturbation is called {name!r}", where="[probes.noise]", hint=hint)
            for severity, share in settings.severities.items():
                slice_ = {"family": FAMILIES[name], "perturbation": name, "severity": severity}
                if name in _noise_nlpaug.METHODS and importlib.util.find_spec("nlpaug") is None:
                    yield Skipped(slice_, "nlpaug is not installed")
                    continue
                found = [case for example in examples if (case := _case(audit, example, name, share, slice_))]
                yield from found
                if not found:
                    yield Skipped(slice_, "no example offers this perturbation a word to change")


def _case(audit: Audit, example: Example, name: str, share: float, slice_: Mapping[str, str]) -> Case | None:
    inputs = dict(example.inputs)
    touched: list[float] = []
    for field_name in audit.task.fields:
        words = text.split(inputs[field_name])
        rng = audit.rng(name, example.id, field_name)
        edits = perturb(words, name, share, rng)
        if edits:
            inputs[field_name] = str(text.apply(words, edits))
            touched.append(text.share_touched(words, edits))
    if not touched:
        return None
    return Case(example, slice=slice_, inputs=inputs, facts={"words_touched": sum(touched) / len(touched)})


def perturb(words: text.Words, name: str, share: float, rng: random.Random) -> tuple[text.Edit, ...]:
    """Edits that touch about ``share`` of the words, at least one; empty where no word offers anything to change.

    With an equal generator, a smaller share touches a subset of the words and changes them alike.
    """
    wanted = max(1, round(share * len(words.words)))
    order = list(range(len(words.words)))
    rng.shuffle(order)
    seeds = [rng.getrandbits(32) for _ in order]
    taken: set[int] = set()
    edits: list[text.Edit] = []
    for index in order:
        edit = _edit(words.words, index, name, random.Random(seeds[index]), taken)
        if edit is None:
            continue
        size = max(edit.end - edit.start, 1)
        if edits and len(taken) + size > wanted:
            break
        taken |= set(range(edit.start, edit.end))
        edits.append(edit)
    return tuple(edits)


def _edit(words: Sequence[str], index: int, name: str, rng: random.Random, taken: set[int]) -> text.Edit | None:
    if name in WORD_ORDER:
        return _order_edit(words, index, name, taken)
    new = _change(name)(words[index], rng)
    return None if not new else text.Edit(index, index + 1, new, (" ",) * (len(new) - 1))


def _order_edit(words: Sequence[str], index: int, name: str, taken: set[int]) -> text.Edit | None:
    if len(words) < 2:
        return None
    if name == "deleted word":
        return text.Edit(index, index + 1, ()) if len(taken) + 1 < len(words) else None
    if index + 1 >= len(words) or index in taken or index + 1 in taken:
        return None
    first, second = words[index], words[index + 1]
    if name == "joined words":
        return text.Edit(index, index + 2, (first + second,))
    return text.Edit(index, index + 2, (second, first), (" ",)) if first != second else None


def _change(name: str) -> Change:
    if name in _noise_nlpaug.METHODS:
        return functools.partial(_noise_nlpaug.change, name)
    return _noise_own.OWN[name][1]


PROBE = Noise()
