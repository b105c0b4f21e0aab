"""Which texts a reviewer may be shown, of cases written by hand; and the intervals of what the reviewer says."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor import metrics, stats
from auditor.errors import DataError, ResultsError
from auditor.results import blinded, label_review
from auditor.results.parquet import CaseWriter
from auditor.stats import preserved
from auditor.stats.intervals import clopper_pearson
from auditor.types import Interval, Metric, ProbeRecord, Row

SLICE = {"recipe": "deepwordbug"}
SUCCESS = Metric("attack_success_rate", "attack success rate", "mean", "share", 0.0, 1.0, "lower")
FLIPS = Metric("flip_rate", "flip rate", "mean", "share", 0.0, 1.0, "lower")
UNDER = Metric("accuracy_under_attack", "accuracy under attack", "mean", "share", 0.0, 1.0, "higher")
TAGS = ("O", "B-PER", "I-PER", "B-LOC")
PLACE = Path("audited.csv")


def case(number: int, before: str, after: str, **changes: Any) -> dict[str, Any]:
    own = {
        **{"model": "m", "probe": "adversarial", "slice": json.dumps(SLICE), "example": f"home:{number}"},
        **{"cluster": f"home:{number}", "answer_before": "negative", "answer_after": "positive"},
        **{"gold": "negative", "vacuous": False, "invalid": False, "facts": "{}"},
    }
    texts = {"before": json.dumps({"text": before}), "after": json.dumps({"text": after})}
    return {**own, **texts, **changes}


def record(*measured: tuple[Metric, dict[str, str], list[Row]], probe: str = "adversarial") -> ProbeRecord:
    return ProbeRecord(
        model="m",
        probe=probe,
        status="measured",
        limitation="attack" if probe == "adversarial" else "noise",
        metrics=tuple({metric.name: metric for metric, _, _ in measured}.values()),
        measurements=tuple(
            metrics.measurement(metric, slice_, rows, n_cases=len(rows)) for metric, slice_, rows in measured
        ),
    )


def population(
    folder: Path, cases: list[dict[str, Any]], *records: ProbeRecord, task: str = "text-classification"
) -> blinded.Population:
    flags = ("vacuous", "invalid")
    schema = pa.schema([(name, pa.bool_() if name in flags else pa.string()) for name in CaseWriter.COLUMNS])
    pq.write_table(pa.Table.from_pylist(cases, schema=schema), folder / "cases.parquet")
    labels = ["negative", "positive"] if task == "text-classification" else list(TAGS)
    content = {
        **{"task": {"name": task, "labels": labels}, "seed": 0, "candidate": "m"},
        **{"digests": {"results.json": "0" * 64}, "models": []},
    }
    return blinded.population(content, records, folder)


def successes(*won: float) -> list[Row]:
    return [Row(f"home:{number}", "", total, 1.0) for number, total in enumerate(won)]


def test_only_confirmed_successes_of_whole_texts_are_shown(tmp_path: Path) -> None:
    cut = "a … [12,345 characters left out] … b"
    cases = [
        case(0, "bad film", "baad film"),
        case(1, "bad film", "bad film", answer_after="negative"),
        case(2, "bad film", "bda film", answer_after="negative"),
        case(3, cut, cut.replace("a", "x")),
        case(4, "bad film", "good film", invalid=True),
        case(5, "bad film", "bod film", gold=None),
        case(6, "bad film", "bid film", model="other"),
        case(7, "bad film", "bud film"),
    ]
    known = population(tmp_path, cases, record((SUCCESS, SLICE, successes(1, 0, 0, 1, 0, 0, 0, 1))))
    changed = {shown.texts["text"] for shown in known.shown.values() if shown.stratum is not None}
    assert changed == {"baad film", "bud film"}
    controls = [shown for shown in known.shown.values() if shown.stratum is None]
    assert {shown.cluster for shown in controls} == {"home:0", "home:1", "home:2", "home:7"}


def test_texts_of_a_cluster_are_told_apart_by_their_answers(tmp_path: Path) -> None:
    cases = [
        case(0, "bad film", "baad film", cluster="group:a"),
        case(1, "bad book", "baad book", cluster="group:a", answer_after="negative"),
    ]
    known = population(tmp_path, cases, record((SUCCESS, SLICE, [Row("group:a", "", 1.0, 2.0)])))
    changed = [shown.texts["text"] for shown in known.shown.values() if shown.stratum is not None]
    assert changed == ["baad film"]
    assert len(blinded.drawn(known)) == 1, "no two rows are of a cluster"


def test_a_reviewer_of_entities_sees_them_in_the_words_of_the_text(tmp_path: Path) -> None:
    gold = {"gold": "B-PER I-PER O B-LOC", "answer_before": "B-PER I-PER O B-LOC", "answer_after": "O O O B-LOC"}
    cases = [
        case(0, "Ann Lee saw Rome", "Ann Lee swa Rome", **gold),
        case(1, "Ann Lee saw Rome", "Ann Lee today saw Rome", **gold),
        case(2, "Ann Lee saw Rome", "saw Rome", **gold),
        case(3, "they saw it all", "they swa it all", **{**gold, "gold": "O O O O"}),
    ]
    made = record((SUCCESS, SLICE, successes(1, 1, 1, 1)))
    known = population(tmp_path, cases, made, task="ner")
    shown = {own.texts["text"]: own.entities for own in known.shown.values() if own.stratum is not None}
    assert shown == {
        "Ann Lee swa Rome": "Ann Lee (PER); Rome (LOC)",
        "Ann Lee today saw Rome": "Ann Lee (PER); Rome (LOC)",
    }
    rows = blinded.drawn(known)
    text = label_review.written(known, rows).decode("utf-8-sig")
    assert text.startswith('"id","text","named_entities","verdict","comment"\r\n')
    assert label_review.answer_column(known) == "verdict"
    first, second = (own for own in known.shown.values() if own.stratum is not None)
    filled = [(2, {"id": first.id, "verdict": "Yes"}), (3, {"id": second.id, "verdict": "no"})]
    told = label_review.review(known, label_review.answers(PLACE, filled, known), [made], "m")
    assert (told.preserved[0].kept, told.preserved[0].judged) == (1, 2)
    assert [(rate.metric, rate.corrected.value) for rate in told.corrected] == [("attack_success_rate", 0.5)]


def test_corrected_rates_of_a_hand_made_audit(tmp_path: Path) -> None:
    """Ten examples: eight right before, four turned; of those labels two of four survive."""
    won = (1, 1, 1, 1, 0, 0, 0, 0)
    right = [Row(f"home:{n}", "", float(4 <= n < 8), 1.0) for n in range(10)]
    cases = [case(n, f"bad film {n}", f"baad film {n}" if n < 4 else f"bad film {n}") for n in range(10)]
    known = population(tmp_path, cases, made := record((SUCCESS, SLICE, successes(*won)), (UNDER, SLICE, right)))
    rows = [own for own in known.shown.values() if own.stratum is not None]
    given = {own.id: "negative" if place < 2 else "positive" for place, own in enumerate(rows)}
    told = label_review.review(known, given, [made], "m")
    rates = {rate.metric: rate for rate in told.corrected}
    assert rates["attack_success_rate"].measured.value == pytest.approx(0.5)
    assert rates["attack_success_rate"].corrected.value == pytest.approx(0.25)
    assert rates["accuracy_under_attack"].measured.value == pytest.approx(0.4)
    assert rates["accuracy_under_attack"].corrected.value == pytest.approx(0.6)
    for rate in told.corrected:
        assert rate.corrected.low < rate.corrected.value < rate.corrected.high


def test_flips_of_a_family_are_pooled_over_its_severities(tmp_path: Path) -> None:
    mild, hard = ({"family": "typos", "perturbation": "ocr", "severity": name} for name in ("mild", "hard"))
    pool = {"family": "typos", "severity": "hard"}
    cases = [
        case(0, "bad film", "bad fi1m", probe="noise", slice=json.dumps(mild), answer_after="negative"),
        case(0, "bad film", "b4d fi1m", probe="noise", slice=json.dumps(hard)),
        case(1, "bad book", "bad b0ok", probe="noise", slice=json.dumps(mild)),
    ]
    rows = {"mild": [Row("home:0", "", 0.0, 1.0), Row("home:1", "", 1.0, 1.0)], "hard": [Row("home:0", "", 1.0, 1.0)]}
    made = record((FLIPS, mild, rows["mild"]), (FLIPS, hard, rows["hard"]), (FLIPS, pool, rows["hard"]), probe="noise")
    known = population(tmp_path, cases, made)
    given = {own.id: own.gold for own in known.shown.values()}
    told = label_review.review(known, given, [made], "m")
    (rate,) = told.corrected
    assert rate.slice == {"family": "typos"}
    assert rate.measured.value == pytest.approx((0.5 + 1.0) / 2)
    assert {each.slice.get("family") for each in told.preserved} == {None, "typos"}
    (whole, part) = told.preserved
    assert whole.share == part.share
    assert (part.judged, part.kept, part.weight) == (3, 3, 1.0)


def test_a_label_called_unclear_leaves_another_word_for_doubt(tmp_path: Path) -> None:
    known = population(tmp_path, [case(0, "bad", "baad")], record((SUCCESS, SLICE, successes(1))))
    assert known.answers == ("negative", "positive", "unclear")

    class Named:
        offers = frozenset({"one_label"})
        labels = ("unclear", "clear")

    assert replace(known, task=Named()).answers == ("unclear", "clear", "cannot say")  # type: ignore[arg-type]


def test_tasks_and_fields_that_no_table_serves_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = population(tmp_path, [case(0, "bad", "baad")], record((SUCCESS, SLICE, successes(1))))

    class Task:
        name = "summaries"
        offers = frozenset[str]()
        fields = ("label",)

    with pytest.raises(ResultsError, match="text field 'label' has the name of a reviewer's column"):
        label_review.written(replace(known, task=Task()), ())  # type: ignore[arg-type]
    monkeypatch.setattr("auditor.tasks.create", lambda *_, **__: Task())
    with pytest.raises(ResultsError, match="texts of the task summaries have no label"):
        population(tmp_path, [case(0, "bad", "baad")], record((SUCCESS, SLICE, successes(1))))


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases.parquet").write_bytes(b"no parquet")
    content = {
        **{"task": {"name": "text-classification", "labels": ["a", "b"]}, "seed": 0, "candidate": "m"},
        "digests": {"results.json": "0" * 64},
    }
    with pytest.raises(ResultsError, match="cannot be read"):
        blinded.population(content, (), tmp_path)


def test_answers_without_any_are_refused(tmp_path: Path) -> None:
    known = population(tmp_path, [case(0, "bad", "baad")], record((SUCCESS, SLICE, successes(1))))
    with pytest.raises(DataError, match="no row is answered"):
        label_review.answers(PLACE, [], known)
    with pytest.raises(ValueError, match="no judged row"):
        preserved.share(0, 0)
    with pytest.raises(ValueError, match="no stratum has a weight"):
        preserved.weighted([])


def test_the_product_of_a_rate_and_a_share_by_hand() -> None:
    rate, kept = Interval(0.5, 0.4, 0.6), Interval(0.8, 0.6, 0.9)
    told = preserved.product(rate, kept)
    assert told.value == pytest.approx(0.4)
    assert told.low == pytest.approx(0.4 - (0.08**2 + 0.1**2 + 0.02**2) ** 0.5)
    assert told.high == pytest.approx(0.4 + (0.08**2 + 0.05**2 + 0.01**2) ** 0.5)
    nothing = preserved.product(rate, Interval(0.0, 0.0, 0.3))
    assert (nothing.value, nothing.low) == (0.0, 0.0)
    assert 0.15 < nothing.high <= 0.18
    half = preserved.weighted([(3.0, Interval(1.0, 0.6, 1.0)), (1.0, Interval(0.0, 0.0, 0.4))])
    assert [half.value, half.low, half.high] == pytest.approx([0.75, 0.75 - (0.3**2) ** 0.5, 0.85])
    raised = preserved.raised(Interval(0.6, 0.5, 0.7), 0.5, kept)
    assert [raised.low, raised.high] == pytest.approx([0.6 - (0.1**2 + 0.05**2) ** 0.5, 0.6 + (0.1**2 + 0.1**2) ** 0.5])


Cell = tuple[int, float, float, int]
"""Examples, success rate, share of successes whose label survives, successes that are labelled."""
GRID: list[Cell] = list(itertools.product((60, 200), (0.1, 0.3, 0.6, 0.9), (0.3, 0.5, 0.8, 0.95, 1.0), (4, 8, 25, 50)))
FEW: list[Cell] = [(60, 0.3, 0.8, 8), (60, 0.6, 0.8, 50), (200, 0.9, 0.95, 8), (200, 0.1, 1.0, 25)]


def coverage(cell: Cell, runs: int, raised_runs: int) -> tuple[float, float]:
    """How often the intervals hold the success rate and the accuracy under attack that count kept labels alone."""
    import numpy as np

    n, rate, kept_share, most = cell
    rng = np.random.default_rng(list(map(int, (n, 100 * rate, 100 * kept_share, most))))
    held = tried = held_raised = tried_raised = 0
    for _ in range(runs):
        right = rng.random(n) < 0.85
        won = right & (rng.random(n) < rate)
        events = int(won.sum())
        if not events:
            continue
        labelled = min(most, events)
        kept = preserved.share(int((rng.random(labelled) < kept_share).sum()), labelled)
        attacked = int(right.sum())
        success = Interval(events / attacked, *clopper_pearson(float(events), float(attacked), 0.025))
        told = preserved.product(success, kept)
        tried += 1
        held += told.low - 1e-12 <= rate * kept_share <= told.high + 1e-12
        if tried_raised < raised_runs:
            totals = right - won * kept.value
            rows = [Row(str(place), "", float(total), 1.0) for place, total in enumerate(totals)]
            estimate = stats.estimate("mean", rows, low=0.0, high=1.0)
            own = Interval(estimate.value, estimate.low, estimate.high)
            forgiving = preserved.raised(own, events / n, kept)
            tried_raised += 1
            held_raised += forgiving.low - 1e-12 <= 0.85 * (1.0 - rate * kept_share) <= forgiving.high + 1e-12
    return held / tried, held_raised / tried_raised


NOISE = 3.0
"""Standard errors of a simulation that a covered share may fall short by."""


def least(runs: int) -> float:
    return 0.94 - NOISE * math.sqrt(0.94 * 0.06 / runs)


@pytest.mark.parametrize("cell", FEW)
def test_corrected_rates_cover_what_they_estimate(cell: Cell) -> None:
    success, accuracy = coverage(cell, 1_500, 200)
    assert success >= least(1_500)
    assert accuracy >= least(200)


@pytest.mark.slow
@pytest.mark.parametrize("cell", GRID)
def test_corrected_rates_cover_on_a_grid(cell: Cell) -> None:
    success, accuracy = coverage(cell, 10_000, 3_000)
    assert success >= 0.94
    assert accuracy >= 0.94 - 0.0075
