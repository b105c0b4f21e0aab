"""The probe forgetting: by hand on small numbers, on fakes that forget or do not, and from a chain of checkpoints."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import LABELS, nowhere, plan_of, shipped
from further import first_period, later, new_rows, train

from auditor import config as configs
from auditor import metrics, tasks
from auditor.errors import AuditError
from auditor.evaluation import build_plan, runner
from auditor.evaluation.earlier import FewerLabels
from auditor.models.fake import FakeModel
from auditor.testing import AuditedModel
from auditor.types import EarlierPeriod, Example, ProbeRecord, Request, Response, Score, Silent
from auditor.verdicts import gate, policy
from probes.forgetting import PROBE, Settings, _change, _Pair


def rows(name: str, n: int) -> tuple[Example, ...]:
    return tuple(Example(f"{name}:{i}", {"text": f"{name} {i}"}, LABELS[i % 2]) for i in range(n))


def model(right: Mapping[str, float], name: str = "m") -> FakeModel:
    """Right on this share of the rows of each period: on the first ones of every hundred."""

    def answer(request: Request) -> Response:
        period, number = request.texts[0].split()
        correct = int(number) % 100 < round(100 * right.get(period, 0.5))
        gold = int(number) % 2
        return (0.1, 0.9) if correct == bool(gold) else (0.9, 0.1)

    return FakeModel(answer, LABELS, name=name)


def period(name: str, n: int, right: Mapping[str, float], **more: Any) -> EarlierPeriod:
    return EarlierPeriod(name, rows(name, n), lambda: model(right, name), **more)


def record_of(after: Mapping[str, float], earlier: Sequence[EarlierPeriod], n: int = 200, **given: Any) -> ProbeRecord:
    plan = plan_of(
        model(after), (PROBE,), examples={"home": rows("home", n)}, settings={"forgetting": Settings(**given)}
    )
    plan = replace(plan, models=(AuditedModel(plan.models[0].model, earlier=tuple(earlier)),))
    (record,) = runner.run(plan, nowhere, Silent())
    return record


def numbers(record: ProbeRecord, metric: str) -> dict[str, float]:
    return {next(iter(each.slice.values())): each.value for each in record.measurements if each.metric == metric}


def outcomes(record: ProbeRecord) -> dict[str, str]:
    rules = tuple(rule for rule in policy.load().rules if rule.probe == "forgetting")
    decision = gate.decide(replace(policy.load(), rules=rules), (record,), record.model)
    return {(verdict.slice or {}).get("period", ""): verdict.outcome for verdict in decision.verdicts}


def test_forgetting_is_metric_before_less_after_by_hand() -> None:
    """Five old rows: before 1 1 1 0 1, after 1 0 0 0 1. Four fifths less two fifths."""
    before, after = (1, 1, 1, 0, 1), (1, 0, 0, 0, 1)
    pairs = [
        _Pair(str(place), Score(float(one), 1.0), Score(float(two), 1.0))
        for place, (one, two) in enumerate(zip(before, after, strict=True))
    ]
    lost, gained, *_ = PROBE.metrics(tasks.create("text-classification", LABELS))
    assert _change(lost, {"period": "old"}, pairs).value == pytest.approx(4 / 5 - 2 / 5)
    assert _change(gained, {"period": "new"}, pairs, "after", "before").value == pytest.approx(2 / 5 - 4 / 5)


def test_a_model_that_forgets_is_held() -> None:
    record = record_of({"home": 0.9, "old": 0.7}, [period("old", 400, {"home": 0.6, "old": 0.9})], n=400)
    assert numbers(record, "forgetting") == {"old": pytest.approx(0.2)}
    assert numbers(record, "gain_on_new") == {"new": pytest.approx(0.3)}
    assert numbers(record, "accuracy_before_update") == {"new": pytest.approx(0.6), "old": pytest.approx(0.9)}
    assert numbers(record, "accuracy_after_update") == {"new": pytest.approx(0.9), "old": pytest.approx(0.7)}
    assert outcomes(record) == {"old": "fail"}


def test_a_model_that_learns_and_keeps_passes() -> None:
    record = record_of({"home": 0.9, "old": 0.9}, [period("old", 400, {"home": 0.6, "old": 0.9})], n=400)
    assert numbers(record, "forgetting") == {"old": 0.0}
    assert outcomes(record) == {"old": "pass"}


def test_a_model_that_learned_nothing_is_not_decided() -> None:
    record = record_of({"home": 0.6, "old": 0.9}, [period("old", 400, {"home": 0.6, "old": 0.9})], n=400)
    assert numbers(record, "forgetting") == {}
    assert numbers(record, "accuracy_after_update") == {"new": pytest.approx(0.6), "old": pytest.approx(0.9)}
    (gap,) = record.skipped
    assert "a model that learned nothing forgets nothing" in gap.reason
    assert outcomes(record) == {"old": "not_measured"}


def test_three_periods_have_averages_by_hand() -> None:
    """The periods a, b and the new rows, with these shares of right answers of the three models in turn.

    | rows | after a | after b | now |
    |------|---------|---------|-----|
    | a    | 0.90    | 0.80    | 0.70 |
    | b    | 0.60    | 0.95    | 0.85 |
    | new  | 0.50    | 0.55    | 0.80 |
    """
    after_a, after_b = {"a": 0.90, "b": 0.60, "home": 0.50}, {"a": 0.80, "b": 0.95, "home": 0.55}
    now = {"a": 0.70, "b": 0.85, "home": 0.80}
    record = record_of(now, [period("a", 200, after_a), period("b", 100, after_b)])
    assert numbers(record, "forgetting") == {"a": pytest.approx(0.10), "b": pytest.approx(0.10)}
    # ((0.90 − 0.70) + (0.95 − 0.85)) / 2, and ((0.60 − 0.50) + (0.55 − 0.50)) / 2: the labels are balanced.
    assert numbers(record, "average_forgetting") == {"all": pytest.approx(0.15)}
    assert numbers(record, "forward_transfer") == {"all": pytest.approx(0.075)}
    (average,) = [each for each in record.measurements if each.metric == "average_forgetting"]
    assert average.n_cases == 200  # a hundred of each period


def test_two_periods_have_no_averages() -> None:
    record = record_of({"home": 0.9}, [period("old", 100, {"home": 0.5})])
    assert {each.metric for each in record.measurements}.isdisjoint({"average_forgetting", "forward_transfer"})


def test_no_earlier_checkpoint_is_not_applicable() -> None:
    record = record_of({"home": 0.9}, [])
    assert record.status == "not_applicable"
    assert record.reason is not None
    assert "no earlier checkpoint known" in record.reason
    assert outcomes(record) == {"": "not_applicable"}


@pytest.mark.parametrize(("absent", "outcome"), [(True, "not_applicable"), (False, "not_measured")])
def test_a_period_that_cannot_be_measured_says_why(absent: bool, outcome: str) -> None:
    bad = period("b", 0, {}, problem="the checkpoint is not what it was", absent=absent)
    record = record_of({"home": 0.9, "a": 0.9}, [period("a", 100, {"a": 0.9, "home": 0.5}), bad])
    assert [(gap.slice["period"], gap.reason) for gap in record.skipped] == [("b", bad.problem)]
    assert record.measurements == ()
    assert outcomes(record) == {"b": outcome}


def test_a_period_whose_rows_training_has_says_so() -> None:
    record = record_of({"home": 0.9}, [period("a", 0, {"home": 0.5})])
    assert [(gap.slice["period"], gap.reason) for gap in record.skipped] == [("a", "training has all of its test rows")]
    assert outcomes(record) == {"a": "not_measured"}


def test_every_checkpoint_is_loaded_once() -> None:
    loads: list[str] = []

    def counted(name: str) -> EarlierPeriod:
        def load() -> FakeModel:
            loads.append(name)
            return model({"home": 0.5}, name)

        return EarlierPeriod(name, rows(name, 20), load)

    record_of({"home": 0.9}, [counted("a"), counted("b"), counted("c")])
    assert loads == ["a", "b", "c"]


def test_an_older_period_that_is_gone_leaves_the_last_one() -> None:
    gone = period("a", 0, {}, problem="not there", absent=True)
    record = record_of({"home": 0.9, "b": 0.9}, [gone, period("b", 200, {"b": 0.9, "home": 0.5})])
    assert numbers(record, "forgetting") == {"b": 0.0}
    assert [tuple(gap.slice.items()) for gap in record.skipped[:2]] == [(("period", "a"),), (("periods", "all"),)]
    assert outcomes(record) == {"a": "not_applicable", "b": "pass"}


def alarms(draws: int, forgets: float, rng: random.Random) -> tuple[int, int]:
    """How often the interval lies above 0.05, and how often below 0.10, of 300 old rows."""
    lost, *_ = PROBE.metrics(tasks.create("text-classification", LABELS))
    above = below = 0
    for _ in range(draws):
        pairs = []
        for place in range(300):
            before = rng.random() < 0.85
            # Some answers change both ways: the update moves a tenth of them without any loss on balance.
            after = before if rng.random() < 0.9 else rng.random() < 0.85
            after = after and rng.random() >= forgets / 0.85
            pairs.append(_Pair(str(place), Score(float(before), 1.0), Score(float(after), 1.0)))
        found = _change(lost, {"period": "old"}, pairs)
        above, below = above + (found.low > 0.05), below + (found.high < 0.10)
    return above, below


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_model_that_forgets_no_more_than_the_limit_is_seldom_called_forgetful(seed: int) -> None:
    """At the limit of five points the lower end of the 95 % interval is above it in a fortieth of the draws."""
    draws = 60
    above, _ = alarms(draws, 0.05, random.Random(seed))
    assert above <= 0.1 * draws


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_false_alarms_and_false_releases_are_at_most_one_in_twenty(seed: int) -> None:
    draws = 400
    rng = random.Random(seed)
    above, _ = alarms(draws, 0.05, rng)
    _, below = alarms(draws, 0.10, rng)
    assert above <= 0.05 * draws
    assert below <= 0.05 * draws


def test_a_bootstrap_gives_about_the_same_interval() -> None:
    rng = np.random.default_rng(0)
    before = rng.random(400) < 0.9
    after = before & (rng.random(400) < 0.9)
    pairs = [
        _Pair(str(place), Score(float(one), 1.0), Score(float(two), 1.0))
        for place, (one, two) in enumerate(zip(before, after, strict=True))
    ]
    lost, *_ = PROBE.metrics(tasks.create("text-classification", LABELS))
    found = _change(lost, {"period": "old"}, pairs)
    differences = before.astype(float) - after.astype(float)
    means = differences[rng.integers(0, 400, (4000, 400))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)


# From files


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_period(tmp_path_factory.mktemp("first"))


@pytest.fixture
def first(trained_once: Path, tmp_path: Path) -> Path:
    """A folder with a trained checkpoint ``ckpt/standard`` and rows of a later period."""
    return shutil.copytree(trained_once, tmp_path / "first")


def audited(folder: Path, model: Path, settings: str = "", **more: Any) -> build_plan.Prepared:
    (folder / "audited.toml").write_text(settings, encoding="utf-8")
    config = configs.load(folder / "audited.toml")
    (probe,) = shipped("forgetting")
    options = build_plan.Options(model=model, device="cpu", **more)
    return build_plan.prepare(config, options, (probe,), {}, model.parent)


def test_the_chain_gives_the_periods_with_their_rows(first: Path) -> None:
    (second,) = train(later(first, ["standard"]))
    plan = audited(first, second).plan
    (earlier,) = plan.models[0].earlier
    assert earlier.name == "validation"
    assert earlier.problem is None
    assert {row.inputs["text"] for row in earlier.rows} == {"great plot", "awful plot"}
    assert {row.inputs["text"] for row in plan.examples["home"]} == {"fine movie", "dull movie"}
    assert earlier.load().name == "standard"
    assert {row.id for row in earlier.rows}.isdisjoint(row.id for row in plan.examples["home"])


def test_old_rows_that_training_has_are_left_out(first: Path) -> None:
    new_rows(first, "great plot,yes\nfine film,yes\ndull plot,no\n")
    (second,) = train(later(first, ["standard"]))
    (earlier,) = audited(first, second).plan.models[0].earlier
    assert {row.inputs["text"] for row in earlier.rows} == {"awful plot"}


def test_settings_name_the_earlier_checkpoint_and_its_rows(first: Path) -> None:
    (second,) = train(later(first, ["standard"]))
    (second / "training.json").unlink()
    (first / "old.csv").write_text("text,label\nnice film,yes\nnasty film,no\n", encoding="utf-8")
    settings = '[data]\ntest = "new-test.csv"\n[probes.forgetting]\nbefore = "ckpt/standard"\nold = "old.csv"\n'
    (earlier,) = audited(first, second, settings).plan.models[0].earlier
    assert earlier.name == "old"
    assert {row.inputs["text"] for row in earlier.rows} == {"nice film", "nasty film"}
    assert earlier.load().labels == ("no", "yes")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"before": "nowhere"}, "no such path"),
        ({"before": "ckpt/standard", "old": "gone.csv"}, "gone.csv"),
        ({"old": "train.csv"}, "names the rows of an earlier checkpoint, and none is known"),
    ],
)
def test_settings_that_name_nothing_are_refused_in_one_line(first: Path, settings: dict[str, str], line: str) -> None:
    lines = "".join(f'{key} = "{value}"\n' for key, value in settings.items())
    with pytest.raises(AuditError) as caught:
        audited(first, first / "ckpt/standard", f'[data]\ntest = "new-test.csv"\n[probes.forgetting]\n{lines}')
    assert line in caught.value.line
    assert "\n" not in caught.value.line


def gone(folder: Path) -> None:
    (folder / "ckpt").rename(folder / "moved")


def changed(folder: Path) -> None:
    text = (folder / "ckpt/standard/config.json").read_text(encoding="utf-8")
    (folder / "ckpt/standard/config.json").write_text(text.replace("gelu", "relu"), encoding="utf-8")


def rows_gone(folder: Path) -> None:
    (folder / "validation.csv").unlink()


def rows_changed(folder: Path) -> None:
    (folder / "validation.csv").write_text("text,label\nother text,no\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "line", "absent"),
    [
        (gone, "which training continued from, is not there", True),
        (changed, "has changed since training continued", False),
        (rows_gone, "was tested on validation.csv, which is not there", True),
        (rows_changed, "have changed since then", False),
    ],
)
def test_what_became_of_the_earlier_checkpoint_is_said(
    first: Path, damage: Callable[[Path], None], line: str, absent: bool
) -> None:
    train(later(first, ["standard"]))
    (third,) = train(later(first, ["standard"], out="third", start="second/standard"))
    damage(first)
    earlier, last = audited(first, third).plan.models[0].earlier
    assert last.problem is None
    assert earlier.problem is not None
    assert line in earlier.problem
    assert earlier.absent is absent
    assert str(first) not in earlier.problem


def test_a_model_with_fewer_labels_gives_the_new_ones_no_chance() -> None:
    known = FakeModel(lambda _: (0.25, 0.75), LABELS, name="old")
    wider = FewerLabels(known, 1, (*LABELS, "odd"))
    (request,) = known.encode([tasks.create("text-classification", LABELS).request({"text": "a"})])
    assert wider.run([request]) == [(0.25, 0.75, 0.0)]
    assert wider.fingerprint != known.fingerprint or not known.fingerprint
    assert wider.name == "old"
    words = FakeModel(lambda _: ((0.5, 0.5), (0.1, 0.9)), LABELS, name="tagger")
    assert FewerLabels(words, 1, (*LABELS, "odd")).run([request]) == [((0.5, 0.5, 0.0), (0.1, 0.9, 0.0))]


def test_the_audit_of_a_chain_with_a_new_label_runs(first: Path) -> None:
    new_rows(first, "dull film,no\nstrange film,odd\nfine plot,yes\nstrange plot,odd\n")
    (first / "new-test.csv").write_text("text,label\nstrange movie,odd\ndull movie,no\n", encoding="utf-8")
    (second,) = train(later(first, ["grow"]))
    (third,) = train(later(first, ["grow"], out="third", start="second/grow"))
    plan = audited(first, third, data=first / "new-test.csv").plan
    assert [each.name for each in plan.models[0].earlier] == ["validation", "new-test"]
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", plan.errors
    assert {"gain_on_new", "forward_transfer"} <= {each.metric for each in record.measurements}
    assert second != third


def test_measurements_follow_from_their_rows() -> None:
    record = record_of({"home": 0.9, "old": 0.7}, [period("old", 100, {"home": 0.6, "old": 0.9})])
    by_name = {metric.name: metric for metric in record.metrics}
    for each in record.measurements:
        again = metrics.recomputed(by_name[each.metric], each)
        assert (again.value, again.low, again.high) == (each.value, each.low, each.high)
