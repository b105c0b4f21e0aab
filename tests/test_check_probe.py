"""Each rule that check_probe holds a probe against is broken by a probe here, and said."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from auditor import metrics, tasks, text
from auditor.errors import ProbeError
from auditor.plugins import registry
from auditor.testing import FakeModel, check_probe, probe_rules
from auditor.types import (
    ROLES,
    Audit,
    Case,
    Edit,
    Example,
    Measurement,
    Metric,
    Planned,
    ProbeDefaults,
    Request,
    Skipped,
    Task,
)

TASK = tasks.create("text-classification", ("negative", "positive"))


@dataclass(frozen=True)
class Settings:
    """``examples``: rows of the home domain, at most; 1 or more."""

    examples: int = 20
    mark: str = "!"

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError("examples must be at least 1")


class Marks(ProbeDefaults):
    """Texts with a mark at the end.

    The last word gets a mark; the label stays.
    """

    name = "marks"
    limitation = "noise"
    settings: Any = Settings()
    pools: tuple[frozenset[str], ...] = (frozenset({"kind"}),)

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.flip_rate(), metrics.drop(task))

    def planned(self, audit: Audit) -> Planned:
        return Planned(len(audit.examples("home", audit.settings.examples)))

    def cases(self, audit: Audit) -> Iterator[Any]:
        for example in audit.examples("home", audit.settings.examples):
            words = text.words_of(example.inputs["text"])
            edit = Edit(len(words) - 1, len(words), (words[-1] + audit.settings.mark,))
            yield Case(example, {"kind": "mark", "place": "end"}, {"text": (edit,)})


def first(found: Iterator[Any], **changes: Any) -> Iterator[Any]:
    """The cases with changes of each."""
    return (replace(case, **changes) for case in found)


class Nameless:
    """Has nothing.

    Nothing at all.
    """


class Undescribed(Marks):
    pass


@dataclass
class Thawed:
    examples: int = 20


@dataclass(frozen=True)
class Anything(Settings):
    more: Any = 3


@dataclass(frozen=True)
class Raising(Settings):
    def __post_init__(self) -> None:
        1 // self.examples


@dataclass(frozen=True)
class Folder(Settings):
    path: Path = Path("x")


def broken(**members: Any) -> Any:
    """The probe with other members."""
    return type("Broken", (Marks,), {"__doc__": Marks.__doc__, **members})()


def cases(make: Any) -> Any:
    """The probe with other cases, made by a function of the audit and of its own cases."""
    return broken(cases=lambda self, audit: make(audit, Marks.cases(self, audit)))


def metric(*found: Metric) -> Any:
    return broken(metrics=lambda _self, _task: found)


def own(value: float, name: str = "own", low: float = 0.0, high: float = 1.0) -> Any:
    """A probe that measures a number itself."""
    declared = Metric("own", "own", "descriptive", "share", 0.0, 1.0, "lower")
    made = Measurement(name, {"kind": "mark"}, value, low, high, 3, 3, "words")
    return broken(metrics=lambda _self, _task: (declared,), measure=lambda _self, _cases, _audit: [made])


def without_inputs(example: Example) -> Example:
    return replace(example, inputs={"other": "words"})


def globally(_audit: Audit, found: Iterator[Case]) -> Iterator[Case]:
    return first(found, facts={"drawn": random.random()})


def shuffled_set(audit: Audit, found: Iterator[Case]) -> Iterator[Case]:
    """Whether it draws is told by the generator's state alone."""
    random.random()
    del audit
    return found


def by_answer(audit: Audit, found: Iterator[Case]) -> Iterator[Case]:
    return (case for case in found if TASK.show(audit.ask([case.example.inputs])[0]) == "positive")


def crash(_audit: Audit, found: Iterator[Case]) -> Iterator[Case]:
    yield next(found)
    raise ZeroDivisionError("no rows")


def skip(reason: str) -> Any:
    return cases(lambda _audit, _found: iter([Skipped({"kind": "mark"}, reason)]))


COUNT = itertools.count()
BROKEN: dict[str, list[Any]] = {
    "members": [
        Nameless(),
        broken(name="Not Snake"),
        broken(limitation="no such row"),
        broken(needs={"train"}),
        broken(needs=frozenset({"no such need"})),
        broken(pools=[frozenset({"kind"})]),
        broken(limitation=None),
        broken(role="no such role"),
        broken(scope="no such scope"),
        broken(interactive=None),
        cases(lambda _audit, _found: iter(["no case"])),
    ],
    "docstring": [Undescribed(), broken(__doc__=""), broken(__doc__="One line.\nAnother line.")],
    "settings frozen": [broken(settings=Thawed()), broken(settings={"examples": 3})],
    "settings validated": [broken(settings=Anything())],
    "settings refused in one line": [broken(settings=Raising())],
    "settings in JSON": [broken(settings=Folder())],
    "metrics named once": [
        metric(metrics.flip_rate(), metrics.flip_rate()),
        metric(replace(metrics.flip_rate(), name="Flip rate")),
    ],
    "metrics well formed": [
        metric(),
        metric("flip_rate"),  # type: ignore[arg-type]
        metric(replace(metrics.flip_rate(), low=1.0)),
        metric(replace(metrics.flip_rate(), kind="median of means")),  # type: ignore[arg-type]
        broken(metrics=lambda _self, _task: (replace(metrics.flip_rate(), name=f"flips_{next(COUNT)}"),)),
    ],
    "metrics declared": [own(0.5, name="another")],
    "values in range": [own(1.5, high=2.0), own(float("nan")), own(0.5, low=0.6), own(0.5, high=float("inf"))],
    "slices of words": [
        cases(lambda _audit, found: first(found, slice={"kind": 3, "place": "end"})),
        cases(lambda _audit, found: first(found, slice={"kind": "", "place": "end"})),
        cases(lambda _audit, _found: iter([Skipped({"kind": 3}, "no")])),  # type: ignore[dict-item]
    ],
    "slices consistent": [
        cases(
            lambda _audit, found: (
                replace(case, slice=dict(reversed(case.slice.items())) if number % 2 else case.slice)
                for number, case in enumerate(found)
            )
        ),
        broken(pools=(frozenset({"kinds"}),)),
    ],
    "example ids": [
        cases(lambda _audit, found: (replace(case, example=replace(case.example, id="one")) for case in found)),
        cases(lambda _audit, found: (replace(case, example=replace(case.example, id="")) for case in found)),
    ],
    "texts whole": [
        cases(lambda _audit, found: (replace(case, example=without_inputs(case.example)) for case in found))
    ],
    "edits inside the texts": [
        cases(lambda _audit, found: first(found, edits={"text": (Edit(99, 100, ("x",)),)})),
        cases(lambda _audit, found: first(found, edits={"text": (Edit(-1, 1, ("x",)),)})),
        cases(lambda _audit, found: first(found, edits={"text": (Edit(0, 2, ("x",)), Edit(1, 3, ("y",)))})),
        cases(lambda _audit, found: first(found, edits={"title": (Edit(0, 1, ("x",)),)})),
    ],
    "facts": [
        cases(lambda _audit, found: first(found, facts={"tried": float("nan")})),
        cases(lambda _audit, found: first(found, facts={"tried": ["x"]})),
        cases(lambda _audit, found: first(found, facts={"tried": True})),
    ],
    "own generator": [cases(globally), cases(shuffled_set)],
    "same cases for any model": [cases(by_answer)],
    "not applicable with a reason": [skip(" "), cases(lambda _audit, _found: iter([]))],
    "applies": [broken(needs=frozenset({"labelled_spans"})), skip("nothing to mark")],
    "planned": [
        broken(planned=lambda _self, _audit: Planned(3)),
        broken(planned=lambda _self, _audit: Planned(19, exact=False)),
        broken(planned=lambda _self, _audit: 20),
        broken(planned=lambda _self, _audit: 1 // 0),
    ],
    "no crash": [
        cases(crash),
        broken(metrics=lambda _self, _task: 1 // 0),
        broken(measure=lambda _self, _cases, _audit: 1 // 0),
    ],
    "finds the defect": [cases(lambda _audit, found: first(found, edits={}))],
    "silent without the defect": [
        broken(metrics=lambda _self, _task: (metrics.share("flip_rate", "flips", lambda _judged: 1.0, "lower"),))
    ],
}
"""Rule → probes that break it."""


def startled(request: Request) -> tuple[float, float]:
    return (0.1, 0.9) if request.texts[0].endswith("!") else (0.9, 0.1)


PLANTED: dict[str, Any] = {
    "defective": FakeModel(startled, TASK.labels, name="startled"),
    "metric": "flip_rate",
    "limit": 0.1,
}


def test_a_sound_probe_passes() -> None:
    record = check_probe(Marks(), TASK, **PLANTED)
    assert (record.status, record.counts["cases"]) == ("measured", 20)
    assert check_probe(broken(needs=frozenset({"labelled_spans"})), TASK).status == "not_applicable"


@pytest.mark.parametrize("limitation", [None, "noise", "no such row"])
@pytest.mark.parametrize("role", [None, *ROLES, "no such role"])
def test_the_check_and_the_registry_accept_the_same_roles_and_rows(
    limitation: str | None, role: str | None, tmp_path: Path
) -> None:
    module = 'from test_check_probe import Marks\n\nclass Own(Marks):\n    """Own."""\n    name = \'own_marks\'\n'
    module += f"    limitation = {limitation!r}\n    role = {role!r}\n\nPROBE = Own()\n"
    (tmp_path / "own_marks.py").write_text(module, encoding="utf-8")
    try:
        registry.discover([tmp_path / "own_marks.py"])
        accepted = True
    except ProbeError:
        accepted = False
    assert accepted is ((limitation == "noise" and role != "no such role") or (limitation, role) == (None, "quality"))
    probe = broken(limitation=limitation, role=role)
    if accepted:
        check_probe(probe, TASK)
        return
    with pytest.raises(AssertionError, match="breaks the rule 'members'"):
        check_probe(probe, TASK)


def test_every_rule_is_broken_here() -> None:
    assert BROKEN.keys() == probe_rules.MEND.keys()


@pytest.mark.parametrize(
    ("rule", "probe"),
    [(rule, probe) for rule, some in BROKEN.items() for probe in some],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_probe_that_breaks_a_rule_is_told_which_and_how_to_mend_it(rule: str, probe: Any) -> None:
    more: dict[str, Any] = {"applies": True} if rule == "applies" else PLANTED if "defect" in rule else {}
    with pytest.raises(AssertionError) as caught:
        check_probe(probe, TASK, **more)
    name = getattr(probe, "name", "Nameless")
    said = str(caught.value)
    assert said.startswith(f"probe {name} with task text-classification breaks the rule {rule!r}: ")
    assert said.endswith(f"Mend: {probe_rules.MEND[rule]}.")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"limit": 0.99}, "finds the defect"),
        ({"defective": FakeModel(lambda _: (0.9, 0.1), TASK.labels)}, "finds the defect"),
        ({"within": {"place": "start"}}, "silent without the defect"),
        ({"clean": PLANTED["defective"]}, "silent without the defect"),
        ({"applies": False}, "applies"),
        ({"reason": "it does not"}, "applies"),
    ],
)
def test_what_the_test_says_of_a_sound_probe_can_be_wrong_too(changes: dict[str, Any], rule: str) -> None:
    given = {} if "applies" in changes else PLANTED
    with pytest.raises(AssertionError, match=f"breaks the rule '{rule}'"):
        check_probe(Marks(), TASK, **{**given, **changes})


def test_a_defect_goes_with_a_metric_that_says_which_way_is_better() -> None:
    with pytest.raises(TypeError, match="give defective, metric and limit together"):
        check_probe(Marks(), TASK, defective=PLANTED["defective"])
    neutral = metric(replace(metrics.flip_rate(), better=None))
    with pytest.raises(TypeError, match="not a metric of marks with a better direction"):
        check_probe(neutral, TASK, **PLANTED)
