"""Wrong training labels, with a fake that learns what it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from test_low_resource import TASK, FakeAudit, rows

from auditor.stats import curve
from auditor.tasks.classification import TextClassification
from auditor.types import Case, Example, Judged, Score, Skipped
from probes.label_noise import PROBE, Kind, Settings, mislabelled, share

SMALL = Settings(rates=(0.1, 0.4), rows=50, seeds=2, steps=30, examples=5)


def audit(**more: Any) -> Any:
    return FakeAudit(SMALL, **more)


def wrong(found: Sequence[Example] | None, given: Sequence[Example]) -> dict[str, str]:
    assert found is not None
    assert [one.id for one in found] == [one.id for one in given]
    return {new.id: str(new.gold) for new, old in zip(found, given, strict=True) if new.gold != old.gold}


def test_every_rate_trains_with_every_seed_on_as_many_wrong_labels() -> None:
    fake = audit()
    cases = [one for one in PROBE.cases(fake) if isinstance(one, Case)]
    # Two kinds, three shares, two seeds, five home rows each.
    assert len(fake.fits) == 12
    assert len(cases) == 60
    truth = {one.id: one.gold for one in fake.train}
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
    kinds: dict[Kind, int] = {"symmetric": 100, "class-conditional": 50}
    for kind, rows_of in kinds.items():
        few, many = (wrong(mislabelled(fake, given, kind, rate, 0), given) for rate in (0.1, 0.4))
        assert (len(few), len(many)) == (rows_of / 10, rows_of * 4 / 10)
        assert few.items() <= many.items()
        assert wrong(mislabelled(fake, given, kind, 0.4, 1), given) != many


def test_symmetric_noise_spreads_over_all_other_labels() -> None:
    task = TextClassification(("a", "b", "c"))
    given = [Example(str(i), {"text": str(i)}, task.labels[i % 3]) for i in range(300)]
    found = mislabelled(audit(task=task), given, "symmetric", 0.5, 0)
    assert found is not None
    pairs = Counter((old.gold, new.gold) for old, new in zip(given, found, strict=True) if old.gold != new.gold)
    assert len(pairs) == 6
    assert min(pairs.values()) > 10


def test_class_conditional_noise_gives_the_most_frequent_class_the_label_of_the_second() -> None:
    task = TextClassification(("a", "b", "c"))
    golds = ["b"] * 50 + ["c"] * 30 + ["a"] * 20
    given = [Example(str(i), {"text": str(i)}, gold) for i, gold in enumerate(golds)]
    found = wrong(mislabelled(audit(task=task), given, "class-conditional", 0.3, 0), given)
    assert set(found.values()) == {"c"}
    assert all(int(name) < 50 for name in found)
    assert len(found) == 15


def test_rows_of_one_class_cannot_be_mislabelled() -> None:
    given = [Example(str(i), {"text": str(i)}, "positive") for i in range(5)]
    assert mislabelled(audit(), given, "symmetric", 0.2, 0) is None
    skipped = [one for one in PROBE.cases(audit(train=given)) if isinstance(one, Skipped)]
    assert len(skipped) == 6
    assert {one.reason for one in skipped} == {"the training rows have one class only"}


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
    with pytest.raises(ValueError):
        Settings(**given)
