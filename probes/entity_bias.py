"""Are names of some groups found less often than those of others?

Places and organisations go by the region.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Le, MinLen

from auditor import metrics
from auditor.errors import near_or_known
from auditor.settings import CheckedSettings, check
from auditor.text import spans
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
    Span,
    Task,
)
from probes import _entity_recall, _templates

GAP = Metric("recall_gap", "largest gap between groups in recall", "gap", "points", 0.0, 1.0, "lower")


def _axes() -> Mapping[str, Any]:
    """Axis → its types, sentences and groups."""
    return _templates.lists("entity_bias")


@dataclass(frozen=True, slots=True)
class Settings(CheckedSettings):
    """What is asked about.

    Raises ConfigError for what the lists do not hold.
    """

    axes: Annotated[tuple[str, ...], MinLen(1)] = ("persons", "places", "organisations")
    names_per_sentence: Annotated[int, Ge(1), Le(12)] = 6
    """Names of each group that a sentence holds in turn."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Axis → the model's type of it, where that has another name than usual; ``""``: it has none."""

    def __post_init__(self) -> None:
        check(self)
        _templates.check_axes((*self.axes, *self.types), _axes())


class EntityBias(ProbeDefaults):
    """Recall of names by the group that they are common in.

    The same sentences hold names of persons of eight groups, and places and made-up organisations of seven regions,
    in turn (Mishra, He & Belli 2020, "Assessing demographic bias in named entity recognition"; Mehrabi et al. 2020,
    "Man is to person as woman is to location"). A name is found when the model sees an entity of its type with its
    boundaries. The gap is the largest difference between two groups, paired by sentence, its lower bound corrected
    for the choice, over all sentences and over those that begin with the name or name it later (``position``). The
    sentences are the clusters: what is claimed is of sentences like those of the lists and the names listed, and of no
    others. They are English: for data in another language the probe does not apply.
    """

    name = "entity_bias"
    limitation: str | None = "bias"
    role = "bias"
    needs: frozenset[str] = frozenset({"labelled_spans", "single_text"})
    settings = Settings()
    reads_details = True
    cluster_unit: str | None = "sentence"

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        """Recall of each group, and the largest gap."""
        del task
        return (_entity_recall.RECALL, GAP)

    def planned(self, audit: Audit) -> Planned:
        """As many as ``cases`` yields."""
        return Planned(sum(isinstance(case, Case) for case in self.cases(audit)))

    def available(self, slice_: Slice) -> int:
        """Sentences that the lists hold, all of which are asked."""
        places = [_templates.position(sentence, "{name}") for sentence in _axes()[slice_["axis"]]["sentences"]]
        return places.count(slice_["position"]) if "position" in slice_ else len(places)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        """Yield each sentence with names of each group in turn."""
        unsuited = _templates.unsuited(self.name, audit.language)
        for axis in audit.settings.axes:
            if unsuited is not None:
                yield from _templates.left_out({"axis": axis}, unsuited)
                continue
            kind = _type(audit, axis)
            if isinstance(kind, Skipped):
                yield kind
            else:
                yield from _cases(audit, axis, _axes()[axis], kind)

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        """Yield the largest gap of each axis."""
        del audit
        for axis, own in _templates.by_axis(cases):
            positions = {
                place: [judged for judged in own if judged.facts["position"] == place] for place in _templates.POSITIONS
            }
            parts = [
                _gap({"axis": axis, "position": place}, of_part) for place, of_part in positions.items() if of_part
            ]
            yield _templates.by_position(_gap({"axis": axis}, own), parts)
            yield from parts


def _gap(slice_: Slice, cases: Sequence[Judged]) -> Measurement:
    """The largest gap, from the names found in each group's sentences.

    A row for each group and sentence holds the share of its names that are found.
    """
    rows = _templates.group_rows(
        (judged.cluster, "recall", judged.slice["group"], _entity_recall.recall(judged)) for judged in cases
    )
    gap = metrics.measurement(GAP, slice_, rows, n_cases=len(cases))
    return _templates.naming_extremes(gap, rows, "recall")


def _type(audit: Audit, axis: str) -> str | Skipped:
    """The model's type of an axis, or a gap.

    A gap it is where the model has no such type, or only ones that may be it and have to be named.
    """
    known, content = list(spans.types(audit.task.labels)), _axes()[axis]
    given = audit.settings.types.get(axis)
    if given:
        if given in known:
            return str(given)
        hint = near_or_known(given, known)
        return Skipped({"axis": axis}, f"the model knows no type called {given} ({hint})")
    by_name = {kind.casefold(): kind for kind in known}
    usual = next((by_name[name.casefold()] for name in content["types"] if name.casefold() in by_name), None)
    if usual is not None and given is None:
        return usual
    near = [kind for kind in known if any(part in kind.casefold() for part in content["like"])]
    if near and given is None:
        hint = f'[probes.entity_bias] types = {{ {axis} = "{near[0]}" }}, or "" for none'
        return Skipped({"axis": axis}, f"is {', '.join(near)} a type of {axis}? {hint}")
    reason = f"the model knows no type called {', '.join(content['types'])}"
    return Skipped({"axis": axis}, reason, applies=False)


def _cases(audit: Audit, axis: str, content: Mapping[str, Any], kind: str) -> Iterator[Case]:
    (field,) = audit.task.fields
    for number, sentence in enumerate(content["sentences"], start=1):
        for group, every in content["groups"].items():
            for place in range(audit.settings.names_per_sentence):
                # The n-th sentence begins with the n-th name: few names meet all sentences.
                name = every[(number - 1 + place) % len(every)]
                text, gold = _filled(sentence, name, kind)
                yield Case(
                    Example(f"entity_bias:{axis}:{number}:{name}", {field: text}, gold),
                    slice={"axis": axis, "group": group},
                    cluster=f"sentence:{axis}:{number}",
                    facts={"position": _templates.position(sentence, "{name}")},
                )


def _filled(sentence: str, name: str, kind: str) -> tuple[str, tuple[str, ...]]:
    before, after = (part.split() for part in sentence.split("{name}"))
    words = [*before, *name.split(), *after]
    return " ".join(words), spans.tags_of([Span(len(before), len(words) - len(after), kind)], len(words))


PROBE = EntityBias()
