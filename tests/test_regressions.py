"""What changed between two audits, and what the regression gate makes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from two_audits import (
    ACCURACY,
    DROP,
    FAILURES,
    FLIPS,
    INDEX,
    MIDDLE,
    NEITHER,
    RATE,
    Audited,
    audit,
    compared,
    content,
    measured,
    record,
    rows,
    rule,
    slices,
    yes,
)

from auditor.errors import ResultsError, UsageError
from auditor.types import Measurement, Metric, Regression
from auditor.verdicts import changes, pairs, regressions, same_cases
from auditor.verdicts.pairs import ONLY_NEW, ONLY_OLD, REMOVED

# ---- four conclusions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "n", "conclusion"),
    [
        # 60 examples lost, none gained.
        (360, 300, 400, "worse"),
        (300, 360, 400, "better"),
        # 4 of 1,000 lost: an interval of about ± 1 point, within ± 5.
        (904, 900, 1000, "no difference shown"),
        # 2 of 40 lost: the interval reaches to about −17 points.
        (36, 34, 40, "cannot tell"),
        # Nothing changed at all; of 40 examples as many as 12 % may still change.
        (36, 36, 40, "cannot tell"),
        (360, 360, 400, "no difference shown"),
    ],
)
def test_each_conclusion(old: int, new: int, n: int, conclusion: str) -> None:
    change = compared(ACCURACY, rows(yes(old, n)), rows(yes(new, n)))
    assert change.conclusion == conclusion
    assert change.pair.difference.value == pytest.approx((new - old) / n)
    # The same of a number that should be low.
    opposite = {"worse": "better", "better": "worse"}.get(conclusion, conclusion)
    assert compared(FLIPS, rows(yes(old, n)), rows(yes(new, n))).conclusion == opposite


def test_a_large_p_alone_never_shows_that_nothing_changed() -> None:
    change = compared(ACCURACY, rows(yes(36, 40)), rows(yes(36, 40)))
    assert change.pair.difference.p == 1.0
    assert change.conclusion == "cannot tell"
    assert change.reason == "the 95 % interval holds zero and reaches beyond the tolerance"


def test_what_interval_and_test_do_not_both_say_is_not_said() -> None:
    """Five lost and none gained: the bounds lie below 0, McNemar's exact p is 0.0625."""
    change = compared(ACCURACY, rows(yes(395, 400)), rows(yes(390, 400)), tolerances={"accuracy": 0.001})
    assert change.pair.difference.p == pytest.approx(0.0625)
    assert change.high < 0.0
    assert change.conclusion == "cannot tell"


def test_the_tolerance_decides_what_counts_as_no_difference() -> None:
    given = rows(yes(904, 1000)), rows(yes(900, 1000))
    assert compared(ACCURACY, *given).pair.tolerance == 0.05
    assert compared(ACCURACY, *given, tolerances={"accuracy": 0.001}).conclusion == "cannot tell"
    by_probe = {"p.accuracy": 0.02, "accuracy": 0.001}
    assert compared(ACCURACY, *given, tolerances=by_probe).conclusion == "no difference shown"
    assert compared(INDEX, *given).pair.tolerance == 0.0
    assert compared(INDEX, *given).conclusion == "cannot tell"


def test_too_few_common_clusters_conclude_nothing() -> None:
    change = compared(FLIPS, rows(yes(0, 9)), rows(yes(9, 20)))
    assert (change.conclusion, change.reason) == ("cannot tell", "too few: 9 common informative clusters")
    change = compared(FLIPS, rows(yes(0, 9)), rows(yes(9, 20)), paired=False)
    assert change.reason == "too few: 9 clusters"


def test_one_model_that_answers_alike_is_no_difference_however_few_its_rows() -> None:
    side = record(measured(ACCURACY, rows(yes(36, 40))), measured(FLIPS, rows(yes(2, 12))))
    before, after = audit(side), audit(side)
    matched = pairs.match(before, after, paired=True)
    assert matched.same_model
    found = changes.changes(matched)
    assert {(change.conclusion, change.reason) for change in found} == {
        ("no difference shown", "the same model gave the same answers")
    }
    another = audit(record(measured(ACCURACY, rows(yes(35, 40))), measured(FLIPS, rows(yes(2, 12)))))
    matched = pairs.match(before, another, paired=True)
    assert not matched.same_model, "answers that differ are not of one model, whatever the fingerprint says"
    assert {change.conclusion for change in changes.changes(matched)} == {"cannot tell"}


def test_the_error_is_shared_over_all_slices_most_of_it_over_required_ones() -> None:
    """9 lost and 1 gained: p = 0.021, enough for a slice alone (0.04), not for one of twenty."""
    lost = rows([*yes(90, 100)]), rows([*yes(81, 99), 1.0])
    quiet = [(rows(yes(90, 100), of=f"{place}:"), {"part": str(place)}) for place in range(19)]

    def of(rules: list[Any], *, alone: bool) -> dict[str, str]:
        sides = []
        for side in (0, 1):
            others = [] if alone else [measured(ACCURACY, given, slice_) for given, slice_ in quiet]
            sides.append(record(measured(ACCURACY, lost[side]), *others))
        matched = pairs.match(audit(sides[0], rules=rules), audit(sides[1], rules=rules, fingerprint="g"), paired=True)
        return {str(dict(found.pair.slice)): found.conclusion for found in changes.changes(matched)}

    assert of([], alone=True)["{}"] == "worse"
    assert of([], alone=False)["{}"] == "cannot tell"
    required = rule(metric="accuracy", max=None, min=0.5)
    assert of([required], alone=False)["{}"] == "worse"
    every = rule(metric="accuracy", max=None, min=0.5, slice={"part": "*"})
    assert of([required, every], alone=False)["{}"] == "cannot tell"


# ---- what is set side by side ----------------------------------------------------------------------------------


def left_out(old: Audited, new: Audited) -> dict[tuple[str, str], tuple[str, bool]]:
    matched = pairs.match(old, new, paired=True)
    return {(item.metric, str(dict(item.slice or {}))): (item.reason, item.required) for item in matched.left_out}


def test_whatever_is_not_compared_is_listed_with_its_reason() -> None:
    def one(metric: Metric, **more: Any) -> Measurement:
        return measured(metric, rows(yes(3, 20)), **more)

    free = replace(measured(ACCURACY, rows(yes(3, 20))), metric="free", rows=())
    everything = record(one(RATE), one(MIDDLE), one(NEITHER), one(ACCURACY), free)
    words = record(replace(one(ACCURACY), metric="words"), probe="q")
    found = left_out(audit(everything, words), audit(everything, words))
    assert found == {
        ("middle", "{}"): ("there is no test of a median of two audits", False),
        ("neither", "{}"): ("neither higher nor lower values are better", False),
        ("free", "{}"): ("a descriptive number has no rows", False),
        ("words", "{}"): ("its values have no bounds", False),
    }


def test_slices_that_one_audit_lacks_are_listed_and_the_required_ones_count() -> None:
    a, b = (measured(FLIPS, rows(yes(3, 20)), {"part": part}) for part in "ab")
    rules = [rule(slice={"part": "*"})]
    old, new = audit(record(a), rules=rules), audit(record(a, b), rules=rules)
    assert left_out(old, new) == {("flips", "{'part': 'b'}"): (ONLY_NEW, True)}
    assert left_out(new, old) == {("flips", "{'part': 'b'}"): (ONLY_OLD, True)}
    given = [rule(slice={"part": "*"}, required="when_input_given")]
    assert left_out(old, audit(record(a, b), rules=given)) == {("flips", "{'part': 'b'}"): (ONLY_NEW, True)}
    assert not regressions.regressions(old, audit(record(a, b), rules=given))[1:], "its limit alone judges it"
    assert left_out(new, audit(record(a), rules=given)) == {("flips", "{'part': 'b'}"): (ONLY_OLD, True)}
    missing = record(status="not_applicable", reason="not selected")
    assert left_out(old, audit(missing, rules=rules)) == {
        ("flips", "{'part': 'a'}"): (f"{ONLY_OLD}: not selected", True)
    }
    nothing = audit(rules=rules)
    assert left_out(old, nothing) == {("flips", "{'part': 'a'}"): (ONLY_OLD, True)}


def test_slices_that_the_tokenizer_removes_or_that_share_no_cluster() -> None:
    removed = measured(FLIPS, rows(yes(3, 20)), status="removed_by_tokenizer")
    kept, away = measured(FLIPS, rows(yes(3, 20))), measured(FLIPS, rows(yes(3, 20), of="away:"))
    rules = [rule()]
    assert left_out(audit(record(removed)), audit(record(kept), rules=rules)) == {("flips", "{}"): (REMOVED, True)}
    assert left_out(audit(record(kept)), audit(record(away), rules=rules)) == {
        ("flips", "{}"): ("no common clusters", True)
    }


@pytest.mark.parametrize(
    ("tolerances", "words"),
    [
        ({"acuracy": 0.1}, "tolerance: no metric is called 'acuracy' (did you mean 'accuracy'?)"),
        ({"q.accuracy": 0.1}, "no metric is called 'q.accuracy'"),
        ({"accuracy": -0.1}, "tolerance: accuracy = -0.1 is not a number from 0 on"),
        ({"accuracy": float("nan")}, "is not a number from 0 on"),
        ({"p.accuracy": float("inf")}, "is not a number from 0 on"),
    ],
)
def test_a_tolerance_that_is_none_is_refused(tolerances: Mapping[str, float], words: str) -> None:
    one = audit(record(measured(ACCURACY, rows(yes(3, 20)))))
    with pytest.raises(UsageError) as caught:
        pairs.match(one, one, paired=True, tolerances=tolerances)
    assert words in caught.value.line


def test_a_slice_of_a_look_has_that_looks_share_of_the_error() -> None:
    """The common clusters of looks 3 and 2 of three are those of look 2, which has a fifth of the error."""
    early = measured(FLIPS, rows(yes(3, 20)), look=2, looks=3)
    late = measured(FLIPS, rows(yes(3, 40)), look=3, looks=3)
    (pair,) = pairs.match(audit(record(early)), audit(record(late), fingerprint="g"), paired=True).pairs
    assert pair.level(0.05) == pytest.approx(0.01)
    (pair,) = pairs.match(audit(record(late)), audit(record(early), fingerprint="g"), paired=False).pairs
    assert pair.level(0.05) == pytest.approx(0.01)
    once = measured(FLIPS, rows(yes(3, 40)))
    (pair,) = pairs.match(audit(record(once)), audit(record(late), fingerprint="g"), paired=True).pairs
    assert pair.level(0.05) == pytest.approx(0.02)
    assert pair.looks == 3


# ---- numbers of required rules that are not compared by their cases ----


def test_a_success_rate_with_a_denominator_of_its_own_is_compared_unpaired() -> None:
    """From 0.10 to 0.48, below the limit of 0.50, on other examples: those that each model had right."""
    found = judged(measured(RATE, rows(yes(20, 200))), measured(RATE, rows(yes(96, 200), of="away:")))
    assert (found.outcome, found.old, found.new, found.paired) == ("fail", 0.10, 0.48, False)
    assert found.reason == "unpaired: worse by more than the tolerance at 95 % one-sided"
    side = record(measured(RATE, rows(yes(3, 12))))
    (same,) = regressions.regressions(
        audit(side, rules=[rule(metric="rate")]), audit(side, rules=[rule(metric="rate")])
    )
    assert (same.outcome, same.reason) == ("pass", "unpaired: the same model gave the same answers")


@pytest.mark.parametrize(
    ("old", "new", "margin", "outcome"),
    [(0, 1, 0.0, "fail"), (1, 1, 0.0, "pass"), (2, 0, 0.0, "pass"), (0, 1, 1.0, "pass"), (0, 2, 1.0, "fail")],
)
def test_counts_over_one_list_differ_exactly_however_short_it_is(
    old: int, new: int, margin: float, outcome: str
) -> None:
    sides = (measured(FAILURES, rows(yes(events, 5))) for events in (old, new))
    found = judged(*sides, max=3, margin=margin)
    assert (found.outcome, found.value, found.low, found.high) == (outcome, new - old, new - old, new - old)
    assert found.reason.endswith(", counted exactly")


def test_what_only_a_limit_judges_is_told_and_counted() -> None:
    rules = [rule(metric="neither"), rule()]
    old, new = (
        audit(record(measured(NEITHER, rows(yes(n, 20))), measured(FLIPS, rows(yes(3, 900)))), rules=rules)
        for n in (2, 9)
    )
    matched = pairs.match(old, new, paired=True, required_only=True)
    assert [(item.metric, item.reason) for item in matched.by_limit_only] == [
        ("neither", "neither higher nor lower values are better")
    ]
    found = regressions.judged(matched)
    assert [one.metric for one in found] == ["flips"]
    assert regressions.decision(found, not_compared=1) == regressions.RegressionDecision(
        0, "No worse than the old audit: 1 slice within the tolerance. Not compared: 1 required number."
    )


def test_a_probe_with_more_texts_without_an_answer_than_before_is_not_measured() -> None:
    """100 of 400 texts have no answer any more; the 300 that have one are as good as before."""
    both = rule(), rule(metric="accuracy", max=None, min=0.1, required="never")

    def side(n: int, fingerprint: str, unanswered: int) -> Audited:
        own = [measured(metric, rows(yes(10, n))) for metric in (FLIPS, ACCURACY)]
        counts = {"unanswered": unanswered} if unanswered else {}
        return audit(record(*own, counts=counts), rules=both, fingerprint=fingerprint)

    (found,) = regressions.regressions(side(400, "f", 0), side(300, "g", 100))
    assert (found.outcome, found.reason) == (
        "not_measured",
        "more texts have no answer than in the old audit: 100 against 0",
    )
    assert regressions.decision([found]).exit_code == 3
    matched = pairs.match(side(400, "f", 0), side(300, "g", 100), paired=True)
    assert [pair.metric.name for pair in matched.pairs] == ["accuracy"], "slices that nobody requires are compared"
    for fewer in (100, 20):
        (found,) = regressions.regressions(side(300, "f", 100), side(300, "g", fewer))
        assert found.outcome == "pass"


# ---- the regression gate ---------------------------------------------------------------------------------------


def judged(old: Measurement, new: Measurement, *, tolerance: float | None = None, **given: Any) -> Regression:
    rules = [rule(metric=old.metric, **given)]
    accepted = {} if tolerance is None else {old.metric: tolerance}
    before, after = audit(record(old), rules=rules), audit(record(new), rules=rules, fingerprint="g")
    (found,) = regressions.regressions(before, after, tolerances=accepted)
    return found


def test_a_worsening_beyond_the_tolerance_fails_within_the_absolute_limit() -> None:
    found = judged(measured(FLIPS, rows(yes(20, 500))), measured(FLIPS, rows(yes(70, 500))))
    assert (found.outcome, found.conclusion, found.tolerance) == ("fail", "worse", 0.05)
    assert found.reason == "worse by more than the tolerance at 95 % one-sided"
    assert (found.old, found.new) == (0.04, 0.14)
    assert found.value == pytest.approx(0.10)
    assert found.low is not None
    assert found.low > 0.05
    assert found.paired
    assert regressions.decision([found]) == regressions.RegressionDecision(
        1, "Worse than the old audit: 1 slice beyond the tolerance."
    )


def test_a_worsening_within_the_tolerance_passes_though_it_is_worse() -> None:
    """25 of 1,000 lost: surely worse, and surely by less than five points."""
    found = judged(measured(FLIPS, rows(yes(20, 1000))), measured(FLIPS, rows(yes(45, 1000))))
    assert (found.outcome, found.conclusion) == ("pass", "worse")
    assert found.reason == "worse by no more than the tolerance at 95 % one-sided"


def test_between_tolerance_and_margin_it_passes_with_the_margin() -> None:
    found = judged(measured(FLIPS, rows(yes(20, 1000))), measured(FLIPS, rows(yes(65, 1000))))
    assert found.outcome == "pass"
    assert found.reason == "worse by no more than the tolerance and margin at 95 % one-sided"
    narrow = judged(measured(FLIPS, rows(yes(20, 1000))), measured(FLIPS, rows(yes(65, 1000))), margin=0.0)
    assert (narrow.tolerance, narrow.outcome) == (0.05, "inconclusive")
    assert narrow.reason.startswith("the interval spans the tolerance; at least about ")


def test_what_is_undecided_says_how_many_more_examples_would_decide() -> None:
    found = judged(measured(FLIPS, rows(yes(2, 50))), measured(FLIPS, rows(yes(5, 50))))
    assert (found.outcome, found.conclusion) == ("inconclusive", "cannot tell")
    assert found.reason.startswith("the interval spans the tolerance and its margin; about ")
    assert found.reason.endswith("more examples in both audits would decide it")
    few = measured(FLIPS, rows(yes(5, 50)), available=55)
    assert judged(measured(FLIPS, rows(yes(2, 50))), few).reason.endswith("would decide it, and only 5 more exist")
    at_limit = judged(measured(FLIPS, rows(yes(0, 40))), measured(FLIPS, rows(yes(2, 40))), margin=0.0)
    assert "more examples" in at_limit.reason
    assert regressions.decision([found]).exit_code == 3


def test_a_limit_from_below_is_held_the_other_way_round() -> None:
    higher, lower = measured(ACCURACY, rows(yes(480, 500))), measured(ACCURACY, rows(yes(430, 500)))
    assert judged(higher, lower, max=None, min=0.5).outcome == "fail"
    assert judged(lower, higher, max=None, min=0.5).outcome == "pass"


def test_the_error_of_a_fail_is_shared_over_the_slices_of_required_rules() -> None:
    """17 more flips of 100 against a tolerance of 0.08: beyond it alone, but not as one of twenty."""
    many = [measured(FLIPS, rows(yes(5, 100), of=f"{k}:"), {"part": str(k)}) for k in range(19)]
    last = [measured(FLIPS, rows(yes(n, 100), of="x:"), {"part": "x"}) for n in (5, 22)]
    rules = [rule(slice={"part": "*"}, margin=0.02)]
    tolerances = {"flips": 0.105}

    def outcome(*others: Measurement) -> Regression:
        old, new = (
            audit(record(*others, one), rules=rules, fingerprint=name) for one, name in zip(last, "fg", strict=True)
        )
        found = regressions.regressions(old, new, tolerances=tolerances)
        return next(judged for judged in found if judged.slice == {"part": "x"})

    assert outcome().outcome == "fail"
    shared = outcome(*many)
    assert shared.outcome == "inconclusive"
    assert shared.reason.startswith(
        "likely worse by more than the tolerance: its own interval is, but not with 5 % shared over 20 slices"
    )


def test_only_slices_of_required_rules_are_judged() -> None:
    worse = [measured(metric, rows(yes(n, 300))) for metric in (FLIPS, ACCURACY) for n in (0, 150)]
    rules = [rule(required="never"), rule(metric="accuracy", max=None, min=0.1)]
    old, new = (audit(record(worse[at], worse[3 - at]), rules=rules, fingerprint=str(at)) for at in (0, 1))
    found = regressions.regressions(old, new)
    assert [(one.metric, one.outcome) for one in found] == [("accuracy", "fail")]


def test_a_slice_that_is_missing_is_not_measured() -> None:
    one = measured(FLIPS, rows(yes(3, 50)))
    rules = [rule()]
    found = regressions.regressions(audit(record(one)), audit(record(), rules=rules))
    assert [(item.outcome, item.conclusion, item.value, item.tolerance, item.reason) for item in found] == [
        ("not_measured", "cannot tell", None, 0.05, ONLY_OLD)
    ]
    assert regressions.decision(found).exit_code == 3
    assert regressions.decision(()).headline == (
        "Undecided against the old audit: no slice of a required rule is compared."
    )


def test_one_model_passes_against_itself() -> None:
    side = record(
        measured(FLIPS, rows(yes(3, 12))), measured(DROP, rows(yes(9, 12), "first") + rows(yes(8, 12), "second"))
    )
    rules = [rule(), rule(metric="drop")]
    found = regressions.regressions(audit(side, rules=rules), audit(side, rules=rules))
    assert [(one.outcome, one.reason) for one in found] == [("pass", "the same model gave the same answers")] * 2
    assert regressions.decision(found) == regressions.RegressionDecision(
        0, "No worse than the old audit: 2 slices within the tolerance."
    )


def test_a_small_undecided_part_counts_in_its_pool() -> None:
    def side(part: int, fingerprint: str) -> Audited:
        pool = measured(FLIPS, rows(yes(10, 400)), {"family": "x"})
        own = measured(FLIPS, rows(yes(part, 20)), {"family": "x", "kind": "y"})
        rules = [rule(slice={"family": "*"}), rule(slice={"family": "*", "kind": "*"})]
        return audit(record(pool, own), rules=rules, fingerprint=fingerprint)

    found = regressions.regressions(side(1, "f"), side(2, "g"))
    assert [(dict(one.slice), one.outcome) for one in found] == [({"family": "x"}, "pass")]
    broken = regressions.regressions(side(1, "f"), side(12, "g"))
    assert [one.outcome for one in broken] == ["pass", "fail"]
    few = measured(FLIPS, rows(yes(1, 8)), {"family": "x"})
    rules = [rule(slice={"family": "*"})]
    (alone,) = regressions.regressions(
        audit(record(few), rules=rules), audit(record(few), rules=rules, fingerprint="g")
    )
    assert (alone.outcome, alone.reason) == ("inconclusive", "too few: 8 common informative clusters")


def test_unpaired_is_said_everywhere() -> None:
    one, two = (measured(FLIPS, rows(yes(n, 400), of=of)) for n, of in ((20, "a"), (100, "b")))
    old, new = (audit(record(side), rules=[rule()], fingerprint=side.rows[0].cluster) for side in (one, two))
    (found,) = regressions.regressions(old, new, paired=False)
    assert (found.paired, found.outcome) == (False, "fail")
    assert found.reason.startswith("unpaired: worse by more than the tolerance")


@pytest.mark.parametrize(
    ("codes", "worst"), [([0, 0], 0), ([0, 3], 3), ([3, 1], 1), ([1, 0], 1), ([2, 1], 2), ([2, 0], 2), ([1, 3], 1)]
)
def test_the_worst_exit_code_counts(codes: list[int], worst: int) -> None:
    assert regressions.worst(codes) == regressions.worst(codes[::-1]) == worst


# ---- what is refused -------------------------------------------------------------------------------------------

HOME, TRAIN = content()["data"]
DESIGN = {"design": "fixed", "budget": None}
SETTINGS: dict[str, Any] = {"examples": 100, "shares": (0.1, 0.2)}
OTHER_CASES: dict[str, tuple[dict[str, Any], str]] = {
    "rows": ({"data": [{**HOME, "sha256": "2" * 64}, TRAIN]}, "data set 'home' has other rows, by the file's SHA-256"),
    "labels": ({"data": [{**HOME, "labels_sha256": "2" * 64}, TRAIN]}, "the SHA-256 of its labels' file"),
    "reading": ({"data": [{**HOME, "reading": {"text": "b"}}, TRAIN]}, "data set 'home' was read in another way"),
    "fewer sets": ({"data": [TRAIN]}, "no data set 'home'"),
    "more sets": ({"data": [HOME, TRAIN, {**HOME, "name": "far"}]}, "a further data set 'far'"),
    "seed": ({"seed": 1}, "seed 1, not 0"),
    "design": ({"config": {"audit": {**DESIGN, "design": "adaptive"}}}, "[audit] design = 'adaptive', not 'fixed'"),
    "budget": ({"config": {"audit": {**DESIGN, "budget": 50}}}, "[audit] budget = 50, not None"),
    "label": ({"config": {"audit": DESIGN, "favourable_label": "yes"}}, "favourable_label = 'yes', not None"),
    "nlpaug": ({"environment": {"versions": {"textattack": "0.3.10"}}}, "nlpaug None, not '1.1.11'"),
}
TASK = content()["task"]
NEVER: dict[str, tuple[dict[str, Any], str]] = {
    "task": ({"task": {**TASK, "name": "ner"}}, "another task than in the old audit: 'ner', not 'text-classification'"),
    "labels": ({"task": {**TASK, "labels": ["no", "maybe"]}}, "another labels than in the old audit"),
    "settings": ({"task": {**TASK, "settings": {"a": 1}}}, "another task's settings than in the old audit"),
    "metric": ({"task": {**TASK, "metric": "f1"}}, "another task's metric than in the old audit: 'f1'"),
    "version": ({"auditor": "0.2.0"}, "made by auditor '0.2.0', and the old audit by '0.1.0'"),
}


def with_settings(**settings: Any) -> Audited:
    return audit(record(measured(FLIPS, rows(yes(3, 20))), settings=settings))


@pytest.mark.parametrize("name", OTHER_CASES)
def test_other_cases_are_refused_unless_unpaired_is_asked(name: str) -> None:
    changed, words = OTHER_CASES[name]
    with pytest.raises(ResultsError) as caught:
        same_cases.check(audit(), audit(**changed), unpaired=False, where="new")
    assert caught.value.line.startswith("new: other cases than in the old audit: ")
    assert words in caught.value.line
    assert "--unpaired" in caught.value.line
    assert "\n" not in caught.value.line
    assert same_cases.check(audit(), audit(**changed), unpaired=True, where="new") is False


@pytest.mark.parametrize("name", NEVER)
@pytest.mark.parametrize("unpaired", [False, True])
def test_audits_of_other_tasks_labels_or_versions_are_never_compared(name: str, unpaired: bool) -> None:
    changed, words = NEVER[name]
    with pytest.raises(ResultsError) as caught:
        same_cases.check(audit(), audit(**changed), unpaired=unpaired, where="new")
    assert words in caught.value.line


def test_settings_of_a_probe_that_both_measured_must_be_the_same() -> None:
    old = with_settings(**SETTINGS)
    assert same_cases.check(old, with_settings(examples=100, shares=[0.1, 0.2]), unpaired=False, where="new")
    with pytest.raises(ResultsError) as caught:
        same_cases.check(old, with_settings(examples=90, shares=[0.1, 0.2]), unpaired=False, where="new")
    assert "[probes.p] examples = 90, not 100" in caught.value.line
    with pytest.raises(ResultsError, match=r"\[probes.p\] words = \{'a': 1\}, not None"):
        same_cases.check(old, with_settings(**SETTINGS, words={"a": 1}), unpaired=False, where="new")
    skipped = audit(record(status="not_applicable", settings={"examples": 5}))
    assert same_cases.check(old, skipped, unpaired=False, where="new")


def test_rows_of_training_and_a_faster_library_may_differ() -> None:
    changed = audit(
        data=[HOME, {**TRAIN, "sha256": "3" * 64}],
        environment={"versions": {"nlpaug": "1.1.11", "textattack": "0.3.10", "torch": "3.0"}},
    )
    assert same_cases.check(audit(), changed, unpaired=False, where="new")
    assert same_cases.check(audit(), audit(), unpaired=False, where="new")


def test_numbers_over_training_rows_are_not_paired_where_those_differ() -> None:
    """Row 3 of the one training file is not row 3 of the other."""
    rules = [rule(slice={"part": "*"})]
    own = [measured(FLIPS, rows(yes(3, 400), of=of), {"part": of}) for of in ("home:", "train:")]
    old = audit(record(*own), rules=rules)
    changed = {"data": [HOME, {**TRAIN, "sha256": "3" * 64}]}
    for facts in (changed, {"data": [HOME]}, {"data": [HOME, {**TRAIN, "reading": {"text": "b"}}]}):
        matched = pairs.match(old, audit(record(*own), rules=rules, fingerprint="g", **facts), paired=True)
        assert [(pair.slice["part"], pair.paired) for pair in matched.pairs] == [("home:", True)]
        assert [(dict(item.slice or {}), item.reason) for item in matched.by_limit_only] == [
            ({"part": "train:"}, "it is measured on training or validation rows, and those differ")
        ]
    assert len(pairs.match(old, audit(record(*own), rules=rules), paired=True).pairs) == 2
    unpaired = pairs.match(old, audit(record(*own), rules=rules, fingerprint="g", **changed), paired=False)
    assert [pair.paired for pair in unpaired.pairs] == [False, False]


@pytest.mark.parametrize("name", ["train", "validation"])
def test_imported_results_of_a_task_called_train_have_their_rows_checked(name: str) -> None:
    old, new = (audit(imported="a tool", data=[{**HOME, "name": name, "sha256": digit * 64}]) for digit in ("0", "1"))
    assert same_cases.check(old, old, unpaired=False, where="new")
    with pytest.raises(ResultsError, match=f"data set '{name}' has other rows"):
        same_cases.check(old, new, unpaired=False, where="new")


# ---- how often it is wrong -------------------------------------------------------------------------------------

RULES = [rule(slice={"part": "*"})]


def two(rng: np.random.Generator, n: int, k: int, worse: Mapping[int, float] | None = None) -> tuple[Audited, Audited]:
    old, new = slices(rng, n, k, 0.1, worse)
    return audit(record(*old), rules=RULES), audit(record(*new), rules=RULES, fingerprint="g")


def called(seed: int, draws: int, n: int = 150, k: int = 8) -> tuple[int, int]:
    """How often two equal models get a slice "worse", and how often a slice fails."""
    rng = np.random.default_rng(seed)
    worse = fails = 0
    for _ in range(draws):
        found = regressions.regressions(*two(rng, n, k))
        worse += any(one.conclusion == "worse" for one in found)
        fails += any(one.outcome == "fail" for one in found)
    return worse, fails


def test_two_seeds_of_one_recipe_are_hardly_ever_called_worse() -> None:
    """At most 5 % of 200, on any of eight slices."""
    worse, fails = called(5, 200)
    assert worse <= 10
    assert fails <= worse


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equal_models_are_called_worse_at_most_as_often_as_promised(seed: int) -> None:
    """5 % of 2,000 and 2.3 standard errors are 123."""
    assert called(seed, 2000)[0] <= 123


def found_at(seed: int, draws: int, n: int, by: float) -> int:
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(draws):
        judgements = regressions.regressions(*two(rng, n, 4, {1: by}))
        found += any(one.outcome == "fail" and one.slice == {"part": "1"} for one in judgements)
    return found


def advised(by: float, pilot: int) -> int:
    """The number of examples that a pilot's advice comes to, at its upper end, in the median of nine pilots."""
    numbers: list[int] = []
    rng = np.random.default_rng(17)
    while len(numbers) < 9:
        for one in regressions.regressions(*two(rng, pilot, 4, {1: by})):
            if one.slice == {"part": "1"} and (told := re.search(r"([\d,]+) more examples? in both", one.reason)):
                numbers.append(pilot + int(told[1].replace(",", "")))
    return sorted(numbers)[4]


def test_a_model_worse_by_a_known_amount_is_found_at_the_advised_number() -> None:
    """A rate of 0.10 that becomes 0.25, against a tolerance of 0.05, is found in at least nine of ten audits."""
    n = advised(0.15, 80)
    assert 100 <= n <= 1000
    assert found_at(23, 40, n, 0.15) >= 36


@pytest.mark.slow
@pytest.mark.parametrize("by", [0.12, 0.15, 0.20])
def test_a_model_worse_by_a_known_amount_is_found_at_length(by: float) -> None:
    assert found_at(29, 400, advised(by, 80), by) >= 360
