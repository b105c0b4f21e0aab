"""Wrong training labels, with a fake that learns what it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import pytest
from test_low_resource import TASK, audit_of, rows

from auditor import tasks
from auditor.errors import ConfigError
from auditor.stats import curve
from auditor.tasks import OneLabel
from auditor.tasks.classification import TextClassification
from auditor.tasks.ner import NamedEntityRecognition
from auditor.testing import FakeAudit
from auditor.text import spans
from auditor.types import Case, Example, Judged, Score, Skipped
from probes.label_noise import PROBE, Settings, _corrupted, share

SMALL = Settings(rates=(0.1, 0.4), rows=50, seeds=2, steps=30, examples=5)


def audit(settings: Settings = SMALL, **more: Any) -> FakeAudit:
    return audit_of(settings, **more)


def wrong(found: Sequence[Example], given: Sequence[Example]) -> dict[str, str]:
    assert [one.id for one in found] == [one.id for one in given]
    return {new.id: str(new.gold) for new, old in zip(found, given, strict=True) if new.gold != old.gold}


def test_every_rate_trains_with_every_seed_on_as_many_wrong_labels() -> None:
    fake = audit()
    cases = [one for one in PROBE.cases(fake) if isinstance(one, Case)]
    # Two kinds, three shares, two seeds, five home rows each.
    assert len(fake.fits) == 12
    assert len(cases) == 60
    truth = {one.id: one.gold for one in fake.examples("train")}
    counts = [sum(one.gold != truth[one.id] for one in rows_) for rows_, *_ in fake.fits]
    # Of 50 rows, or of the 25 of one class.
    assert counts == [0, 0, 5, 5, 20, 20, 0, 0, 2, 2, 10, 10]
    assert Counter(case.slice["wrong"] for case in cases) == {"0": 20, "0.1": 20, "0.4": 20}
    assert {steps for *_, steps, _ in fake.fits} == {30}


def test_rows_and_initialisation_go_by_the_seed_alone() -> None:
    fake = audit()
    list(PROBE.cases(fake))
    by_seed = {(number % 2, seed, tuple(one.id for one in given)) for number, (given, seed, *_) in enumerate(fake.fits)}
    assert len(by_seed) == 2


def test_a_larger_share_adds_to_a_smaller_one() -> None:
    fake, given = audit(), rows(100, "train")
    kinds: dict[str, int] = {"symmetric": 100, "class-conditional": 50}
    for kind, rows_of in kinds.items():
        few, many = (wrong(_corrupted(fake, given, kind, rate, 0), given) for rate in (0.1, 0.4))
        assert (len(few), len(many)) == (rows_of / 10, rows_of * 4 / 10)
        assert few.items() <= many.items()
        assert wrong(_corrupted(fake, given, kind, 0.4, 1), given) != many


def test_symmetric_noise_spreads_over_all_other_labels() -> None:
    task = TextClassification(("a", "b", "c"))
    given = [Example(str(i), {"text": str(i)}, task.labels[i % 3]) for i in range(300)]
    found = _corrupted(audit(task=task), given, "symmetric", 0.5, 0)
    pairs = Counter((old.gold, new.gold) for old, new in zip(given, found, strict=True) if old.gold != new.gold)
    assert len(pairs) == 6
    assert min(pairs.values()) > 10


def test_class_conditional_noise_gives_the_most_frequent_class_the_label_of_the_second() -> None:
    task = TextClassification(("a", "b", "c"))
    golds = ["b"] * 50 + ["c"] * 30 + ["a"] * 20
    given = [Example(str(i), {"text": str(i)}, gold) for i, gold in enumerate(golds)]
    found = wrong(_corrupted(audit(task=task), given, "class-conditional", 0.3, 0), given)
    assert set(found.values()) == {"c"}
    assert all(int(name) < 50 for name in found)
    assert len(found) == 15


def test_rows_of_one_class_cannot_be_mislabelled() -> None:
    given = [Example(str(i), {"text": str(i)}, "positive") for i in range(5)]
    skipped = [one for one in PROBE.cases(audit(train=given)) if isinstance(one, Skipped)]
    assert len(skipped) == 6
    assert {one.reason for one in skipped} == {"the training rows have one class only"}


def test_a_text_cannot_lack_its_label() -> None:
    fake = audit(replace(SMALL, kinds=("missing",)))
    assert {str(one) for one in PROBE.cases(fake)} == {
        str(
            Skipped(
                {"labels": "missing", "wrong": rate},
                "labels of text-classification are not missing: known are symmetric, class-conditional",
            )
        )
        for rate in ("0", "0.1", "0.4")
    }


ENTITIES = NamedEntityRecognition(("O", "B-A", "I-A", "B-B", "I-B", "B-C", "I-C"))


def tagged(n: int) -> list[Example]:
    """Sentences of five words with two entities: half of all are A, a quarter B and a quarter C."""
    tags = [("B-A", "I-A", "O", "B-B", "O"), ("O", "B-A", "O", "B-C", "I-C")]
    return [Example(f"train:{i}", {"text": "u v w x y"}, tags[i % 2]) for i in range(n)]


def changes(found: Sequence[Example], given: Sequence[Example]) -> Counter[tuple[str, str]]:
    """(type, what became of it) of entities with the same boundaries, or none any more."""
    pairs: Counter[tuple[str, str]] = Counter()
    for new, old in zip(found, given, strict=True):
        assert (new.id, new.inputs, len(new.gold)) == (old.id, old.inputs, len(old.gold))
        places = {(one.start, one.end): one.type for one in spans.spans(new.gold)}
        pairs += Counter((one.type, places.pop((one.start, one.end), "")) for one in spans.spans(old.gold))
        assert places == {}
    return pairs


def test_entities_are_missing_or_of_another_type_in_their_shares() -> None:
    fake, given = audit(task=ENTITIES, train=tagged(100)), tagged(100)
    found = changes(_corrupted(fake, given, "missing", 0.2, 0), given)
    gone = {kind: found[kind, ""] for kind in "ABC"}
    assert sum(gone.values()) == 40
    assert min(gone.values()) > 3
    assert all(one == other or other == "" for one, other in found)
    found = changes(_corrupted(fake, given, "symmetric", 0.4, 0), given)
    other = {pair: count for pair, count in found.items() if pair[0] != pair[1]}
    assert sum(other.values()) == 80
    assert set(other) == {(one, two) for one in "ABC" for two in "ABC" if one != two}
    found = changes(_corrupted(fake, given, "class-conditional", 0.3, 0), given)
    assert found == {("A", "A"): 70, ("A", "B"): 30, ("B", "B"): 50, ("C", "C"): 50}


def test_more_wrong_entities_are_those_and_others() -> None:
    fake, given = audit(task=ENTITIES), tagged(60)
    for kind in ("missing", "symmetric", "class-conditional"):
        few, many = (_corrupted(fake, given, kind, rate, 0) for rate in (0.1, 0.4))
        for one, other, old in zip(few, many, given, strict=True):
            kept = set(spans.spans(old.gold))
            assert set(spans.spans(other.gold)) & kept <= set(spans.spans(one.gold)) & kept
        assert _corrupted(fake, given, kind, 0.0, 0) == given
        assert _corrupted(fake, given, kind, 0.4, 1) != many


def test_sentences_are_trained_on_and_asked_like_texts() -> None:
    fake = audit(replace(SMALL, steps=None), task=ENTITIES, train=tagged(60), home=tagged(10))
    cases = [one for one in PROBE.cases(fake) if isinstance(one, Case)]
    assert {one.slice["labels"] for one in cases} == {"missing", "symmetric"}
    assert {steps for *_, steps, _ in fake.fits} == {200}
    found = [judged(case, right=True) for case in cases]
    (first, *_) = PROBE.measure(found, fake)
    assert (first.metric, first.slice) == ("f1", {"labels": "missing", "wrong": "0"})
    assert first.method.endswith("; 200 steps each")


def test_what_one_seed_sees_where_there_is_nothing_counts() -> None:
    """Ten sentences have an entity that every seed finds; twelve have none.

    In the twelve, each of three seeds predicts an entity in four others.
    """
    fake = audit(task=ENTITIES, train=tagged(60))

    def one(seed: int, index: int) -> Judged:
        name, empty = f"test:{index}", index >= 10
        spurious = empty and (index - 10) // 4 == seed
        score = Score(0.0, float(spurious)) if empty else Score(2.0, 2.0)
        slice_ = {"labels": "missing", "wrong": "0"}
        return Judged(slice_, name, score, score, True, False, {"seed": float(seed)}, {}, {})

    (point,) = PROBE.measure([one(seed, index) for seed in range(3) for index in range(22)], fake)
    assert point.value == pytest.approx(20 / 24)
    assert (point.n_cases, point.n_clusters) == (66, 22)
    assert point.low < 20 / 24 < point.high < 1.0
    nothing = [replace(one(0, index), after=Score(0.0, 0.0)) for index in range(22)]
    assert list(PROBE.measure(nothing, fake)) == []


@pytest.mark.parametrize(
    ("tags", "reasons"),
    [
        (("O", "O"), {"the training rows name no entity", "the training rows name entities of one type only"}),
        (("B-A", "O"), {"the training rows name entities of one type only"}),
    ],
)
def test_sentences_with_nothing_to_mislabel_say_so(tags: tuple[str, ...], reasons: set[str]) -> None:
    fake = audit(task=ENTITIES, train=[Example(str(i), {"text": "u v"}, tags) for i in range(5)])
    assert {one.reason for one in PROBE.cases(fake) if isinstance(one, Skipped)} == reasons


def judged(case: Case, right: bool) -> Judged:
    score = Score(float(right), 1.0)
    return Judged(case.slice, case.example.id, score, score, True, False, case.facts, {}, {})


def test_a_point_is_the_mean_over_seeds_with_the_interval_of_a_learning_curves() -> None:
    fake = audit()
    cases = [one for one in PROBE.cases(fake) if isinstance(one, Case)]
    answers = {"0": 5, "0.1": 4, "0.4": 2}
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for case in cases:
        key = (*case.slice.values(), str(case.facts["seed"]))
        seen[key] += 1
        found.append(judged(case, seen[key] <= answers[case.slice["wrong"]]))
    measured = list(PROBE.measure(found, fake))
    assert [one.slice for one in measured] == [
        {"labels": kind, "wrong": share(rate)} for kind in ("symmetric", "class-conditional") for rate in (0, 0.1, 0.4)
    ]
    assert [one.value for one in measured[:3]] == pytest.approx([1.0, 0.8, 0.4])
    sums = {f"test:{i}": (float(i < 4), 1.0) for i in range(5)}
    point = curve.point(50, [sums, sums])
    assert (measured[1].low, measured[1].high) == pytest.approx((point.low, point.high))
    assert measured[1].n_clusters == 5
    assert all(one.metric == "accuracy" for one in measured)
    assert PROBE.metrics(TASK)[0].kind == "descriptive"


@pytest.mark.parametrize(
    "given",
    [
        {"rates": ()},
        {"rates": (0.0,)},
        {"rates": (1.0,)},
        {"rates": (0.1, 0.1)},
        {"kinds": ()},
        {"kinds": ("symmetric", "symmetric")},
        {"steps": 29},
        {"seeds": 0},
        {"rows": 0},
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Settings(**given)


def test_kinds_are_those_of_every_task_a_third_partys_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(SMALL, kinds=("symetric",))
    assert caught.value.line == "kinds: no kind of wrong labels is called 'symetric' (did you mean 'symmetric'?)"

    class Shifted(OneLabel):
        corruptions: Mapping[str, Any] = {"shifted": object()}

    monkeypatch.setattr(tasks, "kinds", lambda: {"shifts": Shifted})
    assert replace(SMALL, kinds=("shifted",)).kinds == ("shifted",)


def test_a_task_without_wrong_labels_has_nothing_to_measure() -> None:
    fake = audit(task=copy(TASK))
    fake.task.corruptions = {}
    (skipped,) = PROBE.cases(fake)
    assert isinstance(skipped, Skipped)
    assert (skipped.reason, skipped.applies) == ("no kind of wrong labels is known of the task", False)
