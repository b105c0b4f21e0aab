"""An accuracy below that of the same answer to every text: said, at the level that the method states."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import pytest
from fakes import LABELS, nowhere, plan_of, shipped
from pair_task import PairTask
from scipy.stats import binomtest

from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel, keyword_model
from auditor.types import Example, Measurement, Metric, ProbeRecord, Request, Response, Silent
from auditor.verdicts import doubts
from probes.quality import PROBE

NEGATIVE, POSITIVE = LABELS


def rows(right: int, wrong: int, negatives: int, *, group: bool = False) -> tuple[Example, ...]:
    """Positives that the keyword model finds and misses, and negatives that it finds.

    With ``group`` all of them are in one group.
    """
    said = [(POSITIVE, "yes")] * right + [(POSITIVE, "no")] * wrong + [(NEGATIVE, "no")] * negatives
    return tuple(
        Example(f"home:{place}", {"text": f"row {place} {word}"}, gold, "one" if group else None)
        for place, (gold, word) in enumerate(said)
    )


def records(examples: Sequence[Example]) -> tuple[ProbeRecord, ...]:
    return runner.run(plan_of(keyword_model(["yes"]), (PROBE,), examples={"home": examples}), nowhere, Silent())


@pytest.mark.parametrize("wins", range(12))
@pytest.mark.parametrize("losses", [0, 1, 7, 30, 900])
def test_the_sign_test_is_the_exact_one(wins: int, losses: int) -> None:
    expected = binomtest(wins, wins + losses, 0.5, alternative="less").pvalue if wins + losses else 1.0
    assert doubts.sign_test(wins, losses) == pytest.approx(expected)


def test_swapped_labels_are_doubted() -> None:
    found = records(rows(0, 40, 0) + tuple(Example(f"home:x{n}", {"text": f"x {n} yes"}, NEGATIVE) for n in range(30)))
    # Right nowhere; "positive" is right 40 times: 40 losses, no win, 2 ** -40.
    assert doubts.swapped_labels(found, "keywords") == (
        "labels swapped? The model is right on 0 of 70 rows, and the same answer to every text on 40"
        " (one-sided sign test, p = 9e-13)"
    )
    assert doubts.swapped_labels(found, "another") is None


def test_the_level_is_kept_to_the_row() -> None:
    # Beyond what both get right: 9 losses and no win are p = 1/512, above 0.001; 10 are p = 1/1,024, below it.
    assert doubts.swapped_labels(records(rows(30, 9, 0)), "keywords") is None
    assert doubts.swapped_labels(records(rows(30, 10, 0)), "keywords") is not None
    # Negatives that it finds are wins: 10 losses and 5 wins are no reason.
    assert doubts.swapped_labels(records(rows(30, 10, 5)), "keywords") is None
    # A cluster is one toss, however many rows it has.
    assert doubts.swapped_labels(records(rows(30, 10, 0, group=True)), "keywords") is None


def test_a_good_model_a_crashed_probe_and_a_ratio_are_not_doubted() -> None:
    assert doubts.swapped_labels(records(rows(40, 0, 30)), "keywords") is None
    assert doubts.swapped_labels((), "keywords") is None
    pairs = tuple(
        Example(f"home:{n}", {"premise": "a", "hypothesis": f"b {n}"}, "follows" if n % 2 else "differs")
        for n in range(60)
    )
    never = FakeModel(lambda _: (1.0, 0.0), PairTask.labels)
    plan = plan_of(never, (PROBE,), task=PairTask(), examples={"home": pairs}, models=(AuditedModel(never),))
    assert doubts.swapped_labels(runner.run(plan, nowhere, Silent()), "fake") is None


def test_a_doubt_stands_with_the_facts_of_the_home_domain() -> None:
    facts = [{"name": "home"}, {"name": "train"}]
    assert doubts.noted(facts, None) == facts
    assert doubts.noted(facts, "why") == [{"name": "home", "doubt": "why"}, {"name": "train"}]


def sure_records(sure: float, right: int, wrong: int) -> tuple[ProbeRecord, ...]:
    """A model that gives the keyword's label with one probability throughout."""
    examples = rows(right, wrong, 0)
    plan = plan_of(keyword_model(["yes"], sure=sure), shipped("calibration"), examples={"home": examples})
    return runner.run(plan, nowhere, Silent())


def gap_of(record: ProbeRecord) -> Measurement:
    """Mean confidence less accuracy of the home rows as they stand."""
    named = (number for number in record.measurements if number.metric == "confidence_gap")
    (found,) = (number for number in named if number.slice["input"] == "home")
    return found


def test_mean_confidence_is_read_against_accuracy() -> None:
    found = sure_records(0.985, 762, 238)
    measured = gap_of(found[0])
    # By hand: 0.985 − 0.762.
    assert measured.value == pytest.approx(0.223)
    assert 0.18 < measured.low < measured.high < 0.26
    (said,) = (doubt for doubt in doubts.all_of(found, "keywords") if "swapped" not in doubt)
    assert said.startswith("too sure: its mean confidence is 0.985, and 0.762 of its answers are right (22.3 points [")
    assert said.endswith("], n = 1,000); do not read its scores as chances")


def test_a_group_of_rows_counts_once_in_what_is_said_of_confidence() -> None:
    grouped = tuple(replace(row, group="one") for row in rows(300, 0, 0))
    single = tuple(replace(row, id=f"home:single {row.id}") for row in rows(50, 50, 0))
    plan = plan_of(keyword_model(["yes"], sure=0.9), shipped("calibration"), examples={"home": (*grouped, *single)})
    (said,) = (d for d in doubts.all_of(runner.run(plan, nowhere, Silent()), "keywords") if "too sure" in d)
    # 51 of 101 clusters.
    assert said.startswith("too sure: its mean confidence is 0.900, and 0.505 of its answers are right (39.5 points [")


@pytest.mark.parametrize("limitation", [None, "calibration"])
def test_a_metric_of_the_same_name_of_another_probe_is_no_doubt(limitation: str | None) -> None:
    number = Measurement("confidence_gap", {}, 0.5, 0.4, 0.6, 100, 100, "rises_and_falls")
    kind = gap_metric()
    records = [ProbeRecord("m", "other", "measured", None, (), limitation, metrics=(kind,), measurements=(number,))]
    if limitation is None:
        home = replace(number, slice={"input": "home"})
        records.append(replace(records[0], measurements=(home,)))
    assert doubts.all_of(records, "m") == ()


def gap_metric() -> Metric:
    """The metric as the probe declares it."""
    (found,) = (metric for metric in sure_records(0.9, 5, 5)[0].metrics if metric.name == "confidence_gap")
    return found


def test_confidence_that_accuracy_bears_out_is_not_doubted() -> None:
    for sure, right in ((0.76, 762), (0.6, 762), (0.85, 762), (0.985, 990)):
        said = doubts.all_of(sure_records(sure, right, 1000 - right), "keywords")
        assert not any("too sure" in doubt for doubt in said)
    # A few rows prove nothing: 22 points of 20 rows.
    assert not any("too sure" in doubt for doubt in doubts.all_of(sure_records(0.985, 15, 5), "keywords"))


def test_confidence_is_that_of_the_answer_whatever_the_metric() -> None:
    pairs = tuple(
        Example(f"home:{n}", {"premise": "a", "hypothesis": f"b {n}"}, "differs" if n < 60 else "follows")
        for n in range(100)
    )
    model = FakeModel(lambda _: (0.9, 0.1), PairTask.labels)
    probes = shipped("calibration")
    plan = plan_of(model, probes, task=PairTask(), examples={"home": pairs}, models=(AuditedModel(model),))
    (record,) = runner.run(plan, nowhere, Silent())
    measured = gap_of(record)
    # True negatives are right answers, though F1 does not count them: 0.9 − 60 of 100.
    assert measured.value == pytest.approx(0.3)


def test_successes_that_a_fresh_checkpoint_does_not_confirm_are_said() -> None:
    class Moody(FakeModel):
        """Calls an attacked text negative; loaded again, it does not."""

        def reload(self) -> FakeModel:
            return FakeModel(lambda _: (0.1, 0.9))

    examples = tuple(Example(f"home:{n}", {"text": f"a wonderful story number{n}"}, POSITIVE) for n in range(12))
    known = {example.inputs["text"] for example in examples}
    model = Moody(lambda request: (0.1, 0.9) if request.texts[0] in known else (0.9, 0.1))
    (attack,) = shipped("adversarial")
    settings = {"adversarial": replace(attack.settings, recipes=("deepwordbug",), query_budget=20)}
    plan = plan_of(model, (attack,), examples={"home": examples}, settings=settings)
    found = runner.run(plan, nowhere, Silent())
    assert found[0].status == "measured", found[0].reason
    values = {number.metric: number.value for number in found[0].measurements}
    assert (values["attack_success_rate"], values["unconfirmed_successes"]) == (0.0, 1.0)
    assert doubts.all_of(found, "fake") == (
        "12 of 12 successes of deepwordbug are not confirmed by the checkpoint loaded again: its answers depend on "
        "more than the text",
    )
    sound = FakeModel(lambda request: (0.1, 0.9) if request.texts[0] in known else (0.9, 0.1))
    found = runner.run(plan_of(sound, (attack,), examples={"home": examples}, settings=settings), nowhere, Silent())
    values = {number.metric: number.value for number in found[0].measurements}
    assert (values["attack_success_rate"], values["unconfirmed_successes"]) == (1.0, 0.0)
    assert doubts.all_of(found, "fake") == ()


def seen_records(known: float, reworded: float, n: int = 300) -> tuple[ProbeRecord, ...]:
    """Right on a share of the rows as they stand, and on another share of them reworded."""
    examples = tuple(Example(f"home:{n}", {"text": f"row {n} says so and so again"}, POSITIVE) for n in range(n))
    own = {example.inputs["text"]: place for place, example in enumerate(examples)}

    def answer(request: Request) -> Response:
        text = request.texts[0]
        place = own.get(text)
        share = known if place is not None else reworded
        number = place if place is not None else zlib.crc32(text.encode()) % n
        return (0.05, 0.95) if number < share * n else (0.95, 0.05)

    (probe,) = shipped("seen_rows")
    return runner.run(plan_of(FakeModel(answer), (probe,), examples={"home": examples}), nowhere, Silent())


def test_rows_that_look_seen_are_doubted_as_evidence() -> None:
    found = seen_records(0.995, 0.88)
    values = {number.metric: number for number in found[0].measurements}
    assert values["right_as_they_stand"].value == pytest.approx(299 / 300)
    assert values["accuracy_lost"].value == pytest.approx(0.12, abs=0.07)
    (said,) = doubts.all_of(found, "fake")
    assert said.startswith(
        "rows seen in training? 99.7 % of 300 rows are right as they stand; with a few words deleted "
    )
    assert said.endswith("less probable: evidence, no proof (--train FILE looks them up)")


@pytest.mark.parametrize(
    ("change", "said"), [(0.124, "12.4 points fewer"), (0.0, "0.0 points fewer"), (-0.021, "2.1 points more")]
)
def test_rewording_that_brings_right_answers_is_said_so(change: float, said: str) -> None:
    def number(metric: str, value: float) -> Measurement:
        return Measurement(metric, {}, value, value - 0.01, value + 0.01, 300, 300, "rises_and_falls")

    measured = (number("right_as_they_stand", 0.99), number("likelihood_lost", 0.07), number("accuracy_lost", change))
    record = ProbeRecord("m", "seen_rows", "measured", measurements=measured)
    (doubt,) = doubts.all_of((record,), "m")
    assert f"; with a few words deleted {said}, and the gold label is 7.0 points " in doubt


@pytest.mark.parametrize(("known", "reworded"), [(0.82, 0.70), (0.995, 0.99), (0.995, 0.97), (0.9, 0.5)])
def test_rows_that_are_learned_and_not_known_by_heart_are_not_doubted(known: float, reworded: float) -> None:
    assert doubts.all_of(seen_records(known, reworded), "fake") == ()
