"""Each rule that check_task holds a task against is broken by a task here, and said."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from auditor.errors import DataError
from auditor.tasks import OneLabel
from auditor.tasks.defaults import NoAverages
from auditor.tasks.ner import NamedEntityRecognition
from auditor.testing import check_task, task_rules
from auditor.types import (
    AttackDefaults,
    Choice,
    Classify,
    Detail,
    Example,
    Inputs,
    Measurement,
    Metric,
    Response,
    Score,
    Sums,
)


class Stars(OneLabel):
    """A review, and its stars."""

    name = "stars"
    fields: tuple[str, ...] = ("review",)
    metric = "exact_match"
    ratio = False
    example_labels: tuple[str, ...] = ("one", "two", "three")

    def __init__(self, labels: Sequence[str], mapping: Mapping[str, str] | None = None) -> None:
        """``mapping``: label in the data → the model's label."""
        self.labels, self.mapping = tuple(labels), dict(mapping or {})

    def read(self, row: Mapping[str, object], columns: Mapping[str, str]) -> tuple[Inputs, Any]:
        """The review and its stars."""
        inputs = {"review": str(row[columns["review"]])}
        if "label" not in columns:
            return inputs, None
        if row[columns["label"]] not in self.labels:
            raise DataError("no such stars")
        return inputs, row[columns["label"]]

    def request(self, inputs: Inputs) -> Any:
        """Ask for the stars."""
        return Classify((inputs["review"],))

    def score(self, gold: str, response: Response) -> Score:
        """Right or wrong."""
        return Score(float(self.show(response) == gold), 1.0)

    def constant(self, golds: Sequence[Any]) -> Response | None:
        """Always one."""
        return (1.0, 0.0, 0.0) if any(gold is not None for gold in golds) else None


ROWS = [{"review": f"a film of {label} stars {n}", "label": label} for n in range(8) for label in Stars.example_labels]
WORDS = [
    {"text": ["Ann", "Lee", "saw", "Paris"], "label": ("B-PER", "I-PER", "O", "B-LOC")},
    {"text": ["in", "Rome", "Bo", "slept"], "label": ("O", "B-LOC", "B-PER", "O")},
] * 10
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


class Accepting(Stars):
    """A review, and the stars that are accepted."""

    offers = frozenset({"class_scores"})
    corruptions: Mapping[str, Any] = {}

    def labels_of(self, cell: Any) -> Sequence[Any]:
        return list(cell)

    def gold_of(self, labels: Sequence[str]) -> Any:
        return list(labels)

    def target(self, gold: Any) -> Any:
        return gold[0]

    def read(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[Inputs, Any]:
        return {"review": row[columns["review"]]}, list(row[columns["label"]]) if "label" in columns else None

    def score(self, gold: Any, response: Response) -> Score:
        return Score(float(self.show(response) in gold), 1.0)

    def likelihood(self, gold: Any, response: Response) -> float:
        return float(sum(response[self.labels.index(label)] for label in gold))

    def goal(self, example: Any, before: Response) -> None:
        del example, before

    def stratum(self, gold: Any) -> None:
        del gold

    def show_gold(self, gold: Any) -> str:
        return " or ".join(gold)


def surest(task: Any, gold: Any) -> Response:
    return tuple(0.8 if label == gold[0] else 0.1 for label in task.labels)


ACCEPTED = [
    {"review": f"a film of {label} stars {n}", "label": [label, "three"] if label == "two" else [label]}
    for n in range(4)
    for label in ("one", "two")
]


def of_lists(self: Any, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[Inputs, Any]:
    """Words as a list alone has them: a file gives a tuple."""
    return NamedEntityRecognition.read(self, {**row, columns["text"]: row[columns["text"]].copy()}, columns)


def broken(**members: Any) -> Any:
    """The task with other members."""
    return type("Broken", (Stars,), {"__doc__": "Broken.", **members})


def accepting(**members: Any) -> Any:
    """The task with several accepted stars with other members."""
    return type("Broken", (Accepting,), {"__doc__": "Broken.", **members})


def entities(**members: Any) -> Any:
    """Named entities with other members."""
    return type("Broken", (NamedEntityRecognition,), {"__doc__": "Broken.", **members})


class Wrong:
    """Wrong labels as a function makes them."""

    def __init__(self, make: Any, impossible: Any = lambda rows: None if rows else "none") -> None:
        self._make, self.impossible = make, impossible

    def __call__(self, rows: Sequence[Example], rate: float, rng: random.Random) -> list[Any]:
        return list(self._make([row.gold for row in rows], rate, rng))


def turned(golds: list[Any], rate: float, rng: random.Random) -> list[Any]:
    """Nested, as it should be."""
    order = list(range(len(golds)))
    rng.shuffle(order)
    for place in order[: round(rate * len(golds))]:
        golds[place] = "two" if golds[place] == "one" else "one"
    return golds


def unnested(golds: list[Any], rate: float, rng: random.Random) -> list[Any]:
    return turned(golds, rate, random.Random(f"{rate} {rng.random()}"))


def undrawn(golds: list[Any], rate: float, _rng: random.Random) -> list[Any]:
    return turned(golds, rate, random.Random(0))


def wrong(make: Any, **more: Any) -> Any:
    return broken(corruptions={"turned": Wrong(make, **more)})


class Labels:
    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels


own = Metric("own", "own", "mean", "share", 0.0, 1.0, "higher")


class Averaging(NoAverages):
    """Gives an average whatever the sums."""

    def __init__(self, *whole: Metric, slice_: Mapping[str, str] | None = None) -> None:
        self.whole, self._slice = whole, slice_ or {}

    def __call__(self, sums: Sums) -> Iterator[Measurement]:
        del sums
        yield Measurement("own", self._slice, 1.0, 1.0, 1.0, 1, 1, "count")


COUNT = itertools.count()
BROKEN: dict[str, list[Any]] = {
    "members": [
        Labels,
        broken(name=""),
        broken(fields=("review", "review")),
        broken(offers=frozenset({"everything"})),
        broken(layout="columns"),
        broken(attacks=AttackDefaults(())),
        broken(attacks=AttackDefaults(("pwws", "pwws"))),
        broken(attacks=AttackDefaults(("hotflip",))),  # type: ignore[arg-type]
        broken(attacks=AttackDefaults(max_words_changed=0.0)),
        broken(attacks=AttackDefaults(query_budget=2)),
        broken(steps=3),
        broken(head="no such head"),
        broken(ratio=None),
        broken(constant_answer=""),
    ],
    "construction": [
        Stars(("one", "two")),
        broken(__init__=lambda _self, _labels: None),
        broken(__init__=lambda self, labels, mapping=None: Stars.__init__(self, sorted(labels), mapping)),
    ],
    "other domain": [broken(other_domain=lambda _self: Stars(("one",)))],
    "read": [
        broken(read=lambda _self, _row, _columns: ({"review": "x"}, "one")),
        broken(read=lambda _self, _row, _columns: ({"review": 3}, None)),
        broken(read=lambda _self, _row, _columns: ({}, None)),
        broken(read=lambda _self, _row, _columns: ({"review": "x"}, None)),
        broken(read=lambda _self, _row, _columns: 1 // 0),
    ],
    "labels of a cell": [
        broken(labels_of=lambda _self, _cell: ()),
        broken(labels_of=lambda _self, cell: [cell][1]),
        broken(labels_of=lambda self, cell: [cell] if cell in self.labels else []),
        accepting(labels_of=lambda _self, cell: cell[:1] if len(cell) == 1 else []),
    ],
    "gold": [
        # Stars in the data, good and bad as labels: read alone knows the rule, and no file is read by it.
        broken(
            read=lambda _self, row, columns: (
                {"review": row[columns["review"]]},
                ("one" if row[columns["label"]] == "one" else "two") if "label" in columns else None,
            )
        ),
        broken(gold_of=lambda _self, labels: labels[0].upper()),
        broken(gold_of=lambda _self, _labels: None),
        broken(gold_of=lambda _self, _labels: 1 // 0),
        broken(labels_of=lambda _self, cell: (f"{cell} stars",)),
        accepting(gold_of=lambda _self, labels: labels[0] if len(labels) == 1 else None),
        accepting(gold_of=lambda _self, labels: tuple(labels)),
        accepting(labels_of=lambda _self, cell: (cell,)),
        entities(read=of_lists),
    ],
    "target": [
        broken(target=lambda _self, gold: f"{gold} stars"),
        broken(target=lambda self, gold: self.labels.index(gold)),
        broken(target=lambda _self, _gold: 1 // 0),
        accepting(target=lambda _self, gold: gold),
        entities(target=lambda _self, gold: list(gold)),
        entities(target=lambda _self, gold: gold[1:]),
        entities(target=lambda _self, gold: gold[0]),
        entities(target=lambda _self, gold: tuple(tag.lower() for tag in gold)),
    ],
    "request": [
        broken(request=lambda _self, inputs: (inputs["review"],)),
        broken(request=lambda _self, inputs: Classify(([inputs["review"]],))),  # type: ignore[arg-type]
        broken(request=lambda _self, _inputs: Classify(("always this",))),
        broken(request=lambda _self, inputs: Classify((inputs["review"], str(next(COUNT))))),
    ],
    "score": [
        broken(score=lambda _self, _gold, _response: 1.0),
        broken(score=lambda _self, _gold, _response: Score(2.0, 1.0)),
        broken(score=lambda _self, _gold, _response: Score(1.0, 1.0)),
        broken(score=lambda _self, _gold, _response: Score(0.0, 1.0)),
        broken(score=lambda _self, _gold, _response: Score(0.0, 0.0)),
    ],
    "details": [
        broken(detail_metrics=(own,)),
        broken(detail_metrics=(own,), sliced_metrics=(own,)),
        broken(averages=Averaging()),
        broken(averages=Averaging(own, own)),
        broken(averages=Averaging(own, slice_={"a": "b"})),
        broken(averages=Averaging(own, replace(own, name="more"))),
        broken(details=lambda _self, _gold, _response: [Detail("own", {}, Score(1.0, 1.0))]),
        broken(
            detail_metrics=(own,), details=lambda _self, _gold, _response: [Detail("own", {"a": "b"}, Score(1.0, 1.0))]
        ),
        broken(detail_metrics=(own,), details=lambda _self, _gold, _response: [Detail("own", {}, Score(1.0, 1.0))] * 2),
        broken(detail_metrics=(own,), details=lambda _self, _gold, _response: [Detail("own", {}, Score(2.0, 1.0))]),
    ],
    "same": [
        broken(same=lambda _self, _before, _after, _alignment=None: False),
        broken(same=lambda _self, _before, _after, _alignment=None: True),
        entities(same=lambda self, before, after, _alignment=None: self.entities(before) == self.entities(after)),
    ],
    "follow": [
        broken(follow=lambda _self, _gold, _alignment: None),
        broken(follow=lambda _self, gold, alignment: None if alignment.edits.get("review") else gold),
        broken(follow=lambda _self, gold, alignment: "one" if alignment.edits.get("review") else gold),
    ],
    "protected": [
        broken(protected=lambda _self, _example: {"review": frozenset({99})}),
        broken(
            follow=lambda _self, gold, alignment: (
                None if any(edit.end > edit.start for edit in alignment.edits.get("review", ())) else gold
            )
        ),
    ],
    "goal": [
        broken(goal=lambda _self, _example, _before: None),
        broken(offers=frozenset({"class_scores", "one_label"})),
        broken(goal=lambda _self, _example, _before: lambda _inputs, _response, _edits=None: (1.0, 0.0)),
        broken(
            goal=lambda self, example, before: (
                None
                if OneLabel.goal(self, example, before) is None
                else lambda _inputs, _response, _edits=None: (1.0, 0.0)
            )
        ),
        broken(
            goal=lambda self, example, before: (
                None
                if OneLabel.goal(self, example, before) is None
                else lambda _inputs, _response, _edits=None: (0.0, 1.0)
            )
        ),
        broken(
            goal=lambda self, example, before: (
                (lambda scores: lambda *given: tuple(3 * score for score in scores(*given)))(found)
                if (found := OneLabel.goal(self, example, before))
                else None
            )
        ),
    ],
    "constant": [
        broken(constant=lambda _self, _golds: (1.0, 0.0, 0.0)),
        broken(constant=lambda _self, golds: 3 if any(golds) else None),
    ],
    "likelihood": [
        broken(likelihood=lambda _self, _gold, _response: 0.5),
        broken(likelihood=lambda self, gold, response: 2 * OneLabel.likelihood(self, gold, response)),
    ],
    "offers": [
        broken(class_scores=lambda _self, _response: {}),
        broken(class_scores=lambda self, _response: dict.fromkeys(self.labels, 0.9)),
        broken(stratum=lambda _self, _gold: None),
        broken(stratum=lambda _self, _gold: "all"),
        broken(spans_found=lambda _self, _example, _response: [(0, 1, "PER")]),
        broken(offers=Stars.offers | {"labelled_spans"}),
        broken(choices=lambda _self, _gold, response: (Choice("texts", tuple(response), 0, 9),)),
        broken(choices=lambda _self, _gold, _response: (Choice("texts", (0.9, 0.9), 0, 1),)),
    ],
    "units": [broken(units=lambda _self, _gold: 2), broken(units=lambda _self, _gold: 1.0)],
    "shown": [
        broken(show_gold=lambda _self, gold: f"{gold} stars"),
        broken(show_gold=lambda _self, _gold: 3),
        accepting(show_gold=lambda _self, gold: str(len(gold))),
        broken(show_gold=lambda _self, gold: f"{gold}\n"),
    ],
    "files": [
        broken(dump=lambda _self, gold: {gold}),
        broken(load=lambda _self, value: value.upper()),
        entities(load=lambda _self, value: list(value)),
    ],
    "wrong labels": [
        wrong(turned, impossible=lambda _rows: None),
        wrong(turned, impossible=lambda _rows: "never"),
        wrong(lambda golds, _rate, _rng: turned(golds, 0.5, random.Random(0))),
        wrong(lambda golds, rate, rng: turned(golds, rate, rng)[: -1 if rate else None]),
        wrong(lambda golds, rate, rng: turned(golds, min(rate, 0.2), rng)),
        wrong(unnested),
        wrong(undrawn),
    ],
}
"""Rule → tasks that break it."""


def check(kind: Any) -> None:
    if isinstance(kind, type) and issubclass(kind, Accepting):
        check_task(kind, ACCEPTED)
        return
    of_words = isinstance(kind, type) and issubclass(kind, NamedEntityRecognition)
    check_task(kind, WORDS if of_words else ROWS, labels=TAGS if of_words else None)


@pytest.mark.parametrize(
    "kind", [Stars, Accepting, NamedEntityRecognition, broken(corruptions={"turned": Wrong(turned)})]
)
def test_a_sound_task_passes(kind: Any) -> None:
    check(kind)


def test_every_rule_is_broken_here() -> None:
    assert BROKEN.keys() == task_rules.MEND.keys()


@pytest.mark.parametrize(
    ("rule", "kind"),
    [(rule, kind) for rule, some in BROKEN.items() for kind in some],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_task_that_breaks_a_rule_is_told_which_and_how_to_mend_it(rule: str, kind: Any) -> None:
    with pytest.raises(AssertionError) as caught:
        check(kind)
    said = str(caught.value)
    assert said.startswith("task ")
    assert f" breaks the rule {rule!r}: " in said
    assert said.endswith(f"Mend: {task_rules.MEND[rule]}.")


def test_rows_that_say_one_thing_alone_check_nothing() -> None:
    with pytest.raises(AssertionError, match="the rows need two different labels"):
        check_task(Stars, ROWS[:1])


def test_answers_are_made_up_from_the_target_or_given() -> None:
    assert surest(Accepting(Accepting.example_labels), ["two", "three"]) == (0.1, 0.8, 0.1)
    check_task(Accepting, ACCEPTED, answer=surest)
    with pytest.raises(AssertionError, match="breaks the rule 'score'"):
        check_task(Accepting, ACCEPTED, answer=lambda _task, _gold: (0.8, 0.1, 0.1))


def test_an_answer_to_another_gold_that_is_accepted_is_not_wrong() -> None:
    rows = [
        {"review": "a", "label": ["one", "two"]},
        {"review": "b", "label": ["two"]},
        {"review": "c", "label": ["three"]},
    ]
    check_task(Accepting, rows)
