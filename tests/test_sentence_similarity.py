"""Similarity of sentences: two texts, one number; each text alone, and correlations of answers and golds."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import nowhere, plan_of
from scipy import stats as scipy_stats
from tiny import tiny_checkpoint

from auditor import data, tasks
from auditor.cli.main import main
from auditor.data import Columns
from auditor.errors import DataError, ModelError
from auditor.evaluation import checkpoints, runner
from auditor.models import hugging_face
from auditor.models.options import LoadOptions
from auditor.plugins import registry
from auditor.testing import FakeAudit, FakeModel, sample_rows
from auditor.text import words_of
from auditor.types import Case, Classify, Example, ProbeRecord, Request, Response, Silent, Skipped, Task
from auditor.verdicts import gate, policy

NAME = "sentence-similarity"
TASK = tasks.create(NAME, ("similarity",))
PROBES = {probe.name: probe for probe in registry.discover()}
SHORTCUTS, QUALITY = PROBES["pair_shortcuts"], PROBES["quality"]
SICK = "pair_ID,sentence_A,sentence_B,relatedness_score,entailment_judgment"


def written(tmp_path: Path, header: str, *rows: str) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def load(path: Path, task: Task = TASK, columns: Columns | None = None) -> data.Dataset:
    return data.load(path, name="home", task=task, columns=columns or Columns())


# --- columns


@pytest.mark.parametrize("name", [*TASK.usual_labels, "Score", "label", "target"])
def test_the_number_is_found_by_its_usual_names(tmp_path: Path, name: str) -> None:
    (example,) = load(written(tmp_path, f"sentence1,sentence2,{name}", "a b,c d,2.5")).examples
    assert (dict(example.inputs), example.gold) == ({"first": "a b", "second": "c d"}, 2.5)


def test_of_sick_relatedness_is_read_by_one_task_and_entailment_by_another(tmp_path: Path) -> None:
    path = written(tmp_path, SICK, "1,A kid plays,A boy plays,4.5,NEUTRAL")
    dataset = load(path)
    (example,) = dataset.examples
    assert (dict(example.inputs), example.gold) == ({"first": "A kid plays", "second": "A boy plays"}, 4.5)
    assert dataset.reading is not None
    assert "'relatedness_score' is the label, not 'entailment_judgment'" in str(dataset.reading)
    pair = tasks.create("sentence-pair", ("ENTAILMENT", "NEUTRAL"))
    assert load(path, pair).examples[0].gold == "NEUTRAL"


def test_the_earlier_name_wins_and_a_named_column_before_all(tmp_path: Path) -> None:
    path = written(tmp_path, "text1,text2,label,score,similarity_score", "a,b,1,2,3")
    assert load(path).examples[0].gold == 3.0
    assert load(path, columns=Columns(label="label")).examples[0].gold == 1.0


def test_of_several_numbers_the_reading_says_which_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, "text1,text2,score,similarity", "a,b,1,2")
    dataset = load(path)
    assert (dataset.examples[0].gold, dataset.reading is not None) == (2.0, True)
    assert "'similarity' is the label, not 'score'" in str(dataset.reading)
    assert "is the label" not in str(load(path, columns=Columns(label="similarity")).reading)


def test_a_score_is_no_label_of_a_task_of_labels(tmp_path: Path) -> None:
    path = written(tmp_path, "sentence1,sentence2,score", "a,b,1")
    with pytest.raises(DataError, match="no column is called label or"):
        load(path, tasks.create("sentence-pair", ("0", "1")))


@pytest.mark.skipif("AUDIT_DATA" not in os.environ, reason="needs AUDIT_DATA: a folder with pairs/sick")
def test_files_of_sick_are_read_as_they_are() -> None:
    task = tasks.create(NAME, ("similarity",), settings={"scale": [1, 5]})
    dataset = load(Path(os.environ["AUDIT_DATA"]) / "pairs/sick/dev.tsv", task)
    assert len(dataset.examples) > 450
    assert all(1.0 <= example.gold <= 5.0 for example in dataset.examples)


# --- the model


@pytest.fixture(scope="module")
def number_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with one output."""
    folder = tiny_checkpoint(tmp_path_factory.mktemp("number"), ("similarity",))
    file = folder / "config.json"
    config = {**json.loads(file.read_text("utf-8")), "problem_type": "regression"}
    file.write_text(json.dumps(config), "utf-8")
    return folder


def test_a_pair_is_cut_in_its_second_text_alone(number_model: Path) -> None:
    model = hugging_face.load(number_model, LoadOptions(head="regression", device="cpu"), name="tiny")
    (encoded,) = model.encode([TASK.request({"first": "good " * 40, "second": "bad " * 60})])
    # 64 tokens: [CLS] first [SEP] second [SEP].
    assert encoded.payload["token_type_ids"] == [0] * 42 + [1] * 22
    assert encoded.truncated
    assert isinstance(model.run([encoded])[0], float)


@pytest.mark.parametrize(
    ("task", "hint"),
    [("sentence-pair", "--task sentence-similarity"), ("text-classification", "--task text-regression")],
)
def test_a_model_of_a_number_names_the_task_that_it_serves(number_model: Path, task: str, hint: str) -> None:
    with pytest.raises(ModelError) as caught:
        checkpoints.described({"m": number_model}, LoadOptions(head="sequence"), task)
    assert caught.value.line == f"{number_model}: does not choose one of two or more labels ({hint})"


def test_a_model_of_labels_names_the_task_that_it_serves(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "labels", ("no", "yes"))
    with pytest.raises(ModelError, match=r"gives a text labels, not a number .*\(--task sentence-pair\)$"):
        checkpoints.described({"m": folder}, LoadOptions(head="regression"), NAME)
    # No other head of this architecture: the hint stays what it was.
    with pytest.raises(ModelError, match=r"not a ...ForTokenClassification \(a model for ner is needed\)"):
        checkpoints.described({"m": folder}, LoadOptions(head="token"), "ner")


# --- what each text alone is asked


def overlap(request: Request) -> Response:
    """Goes by the words that both texts have, in whatever order."""
    first, second = (set(words_of(text)) for text in request.texts)
    return 5.0 * len(first & second) / max(len(first | second), 1)


def by_first(request: Request) -> Response:
    """Goes by the length of the first text alone."""
    return float(len(words_of(request.texts[0])))


PAIRS = tuple(
    Example(
        f"home:{place}",
        {"first": f"a b c d e{place}"[: 9 + place % 3], "second": " ".join("abcde"[: 1 + place % 5]) + f" f{place}"},
        0.0,
    )
    for place in range(60)
)


def golds(answer: Any, rows: Sequence[Example] = PAIRS) -> tuple[Example, ...]:
    """The rows with what a model says as their right numbers."""
    return tuple(replace(row, gold=answer(Classify(tuple(row.inputs.values())))) for row in rows)


def record_of(model: FakeModel, probe: Any, rows: Sequence[Example], task: Task = TASK, **settings: Any) -> ProbeRecord:
    given = {probe.name: replace(probe.settings, **settings)}
    plan = plan_of(model, (probe,), task=task, examples={"home": tuple(rows)}, settings=given)
    (record,) = runner.run(plan, nowhere, Silent())
    assert plan.errors == []
    return record


def values(record: ProbeRecord) -> dict[tuple[str, ...], float]:
    return {(each.metric, *each.slice.values()): each.value for each in record.measurements}


def test_a_model_that_reads_the_first_text_alone_gains_nothing_by_the_second() -> None:
    shown = values(record_of(FakeModel(by_first, ()), SHORTCUTS, golds(by_first)))
    assert shown["gain_over_one_text", "first"] == 0.0
    assert shown["gain_over_one_text", "second"] == 1.0
    compared = values(record_of(FakeModel(overlap, ()), SHORTCUTS, golds(overlap)))
    assert min(compared["gain_over_one_text", field] for field in TASK.fields) > 0.5


def test_answers_that_move_by_more_than_the_tolerance_change_when_the_texts_change_places() -> None:
    alike = values(record_of(FakeModel(overlap, ()), SHORTCUTS, golds(overlap)))
    assert alike["swap_flip_rate", "swapped"] == 0.0
    moved = values(record_of(FakeModel(by_first, ()), SHORTCUTS, golds(by_first)))
    lengths = [tuple(len(words_of(text)) for text in row.inputs.values()) for row in PAIRS]
    expected = sum(abs(first - second) > 0.5 for first, second in lengths) / len(PAIRS)
    assert moved["swap_flip_rate", "swapped"] == pytest.approx(expected)
    assert expected > 0.5


def test_texts_keep_their_places_where_the_task_says_so() -> None:
    task = tasks.create(NAME, ("similarity",), settings={"symmetric": False})
    record = record_of(FakeModel(overlap, ()), SHORTCUTS, golds(overlap), task)
    assert ("swap_flip_rate", "swapped") not in values(record)
    assert {"texts": "swapped"} in [gap.slice for gap in record.skipped if not gap.applies]


def test_attacks_change_one_text_at_a_time() -> None:
    """What the first text says does not matter: no attack on it succeeds."""
    rows = [
        Example(f"home:{place}", {"first": f"a wonderful day {place}", "second": f"so wonderful {place}"}, 5.0)
        for place in range(12)
    ]
    model = FakeModel(lambda request: 5.0 if "wonderful" in request.texts[1] else 1.0, ())
    settings: dict[str, Any] = {"recipes": ("deepwordbug",), "examples": 12, "query_budget": 40}
    shown = values(record_of(model, PROBES["adversarial"], rows, **settings))
    rates = {key[1:]: value for key, value in shown.items() if key[0] == "attack_success_rate"}
    assert rates == {("first", "deepwordbug"): 0.0, ("second", "deepwordbug"): 1.0, ("deepwordbug",): 1.0}


def test_noise_is_put_into_both_texts_and_into_each() -> None:
    given = FakeAudit(
        {"home": sample_rows(TASK, 12)},
        replace(PROBES["noise"].settings, perturbations=("upper case",), severities={"middle": 0.2}),
        TASK,
        model=FakeModel(overlap, ()),
    )
    touched = {frozenset(case.edits) for case in PROBES["noise"].cases(given) if isinstance(case, Case)}
    assert touched == {frozenset(TASK.fields), *(frozenset({field}) for field in TASK.fields)}


def test_the_bag_of_words_of_one_text_learns_the_numbers_that_it_gives_away() -> None:
    """The second text tells the number in home and in training, the first says nothing."""
    sets = {
        name: [
            Example(f"{name}:{place}", {"first": f"thing {place % 7}", "second": f"word{place % 3}"}, 2.0 * (place % 3))
            for place in range(60)
        ]
        for name in ("home", "train")
    }
    given = FakeAudit(sets, SHORTCUTS.settings, TASK)
    cases = [item for item in SHORTCUTS.cases(given) if isinstance(item, Case) and "baseline" in item.slice]
    right = {
        field: sum(float(case.facts["bag_of_words_numerator"]) for case in cases if case.slice["reads"] == field) / 60
        for field in TASK.fields
    }
    assert right["second"] == 1.0
    assert right["first"] < 0.5
    same = {**sets, "train": [replace(row, gold=3.0) for row in sets["train"]]}
    gaps = [item for item in SHORTCUTS.cases(FakeAudit(same, SHORTCUTS.settings, TASK)) if isinstance(item, Skipped)]
    assert sum("have no two numbers" in gap.reason for gap in gaps) == 2


# --- correlations


def noisy(rows: Sequence[Example], off: float = 1.0) -> tuple[list[Example], FakeModel]:
    rng = np.random.default_rng(11)
    own = [replace(row, gold=float(np.round(rng.uniform(1, 5), 1))) for row in rows]
    answers = {tuple(row.inputs.values()): float(row.gold + off * rng.normal()) for row in own}
    return own, FakeModel(lambda request: answers[request.texts], ())


def test_correlations_are_those_of_scipy_over_all_answers() -> None:
    rows, model = noisy(PAIRS)
    answers = [model.run(model.encode([TASK.request(row.inputs)]))[0] for row in rows]
    record = record_of(model, QUALITY, rows)
    shown = {each.metric: each for each in record.measurements if each.slice.get("of") in ("values", "ranks")}
    right = [row.gold for row in rows]
    assert shown["pearson"].value == pytest.approx(scipy_stats.pearsonr(answers, right).statistic, abs=1e-12)
    assert shown["spearman"].value == pytest.approx(scipy_stats.spearmanr(answers, right).statistic, abs=1e-12)
    low, high = scipy_stats.pearsonr(answers, right).confidence_interval(0.95)
    assert shown["pearson"].low <= low + 1e-9
    assert shown["pearson"].high >= high - 1e-9
    grouped = record_of(model, QUALITY, [replace(row, group=str(place // 4)) for place, row in enumerate(rows)])
    again = {each.metric: each for each in grouped.measurements if each.slice.get("of") in ("values", "ranks")}
    assert again["spearman"].value == pytest.approx(shown["spearman"].value)
    assert again["spearman"].n_clusters == 15


def test_answers_beyond_the_scale_are_correlated_as_its_ends() -> None:
    rows, model = noisy(PAIRS, 2.0)
    task = tasks.create(NAME, ("similarity",), settings={"scale": [1, 5]})
    answers = [model.run(model.encode([TASK.request(row.inputs)]))[0] for row in rows]
    record = record_of(model, QUALITY, rows, task)
    expected = scipy_stats.pearsonr(np.clip(answers, 1, 5), [row.gold for row in rows]).statistic
    assert values(record)["pearson", "values"] == pytest.approx(expected)


def decided(model: FakeModel, rows: Sequence[Example]) -> dict[str, tuple[str, str]]:
    """Metric of the policy's rules on quality → outcome and reason."""
    rules = policy.load(task=NAME)
    own = replace(rules, rules=tuple(rule for rule in rules.rules if rule.probe == "quality"))
    records = [record_of(model, QUALITY, rows)]
    verdicts = gate.decide(own, records, model.name).verdicts
    return {own.rules[verdict.rule].metric: (verdict.outcome, verdict.reason) for verdict in verdicts}


def test_the_gate_reads_the_order_of_the_answers() -> None:
    many = [
        replace(row, id=f"home:{place}", inputs={**row.inputs, "second": f"{row.inputs['second']} {place}"})
        for place, row in enumerate(PAIRS * 10)
    ]
    rows, good = noisy(many, 0.2)
    assert decided(good, rows)["spearman"][0] == "pass"
    rows, shuffled = noisy(many, 9.0)
    assert decided(shuffled, rows)["spearman"][0] == "fail"
    assert decided(FakeModel(lambda _: 3.0, ()), rows)["spearman"] == (
        "not_measured",
        "all answers are equal: they have no correlation",
    )
    few = decided(good, noisy(many[:9], 0.2)[0])
    assert few["spearman"] == ("not_measured", "a correlation needs 10 examples, or groups of them")


# --- from training to the gate


def test_from_training_to_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    base = tiny_checkpoint(tmp_path / "base", head=False)
    words = ("good", "bad", "dull", "film")
    rows = [
        f"{number},{first} film {number},{second} film {number},{5 if first == second else 1 + number % 3},NEUTRAL"
        for number in range(6)
        for first in words
        for second in words
    ]
    for name, own in (("train", rows[:48]), ("test", rows[48:])):
        Path(f"{name}.csv").write_text("\n".join([SICK, *own]) + "\n", "utf-8")
    Path("audit.toml").write_text(
        f'[task]\nname = "{NAME}"\nscale = [-5, 5]\n[data]\ntrain = "train.csv"\ntest = "test.csv"\n'
        f'[training]\nbase = "{base}"\nout = "ckpt"\nepochs = 1\nbatch_size = 8\nmax_length = 24\n',
        "utf-8",
    )
    assert main(["train"]) == 0
    # The checkpoint's training.json names the task and its settings.
    Path("audit.toml").unlink()
    asked = ["--model", "ckpt/standard", "--data", "test.csv", "--train", "train.csv"]
    for out in ("one", "two"):
        assert main(["run", *asked, "--probe", "quality,pair_shortcuts", "--out", out]) in (1, 3)
    first, second = (Path(out, "results.json").read_bytes() for out in ("one", "two"))
    assert first == second
    records = {record["probe"]: record for record in json.loads(first)["records"]}
    shown = {measured["metric"] for measured in records["quality"]["measurements"]}
    assert shown >= {"within_tolerance", "mean_absolute_error", "pearson", "spearman"}
    assert {"swap_flip_rate", "baseline_gain"} <= {
        measured["metric"] for measured in records["pair_shortcuts"]["measurements"]
    }
    assert main(["gate", "one"]) in (1, 3)
    assert "quality spearman [of ranks]" in capsys.readouterr().out
    page = Path("one/scorecard.html").read_text("utf-8")
    assert "Pearson&#39;s correlation" in page or "Pearson's correlation" in page
    assert main(["compare", "one", "two", "--out", "page.html"]) in (0, 1, 3)
