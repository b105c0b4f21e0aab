"""Noise in the input: typos, case, spacing, words, invisible characters, homoglyphs, social-media spelling."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from auditor import metrics, text
from auditor.errors import ConfigError, near_match
from auditor.perturbations.catalogue import BY_NLPAUG, FAMILIES, perturb
from auditor.tasks import entity_goal
from auditor.text import spans
from auditor.types import Audit, Case, Example, Metric, Planned, Skipped, Slice, Task
from probes._reading import Parts, parts_read

_TWO_WORDS = "two words"
WANTED = {
    "keyboard typo": "a word of two letters or more of an English keyboard",
    "OCR error": "a Latin letter or digit that is mistaken for another",
    "inserted letter": "a word of two letters or more",
    "substituted letter": "a word of two letters or more",
    "swapped letters": "a word of three letters or more",
    "deleted letter": "a word of three letters or more",
    "misspelling": "a word that nlpaug's list of misspellings has",
    "split word": "a word of four letters or more",
    "upper case": "a small letter",
    "lower case": "a capital letter",
    "capitalized": "a word without a capital at its head",
    "random case": "a letter that is small or capital",
    "added punctuation": "a word",
    "removed punctuation": "punctuation beside a word",
    "deleted word": _TWO_WORDS,
    "digits to words": "a digit",
    "expanded contraction": "a contraction of the list",
    "zero-width character": "a word of two characters or more",
    "soft hyphen": "a word of two characters or more",
    "homoglyph": "a Latin letter with a Cyrillic look-alike",
    "diacritic": "a Latin letter that may have a mark",
    "repeated letter": "a letter",
    "social-media spelling": "a word of the list",
    "joined words": _TWO_WORDS,
    "extra whitespace": _TWO_WORDS,
    "swapped words": "two words side by side that differ",
}
"""Perturbation → what a text must have."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much noise on how many examples. Raises ConfigError for what cannot be."""

    examples: int = 200
    severities: Mapping[str, float] = field(default_factory=lambda: {"low": 0.1, "middle": 0.2, "high": 0.4})
    """Severity → share of the words read that are touched, in (0, 1]."""
    perturbations: tuple[str, ...] = tuple(FAMILIES)
    context_only: bool = False
    """Of named entities: their own words stay as they are, and the words around them change."""

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ConfigError(f"examples = {self.examples} should be at least 1")
        if not self.severities:
            raise ConfigError("severities is empty", hint="such as { middle = 0.2 }")
        for name, share in self.severities.items():
            if not 0 < share <= 1:
                raise ConfigError(f"severities {name} = {share} should be above 0 and at most 1")
        if not self.perturbations:
            raise ConfigError("perturbations is empty", hint=f"known: {', '.join(FAMILIES)}")
        for name in self.perturbations:
            if name not in FAMILIES:
                hint = near_match(name, FAMILIES) or f"known: {', '.join(FAMILIES)}"
                raise ConfigError(f"no perturbation is called {name!r}", hint=hint)
            if self.perturbations.count(name) > 1:
                raise ConfigError(f"perturbations names {name!r} twice")


class Noise:
    """The same examples before and after noise in a share of their words.

    Every perturbation touches a tenth, a fifth and two fifths of the words that the model reads (at least one, and at most
    those that offer it something to change): the words of a milder severity are among those of a harder one. Character noise,
    misspellings and word splits come from nlpaug. Examples that offer a perturbation nothing to change (no digit, no
    contraction) are left out of its slices. Cases whose token ids do not change are vacuous: the drop is given over all
    cases, as deployed, and over the changed ones. Whether a person would still give the same label was not measured.
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

    def planned(self, audit: Audit) -> Planned:
        """At most: texts that offer a perturbation nothing to change are no cases."""
        settings: Settings = audit.settings
        examples = len(audit.examples("home", settings.examples))
        kinds = sum(_unavailable({"perturbation": name}) is None for name in settings.perturbations)
        return Planned(examples * kinds * len(settings.severities), exact=False)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        settings: Settings = audit.settings
        examples = audit.examples("home", settings.examples)
        read = parts_read(audit, examples)
        # Family and severity → what was skipped of it; one with a case is gone.
        missed: dict[tuple[str, str], list[Skipped]] = {}
        measured: set[tuple[str, str]] = set()
        for name in settings.perturbations:
            for severity, share in settings.severities.items():
                slice_ = {"family": FAMILIES[name], "perturbation": name, "severity": severity}
                key = slice_["family"], severity
                gap = _unavailable(slice_)
                if gap is None:
                    some = (_case(audit, example, read[example.id], share, slice_) for example in examples)
                    found = [case for case in some if case is not None]
                    yield from found
                    measured |= {key} if found else set()
                    gap = None if found else Skipped(slice_, f"no text has {WANTED[name]}", applies=False)
                if gap is not None:
                    yield gap
                    missed.setdefault(key, []).append(gap)
        for (family, severity), gaps in missed.items():
            if (family, severity) not in measured:
                reasons = "; ".join(dict.fromkeys(gap.reason for gap in gaps))
                yield Skipped({"family": family, "severity": severity}, reasons, any(gap.applies for gap in gaps))


def _unavailable(slice_: Slice) -> Skipped | None:
    """Why a perturbation cannot run here; None where it can."""
    if slice_["perturbation"] in BY_NLPAUG and importlib.util.find_spec("nlpaug") is None:
        return Skipped(slice_, "nlpaug is not installed")
    return None


def _case(audit: Audit, example: Example, parts: Parts, share: float, slice_: Slice) -> Case | None:
    """The example with noise in what the model reads of each text field; None where no field offers anything to change."""
    name = slice_["perturbation"]
    inputs, origins, broken = dict(example.inputs), None, False
    touched = total = 0.0
    for field_name in audit.task.fields:
        value, (start, end) = inputs[field_name], parts[field_name]
        words = text.split(value[start:end])
        context_only = audit.task.word_level and audit.settings.context_only
        kept = entity_goal.words_of(spans.spans(example.gold or ())) if context_only else frozenset()
        edits = perturb(words, name, share, audit.rng(name, example.id, field_name), kept)
        inputs[field_name] = f"{value[:start]}{text.apply(words, edits)}{value[end:]}"
        if audit.task.word_level:
            origins = text.origins(words, edits)
            broken = example.gold is not None and entity_goal.broken(
                words, example.gold, edits, origins, context_only=False
            )
        touched += text.share_touched(words, edits) * len(words.words)
        total += len(words.words)
    if not touched:
        return None
    facts = {"words_touched": touched / total}
    return Case(example, slice=slice_, inputs=inputs, facts=facts, invalid=broken, origins=origins)


PROBE = Noise()
