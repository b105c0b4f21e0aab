"""Texts that no label is right for: how they are named, what is measured of them, and what is held."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fakes
import numpy as np
import pytest
from fakes import GOOD, LABELS, nowhere, plan_of, reviews, shipped
from sklearn.metrics import roc_auc_score, roc_curve

from auditor import config as configs
from auditor import data, metrics, tasks
from auditor.api import arguments
from auditor.cli import data_flags
from auditor.data import Columns, out_of_scope
from auditor.errors import AuditError, ConfigError, DataError, UsageError
from auditor.evaluation import outside, runner
from auditor.models.fake import FakeModel
from auditor.types import NEEDS, Example, Measurement, ProbeRecord, Request, Response, Rule, Silent, Skipped
from auditor.verdicts import gate, policy
from probes import _detection, _outside_scores, out_of_scope_detection
from probes._detection import Scores
from probes.out_of_scope_detection import NO_VALIDATION, RECALL

(PROBE,) = shipped("out_of_scope_detection")
TASK = tasks.create("text-classification", LABELS)
MAX, ENERGY, DISTANCE = "max probability", "energy", "Mahalanobis distance"


# --- how they are named


def config_of(**table: object) -> configs.Config:
    return configs.of_document({"data": table}, "audit.toml")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("oos", {"all": "oos"}),
        ("oos.csv", {"all": Path("oos.csv")}),
        ({"near": "oos", "far": "texts/far.jsonl"}, {"near": "oos", "far": Path("texts/far.jsonl")}),
    ],
)
def test_a_label_or_a_file_is_told_by_its_ending(written: Any, read: dict[str, Any]) -> None:
    config = config_of(out_of_scope=written)
    assert config.data.out_of_scope == read
    again = configs.recorded(json.loads(json.dumps(config.model_dump(), default=str)))
    assert again.data.out_of_scope == read


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", '[data] out_of_scope = "" is empty; leave it out instead'),
        (" ", '[data] out_of_scope = " " is empty; leave it out instead'),
        (3, "[data] out_of_scope = 3 should be a label or a file in quotes, or a table of them"),
        ({"near": ""}, '[data.out_of_scope] near = "" is empty; leave it out instead'),
        ({"near": 1}, "[data.out_of_scope] near = 1 should be text in quotes"),
        ({"all": "a", "far": "b"}, "names a kind 'all'; give each of several kinds a name of its own"),
        ({"near": "a", "far": "a"}, "names 'a' twice"),
    ],
)
def test_what_names_nothing_is_refused_in_one_line(written: Any, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config_of(out_of_scope=written)
    assert said in raised.value.line
    assert "\n" not in raised.value.line


class Flags:
    def __init__(self, *words: str) -> None:
        self.out_of_scope = list(words)


def test_flags_replace_the_config_and_name_files_of_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "audit.toml").write_text('[data]\nout_of_scope = "unknown"\n', encoding="utf-8")
    config = configs.load(tmp_path / "audit.toml")
    assert data_flags.applied(config, Flags()).data.out_of_scope == {"all": "unknown"}  # type: ignore[arg-type]
    both: Any = Flags("near=oos", "far=far.csv")
    applied = data_flags.applied(config, both)
    assert configs.out_of_scope_labels(applied) == {"near": "oos"}
    assert {kind: path.resolve() for kind, path in configs.out_of_scope_files(applied).items()} == {
        "far": Path("far.csv").resolve()
    }
    given = arguments.with_further_rows(config, None, {"far": tmp_path / "far.csv"})
    assert configs.out_of_scope_files(given) == {"far": tmp_path / "far.csv"}
    assert arguments.with_further_rows(config, None, None) is config
    assert arguments.with_further_rows(config, None, "oos").data.out_of_scope == {"all": "oos"}


@pytest.mark.parametrize("words", [("",), ("near=",), ("a", "b"), ("near=a", "near=b"), ("near=a", "far=a")])
def test_a_flag_that_names_nothing_is_refused(words: tuple[str, ...]) -> None:
    flags: Any = Flags(*words)
    with pytest.raises(UsageError, match=r"--out-of-scope .*\(--out-of-scope oos, or"):
        data_flags.applied(configs.Config(), flags)


def test_an_argument_that_names_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="out_of_scope: is empty"):
        arguments.with_further_rows(configs.Config(), None, "")


# --- how they are read

FILE = """text,label,author
a good film,positive,a
a bad film,negative,b
book me a table,oos,a
book me a table,oos,a
what is the time,oos,
 ,oos,c
"""


def read(path: Path, kinds: Mapping[str, str], text: str = FILE, **columns: Any) -> data.Dataset:
    path.write_text(text, encoding="utf-8")
    return data.load(path, name="home", task=TASK, columns=Columns(out_of_scope=kinds, **columns))


def test_rows_with_the_label_are_read_apart_without_gold(tmp_path: Path) -> None:
    read_ = read(tmp_path / "test.csv", {"all": "oos"}, group="author")
    assert [row.gold for row in read_.examples] == ["positive", "negative"]
    assert [(row.id, row.inputs["text"], row.gold, row.group) for row in read_.outside["all"]] == [
        ("home:4", "book me a table", None, "a"),
        ("home:6", "what is the time", None, None),
    ]
    report = read_.report
    assert (report.rows, report.used, report.empty, report.duplicates, report.out_of_scope) == (6, 2, 1, 1, 2)
    assert read_.reading is not None
    assert read_.reading.note.endswith("2 rows with the label 'oos' are out of scope")
    assert set(read_.reading.labels) == {"negative", "positive"}


def test_without_the_setting_the_label_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown label 'oos'"):
        read(tmp_path / "test.csv", {})


def test_a_label_may_be_the_files_name_of_a_number() -> None:
    columns = Columns(out_of_scope={"near": "oos"})
    assert columns.kind_of(("2",), ("negative", "positive", "oos")) == "near"
    assert columns.kind_of(("1",), ("negative", "positive", "oos")) is None
    assert columns.kind_of(("2",), ()) is None
    assert columns.kind_of(("oos", "positive"), ()) is None


def test_a_class_of_the_model_is_refused_with_a_hint() -> None:
    for labels, mapping, said in (
        (("negative", "OOS"), {}, "'oos' is a class of the model (leave it out"),
        (LABELS, {"oos": "negative"}, "'oos' is mapped to the model's 'negative' (take it out of [data.labels]"),
    ):
        with pytest.raises(ConfigError) as raised:
            out_of_scope.check_labels({"all": "oos"}, labels, mapping)
        assert raised.value.line.startswith("[data] out_of_scope: ")
        assert said in raised.value.line


def test_a_label_that_no_test_row_has_is_refused(tmp_path: Path) -> None:
    home = read(tmp_path / "test.csv", {"all": "oos"})
    config = config_of(out_of_scope={"near": "oos", "far": "positiv"})
    columns = Columns(out_of_scope=configs.out_of_scope_labels(config))
    home = replace(home, outside={"near": home.outside["all"]})
    with pytest.raises(DataError) as raised:
        outside.sets(config, columns, TASK, {"home": home})
    assert raised.value.line == (
        f"{tmp_path / 'test.csv'}: no row has the label 'positiv' that [data] out_of_scope names "
        "(did you mean 'positive'?; or a file of texts, such as oos.csv)"
    )


def test_a_label_that_the_training_left_out_need_not_occur(tmp_path: Path) -> None:
    home = read(tmp_path / "test.csv", {"all": "oos"}, text="text,label\na good film,positive\na bad one,negative\n")
    assert outside.sets(configs.Config(), Columns(out_of_scope={"all": "oos"}), TASK, {"home": home}) == {}


def test_a_file_of_texts_needs_no_labels(tmp_path: Path) -> None:
    home = read(tmp_path / "test.csv", {"near": "oos"})
    (tmp_path / "far.csv").write_text("query\nring my bank\nring my bank\n\nname a planet\n", encoding="utf-8")
    config = config_of(out_of_scope={"near": "oos", "far": str(tmp_path / "far.csv")})
    columns = Columns(out_of_scope=configs.out_of_scope_labels(config))
    made = outside.sets(config, columns, TASK, {"home": home})
    assert list(made) == ["out of scope (near)", "out of scope (far)"]
    near, far = made.values()
    assert [row.id for row in far.examples] == ["out of scope (far):2", "out of scope (far):5"]
    assert (far.report.used, far.report.duplicates, near.report.used) == (2, 1, 2)
    assert outside.kinds(config, columns, made) == {"near": "out of scope (near)", "far": "out of scope (far)"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("text,label\n,oos\n", "has no row with a text"),
        ("a,b\nc,d\n", "no column is called text"),
    ],
)
def test_a_file_without_texts_is_refused(tmp_path: Path, text: str, said: str) -> None:
    home = read(tmp_path / "test.csv", {"all": "oos"})
    (tmp_path / "far.csv").write_text(text, encoding="utf-8")
    with pytest.raises(AuditError) as raised:
        outside.sets(config_of(out_of_scope=str(tmp_path / "far.csv")), Columns(), TASK, {"home": home})
    assert said in raised.value.line
    assert "far.csv" in raised.value.line


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    home = read(tmp_path / "test.csv", {"all": "oos"})
    with pytest.raises(DataError, match="no such file"):
        outside.sets(config_of(out_of_scope=str(tmp_path / "none.csv")), Columns(), TASK, {"home": home})


def test_a_set_of_the_same_name_is_refused(tmp_path: Path) -> None:
    home = read(tmp_path / "test.csv", {"all": "oos"})
    sets = {"home": home, "out of scope": home}
    with pytest.raises(ConfigError, match="is the name of another set too"):
        outside.sets(config_of(out_of_scope="oos"), Columns(out_of_scope={"all": "oos"}), TASK, sets)


def test_a_task_of_words_has_none() -> None:
    with pytest.raises(ConfigError, match="the task ner does not give a text one label"):
        outside.check(config_of(out_of_scope="oos"), Columns(), tasks.create("ner", ("O", "B-A")))
    outside.check(configs.Config(), Columns(), tasks.create("ner", ("O", "B-A")))


# --- what is measured

OUT = tuple(Example(f"test:{n}", {"text": f"zq{n} please tell me about {n % 7}"}) for n in range(200))


def is_outside(request: Request) -> bool:
    return request.texts[0].startswith("zq")


def answering(sure: Callable[[Request], float], **more: Any) -> FakeModel:
    """Right on every review, with a confidence of its own for each text."""

    def answer(request: Request) -> Response:
        chance = sure(request)
        good = any(word in GOOD for word in request.texts[0].split())
        return (1.0 - chance, chance) if good else (chance, 1.0 - chance)

    return FakeModel(answer, LABELS, **more)


def spread(request: Request) -> float:
    """A number in [0, 1) that follows from the text."""
    return sum(request.texts[0].encode()) * 37 % 101 / 101


def record_of(
    model: FakeModel,
    rows: Mapping[str, Sequence[Example]] | None = None,
    without: Sequence[str] = (),
    **settings: int,
) -> ProbeRecord:
    sets = {name: reviews(n, name) for name, n in (("home", 300), ("validation", 200), ("train", 150))}
    own = {PROBE.name: replace(PROBE.settings, **settings)}
    examples = {name: rows_ for name, rows_ in sets.items() if name not in without}
    plan = plan_of(model, (PROBE,), examples=examples, out_of_scope=rows or {"all": OUT}, settings=own)
    (record,) = runner.run(plan, nowhere, Silent())
    assert plan.errors == []
    return record


def number(record: ProbeRecord, metric: str, score: str = MAX, **kind: str) -> Measurement:
    wanted = {"score": score, **kind}
    (found,) = (each for each in record.measurements if each.metric == metric and each.slice == wanted)
    return found


def rules_of() -> tuple[Rule, ...]:
    return tuple(rule for rule in policy.load().rules if rule.probe == PROBE.name)


def outcomes(record: ProbeRecord) -> dict[str, str]:
    decision = gate.decide(replace(policy.load(), rules=rules_of()), (record,), record.model)
    return {str((verdict.slice or {}).get("score")): verdict.outcome for verdict in decision.verdicts}


def test_a_model_that_is_sure_of_everything_is_held() -> None:
    record = record_of(answering(lambda _: 0.99))
    recall = number(record, "out_of_scope_recall", kind="all")
    assert (recall.value, recall.n_clusters, recall.available) == (0.0, 200, 200)
    assert recall.high < 0.05
    assert number(record, "in_scope_rejected").value == 0.0
    area = number(record, "auroc", kind="all")
    assert area.value == pytest.approx(0.5)
    assert area.low < 0.5 < area.high
    assert outcomes(record)[MAX] == "fail"


def test_a_model_that_is_unsure_of_them_passes() -> None:
    record = record_of(answering(lambda request: (0.5 if is_outside(request) else 0.8) + 0.19 * spread(request)))
    assert number(record, "out_of_scope_recall", kind="all").value == 1.0
    assert number(record, "in_scope_rejected").value < 0.1
    assert outcomes(record)[MAX] == "pass"


def test_samples_apart_have_an_area_of_one_with_a_width() -> None:
    record = record_of(answering(lambda request: (0.5 if is_outside(request) else 0.8) + 0.19 * spread(request)))
    area, cost = (number(record, name, kind="all") for name in ("auroc", "in_scope_rejected_at_95_percent_recall"))
    assert (area.value, area.high) == (1.0, 1.0)
    # Of 200 and 300 texts without an error, a rate of up to 1.8 % and 1.2 % each would show none 1 time in 40.
    assert area.low == pytest.approx(1.0 - np.hypot(1.0 - 0.025 ** (1 / 200), 1.0 - 0.025 ** (1 / 300)), abs=1e-6)
    assert (cost.value, cost.low) == (0.0, 0.0)
    assert 0.0 < cost.high < 0.05


def test_the_threshold_is_that_of_validation_rows_not_of_test_rows() -> None:
    """Test rows are less sure than validation rows: more than one in twenty is turned away, and it is said."""

    def sure(request: Request) -> float:
        number_ = int(request.texts[0].rsplit(" ", 1)[-1]) if not is_outside(request) else 0
        return 0.5 if is_outside(request) else 0.9 - 0.3 * (number_ >= 200)

    record = record_of(answering(sure))
    assert number(record, "in_scope_rejected").value == pytest.approx(1 / 3)
    assert number(record, "out_of_scope_recall", kind="all").detail == "the threshold is that of 200 validation rows"


def test_area_and_cost_are_those_of_scikit_learn() -> None:
    def sure(request: Request) -> float:
        return 0.5 + 0.4 * spread(request) * (0.7 if is_outside(request) else 1.0)

    record = record_of(answering(sure))
    scores = [1.0 - sure(TASK.request(row.inputs)) for row in (*reviews(300), *OUT)]
    gold = [0] * 300 + [1] * 200
    assert number(record, "auroc", kind="all").value == pytest.approx(roc_auc_score(gold, scores))
    fpr, tpr, _ = roc_curve(gold, scores, drop_intermediate=False)
    expected = fpr[np.argmax(tpr >= 0.95)]
    assert number(record, "in_scope_rejected_at_95_percent_recall", kind="all").value == pytest.approx(expected)


def test_each_kind_has_its_numbers_and_all_together() -> None:
    near, far = OUT[:120], OUT[120:]
    rows = {"near": near, "far": far}

    def sure(request: Request) -> float:
        return 0.95 if request.texts[0] in {row.inputs["text"] for row in near} else 0.5 if is_outside(request) else 0.9

    record = record_of(answering(sure), rows)
    recalls = {kind: number(record, "out_of_scope_recall", kind=kind).value for kind in ("near", "far", "all")}
    assert recalls == {"near": 0.0, "far": 1.0, "all": 0.4}


def test_a_column_may_say_the_kind() -> None:
    rows = [replace(row, meta={"source": ("near", "far", "")[number % 3]}) for number, row in enumerate(OUT)]
    model = answering(lambda _: 0.9)
    sets = {name: reviews(60, name) for name in ("home", "validation")}
    own = {PROBE.name: replace(PROBE.settings, kind_column="source")}
    plan = plan_of(model, (PROBE,), examples=sets, out_of_scope={"rest": tuple(rows)}, settings=own)
    (record,) = runner.run(plan, nowhere, Silent())
    counts = {
        kind: number(record, "out_of_scope_recall", kind=kind).n_clusters for kind in ("near", "far", "rest", "all")
    }
    assert counts == {"near": 67, "far": 67, "rest": 66, "all": 200}


def test_the_texts_that_the_model_is_surest_of_are_shown() -> None:
    record = record_of(answering(lambda request: 0.5 + 0.49 * spread(request)))
    surest = sorted((spread(TASK.request(row.inputs)) for row in OUT), reverse=True)[:5]
    assert [case.facts["confidence"] for case in record.worst] == pytest.approx([0.5 + 0.49 * one for one in surest])
    assert {case.slice["kind"] for case in record.worst} == {"all"}
    assert all(case.gold is None for case in record.worst)


def test_energy_is_told_by_logits_that_probabilities_do_not_have() -> None:
    """Logits of half the height with the same differences: the probabilities are equal, the energies are not."""

    def logits(request: Request) -> Sequence[float]:
        height = (2.0 if is_outside(request) else 8.0) + spread(request)
        return (height, height - 3.0)

    record = record_of(answering(lambda _: 0.9, logits=logits))
    assert number(record, "out_of_scope_recall", ENERGY, kind="all").value == 1.0
    assert number(record, "auroc", ENERGY, kind="all").value == 1.0
    assert number(record, "out_of_scope_recall", kind="all").value == 0.0


def test_a_model_without_logits_or_embeddings_says_so() -> None:
    record = record_of(answering(lambda _: 0.9))
    reasons = {gap.slice["score"]: (gap.reason, gap.applies) for gap in record.skipped if gap.slice["kind"] == "all"}
    assert reasons == {
        ENERGY: (_outside_scores.NO_LOGITS, False),
        DISTANCE: ("the model tells no embeddings of texts", False),
    }


def place(request: Request) -> Sequence[float]:
    """Classes to the right and to the left, what is out of scope above both; noise that follows from the text."""
    noise = [
        (hash_ % 1000) / 1000 - 0.5 for hash_ in (sum(request.texts[0].encode()) * prime for prime in (7919, 104729))
    ]
    good = any(word in GOOD for word in request.texts[0].split())
    return (0.0 if is_outside(request) else 4.0 if good else -4.0, 6.0 * is_outside(request), *noise)


@pytest.mark.parametrize("without", [(), ("train",)])
def test_the_distance_from_the_classes_tells_them(without: tuple[str, ...]) -> None:
    def embed(request: Request) -> Sequence[float]:
        first, second, *noise = place(request)
        return (first + noise[0], second + noise[1])

    record = record_of(answering(lambda _: 0.9, embed=embed), without=without)
    recall = number(record, "out_of_scope_recall", DISTANCE, kind="all")
    assert recall.value == 1.0
    # Without training rows half of the validation rows say where the classes lie, and the others fit the threshold.
    assert recall.detail == f"the threshold is that of {100 if without else 200} validation rows"
    assert number(record, "in_scope_rejected", DISTANCE).value < 0.12


def test_distances_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4))
    labels = ["a" if number < 120 else "b" for number in range(200)]
    classes = _outside_scores.Classes.of(points, labels)
    others = rng.normal(size=(20, 4)) * 3
    expected = np.min([classes.covariance.mahalanobis(others - mean) for mean in classes.means], axis=0)
    assert classes.distances(others) == pytest.approx(expected)
    assert classes.means[0] == pytest.approx(points[:120].mean(axis=0))


def test_too_few_rows_say_where_the_classes_lie() -> None:
    record = record_of(answering(lambda _: 0.9, embed=place), fitted=10)
    (gap,) = (gap for gap in record.skipped if gap.slice == {"score": DISTANCE, "kind": "all"})
    assert gap.reason == "10 rows with a label say where the classes lie, fewer than 20"


def test_without_validation_rows_there_is_no_threshold_and_the_rule_waits() -> None:
    record = record_of(answering(lambda _: 0.9), without=("validation",))
    gaps = {gap.slice.get("kind"): gap for gap in record.skipped if gap.slice["score"] == MAX}
    assert (gaps["all"].reason, gaps["all"].applies) == (NO_VALIDATION, True)
    assert number(record, "auroc", kind="all").value == 0.5
    assert outcomes(record)[MAX] == "not_measured"
    few = record_of(answering(lambda _: 0.9), validation=18)
    assert next(iter(few.skipped)).reason == "18 validation rows to fit a threshold on, fewer than 19"


def test_without_rows_out_of_scope_no_rule_waits() -> None:
    plan = plan_of(answering(lambda _: 0.9), (PROBE,))
    (record,) = runner.run(plan, nowhere, Silent())
    assert (record.status, record.reason) == ("not_applicable", NEEDS["out_of_scope"])
    required = replace(policy.load(), rules=tuple(rule for rule in rules_of() if rule.required != "never"))
    (verdict,) = gate.decide(required, (record,), record.model).verdicts
    assert verdict.outcome == "not_applicable"


# --- coverage of the intervals


def drawn(rng: np.random.Generator, n: int, shift: float, per_cluster: int, name: str) -> Scores:
    common = np.repeat(rng.normal(size=n), per_cluster) * (0.7 if per_cluster > 1 else 0.0)
    own = rng.normal(size=n * per_cluster) * (np.sqrt(0.51) if per_cluster > 1 else 1.0)
    clusters = [f"{name}{number}" for number in range(n) for _ in range(per_cluster)]
    return Scores(clusters, shift + common + own)


@pytest.mark.parametrize(
    ("inside", "outside_", "shift", "per_cluster"),
    [(200, 50, 1.0, 1), (50, 200, 2.0, 1), (100, 100, 3.5, 1), (60, 40, 1.5, 4), (300, 120, 2.5, 1)],
)
def test_intervals_cover(inside: int, outside_: int, shift: float, per_cluster: int) -> None:
    """Normal scores: the area is Φ(d/√2), and the rate where 95 % are caught 1 − Φ(d − 1.645)."""
    from scipy.stats import norm

    rng = np.random.default_rng([inside, outside_, per_cluster])
    area, rate = norm.cdf(shift / np.sqrt(2)), norm.sf(shift - norm.ppf(0.95))
    draws, covered = 300, np.zeros(2)
    for _ in range(draws):
        samples = drawn(rng, inside, 0.0, per_cluster, "i"), drawn(rng, outside_, shift, per_cluster, "o")
        found = _detection.auroc(*samples), _detection.rejected_where_caught(*samples)
        covered += [each.low <= truth <= each.high for each, truth in zip(found, (area, rate), strict=True)]
    # Three standard errors of 300 draws below 95 %.
    assert (covered / draws >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / draws)).all(), covered / draws


def test_the_threshold_rejects_one_in_twenty_over_all_samples() -> None:
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(400):
        limit = _detection.threshold(drawn(rng, 39, 0.0, 1, "v"))
        assert limit is not None
        rates.append((rng.normal(size=200) > limit).mean())
    assert np.mean(rates) == pytest.approx(0.05, abs=0.01)
    assert _detection.threshold(drawn(rng, 18, 0.0, 1, "v")) is None
    assert _detection.threshold(drawn(rng, 19, 0.0, 1, "v")) is not None


def test_the_threshold_holds_for_texts_of_a_further_group() -> None:
    """Large groups are easy and small ones hard: the rank among rows would reject half of the hard ones' texts."""
    rng = np.random.default_rng(2)

    def groups(n: int) -> Scores:
        hard = rng.random(n) < 0.2
        sizes = np.where(hard, 1, 20)
        clusters = [f"g{group}" for group, size in enumerate(sizes.tolist()) for _ in range(size)]
        return Scores(clusters, np.repeat(3.0 * hard + rng.normal(size=n), sizes) + 0.5 * rng.normal(size=sizes.sum()))

    by_group: list[float] = []
    by_row: list[float] = []
    for _ in range(300):
        own, further = groups(59), groups(100)
        limit = _detection.threshold(own)
        assert limit is not None
        rank = int(np.ceil(0.95 * (len(own) + 1)))
        for limits, rates in ((limit, by_group), (np.sort(own.values)[rank - 1], by_row)):
            rates.append(metrics.measurement(RECALL, {}, further.rows(further.values > limits), n_cases=1).value)
    error = 3 * np.std(by_group) / np.sqrt(len(by_group))
    assert np.mean(by_group) <= 0.05 + error
    assert np.mean(by_group) > 0.03
    assert np.mean(by_row) > 0.12


def test_a_threshold_of_groups_by_hand() -> None:
    """19 groups are needed, whatever their rows are; of a group of two each text weighs a half."""
    clusters = [f"g{number}" for number in range(19) for _ in range(5)]
    assert _detection.threshold(Scores(clusters[:90], np.arange(90.0))) is None
    assert _detection.threshold(Scores(clusters, np.arange(95.0))) == 94.0
    # 39 groups: a score with a weight of 38 below or at it. The last group's two texts are the largest and in between.
    values, own = [float(number) for number in range(38)], [f"g{number}" for number in range(38)]
    assert _detection.threshold(Scores([*own, "last", "last"], np.array([*values, 36.5, 100.0]))) == 37.0
    assert _detection.threshold(Scores([*own, "last"], np.array([*values, 100.0]))) == 37.0


@pytest.mark.parametrize(
    ("clusters", "said"),
    [(["a"], "1 validation row"), (["a", "a"], "1 group of 2 validation rows"), (["a", "b"], "2 validation rows")],
)
def test_few_validation_rows_are_counted_in_words(clusters: list[str], said: str) -> None:
    few = Scores(clusters, np.zeros(len(clusters)))
    (gap,) = out_of_scope_detection._turned_away(MAX, few, few, {"all": few})
    assert isinstance(gap, Skipped)
    assert gap.reason == f"{said} to fit a threshold on, fewer than 19"


@pytest.mark.parametrize("size", [10, 12])
def test_groups_of_validation_rows_are_counted(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    def grouped(n: int, name: str = "home") -> tuple[Example, ...]:
        own = fakes.reviews(n, name)
        grouping = name == "validation"
        return tuple(replace(row, group=f"g{at // size}" if grouping else None) for at, row in enumerate(own))

    monkeypatch.setitem(globals(), "reviews", grouped)
    record = record_of(answering(lambda _: 0.9))
    if size == 12:
        said = "17 groups of 200 validation rows to fit a threshold on, fewer than 19"
        assert next(gap.reason for gap in record.skipped if gap.slice["score"] == MAX) == said
        return
    said = "the threshold is that of 20 groups of 200 validation rows"
    assert number(record, "out_of_scope_recall", kind="all").detail == said
