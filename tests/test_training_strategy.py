"""Recipes against standard training, with probes that find what the test says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fakes import nowhere, plan_of
from test_low_resource import TASK, rows

from auditor.errors import ConfigError, ModelError
from auditor.evaluation import needs, runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel
from auditor.plugins import registry
from auditor.stats import intervals, seeds
from auditor.tasks.ner import NamedEntityRecognition
from auditor.testing import FakeAudit
from auditor.types import Example, Inquiry, Measurement, Model, Request, Row, Silent, Skipped, TrainedModel
from probes import training_strategy
from probes._recipe_measures import COSTS, inquiries, measures, summed
from probes.training_strategy import PROBE, Settings, smaller

RIGHT = {"standard": 60, "fgm": 80}
"""Recipe → how many of 100 home rows its models answer rightly."""


def measured(metric: str, slice_: dict[str, str], rows: Sequence[Row]) -> Measurement:
    return Measurement(metric, slice_, 0.5, 0.0, 1.0, len(rows), len(rows), "words", rows=rows)


def shares(right: int, n: int = 100, arm: str = "") -> list[Row]:
    return [Row(f"c{i}", arm, float(i < right), 1.0) for i in range(n)]


def findings(inquiry: Inquiry, model: Model) -> Sequence[Measurement] | str:
    """What a model is found to be goes by its name, ``recipe:seed``."""
    recipe, _, seed = model.name.partition(":")
    right = RIGHT[recipe] + int(seed) % 3
    if inquiry.role == "quality":
        return [measured("accuracy", {}, shares(right)), measured("recall", {"class": "x"}, shares(1))]
    if inquiry.role == "robustness":
        # Two perturbations that lose ten and twenty, and the pool of both, which is not counted again.
        arms = [shares(right, arm="first") + shares(right - lost, arm="second") for lost in (10, 20)]
        full = [
            measured("drop", {"family": "f", "perturbation": str(i), "severity": "middle"}, a)
            for i, a in enumerate(arms)
        ]
        return [*full, measured("drop", {"family": "f", "severity": "middle"}, [*arms[0], *arms[1]])]
    if inquiry.role == "shift":
        by_domain = {"home": right, "near": right - 5, "far": 50}
        return [measured("accuracy", {"domain": name}, shares(n)) for name, n in by_domain.items()]
    if inquiry.role == "bias":
        return [measured("counterfactual_flip_rate", {"axis": axis}, shares(4)) for axis in ("age", "gender")]
    return "not installed: textattack"


def trained(recipe: str, seed: int, **costs: Any) -> TrainedModel:
    model = FakeModel(lambda _: (0.2, 0.8), TASK.labels, name=f"{recipe}:{seed}")
    return TrainedModel(recipe, recipe == "standard", seed, lambda: model, **costs)


def grid(n: int = 3) -> tuple[TrainedModel, ...]:
    return tuple(
        trained(recipe, seed, work=100.0 * cost, seconds=10.0 * cost + seed, peak_bytes=8.0)
        for seed in range(n)
        for recipe, cost in (("fgm", 2.0), ("standard", 1.0))
    )


def train_by(recipe: str, _examples: Any, *, seed: int, **_: Any) -> TrainedModel:
    return trained(recipe, seed)


def audit(checkpoints: tuple[TrainedModel, ...] = (), *, lacking: tuple[str, ...] = (), **given: Any) -> FakeAudit:
    """Other probes find what ``findings`` says, unless the test says otherwise; the rest of ``given`` are settings."""
    sets = {"home": rows(20, "test"), "train": rows(200, "train")}
    how: dict[str, Any] = {"findings": findings, "train_by": train_by}
    how = {
        name: given.pop(name, usual) for name, usual in how.items() if not (name == "train_by" and "base" in lacking)
    }
    examples = {name: some for name, some in sets.items() if name not in lacking}
    return FakeAudit(examples, Settings(**given), TASK, checkpoints=checkpoints, **how)


def found(one: Any) -> dict[tuple[str, ...], Measurement]:
    return {(m.metric, *m.slice.values()): m for m in PROBE.measure([], one) if isinstance(m, Measurement)}


def test_checkpoints_are_compared_over_seeds_and_examples() -> None:
    got = found(audit(grid()))
    # Right answers 60, 61, 62 and 80, 81, 82 of 100.
    assert got["accuracy", "standard"].value == pytest.approx(0.61)
    assert got["accuracy", "fgm"].value == pytest.approx(0.81)
    assert got["accuracy", "fgm"].n_clusters == 100
    assert got["difference", "fgm", "accuracy"].value == pytest.approx(0.2)
    assert got["mean_drop_under_noise", "fgm"].value == pytest.approx(0.15)
    assert got["difference", "fgm", "mean_drop_under_noise"].value == pytest.approx(0.0)
    assert got["counterfactual_flip_rate", "fgm"].value == pytest.approx(0.04)
    # On the domain where standard training is worst.
    assert got["worst_domain_accuracy", "standard"].value == pytest.approx(0.5)
    assert ("accuracy_under_attack", "fgm") not in got


def test_what_a_training_took_is_over_standards_of_the_same_seed() -> None:
    got = found(audit(grid()))
    assert got["relative_work", "fgm"].value == pytest.approx(2.0)
    times = [20 / 10, 21 / 11, 22 / 12]
    one = got["relative_time", "fgm"]
    assert (one.value, one.low, one.high) == pytest.approx((sum(times) / 3, times[2], times[0]))
    assert got["relative_memory", "fgm"].value == 1.0
    assert got["relative_work", "standard"].value == 1.0


def test_which_recipes_differ_is_said_after_holm() -> None:
    got = found(audit(grid()))
    claims = [key for key in got if key[0] == "difference"]
    assert len(claims) == 4
    assert got["adjusted_p", "fgm", "accuracy"].value < 0.05
    assert got["difference", "fgm", "accuracy"].method == (
        "differs from standard: paired by seed and example, Holm over 4 differences"
    )
    assert got["adjusted_p", "fgm", "counterfactual_flip_rate"].value == 1.0
    assert got["difference", "fgm", "counterfactual_flip_rate"].method.startswith("not told apart from standard")


def test_fewer_seeds_than_three_make_no_claim() -> None:
    got = found(audit(grid(2)))
    assert not [key for key in got if key[0] == "adjusted_p"]
    assert got["difference", "fgm", "accuracy"].method.startswith("2 seeds: no claim, which needs 3")


def test_only_seeds_of_both_are_paired() -> None:
    got = found(audit((*grid(), trained("standard", 7))))
    assert got["difference", "fgm", "accuracy"].n_cases == 300
    assert got["accuracy", "standard"].n_cases == 400


def test_a_measure_that_a_probe_cannot_give_though_it_gives_others_is_skipped_with_the_reason() -> None:
    """A drop in F1 of rows without any positive has nothing to divide by; the flips of the same rows are measured."""

    def without_drop(inquiry: Inquiry, model: Model) -> Sequence[Measurement] | str:
        if inquiry.role == "robustness":
            return [measured("flip_rate", {"family": "f", "severity": "middle"}, shares(1))]
        return findings(inquiry, model)

    one = audit(grid(), findings=without_drop)
    skipped = [each for each in PROBE.measure([], one) if isinstance(each, Skipped)]
    assert Skipped({"measure": "mean_drop_under_noise"}, "nothing could be measured") in skipped
    assert ("mean_drop_under_noise", "fgm") not in found(one)
    assert found(one)["accuracy", "fgm"].value == pytest.approx(0.81)


def test_other_probes_are_asked_less_than_for_their_own_records() -> None:
    one = audit(grid(), examples=7, noisy=5, words=0.4, attacked=3, sentences=9)
    found(one)
    assert {role: inquiry.settings for role, inquiry in one.inquiries.items()} == {
        "quality": {"examples": 7},
        "robustness": {"examples": 5, "severities": {"middle": 0.4}},
        "attack": {"examples": 3, "recipes": ("deepwordbug",), "freedom": False},
        "shift": {"examples": 7, "home": 7},
        "bias": {"sentences": 9, "bare_sentences": 0},
    }


def test_of_named_entities_attacks_are_those_on_entities_and_no_template_is_asked() -> None:
    words = NamedEntityRecognition(("O", "B-A", "I-A"))
    roles = [(one.name, one.role) for one in measures(words)]
    assert roles == [
        ("f1", "quality"),
        ("mean_drop_under_noise", "robustness"),
        ("f1_under_attack", "attack"),
        ("worst_domain_f1", "shift"),
    ]
    assert {role for _, role in roles} <= smaller(PROBE.settings).keys()


def test_what_no_probe_could_find_is_skipped_with_its_reason() -> None:
    skipped = [one for one in PROBE.measure([], audit(grid())) if isinstance(one, Skipped)]
    assert skipped == [Skipped({"measure": "accuracy_under_attack"}, "not installed: textattack")]


@pytest.mark.parametrize(
    ("checkpoints", "source", "lacking", "reason"),
    [
        (
            (),
            "auto",
            ("base", "train"),
            "no other recipe's checkpoint beside it, and no train and no base to train from",
        ),
        ((), "auto", ("base",), "no other recipe's checkpoint beside it, and no base to train from"),
        (grid(1)[1:], "checkpoints", (), "no checkpoint of another recipe, from the same base and rows"),
        ((trained("fgm", 0), trained("pgd", 0)), "auto", (), "none of the checkpoints beside it was trained by recipe"),
    ],
)
def test_where_nothing_can_be_compared_the_reason_is_said(
    checkpoints: tuple[TrainedModel, ...], source: Any, lacking: tuple[str, ...], reason: str
) -> None:
    one = audit(checkpoints, lacking=lacking, source=source)
    (skipped,) = PROBE.cases(one)
    assert isinstance(skipped, Skipped)
    assert skipped.reason.startswith(reason)
    assert list(PROBE.measure([], one)) == []


def test_without_checkpoints_every_recipe_is_trained_on_the_same_rows_from_the_same_start() -> None:
    one = audit(recipes=("fgm",), seeds=3, rows=50, steps=30)
    assert list(PROBE.cases(one)) == []
    got = found(one)
    assert got["difference", "fgm", "accuracy"].n_cases == 300
    assert len(one.trainings) == 6
    by_seed = {(seed, tuple(row.id for row in rows), steps) for _, rows, seed, steps, _ in one.trainings}
    assert len(by_seed) == 3
    assert {len(rows) for _, rows, *_ in one.trainings} == {50}


def test_with_train_as_source_checkpoints_do_not_count() -> None:
    one = audit(grid(), source="train", recipes=("fgm",), seeds=1)
    found(one)
    assert len(one.trainings) == 2


@pytest.mark.parametrize(
    "given",
    [{"steps": 29}, {"seeds": 0}, {"recipes": ()}, {"recipes": ("fgm", "fgm")}, {"words": 0.0}, {"attacked": 0}],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Settings(**given)


def test_slices_are_added_up_by_cluster_and_arm() -> None:
    rows = [Row("a", "first", 1.0, 1.0), Row("a", "second", 0.0, 1.0)]
    assert summed([measured("drop", {}, rows), measured("drop", {"x": "y"}, rows)]) == {
        "first": {"a": (2.0, 2.0)},
        "second": {"a": (0.0, 2.0)},
    }


def test_through_the_runner_the_other_probes_own_numbers_come_back() -> None:
    """One model of each recipe, asked by the real probes: the numbers are those of their own records."""

    def good(request: Request) -> tuple[float, float]:
        return (0.1, 0.9) if "good" in request.texts[0] else (0.9, 0.1)

    def wavering(request: Request) -> tuple[float, float]:
        return (0.1, 0.9) if "good" in request.texts[0] and len(request.texts[0]) % 4 else (0.9, 0.1)

    kinds = {"standard": good, "fgm": wavering}
    loaded = {name: FakeModel(answer, TASK.labels, name=name) for name, answer in kinds.items()}
    checkpoints = [
        TrainedModel(name, name == "standard", seed, lambda name=name: loaded[name], 1.0)  # type: ignore[misc]
        for seed in range(3)
        for name in kinds
    ]
    home = tuple(
        Example(f"home:{i}", {"text": f"a {'good' if i % 2 else 'bad'} film number {i}, seen here"}, TASK.labels[i % 2])
        for i in range(40)
    )
    probes = registry.discover()
    settings = {one.name: one.settings for one in probes}
    settings["training_strategy"] = Settings(examples=40, noisy=10, attacked=3, sentences=12)
    settings["noise"] = replace(settings["noise"], examples=10, severities={"middle": 0.2})

    def records(name: str, chosen: set[str]) -> dict[str, Any]:
        plan = plan_of(
            loaded[name],
            probes,
            models=(AuditedModel(loaded[name], checkpoints=lambda: checkpoints),),
            examples={"home": home},
            settings=settings,
            selected=frozenset(chosen),
            candidate=name,
        )
        done = {one.probe: one for one in runner.run(plan, nowhere, Silent())}
        assert plan.errors == []
        return done

    record = records("standard", {"training_strategy"})["training_strategy"]
    got = {(one.metric, *one.slice.values()): one for one in record.measurements}
    for name in kinds:
        own = records(name, {"quality", "noise"})
        accuracy = next(one for one in own["quality"].measurements if one.metric == "accuracy")
        assert got["accuracy", name].value == pytest.approx(accuracy.value)
        drops = [one for one in own["noise"].measurements if one.metric == "drop" and len(one.slice) == 3]
        totals: dict[str, list[float]] = {}
        for one in drops:
            for row in one.rows:
                if row.arm not in ("first", "second"):
                    continue  # what is known of every row's clean answer
                pair = totals.setdefault(row.cluster, [0.0, 0.0])
                pair[0] += row.total if row.arm == "first" else -row.total
                pair[1] += row.count if row.arm == "first" else 0.0
        expected = sum(total / count for total, count in totals.values()) / len(totals)
        assert got["mean_drop_under_noise", name].value == pytest.approx(expected)
    assert got["accuracy", "standard"].value == 1.0
    assert got["accuracy", "fgm"].value < 1.0
    assert {one.slice["measure"]: one.reason for one in record.skipped} == {
        "worst_domain_accuracy": "no other domain given (--domain name=file)"
    }
    assert record.counts["cases"] > 0
    assert record.counts["queries"] > 0


@pytest.mark.parametrize("task", [TASK, NamedEntityRecognition(("O", "B-A", "I-A"))], ids=lambda task: task.name)
def test_every_inquiry_is_about_a_shipped_probe(task: Any) -> None:
    probes = registry.discover()
    plan = plan_of(FakeModel(lambda _: (0.2, 0.8)), probes, task=task)
    wanted = {
        "quality": "quality",
        "robustness": "noise",
        "attack": "adversarial",
        "shift": "domain_shift",
        "bias": "bias",
    }
    for inquiry in inquiries(task, smaller(PROBE.settings)).values():
        probe = needs.asked_of(plan, inquiry)
        assert probe is not None
        assert probe.name == wanted[inquiry.role]
    # A probe whose settings are others, or that does not publish the metric, is not the one that is asked.
    assert needs.asked_of(plan, Inquiry("robustness", "drop", {"loudness": 3})) is None
    assert needs.asked_of(plan, Inquiry("robustness", "loudness")) is None
    # Neither is one that asks about another kind of task.
    of_spans = "labelled_spans" in task.offers
    asked = needs.asked_of(plan, Inquiry("bias", "recall_gap"))
    assert (asked.name if asked else None) == ("entity_bias" if of_spans else None)
    asked = needs.asked_of(plan, Inquiry("bias", "score_gap"))
    assert (asked.name if asked else None) == (None if of_spans else "bias")


def test_a_measure_of_every_kind_has_a_metric() -> None:
    names = {one.name for one in PROBE.metrics(TASK)}
    assert {one.name for one in measures(TASK)} <= names
    assert set(COSTS.values()) <= names


# --- statistics over seeds


def table(values: Sequence[Sequence[float]]) -> seeds.Table:
    return seeds.table([{f"c{i}": (value, 1.0) for i, value in enumerate(row)} for row in values])


def test_bounds_hold_the_spread_between_seeds() -> None:
    import numpy as np
    from scipy.stats import t

    rows = [[1.0] * 60 + [0.0] * 40, [1.0] * 70 + [0.0] * 30]
    low, high = seeds.bounds(table(rows), 0.025, low=0.0, high=1.0)
    mean = np.array(rows).mean(axis=0)
    below, above = intervals.korn_graubard(mean, 200.0, 0.025)
    half = t.ppf(0.975, 1) * np.std([0.6, 0.7], ddof=1) / math.sqrt(2)
    assert low == pytest.approx(max(0.0, 0.65 - math.hypot(0.65 - below, half)))
    assert high == pytest.approx(min(1.0, 0.65 + math.hypot(above - 0.65, half)))


def differing(by: Sequence[int]) -> Iterator[seeds.Table]:
    """Tables of 100 clusters in which so many rise, for each seed."""
    one = table([[1.0] * (50 + n) + [0.0] * (50 - n) for n in by])
    yield seeds.difference(one, table([[1.0] * 50 + [0.0] * 50 for _ in by]))


def test_p_is_the_level_at_which_the_interval_ends_at_zero() -> None:
    (found_,) = differing([10, 11, 13])
    p = seeds.p_value(found_, 1.0)
    low, high = seeds.bounds(found_, p / 2, low=-1.0, high=1.0)
    assert 0.0 < p < 0.05
    assert min(abs(low), abs(high)) < 1e-6
    (none,) = differing([0, 0, 0])
    assert seeds.p_value(none, 1.0) == 1.0
    (sure,) = differing([50, 50, 50])
    assert seeds.p_value(sure, 1.0) == seeds.SMALLEST_P


def test_seeds_that_disagree_say_less() -> None:
    (agreeing,), (apart,) = differing([20, 20, 20]), differing([0, 20, 40])
    assert agreeing.value == pytest.approx(apart.value)
    assert seeds.p_value(agreeing, 1.0) < 0.01 < 0.1 < seeds.p_value(apart, 1.0)


def test_holm_steps_down() -> None:
    # 3·0.01, 2·0.02, then not below the one before it.
    assert seeds.holm([0.02, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])
    assert seeds.holm([]) == []
    assert seeds.holm([0.9, 0.8]) == [1.0, 1.0]


def test_differences_need_the_same_seeds_and_some_common_clusters() -> None:
    one = table([[1.0, 0.0]])
    with pytest.raises(ValueError):
        seeds.difference(one, table([[1.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(ValueError):
        seeds.difference(one, seeds.table([{"other": (1.0, 1.0)}]))
    with pytest.raises(ValueError):
        seeds.table([{"a": (0.0, 0.0)}])


def test_a_recipe_that_cannot_be_trained_or_asked_is_skipped_and_the_others_are_compared() -> None:
    def breaking(inquiry: Inquiry, model: Model) -> Sequence[Measurement] | str:
        if model.name == "fgm:1":
            raise ModelError("answers with numbers that are not finite", where="fgm-seed1")
        return findings(inquiry, model)

    one = audit(grid(4), findings=breaking)
    skipped = [each for each in PROBE.measure([], one) if isinstance(each, Skipped)]
    assert Skipped({"recipe": "fgm", "seed": "1"}, "fgm-seed1: answers with numbers that are not finite") in skipped
    assert found(one)["difference", "fgm", "accuracy"].n_cases == 300


def test_without_standard_nothing_is_compared() -> None:
    def diverging(recipe: str, examples: Any, **how: Any) -> TrainedModel:
        if recipe == "standard":
            raise ModelError("diverged", where="recipe standard")
        return train_by(recipe, examples, **how)

    one = audit(train_by=diverging, recipes=("fgm",), seeds=1)
    assert list(PROBE.measure([], one)) == [Skipped({"recipe": "standard", "seed": "0"}, "recipe standard: diverged")]


def test_of_several_standard_trainings_the_plain_one_is_the_reference_else_that_of_most_seeds() -> None:
    low = replace(trained("standard", 0), recipe="low_lr")
    assert training_strategy.reference(audit((low, *grid()))) == "standard"
    others = [replace(one, recipe="base_lr" if one.standard else one.recipe) for one in grid()]
    assert training_strategy.reference(audit((low, *others))) == "base_lr"
