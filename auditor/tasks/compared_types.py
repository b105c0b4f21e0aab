"""Types of entities that count where data sets are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from auditor.text import spans
from auditor.types import ComparableLabels


def comparable(golds: Sequence[tuple[str, ...] | None], known: Sequence[str]) -> ComparableLabels:
    """The types among ``known``, the model's, that entities of these golds have."""
    there = Counter(entity.type for gold in golds for entity in spans.spans(gold or ()))
    return ComparableLabels(
        counted=tuple(kind for kind in known if there[kind]),
        left_out=_left_out(there, known),
        nothing_shared="it shares no type of entities with home and the model",
        metric="type_f1",
        key="type",
    )


def _left_out(there: Mapping[str, int], known: Sequence[str]) -> dict[str, str]:
    """Type that does not count → why not."""
    reasons = {}
    for kind in sorted(set(there) - set(known)):
        near = spans.begun_type(kind, known)
        hint = f"; {near} [data.labels] maps it" if near else ""
        reasons[kind] = (
            f"the model has no such type: {there[kind]} entities of it count neither as missed nor as spurious{hint}"
        )
    absent = "no entity of the domain is one: it is not counted there"
    return {**reasons, **{kind: absent for kind in known if not there[kind]}}
