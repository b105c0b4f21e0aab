"""Noise in the input: does quality hold when the spelling does not?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from annotated_types import MinLen

from auditor import metrics, text
from auditor.errors import ConfigError, near_or_known
from auditor.perturbations import characters
from auditor.perturbations.catalogue import CATALOGUE, FAMILIES, NOISE
from auditor.settings import CheckedSettings, Count, Share, check
from auditor.types import Audit, Case, Example, Metric, Planned, ProbeDefaults, Skipped, Slice, Task
from probes import _perturbing
from probes._reading import Parts, parts_read

SliceKey: TypeAlias = tuple[tuple[str, str], ...]
POOLS = (frozenset({"family", "severity"}), frozenset({"family", "field"}))
"""Keys of the slices over all perturbations of a family: in all texts, and in one text of several."""


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """How much noise on how many examples."""

    examples: Count = 200
    severities: Annotated[Mapping[str, Share], MinLen(1)] = field(
        default_factory=lambda: {"low": 0.1, "middle": 0.2, "high": 0.4}
    )
    """Severity → share of the words read that are touched. Fillers and emoji: one for each tenth of it. What is all or
    nothing, such as a final full stop, has the middle severity alone."""
    perturbations: Annotated[tuple[str, ...], MinLen(1)] = tuple(perturbation.name for perturbation in NOISE)
    context_only: bool = False
    """Of named entities: their own words stay as they are, and the words around them change."""

    def __post_init__(self) -> None:
        check(self)
        for name in self.perturbations:
            if name not in FAMILIES:
                hint = near_or_known(name, FAMILIES)
                raise ConfigError(f"no perturbation is called {name!r}", hint=hint)


class Noise(ProbeDefaults):
    """The same examples before and after noise in their words.

    Every perturbation touches a tenth, a fifth and two fifths of the words that the model reads (at least one, and at
    most those that offer it something to change): the words of a milder severity are among those of a harder one.
    Character noise, misspellings and word splits come from nlpaug. Neutral sentences, rare tokens and emoji are put in
    around the words, and count among those touched; what is all or nothing (a final full stop, long padding, the case
    of the whole text) is measured once, at the middle severity. A text that the model does not read to its end, before
    or after, is left out of what changes its ends. Entities stay whole, and what is put in is none. Examples that offer
    a perturbation nothing to change (no digit, no contraction) are left out of its slices. Cases whose token ids do not
    change are vacuous: the drop is given over all cases, as deployed, and over the changed ones. Whether a person would
    still give the same label is for hand labels to say (``audit review --export``). Where an example has several
    texts, noise is put into all of them and, at the middle severity, into each by itself (``field``): noise that is
    alike in both may leave them alike. Right answers that are spans of a text stay as they are, and the sentence that
    holds the first of them is made noisy by itself too.
    """

    name = "noise"
    limitation = "noise"
    role = "robustness"
    settings = Settings()
    pools: tuple[frozenset[str], ...] = POOLS

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The task's metric before and after, its drop, and what changed."""
        answers = (
            metrics.task_metric_before(task),
            metrics.task_metric(task),
            metrics.drop(task),
            metrics.drop_over_changed_cases(task),
            metrics.flip_rate(),
        )
        return (
            *map(metrics.predicted_by_clean, answers),
            metrics.vacuous_rate(),
            metrics.mean_fact("words_touched", "share of words touched"),
        )

    def planned(self, audit: Audit) -> Planned:
        """The most cases there can be.

        Texts that offer a perturbation nothing to change are none.
        """
        settings: Settings = audit.settings
        examples = len(audit.examples("home", settings.examples))
        slices = sum(
            len(list(_slices(name, settings, audit.task)))
            for name in settings.perturbations
            if _unavailable(audit, {"perturbation": name}) is None
        )
        return Planned(examples * slices, exact=False)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield every example under every perturbation and severity."""
        settings: Settings = audit.settings
        examples = audit.examples("home", settings.examples)
        read = parts_read(audit, examples)
        # Pooled slice → what was skipped of it; one with a case is gone.
        missed: dict[SliceKey, list[Skipped]] = {}
        measured: set[SliceKey] = set()
        for name in settings.perturbations:
            for slice_, share, fields in _slices(name, settings, audit.task):
                pooled = _pooled(slice_)
                gap = _unavailable(audit, slice_)
                if gap is None:
                    made = (_case(audit, example, read[example.id], share, slice_, fields) for example in examples)
                    own = _answerable(audit, name, [case for case in made if case is not None])
                    yield from own
                    measured.update(pooled if own else ())
                    gap = None if own else Skipped(slice_, _nothing(audit, name), applies=False)
                if gap is not None:
                    yield gap
                    for key in pooled:
                        missed.setdefault(key, []).append(gap)
        for key, gaps in missed.items():
            if key not in measured:
                reasons = "; ".join(dict.fromkeys(gap.reason for gap in gaps))
                yield Skipped(dict(key), reasons, any(gap.applies for gap in gaps))


def _slices(name: str, settings: Settings, task: Task) -> Iterator[tuple[Slice, float, Sequence[str]]]:
    """Each slice with its share of words and its texts.

    Of several texts each has a slice of its own, at the middle severity, and so has each stretch of the task.
    """
    fields, stretches = task.fields, () if CATALOGUE[name].around else task.stretches
    severities, slice_ = _severities(name, settings), {"family": FAMILIES[name], "perturbation": name}
    for severity, share in severities.items():
        yield {**slice_, "severity": severity}, share, fields
    if len(fields) > 1:
        share = severities[_middle(severities)]
        yield from (({**slice_, "field": field}, share, (field,)) for field in (*fields, *stretches))


def _pooled(slice_: Slice) -> list[SliceKey]:
    return [tuple((key, slice_[key]) for key in slice_ if key in pool) for pool in POOLS if pool < set(slice_)]


def _unavailable(audit: Audit, slice_: Slice) -> Skipped | None:
    """Why a perturbation cannot run here; None where it can."""
    made = _perturbing.in_language(audit, slice_["perturbation"])
    if isinstance(made, str):
        return Skipped(slice_, made, applies=False)
    reason = _perturbing.lacking(made)
    return None if reason is None else Skipped(slice_, reason)


def _severities(name: str, settings: Settings) -> Mapping[str, float]:
    """The severities that a perturbation is measured at.

    One that is all or nothing has the middle one.
    """
    if CATALOGUE[name].graded:
        return settings.severities
    middle = _middle(settings.severities)
    return {middle: settings.severities[middle]}


def _middle(severities: Mapping[str, float]) -> str:
    """The middle severity, of two in the middle the milder."""
    by_share = sorted(severities, key=severities.__getitem__)
    return by_share[(len(by_share) - 1) // 2]


def _nothing(audit: Audit, name: str) -> str:
    """Why no text serves a perturbation."""
    whole = " that the model reads to its end, before and after," if CATALOGUE[name].around else ""
    return f"no text{whole} has {_perturbing.made(audit, name).wanted}"


def _answerable(audit: Audit, name: str, cases: list[Case]) -> list[Case]:
    """The cases of which the model reads all that decides the label.

    What is put in before a text may push its end out of what the model reads.
    """
    if not CATALOGUE[name].around or not cases:
        return cases
    encoded = audit.encode([text.edited(case.example.inputs, case.edits)[0] for case in cases])
    return [case for case, after in zip(cases, encoded, strict=True) if not after.truncated]


def _case(
    audit: Audit, example: Example, parts: Parts, share: float, slice_: Slice, fields: Sequence[str]
) -> Case | None:
    """The example with noise in what is read of the fields.

    None where no field offers anything to change.
    """
    name, total, touched = slice_["perturbation"], 0, 0
    perturbation = _perturbing.made(audit, name)
    around = CATALOGUE[name].around
    if around and any(parts[field_name] != (0, len(example.inputs[field_name])) for field_name in audit.task.fields):
        return None
    if fields[0] in audit.task.stretches:
        parts = audit.task.stretch(example, fields[0])
        fields = tuple(parts)
    protected = audit.task.protected(example) if audit.settings.context_only or around else audit.task.fixed(example)
    edits: dict[str, tuple[text.Edit, ...]] = {}
    for field_name in fields:
        part = text.part(example.inputs[field_name], *parts[field_name])
        kept = part.places(protected.get(field_name, ()))
        changed = characters.changed(perturbation, part.words, share, audit.rng(name, example.id, field_name), kept)
        edits[field_name] = part.lifted(changed.edits)
        total, touched = total + changed.words, touched + changed.touched
    return Case(example, slice_, edits, words=total, touched=touched) if any(edits.values()) else None


PROBE = Noise()
