"""The learning curve with a fake that learns by the number of labels."""

from __future__ import annotations

import gc
import random
import weakref
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from auditor.errors import ConfigError
from auditor.stats import curve
from auditor.tasks.classification import TextClassification
from auditor.tasks.ner import NamedEntityRecognition
from auditor.testing import FakeAudit
from auditor.types import Case, Example, Judged, Measurement, Probe, Score, Skipped
from probes._learning_curves import stratified
from probes.low_resource import FULL, PROBE, Settings

TASK = TextClassification(("negative", "positive"))


def rows(n: int, split: str, positive: int | None = None) -> list[Example]:
    cut = n // 2 if positive is None else positive
    return [Example(f"{split}:{i}", {"text": f"text {i}"}, TASK.labels[i < cut]) for i in range(n)]


class Fitted:
    """Stands for a trained model."""


def fitted(*_: Any, **__: Any) -> Any:
    return Fitted()


def audit_of(
    chosen: Any,
    *,
    train: Sequence[Example] | None = None,
    home: Sequence[Example] | None = None,
    task: Any = TASK,
    fit: Any = fitted,
) -> FakeAudit:
    """Of 200 training rows and 20 home rows unless others are given."""
    examples = {"train": train or rows(200, "train"), "home": home or rows(20, "test")}
    return FakeAudit(examples, chosen, task, fit=fit)


def settings(**options: Any) -> Settings:
    return replace(Settings(), **{"sizes": (10, 40), "seeds": 2, "examples": 5, **options})


def test_the_probe_follows_the_contract() -> None:
    assert isinstance(PROBE, Probe)
    assert PROBE.needs == {"train", "base"}
    assert PROBE.scope == "candidate"
    assert [metric.kind for metric in PROBE.metrics(TASK)] == ["descriptive"] * 3
    assert PROBE.metrics(TASK)[0].name == "accuracy"


def test_each_size_and_seed_is_fitted_once_and_asked_about_every_home_example() -> None:
    audit = audit_of(settings(steps=31, batch_size=4))
    cases = [case for case in PROBE.cases(audit) if isinstance(case, Case)]
    counted = Counter((case.slice["labels"], case.facts["seed"]) for case in cases)
    assert counted == {("10", 0.0): 5, ("10", 1.0): 5, ("40", 0.0): 5, ("40", 1.0): 5, (FULL, 0.0): 5}
    assert [(len(some), steps, size) for some, _, steps, size in audit.fits] == [(n, 31, 4) for n in (10, 10, 40, 40)]
    assert all((case.model is None) == (case.slice["labels"] == FULL) for case in cases)
    assert [case.example.id for case in cases[:5]] == [f"test:{i}" for i in range(5)]


def test_seeds_differ_in_subsample_and_in_initialisation() -> None:
    audit = audit_of(settings(sizes=(10,), seeds=3))
    list(PROBE.cases(audit))
    assert len({seed for _, seed, _, _ in audit.fits}) == 3
    assert len({tuple(sorted(one.id for one in some)) for some, _, _, _ in audit.fits}) == 3
    again = audit_of(settings(sizes=(10,), seeds=3))
    list(PROBE.cases(again))
    assert again.fits == audit.fits


def test_a_fitted_model_is_let_go_before_the_next_one_is_trained() -> None:
    made: list[Any] = []
    alive: list[int] = []

    def fit(*_: Any, **__: Any) -> Any:
        gc.collect()
        model = Fitted()
        made.append(weakref.ref(model))
        alive.append(sum(one() is not None for one in made))
        return model

    deque(PROBE.cases(audit_of(settings(seeds=3), fit=fit)), maxlen=0)
    assert alive == [1] * 6


def test_sizes_above_the_training_rows_are_skipped_with_the_reason() -> None:
    audit = audit_of(settings(sizes=(10, 201)))
    skipped = [one for one in PROBE.cases(audit) if isinstance(one, Skipped)]
    assert skipped == [Skipped({"labels": "201"}, "only 200 training rows")]
    assert len(audit.fits) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 29}, "steps = 29 must be at least 30"),
        ({"seeds": 0}, "seeds = 0 must be at least 1"),
        ({"sizes": ()}, "sizes = () is empty"),
        ({"sizes": (30, 1)}, "[sizes] 1 = 1 must be at least 2"),
        ({"sizes": (30, 30)}, "sizes names 30 twice"),
        ({"batch_size": 0}, "batch_size = 0 must be at least 1"),
        ({"examples": 0}, "examples = 0 must be at least 1"),
        ({"target": 1.5}, "target = 1.5 must be above 0 and at most 1"),
    ],
)
def test_settings_that_make_no_curve_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(**options)
    assert caught.value.line == message


def test_a_stratified_subsample_keeps_the_classes_in_proportion() -> None:
    examples = rows(100, "train", positive=20)
    found = stratified(TASK, examples, 25, random.Random(0))
    assert Counter(one.gold for one in found) == {"positive": 5, "negative": 20}
    assert len({one.id for one in found}) == 25


def test_a_small_subsample_has_at_least_one_of_each_class() -> None:
    found = stratified(TASK, rows(100, "train", positive=3), 2, random.Random(0))
    assert {one.gold for one in found} == {"negative", "positive"}


def test_without_classes_the_subsample_is_plain_random() -> None:
    class Unlabelled(TextClassification):
        def stratum(self, gold: Any) -> str | None:
            del gold
            return None

    examples = rows(100, "train")
    one, other = (stratified(Unlabelled(("a",)), examples, 10, random.Random(seed)) for seed in (0, 1))
    assert len({example.id for example in one}) == 10
    assert one != other


def judged(labels: str, seed: int, cluster: int, right: float, count: float = 1.0, *, gold: bool = True) -> Judged:
    score = Score(right, count) if gold else None
    return Judged({"labels": labels}, f"c{cluster}", score, score, True, False, {"seed": float(seed)}, {}, {})


def answers(accuracies: dict[str, list[float]], n: int = 100) -> list[Judged]:
    return [
        judged(labels, seed, index, float(index < round(share * n)))
        for labels, shares in accuracies.items()
        for seed, share in enumerate(shares)
        for index in range(n)
    ]


def measured(accuracies: dict[str, list[float]], **options: Any) -> dict[str, Measurement]:
    found = PROBE.measure(answers(accuracies), audit_of(settings(**options)))
    return {one.slice.get("labels", one.metric): one for one in found if isinstance(one, Measurement)}


def test_every_size_has_its_metric_with_an_interval_and_the_method_in_words() -> None:
    found = measured({"10": [0.5, 0.6, 0.7], "40": [0.7], FULL: [0.9]})
    assert [found[name].value for name in ("10", "40", FULL)] == pytest.approx([0.6, 0.7, 0.9])
    assert (found["10"].n_cases, found["10"].n_clusters) == (300, 100)
    assert all(one.low <= one.value <= one.high for one in found.values())
    assert found["10"].high - found["10"].low > found[FULL].high - found[FULL].low
    assert found["10"].method.startswith("mean over 3 seeds")
    assert found["40"].method.startswith("one seed")
    assert found[FULL].method.startswith("the checkpoint itself")
    assert all(one.rows == () for one in found.values())
    assert "gain_from_doubling" not in found


def test_the_labels_to_the_target_are_the_smallest_size_that_reaches_95_percent() -> None:
    found = measured({"10": [0.5, 0.5], "40": [0.86, 0.86], FULL: [0.9]})["labels_to_target"]
    assert (found.value, found.low, found.high) == (40.0, 40.0, 200.0)
    assert "95%" in found.method
    # Of a higher target only the checkpoint's own 200 rows reach it.
    assert measured({"10": [0.5], FULL: [0.9]}, target=1.0)["labels_to_target"].value == 200.0


def test_four_sizes_give_the_gain_from_doubling_the_largest() -> None:
    shares = {"16": 0.5, "32": 0.65, "64": 0.75, "128": 0.82}
    found = measured({**{labels: [one, one] for labels, one in shares.items()}, FULL: [0.9]})["gain_from_doubling"]
    assert 0.0 < found.value < 0.18
    assert "doubling 128 labels" in found.method
    unsure = measured({labels: [one - 0.2, one + 0.15] for labels, one in shares.items()})["gain_from_doubling"]
    assert unsure.high - unsure.low > curve.NOT_IDENTIFIED
    assert unsure.method.endswith("not identified: its interval is wider than 5 points")


def test_a_training_takes_as_many_steps_as_two_passes_over_its_labels_take() -> None:
    audit = audit_of(settings(sizes=(10, 600, 1000), seeds=1), train=rows(1000, "train"))
    list(PROBE.cases(audit))
    # Of batches of 16: 60 steps are the task's own, and 600 and 1,000 labels twice take 75 and 125.
    assert [steps for _, _, steps, _ in audit.fits] == [60, 75, 125]
    planned = PROBE.planned(audit)
    assert planned is not None
    assert planned.steps * planned.trainings == pytest.approx(60 + 75 + 125, abs=planned.trainings)


def test_trainings_too_short_to_see_their_labels_say_nothing_of_more_labels() -> None:
    shares = {"100": 0.5, "200": 0.65, "400": 0.75, "800": 0.82}
    cases = answers({labels: [one, one] for labels, one in shares.items()})
    audit = audit_of(settings(steps=50, sizes=(100, 200, 400, 800)))
    found = list(PROBE.measure(cases, audit))
    assert not any(isinstance(one, Measurement) and one.metric == "gain_from_doubling" for one in found)
    (gap,) = (one for one in found if isinstance(one, Skipped))
    assert gap.reason == (
        "50 steps of 16 rows are fewer than 2 passes over 800 labels: nothing is said of more labels; "
        "raise steps in [probes.low_resource]"
    )
    enough = audit_of(settings(steps=100, sizes=(100, 200, 400, 800)))
    assert any(
        isinstance(one, Measurement) and one.metric == "gain_from_doubling" for one in PROBE.measure(cases, enough)
    )


def test_points_that_contradict_every_curve_are_said_to() -> None:
    falling = {"16": 0.9, "32": 0.8, "64": 0.6, "128": 0.3}
    found = measured({labels: [one, one] for labels, one in falling.items()})["gain_from_doubling"]
    assert found.method == "the points contradict every curve, doubling 128 labels; not identified"
    assert (found.low, found.high) == (0.0, 0.7)


def test_without_the_full_data_point_no_target_is_known() -> None:
    assert set(measured({"10": [0.5, 0.6]})) == {"10"}


def test_cases_of_one_cluster_are_added_up_and_cases_without_gold_left_out() -> None:
    cases = [
        judged(FULL, 0, 1, 1.0),
        judged(FULL, 0, 1, 0.0),
        judged(FULL, 0, 2, 1.0),
        judged(FULL, 0, 3, 0.0, 0.0),
        judged(FULL, 0, 4, 1.0, gold=False),
    ]
    found = next(iter(PROBE.measure(cases, audit_of(settings()))))
    assert isinstance(found, Measurement)
    assert (found.value, found.n_clusters) == (0.75, 2)


def test_where_a_target_cannot_be_reached_nothing_is_said() -> None:
    assert curve.labels_to([], 0.5) is None


def test_of_named_entities_the_curve_is_by_entities_too() -> None:
    """Sentences of two entities each; those of the seeds' subsamples by their facts."""
    task = NamedEntityRecognition(("O", "B-A", "I-A"))
    train = [Example(f"train:{i}", {"text": "x y z"}, ("B-A", "O", "B-A")) for i in range(200)]
    audit = audit_of(settings(), train=train, task=task)
    named = {"10": (18.0, 22.0), "40": (80.0, 80.0)}
    cases = [
        replace(one, facts={**one.facts, "entities": named[one.slice["labels"]][int(one.facts["seed"])]})
        if one.slice["labels"] in named
        else one
        for one in answers({"10": [0.5, 0.5], "40": [0.86, 0.86], FULL: [0.9]})
    ]
    found = {
        (one.metric, *one.slice.values()): one for one in PROBE.measure(cases, audit) if isinstance(one, Measurement)
    }
    by_entities = [(key[1], one.value) for key, one in found.items() if key[0] == "f1_by_entities"]
    assert by_entities == [("20", 0.5), ("80", pytest.approx(0.86)), ("400", pytest.approx(0.9))]
    assert len([one for one in found if one[0] == "f1_by_entities"]) == 3
    ten = found["entities_named", "10"]
    assert (ten.value, ten.low, ten.high) == (20.0, 18.0, 22.0)
    assert found["labels_to_target",].value == 40.0
    target = found["entities_to_target",]
    assert (target.value, target.low, target.high) == (80.0, 80.0, 400.0)
    names = [metric.name for metric in PROBE.metrics(task)]
    assert names[:2] == ["f1", "f1_by_entities"]
    assert {key[0] for key in found} <= set(names)


def test_sizes_that_name_equally_many_entities_are_one_slice() -> None:
    """Results files refuse a measurement that occurs twice; 40 of 40 rows name what all rows name."""
    task = NamedEntityRecognition(("O", "B-A", "I-A"))
    train = [Example(f"train:{i}", {"text": "x y z"}, ("B-A", "O", "B-A")) for i in range(40)]
    audit = audit_of(settings(), train=train, task=task)
    cases = [
        replace(one, facts={**one.facts, "entities": 80.0}) if one.slice["labels"] == "40" else one
        for one in answers({"40": [0.86, 0.86], FULL: [0.9]})
    ]
    points = [each for each in PROBE.measure(cases, audit) if isinstance(each, Measurement)]
    slices = [(each.metric, *each.slice.values()) for each in points]
    assert len(set(slices)) == len(slices)
    assert ("f1_by_entities", "80") in slices
    assert {("f1", "40"), ("f1", FULL)} <= set(slices)
