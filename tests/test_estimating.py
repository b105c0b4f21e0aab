"""What probes say beforehand that they are going to do, against what they do; and how long it takes."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import GOOD, nowhere, plan_of, reviews, shipped

from auditor.engine import SQLiteCache
from auditor.evaluation import estimating, pace, runner
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.models.fake import FakeModel, keyword_model
from auditor.plugins import registry
from auditor.tasks.ner import NamedEntityRecognition
from auditor.types import (
    Audit,
    Case,
    EarlierPeriod,
    Encoded,
    Example,
    Metric,
    Model,
    Planned,
    Probe,
    ProbeDefaults,
    Response,
    ScoredCase,
    Silent,
    Skipped,
    Task,
    TrainedModel,
)

CASES = Path(__file__).resolve().parent.parent / "fixtures" / "cases"
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
SMALL: dict[str, dict[str, Any]] = {
    "quality": {"examples": 7},
    "calibration": {"examples": 8, "elsewhere": 4},
    "repeatability": {"examples": 5},
    "label_swap": {"examples": 8},
    "seen_rows": {"examples": 6},
    "leakage": {"examples": 9},
    "capabilities": {"per_template": 1},
    "kept_cases": {"file": CASES / "text-classification.jsonl"},
    "coverage": {"examples": 9},
    "spurious": {"examples": 9, "cues": 1, "tokens": ("film",)},
    "drift": {"examples": 9, "later": 4},
    "out_of_scope_detection": {"examples": 6, "validation": 5, "fitted": 8},
    "shift": {"rows": 9, "elsewhere": 5, "examples": 7, "priors": {"negative": 0.9, "positive": 0.1}},
    "forgetting": {"examples": 7},
    "interpretability": {"examples": 5, "stable": 2},
    "noise": {"examples": 5, "severities": {"low": 0.1, "middle": 0.2}},
    "distractors": {"examples": 6},
    "dialogue_history": {"examples": 6},
    "pair_shortcuts": {"examples": 6, "per_template": 1},
    "entailment_bias": {"actions": 1},
    "relation_cues": {"examples": 6},
    "stereotyped_answers": {"per_template": 1},
    "domain_shift": {"examples": 6},
    "bias": {"sentences": 4, "pairs_per_sentence": 2},
    "entities": {"examples": 8},
    "adversarial": {
        "examples": 4,
        "recipes": ("deepwordbug", "pruthi", "entity swap"),
        "freedom": True,
        "query_budget": 10,
    },
    "entity_bias": {"names_per_sentence": 2},
    "low_resource": {"sizes": (4, 8, 1000), "seeds": 2, "steps": 30, "examples": 5},
    "label_noise": {"rates": (0.2, 0.4), "rows": 16, "seeds": 2, "steps": 30, "examples": 5},
    "label_errors": {"rows": 12, "examples": 7, "steps": 30},
    "triggers": {"examples": 10, "query_budget": 1000},
    "training_strategy": {"source": "train", "recipes": ("fgm",), "seeds": 2, "examples": 5, "noisy": 3, "attacked": 3},
}
"""Settings of every shipped probe that are quick to carry out."""
AT_MOST = {
    "calibration",
    "label_errors",
    "noise",
    "adversarial",
    "repeatability",
    "seen_rows",
    "training_strategy",
    "triggers",
}
"""Probes whose cases depend on what the texts offer or the model answers: they plan at most so many."""
OF_WORDS = {"entities", "entity_bias"}
OF_TEXTS = {"bias", "out_of_scope_detection", "capabilities", "kept_cases", "seen_rows", "spurious", "triggers"}
"""Probes of one kind of task alone."""
OF_OTHER_TASKS = {
    "dialogue_history",
    "distractors",
    "entailment_bias",
    "pair_shortcuts",
    "relation_cues",
    "stereotyped_answers",
}
"""Probes of tasks that have no plan here; their contract tests hold what they plan against what they do."""


def sentences(n: int, name: str) -> tuple[Example, ...]:
    """Two kinds of sentences, with an entity each, of capitals and punctuation."""
    made = []
    for index in range(n):
        words, tags = ("Ann Lee", ("B-PER", "I-PER")) if index % 2 else ("Paris", ("B-LOC",))
        text = f"Yesterday {words} was seen in film number {index} , they said ."
        after = len(text.split()) - 1 - len(tags)
        made.append(Example(f"{name}:{index + 2}", {"text": text}, ("O", *tags, *("O",) * after)))
    return tuple(made)


def tagger() -> FakeModel:
    def answer(words: Sequence[str]) -> tuple[tuple[float, ...], ...]:
        found = {"Ann": "B-PER", "Lee": "I-PER", "Paris": "B-LOC"}
        return tuple(tuple(0.9 if tag == found.get(word, "O") else 0.025 for tag in TAGS) for word in words)

    return FakeModel(lambda request: answer(request.texts), TAGS, name="tagger")


def plan(of_words: bool, trained: set[Any], **more: Any) -> Plan:
    """A plan with every input given, whose trainings are counted instead of carried out."""
    model: Model = tagger() if of_words else keyword_model(GOOD)
    rows = sentences if of_words else reviews

    def fit(examples: Sequence[Example], **how: Any) -> Model:
        trained.add((tuple((one.id, one.gold) for one in examples), *how.values()))
        return model

    def train(recipe: str, examples: Sequence[Example], *, seed: int, **how: Any) -> TrainedModel:
        trained.add((recipe, tuple(one.id for one in examples), seed, *how.values()))
        return TrainedModel(recipe, recipe == "standard", seed, lambda: model)

    before = EarlierPeriod("before", rows(6, "before"), lambda: model)
    probes = registry.discover()
    sizes = {"home": 12, "far": 5, "later": 6, "train": 24}
    examples = {name: rows(n, name) for name, n in sizes.items()}
    given: dict[str, Any] = {
        "models": (AuditedModel(model, fit=fit, train=train, earlier=(before,)),),
        "examples": examples,
        "time_slices": ("later",),
        "out_of_scope": {} if of_words else {"near": rows(4, "near"), "far": rows(3, "far")},
        "settings": {probe.name: replace(probe.settings, **SMALL[probe.name]) for probe in probes},
        **({"task": NamedEntityRecognition(TAGS)} if of_words else {}),
        **more,
    }
    return plan_of(model, probes, **given)


def is_clean(case: Case) -> bool:
    """Whether the audited model is asked about the example as it stands, in its first way."""
    return case.model is None and case.asked is None and not case.edits


def test_every_shipped_probe_has_small_settings_here() -> None:
    assert set(SMALL) == {probe.name for probe in registry.discover()}


@pytest.mark.parametrize("name", sorted(set(SMALL) - OF_OTHER_TASKS))
def test_every_shipped_probe_plans_what_it_does(name: str) -> None:
    if name == "adversarial" and importlib.util.find_spec("textattack") is None:
        pytest.skip("needs the real package: pip install textattack")
    for of_words in (name in OF_WORDS, name not in OF_TEXTS):
        trained: set[Any] = set()
        one = plan(of_words, trained, selected=frozenset({name}))
        probe = next(probe for probe in one.probes if probe.name == name)
        assert "planned" in vars(type(probe))
        planned = estimating.planned_by(one, one.models[0], probe)
        assert planned is not None
        assert trained == set(), "nothing is trained to say how much will be"
        made: list[Case] = []

        def keep(_model: str, _probe: str, scored: ScoredCase, kept: list[Case] = made) -> None:
            kept.append(scored.case)

        record = next(record for record in runner.run(one, keep, Silent()) if record.probe == name)
        assert record.status == "measured", record.reason
        cases, queries = record.counts["cases"], record.counts["queries"]
        assert planned.exact == (name not in AT_MOST)
        assert cases == planned.cases if planned.exact else 0 < cases <= planned.cases
        unchanged = [case for case in made if is_clean(case) and case.example in one.examples["home"]]
        # What an attack leaves as it stood, the model's answers decide.
        assert planned.unchanged == (0 if probe.interactive else len(unchanged)), "counted once for all probes"
        assert queries <= planned.queries
        assert len(trained) == planned.trainings
        assert bool(trained) == probe.retrains, "--fast leaves out what retrains, and nothing else"


def test_a_probe_that_cannot_run_after_all_plans_why() -> None:
    model = keyword_model(GOOD)
    one = plan_of(model, shipped("training_strategy"))
    (work,) = estimating.works(one, timed=False)
    assert work.planned is None
    assert work.reason == "no other recipe's checkpoint beside it, and no train and no base to train from"
    (record,) = runner.run(one, nowhere, Silent())
    assert [gap.reason for gap in record.skipped] == [work.reason]


@dataclass(frozen=True)
class Nothing:
    pass


class Silence(ProbeDefaults):
    """Does not say how much it is going to do."""

    name, limitation, needs, settings = "silence", "noise", frozenset[str](), Nothing()
    pools: tuple[frozenset[str], ...] = ()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        del task
        return ()

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        del audit
        yield from ()


class Broken(Silence):
    """Cannot count."""

    name = "broken"

    def planned(self, audit: Audit) -> Planned:
        raise ZeroDivisionError(audit.model)


@pytest.mark.parametrize("probe", [Silence(), Broken()], ids=["silent", "broken"])
def test_a_probe_that_does_not_say_or_cannot_costs_no_audit(probe: Probe) -> None:
    one = plan_of(keyword_model(GOOD), (probe,), n=4)
    (work,) = estimating.works(one)
    assert (work.reason, work.planned, work.seconds) == (None, None, None)
    assert runner.run(one, nowhere, Silent())[0].status == "measured"


class Timed:
    """A clock that each batch moves on by a second for every ten texts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(pace, "time", SimpleNamespace(perf_counter=lambda: self.now))


class Slow(FakeModel):
    """Takes a tenth of a second a text."""

    clock: Timed
    asked = 0

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        self.asked += len(batch)
        self.clock.now += len(batch) / 10
        return super().run(batch)


def slow(clock: Timed) -> Slow:
    model = Slow(lambda _: (0.2, 0.8))
    model.clock = clock
    return model


def test_seconds_are_cases_and_steps_at_the_pace_of_timed_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Timed(monkeypatch)
    model = slow(clock)
    one = plan_of(
        model,
        shipped("quality", "low_resource"),
        n=40,
        models=(AuditedModel(model, fit=lambda *_, **__: model),),
        examples={"home": reviews(40), "train": reviews(40, "train")},
        settings={
            "quality": shipped("quality")[0].settings,
            "low_resource": replace(shipped("low_resource")[0].settings, sizes=(10, 20), steps=30, batch_size=8),
        },
    )
    quality, low = estimating.works(one)
    assert quality.seconds == pytest.approx(4.0)
    # Two sizes, three seeds; 40 home rows of each; the checkpoint's answers are known. A step takes as long as three
    # forward passes.
    training = 6 * 30 * 8 * 3 / 10
    assert low.training_seconds == pytest.approx(training)
    assert low.seconds == pytest.approx(6 * 40 / 10 + training)
    assert model.asked == 40, "the one batch of all rows took more than the time for timing"


def test_clean_rows_count_once_in_whole_windows_and_long_texts_by_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Timed(monkeypatch)
    model = slow(clock)
    home = reviews(1200)
    long = tuple(
        Example(f"far:{row}", {"text": " ".join([example.inputs["text"]] * 3)}, example.gold)
        for row, example in enumerate(reviews(40, "far"))
    )
    chosen = shipped("quality", "coverage", "domain_shift", "repeatability")
    settings = {probe.name: probe.settings for probe in chosen}
    settings["quality"] = replace(settings["quality"], examples=100)
    settings["coverage"] = replace(settings["coverage"], examples=600)
    settings["domain_shift"] = replace(settings["domain_shift"], examples=40, home=50)
    settings["repeatability"] = replace(settings["repeatability"], examples=100)
    plan_ = plan_of(model, chosen, examples={"home": home, "far": long}, settings=settings)
    lengths = [
        sum(text.length for text in model.encode([plan_.task.request(row.inputs) for row in rows[:64]]))
        / len(rows[:64])
        for rows in (home, long)
    ]
    seconds = {work.probe: work.seconds for work in estimating.works(plan_)}
    pace_ = 0.1
    # 100 rows of a window of 512; 600 of two windows, of which one is known; then all that it needs is.
    assert seconds["quality"] == pytest.approx(512 * pace_)
    assert seconds["coverage"] == pytest.approx(512 * pace_)
    assert seconds["domain_shift"] == pytest.approx(40 * pace_ * lengths[1] / lengths[0])
    # Five ways of 100 rows, and in two of them the other 412 of their window too.
    assert seconds["repeatability"] == pytest.approx((5 * 100 + 2 * 412) * pace_)


class Ticking(SimpleNamespace):
    """A clock that moves on by a second whenever it is read."""

    now = 0.0

    def perf_counter(self) -> float:
        self.now += 1.0
        return self.now


def test_what_the_same_work_took_before_is_the_estimate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache = SQLiteCache(tmp_path / "answers.sqlite", limit_bytes=10**9)
    model = keyword_model(GOOD)
    one = plan_of(model, shipped("quality", "noise"), n=20, cache=cache)
    assert {work.before for work in estimating.works(one)} == {None}
    monkeypatch.setattr(runner, "time", Ticking())
    runner.run(one, nowhere, Silent())
    # A second to draw, a second to measure.
    assert {work.probe: work.before for work in estimating.works(one)} == {"quality": 2.0, "noise": 2.0}
    assert all(work.expected == work.before for work in estimating.works(one))
    alone = replace(one, selected=frozenset({"noise"}))
    (noise,) = (work for work in estimating.works(alone) if work.reason is None)
    assert noise.before is None, "it would ask about the clean rows itself"
    other = replace(one, settings={**one.settings, "noise": replace(one.settings["noise"], examples=7)})
    assert {work.probe: work.before for work in estimating.works(other)} == {"quality": 2.0, "noise": None}
    monkeypatch.setattr(runner, "time", SimpleNamespace(perf_counter=lambda: 0.0))
    runner.run(one, nowhere, Silent())
    assert {work.before for work in estimating.works(one)} == {2.0}, "kept answers took no time: nothing is learned"
    cache.close()


def test_a_pace_is_timed_once_for_a_model_and_its_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = Timed(monkeypatch)
    cache = SQLiteCache(tmp_path / "answers.sqlite", limit_bytes=10**9)
    model = slow(clock)
    one = plan_of(model, shipped("quality"), n=20, cache=cache)
    assert not estimating.known_before(one)
    first = estimating.works(one)
    asked = model.asked
    assert estimating.works(one) == first
    assert model.asked == asked > 0
    runner.run(one, nowhere, Silent())
    assert estimating.known_before(one)
    cache.close()


def test_a_model_that_does_not_answer_has_no_pace() -> None:
    def fails(_: Any) -> Any:
        raise IndexError("index out of range in self")

    (work,) = estimating.works(plan_of(FakeModel(fails), shipped("quality"), n=4))
    assert (work.seconds, work.planned) == (None, Planned(4, unchanged=4))
