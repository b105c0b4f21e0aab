"""The probe drift: a period that is worse is held, periods that are alike are not, and dates are read or named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from fakes import GOOD, LABELS, nowhere, plan_of, reviews, shipped
from statsmodels.stats.proportion import proportion_confint
from test_estimating import sentences, tagger

from auditor import metrics, tasks
from auditor.evaluation import designs, rounds, runner
from auditor.models.fake import FakeModel, hashed_words
from auditor.tasks.ner import NamedEntityRecognition
from auditor.types import NEEDS, Example, ProbeRecord, Request, Response, Score, Silent
from auditor.verdicts import gate, policy
from probes import _dates
from probes.drift import Settings

(PROBE,) = shipped("drift")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def right(request: Request) -> Response:
    """Right by the review's keyword."""
    return (0.1, 0.9) if any(word in GOOD for word in request.texts[0].split()) else (0.9, 0.1)


def dated(n: int, day: Callable[[int], str]) -> tuple[Example, ...]:
    return tuple(replace(row, meta={"sent": day(place)}) for place, row in enumerate(reviews(n)))


def by_month(place: int) -> str:
    return f"2002-{place % 4 + 1:02}-15"


def ran(
    rows: Sequence[Example], later: Mapping[str, Sequence[Example]], settings: Settings, **given: Any
) -> ProbeRecord:
    sets = {"examples": {"home": rows, **later}, "time_slices": tuple(later), "settings": {"drift": settings}}
    arguments: dict[str, Any] = {"model": FakeModel(right, LABELS), **sets, **given}
    (record,) = runner.run(plan_of(arguments.pop("model"), (PROBE,), **arguments), nowhere, Silent())
    return record


def record_of(
    rows: Sequence[Example], embed: Any = None, later: Mapping[str, Sequence[Example]] | None = None, **settings: Any
) -> ProbeRecord:
    dates: dict[str, Any] = {} if later else {"time_column": "sent"}
    model = FakeModel(right, LABELS, embed=embed)
    record = ran(rows, later or {}, Settings(**{**dates, **settings}), model=model)
    assert record.status == "measured", record.reason
    return record


def relabelled(rows: Sequence[Example]) -> tuple[Example, ...]:
    return tuple(replace(row, gold=LABELS[row.gold == LABELS[0]]) for row in rows)


def values(record: ProbeRecord, metric: str = "drop_against_first_period") -> dict[str, float]:
    return {number.slice["period"]: number.value for number in record.measurements if number.metric == metric}


def outcomes(record: ProbeRecord) -> dict[str, str]:
    rules = tuple(rule for rule in policy.load().rules if rule.probe == "drift")
    decision = gate.decide(replace(policy.load(), rules=rules), (record,), record.model)
    return {(verdict.slice or {})["period"]: verdict.outcome for verdict in decision.verdicts}


def gaps(record: ProbeRecord) -> dict[str, str]:
    return {gap.slice["period"]: gap.reason for gap in record.skipped}


def test_periods_that_are_alike_pass() -> None:
    record = record_of(dated(400, by_month))
    assert values(record) == dict.fromkeys(("2002-02", "2002-03", "2002-04"), 0.0)
    assert values(record, "accuracy_in_period") == {f"2002-0{month}": 1.0 for month in (1, 2, 3, 4)}
    assert set(outcomes(record).values()) == {"pass"}


def test_a_period_whose_labels_are_exchanged_is_found() -> None:
    rows = dated(400, by_month)
    march = relabelled([row for row in rows if row.meta["sent"].startswith("2002-03")])
    record = record_of((*(row for row in rows if not row.meta["sent"].startswith("2002-03")), *march))
    assert values(record) == {"2002-02": 0.0, "2002-03": 1.0, "2002-04": 0.0}
    assert outcomes(record)["2002-03"] == "fail"


def test_label_mix_and_texts_of_a_period_stand_beside_its_drop() -> None:
    def later(row: Example) -> Example:
        """In March the rows are mostly positive, in April about something else."""
        if row.meta["sent"].startswith("2002-04"):
            return replace(row, inputs={"text": f"{row.inputs['text']} wheels brakes engine"})
        return row

    rows = [later(row) for row in dated(600, by_month)]
    rows = [
        row
        for place, row in enumerate(rows)
        if not (row.meta["sent"].startswith("2002-03") and row.gold == LABELS[0] and place % 16 < 8)
    ]
    record = record_of(rows, embed=hashed_words)
    golds = {
        month: [row.gold == LABELS[1] for row in rows if row.meta["sent"].startswith(f"2002-0{month}")]
        for month in (1, 2, 3, 4)
    }
    positive = {month: sum(own) / len(own) for month, own in golds.items()}
    mix, apart = (values(record, name) for name in ("label_mix_distance", "inputs_told_apart"))
    assert mix == pytest.approx({f"2002-0{month}": abs(positive[month] - positive[1]) for month in (2, 3, 4)})
    assert set(apart) == {"2002-02", "2002-03", "2002-04"}
    assert apart["2002-04"] > 0.9 > apart["2002-02"]
    assert set(outcomes(record).values()) == {"pass"}
    assert "all" not in gaps(record)


@pytest.mark.parametrize("seed", range(3))
def test_equal_periods_alarm_in_at_most_one_of_twenty_files(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drop = PROBE.metrics(tasks.create("text-classification", LABELS))[0]
    alarms = 0
    for _ in range(60):
        scores = rng.random((6, 80)) < 0.85
        arms = [
            [(f"{period}-{place}", Score(float(score), 1.0)) for place, score in enumerate(own)]
            for period, own in enumerate(scores)
        ]
        first = metrics.summed(arms[0], "first")
        measured = [
            metrics.measurement(drop, {}, [*first, *metrics.summed(own, "second")], n_cases=80) for own in arms[1:]
        ]
        alarms += any(number.low > 0.10 for number in measured)
    assert alarms <= 3


def test_without_dates_and_later_files_nothing_is_asked_and_the_rule_does_not_apply() -> None:
    record = ran(reviews(60), {}, Settings())
    assert (record.status, record.missing, record.reason) == ("not_applicable", ("periods",), NEEDS["periods"])
    rules = tuple(rule for rule in policy.load().rules if rule.probe == "drift")
    decision = gate.decide(replace(policy.load(), rules=rules), (record,), record.model)
    assert [(verdict.outcome, verdict.reason) for verdict in decision.verdicts] == [
        ("not_applicable", NEEDS["periods"])
    ]


def test_later_files_that_are_alike_pass_and_the_test_file_is_the_period_before_them() -> None:
    later = {name: reviews(200, name) for name in ("2025", "2024")}
    record = record_of(reviews(300), later=later, embed=hashed_words)
    assert values(record) == {"2025": 0.0, "2024": 0.0}
    assert values(record, "accuracy_in_period") == {"test": 1.0, "2025": 1.0, "2024": 1.0}
    assert list(values(record, "accuracy_in_period")) == ["test", "2025", "2024"], "in the order of the user's table"
    assert set(outcomes(record).values()) == {"pass"}
    said = {number.detail.split(" (")[0] for number in record.measurements if number.detail}
    assert said == {"no difference shown", "not told apart"}
    assert (record.skipped, record.counts["cases"]) == ((), 700)


def test_rows_that_a_later_file_still_has_are_known() -> None:
    record = ran(reviews(300), {"2024": reviews(400, "2024")}, Settings(later=100))
    in_period = {number.slice["period"]: number for number in record.measurements if number.metric.startswith("acc")}
    assert {period: number.n_clusters for period, number in in_period.items()} == {"test": 300, "2024": 100}
    assert {period: number.available for period, number in in_period.items()} == {"test": 300, "2024": 400}


def test_a_later_file_whose_labels_are_exchanged_is_found_and_its_wrong_answers_are_shown() -> None:
    half = (*reviews(100, "2025"), *relabelled(reviews(200, "2025")[100:]))
    record = record_of(reviews(300), later={"2024": reviews(200, "2024"), "2025": half})
    assert values(record) == {"2024": 0.0, "2025": 0.5}
    assert outcomes(record) == {"2024": "pass", "2025": "fail"}
    measured = next(number for number in record.measurements if number.slice == {"period": "2025"})
    # Newcombe's interval of 300/300 less 100/200, from Wilson's bounds, which are those of the beta but for 0.2 points.
    (low1, high1), (low2, high2) = (proportion_confint(k, n, method="wilson") for k, n in ((300, 300), (100, 200)))
    assert measured.low == pytest.approx(0.5 - np.hypot(1.0 - low1, high2 - 0.5), abs=2e-3)
    assert measured.high == pytest.approx(0.5 + np.hypot(high1 - 1.0, 0.5 - low2), abs=2e-3)
    assert {case.slice["period"] for case in record.worst} == {"2025"}
    assert {case.example for case in record.worst} <= {row.id for row in half[100:]}


def test_texts_and_label_mix_of_a_later_file_stand_beside_its_drop() -> None:
    apart = tuple(replace(row, inputs={"text": f"{row.inputs['text']} wheels brakes"}) for row in reviews(200, "b"))
    later = {"a": tuple(row for row in reviews(300, "a") if row.gold == LABELS[0]), "b": apart}
    record = record_of(reviews(300), later=later, embed=hashed_words)
    positive = sum(row.gold == LABELS[1] for row in reviews(300)) / 300
    assert values(record, "label_mix_distance") == pytest.approx({"a": positive, "b": 0.0}, abs=1e-9)
    assert values(record, "inputs_told_apart")["b"] > 0.8


def test_with_dates_the_periods_of_the_test_file_come_before_the_later_files() -> None:
    later = {"2003": relabelled(reviews(100, "2003"))}
    record = record_of(dated(400, by_month), later=later, time_column="sent")
    assert values(record) == {"2002-02": 0.0, "2002-03": 0.0, "2002-04": 0.0, "2003": 1.0}
    assert list(values(record, "accuracy_in_period"))[::4] == ["2002-01", "2003"]
    record = record_of(dated(400, by_month), later=later, time_column="sent", period="quarter", fewest=350)
    assert gaps(record) == {
        "2002 Q1": "300 of its rows are in the file, fewer than 350",
        "2002 Q2": "100 of its rows are in the file, fewer than 350",
        "all": "no period of the test file has 350 rows",
    }
    assert outcomes(record)["all"] == "not_measured"


def test_a_later_file_that_is_called_as_a_period_of_the_dates_leaves_the_question_open() -> None:
    later = {"2002-03": reviews(100, "2002-03"), "2003": reviews(100, "2003")}
    record = record_of(dated(400, by_month), later=later, time_column="sent")
    assert gaps(record)["slice 2002-03"] == (
        "dates of the test file are of a period that is called 2002-03 too: give the slice another name"
    )
    assert {name: said for name, said in outcomes(record).items() if said != "pass"} == {
        "slice 2002-03": "not_measured"
    }


def test_a_later_file_that_training_has_whole_is_not_measured() -> None:
    record = record_of(reviews(300), later={"2024": (), "2025": reviews(200, "2025")})
    assert gaps(record)["2024"] == "every row occurs in the training data"
    assert outcomes(record) == {"2024": "not_measured", "2025": "pass"}
    record = record_of(reviews(300), later={"2024": ()})
    assert outcomes(record) == {"2024": "not_measured"}


def test_later_files_of_sentences_are_measured_by_their_entities() -> None:
    task = NamedEntityRecognition(TAGS)
    swap = {"B-PER": "B-LOC", "I-PER": "I-LOC"}
    wrong = tuple(replace(row, gold=tuple(swap.get(tag, tag) for tag in row.gold)) for row in sentences(60, "b"))
    later = {"a": sentences(60, "a"), "b": wrong}
    record = ran(sentences(80, "home"), later, Settings(), model=tagger(), task=task)
    # Half of the sentences name a person, whose type is wrong in b: of 60 entities 30 are right.
    assert values(record, "f1_in_period") == pytest.approx({"test": 1.0, "a": 1.0, "b": 0.5})
    assert values(record) == pytest.approx({"a": 0.0, "b": 0.5})
    rules = tuple(rule for rule in policy.load(None, "ner").rules if rule.probe == "drift")
    decision = gate.decide(replace(policy.load(None, "ner"), rules=rules), (record,), record.model)
    assert {(verdict.slice or {})["period"]: verdict.outcome for verdict in decision.verdicts} == {
        "a": "pass",
        "b": "fail",
    }


def test_broken_dates_and_small_periods_are_named_and_left_out() -> None:
    broken = {3: "soon", 7: "", 11: "0102-05-01", 15: "x" * 30}
    rows = dated(200, lambda place: broken.get(place, "2003-01-01" if place % 20 == 0 else by_month(place)))
    record = record_of(rows, period="year", fewest=20)
    assert gaps(record) == {
        "unread": "4 of 200 rows have no date in column 'sent' that can be read, left out: home:5, home:9, home:13, …",
        "2003": "10 of its rows are in the file, fewer than 20",
        "all": "fewer than two periods have 20 rows",
    }


def test_the_shortest_periods_with_rows_enough_are_taken() -> None:
    def days(n: int) -> _dates.Dates:
        return _dates.Dates({str(place): date(2002, place % 12 + 1, 1) for place in range(n)})

    assert list(_dates.periods(days(480), "auto", 30)) == [f"2002-{month:02}" for month in range(1, 13)]
    assert list(_dates.periods(days(240), "auto", 30)) == [f"2002 Q{quarter}" for quarter in (1, 2, 3, 4)]
    assert list(_dates.periods(days(48), "auto", 30)) == ["2002"]
    assert list(_dates.periods(days(480), "quarter", 30)) == [f"2002 Q{quarter}" for quarter in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "cell",
    [
        "2002-07-31",
        "20020731",
        "2002-07-31T10:00:00+02:00",
        "2002-07-31 10:00",
        "Wed, 31 Jul 2002 10:00:00 +0200",
        "31.07.2002",
        "31/07/2002",
        "07/31/2002",
        "07.31.2002",
        "7/31/2002 10:00",
        "07/31/2002, 10:00:00 AM",
        "31 Jul 2002",
        "July 31, 2002",
    ],
)
def test_common_forms_of_a_date_are_read(cell: str) -> None:
    assert _dates.read({"row": cell}) == _dates.Dates({"row": date(2002, 7, 31)})


def test_months_and_years_are_dates_too_and_other_numbers_are_not() -> None:
    read = _dates.read(
        {"a": "2002-07", "b": "2002", "c": "1027900800", "d": "2002-13-01", "e": "99/99/2002", "f": "2222"}
    )
    assert read.of == {"a": date(2002, 7, 1), "b": date(2002, 1, 1)}
    assert list(read.broken) == ["c", "d", "e", "f"]


def test_the_column_tells_the_day_from_the_month_or_the_audit_says_that_it_does_not() -> None:
    assert _dates.read({"a": "03/04/2002", "b": "31/01/2002"}).of["a"] == date(2002, 4, 3)
    assert _dates.read({"a": "03/04/2002", "b": "01/31/2002"}).of["a"] == date(2002, 3, 4)
    both = _dates.read({"a": "03/04/2002", "b": "01/31/2002", "c": "31/01/2002"})
    assert (dict(both.of), list(both.broken)) == ({}, ["a", "b", "c"])
    assert _dates.read({"a": "03/04/2002", "b": "05/05/2002"}).ambiguous == "a"
    record = record_of(dated(80, lambda _: "03/04/2002"))
    assert gaps(record) == {
        "all": "of the dates of column 'sent' none says whether the day or the month comes first, such as that of "
        "home:2 (write them as 2002-12-31)"
    }
    assert outcomes(record) == {"all": "not_measured"}


def test_dates_with_dots_are_decided_by_the_whole_column_too() -> None:
    assert _dates.read({"a": "03.04.2002", "b": "31.12.2001"}).of["a"] == date(2002, 4, 3)
    assert _dates.read({"a": "03.04.2002", "b": "12.31.2001"}).of["a"] == date(2002, 3, 4)
    assert _dates.read({"a": "03.04.2002", "b": "05.05.2002"}).ambiguous is not None


@pytest.mark.parametrize("impossible", ["31/31/2002", "31/02/2002", "99/01/2002", "31/12/0202", "13/4/2002-3/4/2003"])
def test_an_impossible_date_does_not_tell_the_order(impossible: str) -> None:
    assert _dates.read({"a": "03/04/2002", "b": impossible}).ambiguous is not None
    read = _dates.read({"a": "03/04/2002", "b": "01/31/2002", "c": impossible})
    assert (dict(read.of), list(read.broken)) == ({"a": date(2002, 3, 4), "b": date(2002, 1, 31)}, ["c"])


def test_a_span_of_two_dates_is_no_date() -> None:
    assert list(_dates.read({"a": "1/2/2002-3/4/2003", "b": "31/01/2002"}).broken) == ["a"]


@pytest.mark.parametrize(("broken", "outcome"), [(10, None), (11, "not_measured")])
def test_more_than_one_unread_row_of_twenty_leaves_the_question_open(broken: int, outcome: str | None) -> None:
    record = record_of(dated(200, lambda place: "soon" if place < broken else by_month(place)))
    assert gaps(record)["unread"].startswith(f"{broken} of 200 rows have no date in column 'sent'")
    assert gaps(record)["unread"].endswith("left out: home:2, home:3, home:4, …")
    applies = {gap.slice["period"]: gap.applies for gap in record.skipped}
    assert applies == {"unread": outcome is not None, "all": False}
    assert {name: said for name, said in outcomes(record).items() if said == "not_measured"} == (
        {} if outcome is None else {"unread": outcome}
    )


def test_a_column_with_both_orders_leaves_the_question_open() -> None:
    mixed = {0: "31/12/2001", 1: "12/31/2001"}
    record = record_of(dated(200, lambda place: mixed.get(place, by_month(place))))
    assert gaps(record)["order"] == (
        "column 'sent' has the day first (home:2) and the month first (home:3); dates of this form are not read "
        "(write them as 2002-12-31)"
    )
    assert outcomes(record)["order"] == "not_measured"


@pytest.mark.parametrize("cell", ["a secret", "03/04/2002", "a secret of more than twenty characters"])
def test_no_reason_repeats_a_cell(cell: str) -> None:
    record = record_of(dated(80, lambda place: cell if place % 2 else "05/05/2002"))
    assert gaps(record)
    assert not [reason for reason in gaps(record).values() if cell in reason]


def test_an_undecided_drop_draws_on_the_test_file_and_on_the_later_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        rounds.Rounds, "_is_done", lambda self, rule, verdict: self._exhausted(rule.probe, verdict.slice or {})
    )
    own = replace(policy.load(), rules=tuple(rule for rule in policy.load().rules if rule.probe == "drift"))
    sets = {name: reviews(n, name) for name, n in (("home", 60), ("2024", 60), ("2025", 200))}
    given: dict[str, Any] = {
        "examples": sets,
        "time_slices": ("2024", "2025"),
        "settings": {"drift": Settings(examples=12, later=12)},
    }
    plan = plan_of(FakeModel(right, LABELS), (PROBE,), **given)
    (record,), drawn = designs.run("adaptive", plan, own, nowhere, Silent())
    whole = {each.slice["period"]: each.n_clusters for each in record.measurements if each.metric.startswith("acc")}
    assert whole == {"test": 60, "2024": 60, "2025": 200}
    assert drawn is not None
    assert {each.design for each in drawn.slices} == {"adaptive"}
