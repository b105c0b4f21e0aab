"""Coverage: which kinds of rows does the model fail on?"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Ge, Le

from auditor import metrics
from auditor.settings import CheckedSettings, Count, DataColumn
from auditor.text import tokens
from auditor.text.copies import same_words
from auditor.types import (
    Audit,
    Case,
    Example,
    Judged,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Skipped,
    Slice,
    Task,
    metric_words,
)
from probes import _row_properties, _slice_search
from probes._confirmed import confirmed
from probes._groups import Groups
from probes._row_properties import Property
from probes._scored_rows import ScoredRow, against, scored
from probes._slice_search import Trait, WeakSlice

DROP = "drop_against_rest"
DISCOVERED = "drop_in_discovered_slices"


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """Which slices there are."""

    examples: Count = 1000
    """Rows of the home domain, at most: as many as ``quality`` asks about."""
    columns: tuple[DataColumn, ...] = ()
    """Columns of the test file whose values are slices, such as the source or the author's age."""
    quantiles: Annotated[int, Ge(2), Le(20)] = 4
    """Slices of a number: of the length, and of a column of numbers."""
    fewest: Annotated[int, Ge(10)] = 20
    """Rows that a value of a column needs to be a slice; rarer values are one slice together."""
    training: Count = 1000
    """Training rows, at most, among which the nearest to each home row are looked for."""
    nearest: Count = 5
    """Training rows whose mean distance is that of a home row."""
    discovered: Annotated[int, Ge(0), Le(20)] = 3
    """Slices that are searched for, at most; 0: no search."""


class Coverage(ProbeDefaults):
    """Quality on parts of the rows against the rest of them.

    The task's own metric on the rest of the clean home rows less that on the slice; the rows differ, so the difference
    is unpaired (Newcombe 1998). Declared slices are lengths in quantiles, words that no training row has, the distance
    from training, classes, negation (for languages with a list), questions, numbers, capitals, and the columns that the
    settings name. The distance is the mean of one less the cosine between the model's embeddings of a row and of the
    training rows nearest to it.
    Discovered slices are tokens and pairs of tokens and properties: half of the rows search for the worst, and only
    the other half says how bad they are. Of slices that differ by chance alone, the worst of 200 shows 16 points on the
    half that found it and none on the other. Confirmed are those that are worse than the rest at 95 % for all
    together (Holm). Entities are counted by sentence. The answers to clean rows are there: only embeddings are asked.
    """

    name = "coverage"
    limitation: str | None = "coverage"
    settings = Settings()
    limits_need = frozenset({"columns"})

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """The drop against the rest, and the task's metric by slice."""
        words = metric_words(task.metric)
        title = f"{words} on the rest of the rows less that on the slice"
        drop = metrics.difference(DROP, title, ratio=task.ratio)
        searched = replace(
            drop,
            name=DISCOVERED,
            title=f"{words} on the rest less that on slices discovered on other rows",
            comparable=False,
        )
        whole = Metric(
            f"{task.metric}_in_slice", f"{words} on the slice", "mean", "share", 0.0, 1.0, "higher", ratio=task.ratio
        )
        return drop, searched, whole

    def planned(self, audit: Audit) -> Planned:
        """One case for each home row, and the embeddings."""
        settings: Settings = audit.settings
        rows = len(audit.examples("home", settings.examples))
        training = len(audit.examples("train", settings.training)) if audit.has("train") else 0
        return Planned(rows, embedded=rows + training if training else 0, unchanged=rows)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield the home rows as they stand."""
        for example in audit.examples("home", audit.settings.examples):
            yield Case(example, slice={}, facts={"row": example.id})

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement | Skipped]:
        """Yield each slice against the rest, then the slices discovered."""
        settings: Settings = audit.settings
        if not settings.columns:
            slice_ = {"column": "none", "value": "none"}
            yield Skipped(slice_, "no column is named ([probes.coverage] columns)", applies=False)
        rows = scored(cases)
        properties = _row_properties.declared(audit, settings.fewest, settings.quantiles)
        drop, searched, whole = self.metrics(audit.task)
        for each in properties:
            yield from _declared(each, rows, drop, whole)
        if settings.discovered:
            yield from _discovered(audit, rows, properties, searched)

    def worth_showing(self, judged: Judged) -> bool:
        """None: ``quality`` shows the worst clean rows."""
        del judged
        return False


def _declared(
    each: Property, rows: Sequence[ScoredRow], drop: Metric, whole: Metric
) -> Iterator[Measurement | Skipped]:
    """The slices of one property."""
    known = [row for row in rows if row.id in each.values]
    # The file's rows decide whether a column is constant: those asked may have one of many values.
    if len(each.slices) < 2:
        reason = each.missing or (
            f"every row is of one kind: {each.slices[0]}" if each.slices else "no row has a value"
        )
        # A column that the user names and that makes no slice leaves a question open; a constant one does not.
        yield Skipped({each.kind: each.name, "value": "all"}, reason, applies=each.kind == "column" and not each.slices)
        return
    for value in each.slices:
        inside = [each.values[row.id] == value for row in known]
        yield from _against_rest({each.kind: each.name, "value": value}, known, inside, drop, whole)


def _against_rest(
    slice_: Slice, rows: Sequence[ScoredRow], inside: Sequence[bool], drop: Metric, whole: Metric | None = None
) -> Iterator[Measurement | Skipped]:
    own = [row for row, is_in in zip(rows, inside, strict=True) if is_in]
    rest = [row for row, is_in in zip(rows, inside, strict=True) if not is_in]
    return against(slice_, rest, own, drop, whole)


def _discovered(
    audit: Audit, rows: Sequence[ScoredRow], properties: Sequence[Property], metric: Metric
) -> Iterator[Measurement | Skipped]:
    """The worst slices of half the rows, measured on the rest."""
    import numpy as np

    settings: Settings = audit.settings
    examples = {example.id: example for example in audit.examples("home")}
    rows = _with_copies(rows, examples)
    halves = {cluster: audit.rng("half", cluster).random() < 0.5 for cluster in {row.cluster for row in rows}}
    searched = np.array([halves[row.cluster] for row in rows], dtype=bool)
    words = [set(tokens.words(_row_properties.whole_text(audit, examples[row.id]))) for row in rows]
    traits = [*_traits(rows, properties), *_slice_search.tokens(words, searched, settings.fewest)]
    slices = _slice_search.search([row.score for row in rows], searched, traits, settings.fewest, settings.discovered)
    if not slices:
        reason = f"no slice of {settings.fewest} rows and more is worse than the rest where it is searched for"
        yield Skipped({"discovered": "slice 1"}, reason, applies=False)
        return
    confirming = [row for row, seen in zip(rows, searched, strict=True) if not seen]
    measured: list[tuple[WeakSlice, Measurement]] = []
    for number, weak in enumerate(slices, 1):
        inside = weak.has[~searched].tolist()
        for item in _against_rest({"discovered": f"slice {number}"}, confirming, inside, metric):
            if isinstance(item, Measurement):
                measured.append((weak, item))
            else:
                yield item
    worse = confirmed([measurement for _, measurement in measured], metric)
    known = set(audit.vocabulary())
    for place, (weak, measurement) in enumerate(measured):
        said = "confirmed" if place in worse else "not confirmed"
        yield replace(measurement, detail=f"{_told(weak, known, rows)}: {said}")


def _with_copies(rows: Sequence[ScoredRow], examples: Mapping[str, Example]) -> list[ScoredRow]:
    """Return the rows, those with the same words in one cluster."""
    groups = Groups[Hashable]()
    for row in rows:
        words = same_words(examples[row.id].inputs)
        if words:
            # The cluster is the root wherever there is one, so that rows without copies keep theirs.
            groups.join(words, row.cluster)
    return [replace(row, cluster=str(groups.root(row.cluster))) for row in rows]


def _traits(rows: Sequence[ScoredRow], properties: Sequence[Property]) -> Iterator[Trait]:
    import numpy as np

    for each in properties:
        for value in each.slices:
            has = np.array([each.values.get(row.id) == value for row in rows], dtype=bool)
            yield Trait(f"{each.kind} {each.name}", value, has)


def _told(weak: WeakSlice, known: set[str], rows: Sequence[ScoredRow]) -> str:
    """A slice in words.

    A token that the model's vocabulary lacks is named by its first row.
    """
    return " and ".join(_trait_told(trait, known, rows) for trait in weak.traits)


def _trait_told(trait: Trait, known: set[str], rows: Sequence[ScoredRow]) -> str:
    if trait.kind != "token":
        return f"{trait.kind.partition(' ')[2]} {trait.value}"
    if trait.value in known:
        return repr(trait.value)
    # A word of the rows alone is their text, which an audit may have to keep to itself.
    first = next(row.id for row, has in zip(rows, trait.has.tolist(), strict=True) if has)
    return f"a word of {first}"


PROBE = Coverage()
