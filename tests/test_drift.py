"""The probe drift: a period that is worse is held, periods that are alike are not, and dates are read or named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from fakes import GOOD, LABELS, nowhere, plan_of, reviews, shipped

from auditor import metrics, tasks
from auditor.evaluation import runner
from auditor.models.fake import FakeModel, hashed_words
from auditor.types import Example, ProbeRecord, Request, Response, Score, Silent
from auditor.verdicts import gate, policy
from probes import _dates
from probes.drift import Settings

(PROBE,) = shipped("drift")


def right(request: Request) -> Response:
    """Right by the review's keyword."""
    return (0.1, 0.9) if any(word in GOOD for word in request.texts[0].split()) else (0.9, 0.1)


def dated(n: int, day: Callable[[int], str]) -> tuple[Example, ...]:
    return tuple(replace(row, meta={"sent": day(place)}) for place, row in enumerate(reviews(n)))


def by_month(place: int) -> str:
    return f"2002-{place % 4 + 1:02}-15"


def record_of(rows: Sequence[Example], embed: Any = None, **settings: Any) -> ProbeRecord:
    given = Settings(**{"time_column": "sent", **settings})
    model = FakeModel(right, LABELS, embed=embed)
    plan = plan_of(model, (PROBE,), examples={"home": rows}, settings={"drift": given})
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", record.reason
    return record


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
    rows = tuple(
        replace(row, gold=LABELS[row.gold == LABELS[0]]) if row.meta["sent"].startswith("2002-03") else row
        for row in dated(400, by_month)
    )
    record = record_of(rows)
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


def test_without_a_column_of_dates_nothing_is_asked_and_the_rule_does_not_apply() -> None:
    record = record_of(reviews(60), time_column=None)
    assert (record.counts["cases"], outcomes(record)) == (0, {"none": "not_applicable"})


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
