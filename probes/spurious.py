"""Spurious cues: does a word decide that should not?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Le

from auditor import metrics
from auditor.errors import ConfigError
from auditor.settings import CheckedSettings, Count, LimitedWord, check
from auditor.text import tokens
from auditor.types import (
    HOME,
    NEEDS,
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Score,
    Skipped,
    Task,
)
from probes._cue_flips import BEYOND_FREQUENT, BEYOND_STRONG, FLIPS, ByChange, flips, name, told
from probes._cue_table import Feature, Table, Tie
from probes._cue_trials import CUE, PUT_IN, REMOVED, Cue, Trials, discovered, listed

SHARE = Metric("label_share", "rows with the cue that have its label", "mean", "share", 0.0, 1.0, None)


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Which words are tried, and on how many texts."""

    examples: Count = 1000
    """Rows of the home domain, at most, that a word is taken out of."""
    hosts: Count = 200
    """Rows among them, about, that a word is put into."""
    cues: Annotated[int, Ge(0), Le(20)] = 4
    """Words that training ties to a label and that are tried, the strongest ones; 0: no search."""
    tokens: tuple[LimitedWord, ...] = ()
    """Words or signs that should decide nothing, such as the name of a source: their effect has a limit."""

    def __post_init__(self) -> None:
        check(self)
        known: dict[str, str] = {}
        for token in self.tokens:
            parts = tokens.pieces(token)
            if parts != [token]:
                hint = f"list each word or sign by itself: {', '.join(map(repr, parts))}" if parts else "list words"
                raise ConfigError(f"tokens names {token!r}, which is not one word or sign", hint=hint)
            if (before := known.setdefault(tokens.plain(token), token)) != token:
                raise ConfigError(f"tokens names {token!r} twice: {before!r} is the same word")


class Spurious(ProbeDefaults):
    """Words and signs whose presence alone may decide the answer.

    What training ties to a label more than chance does (words, signs, lengths and the like; binomial, Holm 1979), the
    strongest first: by the lower bound, for all at once, of how far the label's share of its rows lies above that of
    all. ``z`` says how many standard deviations (Gardner et al. 2021). Only then comes what counts, for the strongest
    words: how often the answer flips when the word is taken out of test texts that have it, and when it is put into
    texts of other labels. Both stand beside the same for words as frequent that no label goes with (paired by text:
    another word of the same text is taken out, or put in at the same place) and for words as strongly tied to the label
    (other texts). A word that flips answers ten points more often than words as strong may be a cue that training
    planted; the claim is made at 95 % for all words together.

    One that flips as many is taken for a necessary word, as ``amazing`` in reviews, as far as words as strong tell:
    they may be cues themselves. No count tells a reason from a habit of the data; a reader does. List a word that
    should decide nothing in ``tokens``, and its flips beyond those of words as frequent have a limit. It is put into
    any text that lacks it. Properties are not taken out: a text cannot lose its length and keep the rest. Of scripts
    without blanks each character is a word.
    """

    name = "spurious"
    limitation: str | None = "distribution"
    needs = frozenset({"class_scores"})
    settings = Settings()
    limits_need = frozenset({"listed"})

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Flips, flips beyond other words', and shares of labels."""
        del task
        return BEYOND_FREQUENT, BEYOND_STRONG, FLIPS, SHARE

    def planned(self, audit: Audit) -> Planned:
        """What is taken out and put in."""
        return Planned(sum(1 for _ in self.cases(audit)))

    def cases(self, audit: Audit) -> Iterator[Case]:
        """Yield the changed texts of each cue."""
        settings: Settings = audit.settings
        examples = [row for row in audit.examples(HOME, settings.examples) if _label(audit.task, row) is not None]
        study = _study(audit)
        every = min(settings.examples, len(audit.examples(HOME)))
        trials = Trials(audit, study.table, examples, min(settings.hosts / max(every, 1), 1.0))
        for cue in study.cues:
            yield from trials.cases(cue)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield the ties of training, then the flips of each cue."""
        study = _study(audit)
        yield from _not_searched(audit, study)
        if audit.has("train"):
            yield from _shares(audit, study)
        by_slice: dict[tuple[tuple[str, str], ...], dict[str, list[Judged]]] = {}
        for judged in cases:
            own = by_slice.setdefault(tuple(judged.slice.items()), {})
            own.setdefault(str(judged.facts["changed"]), []).append(judged)
        measured: list[tuple[Cue, Measurement]] = []
        for cue in study.cues:
            for change in (REMOVED, PUT_IN):
                slice_ = {**cue.slice, "change": change}
                own = by_slice.get(tuple(slice_.items()), {})
                gap = _gap(audit, study.table, cue, change, own)
                if gap is not None:
                    yield Skipped(slice_, *gap)
                else:
                    measured += [(cue, measurement) for measurement in flips(slice_, own)]
        yield from told(study.table, set(audit.vocabulary()), measured)

    def worth_showing(self, judged: Judged) -> bool:
        """A flip by the cue itself."""
        return judged.facts["changed"] == CUE and not judged.same


def _label(task: Task, row: Example) -> str | None:
    return None if row.gold is None else task.stratum(row.gold)


@dataclass(frozen=True, slots=True)
class Study:
    """What labelled rows say, and the cues to try."""

    table: Table
    cues: Sequence[Cue]
    properties: Mapping[Feature, Tie]
    """Properties that go with a label."""
    places: Mapping[Feature, set[int]]
    """Property → places of the rows that have it."""


def _study(audit: Audit) -> Study:
    """Study the labelled rows, once in an audit."""
    return audit.once("study", lambda: _studied(audit))


def _studied(audit: Audit) -> Study:
    """Study the training rows; without them, how frequent words are at home."""
    settings: Settings = audit.settings
    task, has_train = audit.task, audit.has("train")
    # The table outlives this model's part of the audit: it holds on to the task alone.
    table = Table(
        audit.examples("train" if has_train else HOME), task.fields, lambda row: _label(task, row), audit.language
    )
    cues = discovered(table, settings.cues) if has_train else []
    cues += listed(table, settings.tokens, task.fields)
    properties = {tie.feature: tie for tie in table.ties if tie.claimed and not tie.feature.field}
    return Study(table, cues, properties, table.seen(properties)[0])


def _not_searched(audit: Audit, study: Study) -> Iterator[Skipped]:
    """What no word is tried for, and why."""
    if not audit.settings.tokens:
        slice_ = {"listed": "none", "change": "none"}
        yield Skipped(slice_, "no word is listed ([probes.spurious] tokens)", applies=False)
    if audit.settings.cues and not audit.has("train"):
        yield Skipped({"cue": "1"}, NEEDS["train"])
    elif audit.settings.cues and not any(cue.tie for cue in study.cues):
        reason = f"no word of {len(study.table.rows):,} rows goes with a label more than by chance"
        yield Skipped({"cue": "1"}, reason, applies=False)


def _shares(audit: Audit, study: Study) -> Iterator[Measurement]:
    """The share of its label among the rows with each cue."""
    known = set(audit.vocabulary())
    home = [row for row in audit.examples(HOME) if _label(audit.task, row) is not None]
    having = [study.table.of(row) for row in home]
    ties = [(cue.slice, cue.tie, cue.places, name(cue, study.table, known)) for cue in study.cues if cue.tie]
    for feature, tie in study.properties.items():
        own_part = {"property": feature.name, "value": feature.value}
        ties.append((own_part, tie, frozenset(study.places[feature]), f"{feature.name} {feature.value}"))
    for part, tie, places, words in ties:
        sets = {
            "train": [study.table.rows[place] for place in sorted(places)],
            HOME: [row for row, own in zip(home, having, strict=True) if tie.feature in own],
        }
        for source, rows in sets.items():
            scores = ((row.cluster, Score(float(_label(audit.task, row) == tie.label), 1.0)) for row in rows)
            if rows:
                share = metrics.measurement(SHARE, {**part, "rows": source}, metrics.summed(scores), n_cases=len(rows))
                yield replace(share, available=share.n_clusters, detail=f"{words}: {tie.label}, z {tie.z:.1f}")


def _gap(audit: Audit, table: Table, cue: Cue, change: str, own: ByChange) -> tuple[str, bool] | None:
    """Why nothing is measured, and whether there is something to measure."""
    if any(not judged.vacuous for judged in own.get(CUE, ())):
        return None
    if own.get(CUE):
        return "the model sees the same with it and without it", False
    features = set(cue.token.features)
    rows = [row for row in audit.examples(HOME) if _label(audit.task, row) is not None]
    if change == REMOVED:
        if any(features & table.of(row) for row in rows):
            return "none of the texts asked has it beside a word to compare with", True
        return "no test text has it", False
    hosts = (row for row in rows if cue.tie is None or _label(audit.task, row) != cue.tie.label)
    if any(not features & table.of(row) for row in hosts):
        return "there is no word to compare it with in the texts asked", True
    return "every text that it could be put into has it", False


PROBE = Spurious()
