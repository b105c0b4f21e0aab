"""The runner: every probe appears once for each model; needs, crashes, attacks re-checked, planted models found out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fakes import BAD, GOOD, LABELS, changed, nowhere, plan_of, reviews, shipped
from pair_task import PairTask

from auditor import metrics
from auditor.engine import SQLiteCache
from auditor.errors import ConfigError, ModelError, ProbeError, UsageError
from auditor.evaluation import runner, sampling
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel, keyword_model
from auditor.plugins import registry
from auditor.types import (
    BASELINE,
    CANDIDATE,
    NEEDS,
    OUT_OF_SCOPE,
    TASK_NEEDS,
    Audit,
    Case,
    Decision,
    Example,
    Judged,
    Measurement,
    Metric,
    ProbeDefaults,
    Request,
    Row,
    Silent,
    Skipped,
    Task,
    TrainedModel,
)
from auditor.verdicts import gate, policy

LIGHT = ("quality", "noise", "domain_shift", "bias")


@dataclass(frozen=True)
class NoSettings:
    pass


class Crashing(ProbeDefaults):
    """A probe that crashes."""

    name, limitation, needs, settings = "crashing", "noise", frozenset[str](), NoSettings()
    pools: tuple[frozenset[str], ...] = ()

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.task_metric(task),)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        yield Case(audit.examples("home", 1)[0], slice={})
        raise ValueError("no")


def run(*arguments: Any, **given: Any) -> Any:
    plan = plan_of(*arguments, **given)
    return plan, runner.run(plan, nowhere, Silent())


def test_every_probe_appears_once_for_each_model() -> None:
    probes = registry.discover()
    one, other = keyword_model(GOOD, name="one"), keyword_model(GOOD, name="other")
    plan, records = run(
        one, probes, n=4, models=(AuditedModel(one), AuditedModel(other)), selected=frozenset({"quality"})
    )
    assert [(record.model, record.probe) for record in records] == [
        (m, p.name) for m in ("one", "other") for p in probes
    ]
    assert {record.reason for record in records if record.probe != "quality"} == {"not selected"}
    assert plan.errors == []


def test_a_crashing_probe_is_a_failed_record_with_its_traceback_kept() -> None:
    plan, records = run(keyword_model(GOOD), (Crashing(),), n=4)
    assert (records[0].status, records[0].reason) == ("failed", "ValueError: no")
    assert "raise ValueError" in plan.errors[0]


def test_a_model_that_answers_without_sense_fails_its_probe_and_no_other() -> None:
    class Mute(FakeModel):
        def run(self, batch: Any) -> Any:
            if any("!" in encoded.payload.texts[0] for encoded in batch):
                raise ModelError(
                    "answers with numbers that are not finite", where="mute", hint="are its weights sound?"
                )
            return super().run(batch)

    class Loud(Crashing):
        """Exclaims."""

        name = "loud"

        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            (example,) = audit.examples("home", 1)
            yield changed(example, {}, {"text": "!"})

    _, records = run(Mute(lambda _: (0.9, 0.1)), (*shipped("quality"), Loud()), n=20)
    assert [record.status for record in records] == ["measured", "failed"]
    assert records[1].reason == "mute: answers with numbers that are not finite (are its weights sound?)"
    quality = tuple(rule for rule in policy.load().rules if rule.probe == "quality")
    assert gate.decide(policy.Policy("p", "", quality), records, "fake").exit_code == 2


def test_a_probes_own_settings_that_cannot_be_end_the_audit() -> None:
    class Unsure(Crashing):
        """Refuses."""

        def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
            raise ConfigError(f"no such thing on {audit.model}", where="[probes.crashing]")

    with pytest.raises(ConfigError, match="no such thing on keywords"):
        run(keyword_model(GOOD), (Unsure(),), n=4)


def test_missing_input_is_said_in_words() -> None:
    _, records = run(keyword_model(GOOD), shipped("domain_shift", "low_resource"), n=4, candidate="another")
    assert [record.missing for record in records] == [("domains",), ("base", "candidate", "train")]
    assert [record.reason for record in records] == ["no other domain given (--domain name=file)", "candidate only"]


def test_models_beside_the_candidate_go_through_the_baseline_probes_alone() -> None:
    models = (AuditedModel(keyword_model(GOOD)), AuditedModel(keyword_model(GOOD, name="second")))
    probes = shipped("quality", "repeatability", "leakage")
    plan = plan_of(models[0].model, probes, n=8, models=models, baseline=frozenset({"quality"}))
    records = runner.run(plan, nowhere, Silent())
    assert [(r.model, r.probe, r.status == "measured") for r in records if r.probe != "leakage"] == [
        (plan.candidate, "quality", True),
        (plan.candidate, "repeatability", True),
        ("second", "quality", True),
        ("second", "repeatability", False),
    ]
    reasons = {r.probe: (r.reason, r.missing) for r in records if r.model == "second" and r.probe != "quality"}
    assert reasons["repeatability"] == (BASELINE, (CANDIDATE,))
    # Why the probe would not run in any case says more.
    assert reasons["leakage"][0] == OUT_OF_SCOPE["candidate"]


def test_a_full_disk_is_not_taken_for_a_crash() -> None:
    def full(_model: str, _probe: str, _case: Any) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        runner.run(plan_of(keyword_model(GOOD), shipped("quality"), n=4), full, Silent())


class Measuring(Crashing):
    """A probe that reads its cases itself, twice."""

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        yield from (Case(one, slice={"turn": turn}) for turn in "ab" for one in reversed(audit.examples()))

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        first, second = list(cases), list(cases)
        assert first == second
        rows = [Row(one.cluster, "", 1.0, 1.0) for one in first if one.slice == {"turn": "a"}]
        yield metrics.measurement(self.metrics(audit.task)[0], {"own": "yes"}, rows, n_cases=len(first))


def test_a_probe_reads_its_judged_cases_as_often_as_it_likes() -> None:
    plan, (record,) = run(keyword_model(GOOD), (Measuring(),), n=20)
    assert plan.errors == []
    assert [(found.n_cases, len(found.rows)) for found in record.measurements] == [(20, 20), (20, 20), (40, 20)]


OWN = Metric("own", "own", "mean", "share", 0.0, 1.0, "lower")
ROWS = tuple(Row(f"c{index}", "", float(index % 2), 1.0) for index in range(12))


class Inventing(Crashing):
    """A probe whose measurements are given to it."""

    def __init__(self, *measurements: Measurement) -> None:
        self._measurements = measurements

    def metrics(self, task: Task) -> tuple[Metric, ...]:
        return (metrics.task_metric(task), OWN)

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        yield from (Case(one, slice={}) for one in audit.examples())

    def measure(self, cases: Iterable[Judged], audit: Audit) -> Iterator[Measurement]:
        del cases, audit
        yield from self._measurements


def test_a_measurement_of_a_probe_has_to_follow_from_its_rows() -> None:
    right = metrics.measurement(OWN, {}, ROWS, n_cases=12)
    plan, (record,) = run(keyword_model(GOOD), (Inventing(right),), n=20)
    assert (plan.errors, record.measurements[-1]) == ([], replace(right, available=12))
    follows = "a measurement of 'own' does not follow from its rows (make it with metrics.measurement)"
    for wrong, words in (
        (replace(right, value=0.4), follows),
        (replace(right, high=1.0), follows),
        (replace(right, status="too_few"), follows),
        (replace(right, method="a guess"), follows),
        (replace(right, rows=()), follows),
        (replace(right, metric="others"), "measures 'others', which is none of its metrics"),
    ):
        _, (record,) = run(keyword_model(GOOD), (Inventing(wrong),), n=20)
        assert (record.status, record.measurements) == ("failed", ())
        assert record.reason == f"probe crashing: {words}"


class Said(Silent):
    """Keeps what a progress is told."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, int | None]] = []
        self.done = 0

    def start(self, _what: str, _total: int | None = None) -> None:
        self.starts.append((_what, _total))

    def advance(self, _amount: int = 1) -> None:
        self.done += _amount


class Unplanned(Crashing):
    """A probe that does not say how much it is going to do."""

    name = "unplanned"

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        for example in audit.examples("home", 20):
            yield Case(example, slice={})


def test_progress_counts_cases_as_they_are_drawn_and_knows_the_total_as_planned_or_as_the_last_time(
    tmp_path: Path,
) -> None:
    cache = SQLiteCache(tmp_path / "answers.sqlite", limit_bytes=10**9)
    first, second = Said(), Said()
    for said, name in ((first, "one"), (second, "other")):
        model = keyword_model(GOOD, name=name)
        unplanned: Any = Unplanned()
        probes = (*shipped("quality"), unplanned)
        runner.run(plan_of(model, probes, n=20, models=(AuditedModel(model),), cache=cache), nowhere, said)
    assert first.starts == [("one: quality", 20), ("one: unplanned", None)]
    assert second.starts == [("other: quality", 20), ("other: unplanned", 20)]
    assert first.done == second.done == 40


class Asking(Crashing):
    """A probe that asks in ``measure``: answers, gradients and embeddings."""

    name = "asking"

    def cases(self, audit: Audit) -> Iterator[Case | Skipped]:
        yield from (Case(example, slice={}) for example in audit.examples("home", 20))

    def measure(self, cases: Any, audit: Audit) -> Iterator[Measurement]:
        del cases
        inputs = [row.inputs for row in audit.examples("home", 20)]
        audit.ask(inputs)
        audit.ask(inputs[:10], FakeModel(lambda _: (0.9, 0.1), name="another"))
        audit.embeddings(inputs)
        audit.integrated_gradients(inputs[0], "positive", 2)
        yield from ()


def test_progress_hears_of_every_batch_that_a_probe_asks_for_while_it_measures() -> None:
    class Heard(Said):
        def __init__(self) -> None:
            super().__init__()
            self.moves: list[int] = []

        def advance(self, _amount: int = 1) -> None:
            super().advance(_amount)
            self.moves.append(_amount)

    asking: Any = Asking()
    model = FakeModel(lambda _: (0.9, 0.1), embed=lambda _: (1.0,))
    heard = Heard()
    (record,) = runner.run(plan_of(model, (asking,), n=20, batch_tokens=40), nowhere, heard)
    assert record.status == "measured"
    # A text of ten words has twelve tokens, so that a batch holds three: 20 texts are 7 batches, 10 are 4.
    assert heard.moves == [1] * 20 + [0] * (7 + 4 + 7 + 1)
    assert heard.done == 20


def test_rows_stand_in_the_seeded_order_of_the_examples() -> None:
    plan, (record,) = run(keyword_model(GOOD), (Measuring(),), n=20)
    order = [example.cluster for example in plan.examples["home"]]
    for found in record.measurements[:2]:
        assert [row.cluster for row in found.rows] == order


def test_a_full_disk_under_the_judged_cases_is_not_taken_for_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_spool: Any, _judged: Judged) -> None:
        raise OSError(28, "No space left on device")

    probe: Any = Measuring()
    monkeypatch.setattr("auditor.evaluation.case_spool.Spool.add", full)
    with pytest.raises(OSError, match="No space"):
        runner.run(plan_of(keyword_model(GOOD), (probe,), n=4), nowhere, Silent())


@pytest.mark.parametrize("probe", [probe.name for probe in registry.discover()])
def test_every_probe_takes_a_task_of_two_fields_and_another_metric_or_says_why_not(probe: str) -> None:
    task = PairTask()

    def answer(request: Request) -> tuple[float, float]:
        return (0.2, 0.8) if len(request.texts[0]) % 2 else (0.7, 0.3)

    model = FakeModel(answer, task.labels, name="pairs")
    rows = tuple(
        Example(
            f"home:{index}",
            {"premise": f"a man walks {index} dogs", "hypothesis": "x " * (index % 3 + 1)},
            task.labels[index % 2],
        )
        for index in range(30)
    )
    other = tuple(Example(f"far:{index}", row.inputs, row.gold) for index, row in enumerate(rows))
    learned = tuple(Example(f"train:{index}", row.inputs, row.gold) for index, row in enumerate(rows * 40))

    def fit(*_: Any, **__: Any) -> FakeModel:
        return model

    def train(recipe: str, *_: Any, seed: int, **__: Any) -> TrainedModel:
        return TrainedModel(recipe, recipe == "standard", seed, lambda: model, 1.0)

    given = {
        "task": task,
        "examples": {"home": rows, "far": other, "train": learned},
        "models": (AuditedModel(model, fit, train),),
        "selected": frozenset({probe}),
    }
    plan, records = run(model, registry.discover(), **given)
    (record,) = (one for one in records if one.probe == probe)
    assert record.status in ("measured", "not_applicable"), plan.errors
    assert record.reason in {None, *map(NEEDS.get, (*TASK_NEEDS, "earlier", "periods", "cases", "out_of_scope"))}


def test_the_numbers_of_a_probe_do_not_depend_on_what_ran_before() -> None:
    noisy = shipped("noise")
    _, alone = run(keyword_model(GOOD), noisy, n=40)
    _, after = run(keyword_model(GOOD), (*shipped("quality", "bias"), *noisy), n=40)
    assert alone[0].measurements == after[2].measurements


def release(model: FakeModel, n: int = 300, **given: Any) -> Decision:
    rows = {"home": reviews(n), "train": reviews(100, "train")}
    probes = shipped(
        *LIGHT,
        "adversarial",
        "calibration",
        "leakage",
        "low_resource",
        "repeatability",
        "label_swap",
        "triggers",
        "coverage",
        "spurious",
        "drift",
        "forgetting",
        "interpretability",
        "kept_cases",
        "out_of_scope_detection",
    )
    plan = plan_of(model, probes, examples=rows, selected=frozenset(LIGHT), **given)
    records = runner.run(plan, nowhere, Silent())
    return gate.decide(policy.load(), records, model.name)


def failing(decision: Decision) -> set[str]:
    rules = policy.load().rules
    return {rules[verdict.rule].metric for verdict in decision.verdicts if verdict.outcome == "fail"}


def test_a_constant_answer_is_held_by_the_gain_over_the_majority() -> None:
    decision = release(FakeModel(lambda _: (0.9, 0.1)))
    assert (decision.exit_code, failing(decision)) == (1, {"gain_over_majority"})


def test_a_model_of_shuffled_labels_is_held_by_the_gain_over_the_majority() -> None:
    def answer(request: Request) -> tuple[float, float]:
        return (0.9, 0.1) if random.Random(request.texts[0]).random() < 0.5 else (0.1, 0.9)

    decision = release(FakeModel(answer))
    assert decision.exit_code == 1
    assert "gain_over_majority" in failing(decision)


def test_a_model_that_answers_by_the_group_word_is_held_by_the_flip_rate() -> None:
    good = keyword_model(GOOD)

    def answer(request: Request) -> Any:
        words = request.texts[0].lower().split()
        return (0.1, 0.9) if "muslim" in words else good.run(good.encode([request]))[0]

    decision = release(FakeModel(answer))
    assert decision.exit_code == 1
    assert {"counterfactual_flip_rate", "score_gap"} & failing(decision)


def test_a_model_that_breaks_on_typos_is_held_by_the_noise_rule() -> None:
    known = {word for row in reviews(300) for word in row.inputs["text"].split()}

    def answer(request: Request) -> tuple[float, float]:
        words = request.texts[0].split()
        good = sum(word in GOOD for word in words) > 0
        # Two words it has never seen, and it gives up.
        strange = sum(word not in known for word in words) >= 2
        return (0.9, 0.1) if strange or not good else (0.1, 0.9)

    decision = release(FakeModel(answer))
    assert decision.exit_code == 1
    assert "drop_over_changed_cases" in failing(decision)


def test_the_seeded_order_depends_on_the_seed_and_the_name_only() -> None:
    rows = reviews(20)
    assert sampling.shuffled(rows, 0, "home") == sampling.shuffled(rows, 0, "home")
    assert sampling.shuffled(rows, 0, "home") != sampling.shuffled(rows, 1, "home")
    assert sorted(row.id for row in sampling.shuffled(rows, 0, "home")) == sorted(row.id for row in rows)


def test_audit_rows_that_occur_in_training_are_left_out_and_counted() -> None:
    home = reviews(10)
    sets = {"home": home, "far": home[:2], "train": home[:3], "validation": home[3:4]}
    keys = {name: [row.inputs["text"] for row in rows] for name, rows in sets.items()}
    kept, leaked = sampling.without_leaks(sets, keys)
    assert leaked == {"home": sampling.Leaked(4), "far": sampling.Leaked(2)}
    assert [len(kept[name]) for name in sets] == [6, 0, 3, 1]


def test_rows_that_training_has_in_another_spelling_are_left_out_and_counted_apart() -> None:
    home = tuple(
        Example(f"home:{place}", {"text": value})
        for place, value in enumerate(
            ["A fine film.", "a  fine film", "A Fine Film!", "A fine film, too", "...", "Straße", "a film fine"]
        )
    )
    train = tuple(Example(f"train:{n}", {"text": value}) for n, value in enumerate(["A fine film.", "!!", "STRASSE ;"]))
    sets = {"home": home, "train": train}
    keys = {name: [row.inputs["text"] for row in rows] for name, rows in sets.items()}
    kept, leaked = sampling.without_leaks(sets, keys)
    # The first is the same; two more and the street differ in spelling; dots alone say nothing.
    assert leaked == {"home": sampling.Leaked(1, 3)}
    assert [row.inputs["text"] for row in kept["home"]] == ["A fine film, too", "...", "a film fine"]


def test_fields_of_a_row_are_not_run_together() -> None:
    pairs = [("a b", "c"), ("a", "b c"), ("A B.", "c!")]
    home = tuple(Example(f"home:{n}", {"premise": one, "hypothesis": two}) for n, (one, two) in enumerate(pairs))
    kept, leaked = sampling.without_leaks({"home": home[1:], "train": home[:1]}, {"home": ["1", "2"], "train": ["0"]})
    assert (kept["home"], leaked["home"]) == (home[1:2], sampling.Leaked(0, 1))


def test_a_probe_file_outside_the_project_is_found(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    source = Path(__file__).read_text(encoding="utf-8")
    start, end = source.index("@dataclass(frozen=True)\nclass NoSettings"), source.index("def run(")
    imports = (
        "from __future__ import annotations\nfrom collections.abc import Iterator\nfrom dataclasses import dataclass\n"
        "from auditor import metrics\nfrom auditor.types import Audit, Case, Metric, ProbeDefaults, Skipped, Task\n"
    )
    file.write_text(imports + source[start:end] + "PROBE = Crashing()\n", encoding="utf-8")
    assert "crashing" in [probe.name for probe in registry.discover([file])]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("import nothing_of_that_name", "does not import: ModuleNotFoundError"),
        ("x = 1", "defines no PROBE"),
        ("PROBE = 3", "PROBE lacks"),
        (None, "no such probe file"),
    ],
)
def test_a_broken_probe_file_is_one_clear_line(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "broken.py"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ProbeError, match=words):
        registry.discover([file])


def test_an_unknown_probe_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean 'noise'"):
        registry.selected(registry.discover(), ["nois"])


def test_probe_arguments_are_names_or_files() -> None:
    assert registry.split_selection(["noise", "a.py", "b/c"]) == (("noise",), (Path("a.py"), Path("b/c")))


def test_the_words_of_the_fakes_do_not_overlap() -> None:
    assert not set(GOOD) & set(BAD)
    assert LABELS == ("negative", "positive")
