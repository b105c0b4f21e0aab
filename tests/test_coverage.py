"""The probe coverage: slices that a model fails on are held or shown, and slices that differ by chance are not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import GOOD, LABELS, nowhere, plan_of, reviews, shipped

from auditor import metrics, tasks
from auditor.data import load_all
from auditor.data.columns import Columns
from auditor.errors import ConfigError, DataError
from auditor.evaluation import runner
from auditor.models.fake import FakeModel
from auditor.settings import data_columns
from auditor.testing import FakeAudit
from auditor.types import Example, Measurement, ProbeRecord, Request, Response, Score, Silent
from auditor.verdicts import gate, policy
from probes import _row_properties, _slice_search
from probes._confirmed import confirmed
from probes._scored_rows import ScoredRow
from probes.coverage import Settings, _with_copies

(PROBE,) = shipped("coverage")
TEXTS = tasks.create("text-classification", LABELS)


def right(request: Request) -> Response:
    """Right by the review's keyword."""
    return (0.1, 0.9) if any(word in GOOD for word in request.texts[0].split()) else (0.9, 0.1)


def failing(wrong: Callable[[str], bool], share: float = 1.0) -> FakeModel:
    """A model that gives the other label to a share of the texts that a test picks."""

    def answer(request: Request) -> Response:
        (text,) = request.texts
        hit = wrong(text) and int(text.split()[-1]) % 100 < 100 * share
        return right(request)[::-1] if hit else right(request)

    return FakeModel(answer, LABELS)


def by_region(n: int = 600) -> tuple[Example, ...]:
    """Reviews; every fifth is of the north, and its text says so by its number."""
    return tuple(
        replace(row, meta={"region": "north" if place % 5 == 0 else "south", "year": str(2000 + place % 40)})
        for place, row in enumerate(reviews(n))
    )


def of_north(text: str) -> bool:
    return int(text.split()[-1]) % 5 == 0


def record_of(model: FakeModel, rows: Sequence[Example], **settings: Any) -> ProbeRecord:
    plan = plan_of(model, (PROBE,), examples={"home": rows}, settings={"coverage": Settings(**settings)})
    (record,) = runner.run(plan, nowhere, Silent())
    assert record.status == "measured", record.reason
    return record


def drops(record: ProbeRecord, key: str) -> dict[tuple[str, str], Measurement]:
    return {
        (number.slice[key], number.slice["value"]): number
        for number in record.measurements
        if number.metric == "drop_against_rest" and key in number.slice
    }


def outcomes(record: ProbeRecord, key: str) -> dict[str, str]:
    """Value of a slice's last key → verdict of the shipped rule."""
    rules = [rule for rule in policy.load().rules if rule.probe == "coverage"]
    decision = gate.decide(replace(policy.load(), rules=tuple(rules)), (record,), record.model)
    named = ((verdict, list((verdict.slice or {}).values())) for verdict in decision.verdicts)
    return {values[-1]: verdict.outcome for verdict, values in named if key in (verdict.slice or {})}


# --- slices that are declared


def test_a_model_that_fails_on_one_value_of_a_column_is_held() -> None:
    record = record_of(failing(of_north), by_region(), columns=("region",))
    north, south = (drops(record, "column")["region", name] for name in ("north", "south"))
    assert (north.value, north.n_cases, south.value, south.n_cases) == (1.0, 120, -1.0, 480)
    assert outcomes(record, "column") == {"north": "fail", "south": "pass"}


def test_a_sound_model_passes_every_value_of_a_column() -> None:
    record = record_of(FakeModel(right, LABELS), by_region(), columns=("region", "year"))
    assert set(outcomes(record, "column").values()) == {"pass"}
    assert {number.value for number in record.measurements if number.metric == "accuracy_in_slice"} == {1.0}


def test_without_a_column_the_rule_does_not_apply() -> None:
    record = record_of(FakeModel(right, LABELS), reviews(200))
    assert outcomes(record, "column") == {"none": "not_applicable"}


def test_the_drop_is_that_of_the_shares_worked_out_by_hand() -> None:
    # Of 120 rows of the north every fifth number ends in 0 or 5: half of those, below 50, are wrong; the rest is right.
    record = record_of(failing(of_north, 0.5), by_region(), columns=("region",))
    north = drops(record, "column")["region", "north"]
    assert north.value == pytest.approx(0.5)
    (quality,) = (
        number
        for number in record.measurements
        if (number.metric, number.slice.get("value")) == ("accuracy_in_slice", "north")
    )
    assert quality.value == pytest.approx(0.5)
    assert quality.low < 0.5 < quality.high


def places(request: Request) -> tuple[float, float]:
    """The embedding of a text: how often it says "east" and "north"; of one that says "broken" none."""
    words = request.texts[0].split()
    if "broken" in words:
        return (math.nan, math.nan)
    return (float(words.count("east")), float(words.count("north")))


def properties(texts: Mapping[str, str], train: Sequence[str] = (), **settings: Any) -> dict[str, Mapping[str, str]]:
    sets = {"home": tuple(Example(name, {"text": text}, LABELS[0]) for name, text in texts.items())}
    if train:
        sets["train"] = tuple(Example(f"train:{text}", {"text": text}, LABELS[0]) for text in train)
    audit = FakeAudit(sets, Settings(**settings), TEXTS, model=FakeModel(lambda _: (0.5, 0.5), embed=places))
    return {each.name: each.values for each in _row_properties.declared(audit, 20, 4)}


def test_properties_are_read_off_the_text() -> None:
    found = properties(
        {"a": "It isn't GREAT", "b": "Was it 3 hours?", "c": "nothing new", "d": "knotty I"}, train=["it is new"]
    )
    having = {name: [row for row, value in found[name].items() if value == "with"] for name in _row_properties.SIGNS}
    assert having == {"negation": ["a", "c"], "question mark": ["b"], "number": ["b"], "word in capitals": ["a"]}
    # Words of a: it, isn, t, great; of b: was, it, 3, hours; of c: nothing, new; of d: knotty, i.
    assert found["words unknown to training"] == {
        "c": "up to 50 %",
        "a": "above 50, up to 75 %",
        "b": "above 50, up to 75 %",
        "d": "above 75 %",
    }
    assert found["length"] == {
        "c": "up to 2 words",
        "d": "up to 2 words",
        "a": "above 2, up to 3 words",
        "b": "above 3 words",
    }


def test_the_distance_from_training_is_that_of_the_nearest_rows() -> None:
    texts = {"a": "east", "b": "east east north", "c": "north", "d": "east north"}
    train = ["east", "east east", "east east east", "north"]
    # One less the cosine to the nearest row of training: 0, 1 − 2/√5, 0 and 1 − 1/√2.
    nearest = properties(texts, train, nearest=1)["distance from training"]
    assert nearest == {
        "a": "up to 0",
        "c": "up to 0",
        "b": "above 0, up to 0.1056",
        "d": "above 0.1056",
    }
    # To the three nearest: 0, 1 − 2/√5, (0 + 1 + 1) / 3, and 1 − 1/√2.
    third = properties(texts, train, nearest=3)["distance from training"]
    assert third == {
        "a": "up to 0",
        "b": "above 0, up to 0.1056",
        "d": "above 0.1056, up to 0.2929",
        "c": "above 0.2929",
    }
    # Of training two rows alone are looked at; more than there are cannot be near.
    assert properties(texts, train, training=2)["distance from training"]["c"] == "above 0.2929"


def test_rows_without_an_embedding_are_at_no_distance() -> None:
    texts = {"a": "east", "x": "broken", "d": "east north"}
    nearest = properties(texts, ["broken east", "east", "broken"], nearest=1)["distance from training"]
    assert nearest == {"a": "up to 0", "d": "above 0"}
    for home, train in ((texts, ["broken"]), ({"x": "broken"}, ["east"])):
        assert properties(home, train)["distance from training"] == {}


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        ([], []),
        ([3.0, 3.0], ["3", "3"]),
        ([1.0, 2.0, 3.0, 4.0], ["up to 1", "above 1, up to 2", "above 2, up to 3", "above 3"]),
        ([0.0, 0.0, 0.0, 0.5], ["up to 0", "up to 0", "up to 0", "above 0"]),
        ([2.0, 1.5], ["above 1.5", "up to 1.5"]),
    ],
)
def test_quantiles_have_equal_numbers_together(numbers: Sequence[float], names: Sequence[str]) -> None:
    rows = {str(place): number for place, number in enumerate(numbers)}
    found = _row_properties.in_quantiles(rows, 4)
    assert [found[row] for row in rows] == names


def column(cells: Sequence[str], fewest: int = 2) -> dict[str, str] | str | None:
    rows = tuple(Example(str(place), {"text": "a"}, LABELS[0], meta={"x": cell}) for place, cell in enumerate(cells))
    found = _row_properties._column("x", rows, fewest, 2)
    return found.missing or dict(sorted(found.values.items(), key=lambda item: int(item[0])))


def test_a_column_has_words_numbers_rarer_values_and_blanks() -> None:
    assert column(["a", "a", "b", "b", ""]) == {"0": "a", "1": "a", "2": "b", "3": "b", "4": "no value"}
    assert column(["a", "a", "b", "c"]) == {"0": "a", "1": "a", "2": "rarer values", "3": "rarer values"}
    assert column(["1", "2", "3", "4"]) == {"0": "up to 2", "1": "up to 2", "2": "above 2", "3": "above 2"}
    assert column(["1", "2", "x", "1"]) == {"0": "1", "1": "rarer values", "2": "rarer values", "3": "1"}
    assert column(["nan", "inf", "nan", "inf"]) == "every cell is blank"
    assert column(["a", "b", "c", "d"]) == "no value of the column has 2 rows"


def test_a_column_that_makes_no_slice_leaves_the_question_open_and_a_constant_one_does_not() -> None:
    rows = tuple(replace(row, meta={"id": row.id, "language": "en"}) for row in reviews(100))
    record = record_of(FakeModel(right, LABELS), rows, columns=("id", "language"))
    gaps = {gap.slice["column"]: (gap.reason, gap.applies) for gap in record.skipped if "column" in gap.slice}
    assert gaps == {
        "id": ("no value of the column has 20 rows", True),
        "language": ("every row is of one kind: en", False),
    }


def test_the_rows_asked_do_not_close_a_column_that_has_more_values_in_the_file() -> None:
    # The 20 rows of the north are the last of the file: the first 10 have none of them.
    rows = tuple(
        replace(row, meta={"region": "north" if place >= 2000 else "south", "blank": ""})
        for place, row in enumerate(reviews(2020))
    )
    record = record_of(FakeModel(right, LABELS), rows, columns=("region", "blank"), examples=10)
    gaps = {tuple(gap.slice.values()): (gap.reason, gap.applies) for gap in record.skipped if "column" in gap.slice}
    assert gaps == {
        ("region", "north"): ("none of its rows was asked", True),
        ("region", "south"): ("nothing is counted in it, or in the rows to compare with", True),
        ("blank", "all"): ("every cell is blank", True),
    }
    assert set(outcomes(record, "column").values()) == {"not_measured"}


@pytest.mark.parametrize("blank", ["", "nan", "NaN", "inf", "-inf", "n/a", "N/A", "None", "null", "-"])
def test_a_missing_number_leaves_the_column_one_of_numbers(blank: str) -> None:
    parts = {"0": "up to 2", "1": "up to 2", "2": "above 2", "3": "above 2", "4": "no value"}
    assert column(["1", "2", "3", "4", blank]) == parts


def test_a_cell_that_reads_like_a_sentinel_is_quoted() -> None:
    cells = ["no value", "no value", "rarer values", "rarer values", "", "x"]
    names = ["'no value'", "'no value'", "'rarer values'", "'rarer values'", "no value", "rarer values"]
    assert column(cells) == {str(place): name for place, name in enumerate(names)}


def test_a_number_that_nearly_all_rows_have_is_no_constant() -> None:
    assert column(["1", "2", "5", "5", "5", "5", "5", "5"]) == {
        **dict.fromkeys("01", "rarer values"),
        **dict.fromkeys("234567", "5"),
    }


# --- slices that are discovered


def discovered(record: ProbeRecord) -> list[Measurement]:
    return [number for number in record.measurements if number.metric == "drop_in_discovered_slices"]


def test_a_planted_pair_of_words_is_discovered_confirmed_and_told() -> None:
    # The other rows have other words in the same places, so that no length gives the slice away.
    starts = (("refund" if place % 3 == 0 else "the", "late" if place % 4 == 0 else "a") for place in range(900))
    rows = tuple(
        replace(row, inputs={"text": f"{first} {second} {row.inputs['text']}"})
        for row, (first, second) in zip(reviews(900), starts, strict=True)
    )
    record = record_of(failing(lambda text: text.startswith("refund late")), rows)
    first = discovered(record)[0]
    assert first.slice == {"discovered": "slice 1"}
    # The tokens are named by a row, for no model of these tests tells its vocabulary.
    assert first.detail == "a word of home:2 and a word of home:2: confirmed"
    assert first.value == 1.0
    assert 15 <= first.n_cases <= 60
    assert outcomes(record, "discovered")["slice 1"] == "fail"


def test_a_perfect_model_has_no_slice_to_discover() -> None:
    record = record_of(FakeModel(right, LABELS), reviews(300))
    assert discovered(record) == []
    (gap,) = (gap for gap in record.skipped if "discovered" in gap.slice)
    assert (gap.reason, gap.applies) == (
        "no slice of 20 rows and more is worse than the rest where it is searched for",
        False,
    )
    assert [
        gap
        for gap in record_of(FakeModel(right, LABELS), reviews(90), discovered=0).skipped
        if "discovered" in gap.slice
    ] == []


@pytest.mark.parametrize("seed", range(3))
def test_two_hundred_slices_that_differ_by_chance_stay_silent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    metric = next(metric for metric in PROBE.metrics(TEXTS) if metric.name == "drop_in_discovered_slices")
    names = [str(place) for place in range(1000)]
    alarms, held, here, there = 0, 0, [], []
    for _ in range(40):
        scores = [Score(float(score), 1.0) for score in rng.random(1000) < 0.85]
        searched = rng.random(1000) < 0.5
        traits = [_slice_search.Trait("token", str(place), rng.random(1000) < 0.05) for place in range(200)]
        numbers = []
        for found in _slice_search.search(scores, searched, traits, 15, 3):
            here.append(drop(scores, found.has, searched))
            there.append(drop(scores, found.has, ~searched))
            rows = [
                metrics.summed(
                    [(names[at], scores[at]) for at in np.flatnonzero(~searched & (found.has == inside))], arm
                )
                for inside, arm in ((False, "first"), (True, "second"))
            ]
            numbers.append(metrics.measurement(metric, {"discovered": "slice 1"}, [*rows[0], *rows[1]], n_cases=1))
        alarms += bool(confirmed(numbers, metric))
        held += any(number.low > 0.1 for number in numbers)
    # Up to 5 % of 40, and one more than that by chance: P(more than 5 of 40) is 1.4 % at exactly 5 %.
    assert alarms <= 5
    assert held <= 1
    assert np.mean(here) > 0.12
    assert abs(np.mean(there)) < 0.03


def drop(scores: Sequence[Score], has: Any, half: Any) -> float:
    values = np.array([score.numerator for score in scores])
    return float(values[half & ~has].mean() - values[half & has].mean())


def test_a_slice_of_a_ratio_is_searched_by_what_it_takes_from_the_ratio() -> None:
    # Sentences without an entity say nothing, however many lie in a slice.
    rng = np.random.default_rng(5)
    empty, bad = rng.random(400) < 0.5, rng.random(400) < 0.2
    scores = [
        Score(0.0, 0.0) if nothing else Score(0.0 if wrong else 2.0, 2.0)
        for nothing, wrong in zip(empty, bad, strict=True)
    ]
    traits = [_slice_search.Trait("token", name, has) for name, has in (("empty", empty), ("bad", bad))]
    (found, *_) = _slice_search.search(scores, np.ones(400, dtype=bool), traits, 20, 3)
    assert [trait.value for trait in found.traits] == ["bad"]


def test_of_slices_with_the_same_rows_one_is_kept_and_a_property_alone_is_none() -> None:
    bad = np.arange(200) < 60
    scores = [Score(0.0 if wrong else 1.0, 1.0) for wrong in bad]
    everything = np.ones(200, dtype=bool)
    twice = [_slice_search.Trait("token", name, bad) for name in "ab"]
    assert len(_slice_search.search(scores, everything, twice, 20, 3)) == 1
    lengths = [_slice_search.Trait("property length", name, has) for name, has in (("long", bad), ("short", ~bad))]
    assert _slice_search.search(scores, everything, lengths, 20, 3) == []


def test_a_pair_within_a_bad_part_is_no_discovery_of_its_own() -> None:
    rng = np.random.default_rng(3)
    bad, half = np.arange(400) < 200, rng.random(400) < 0.5
    scores = [Score(float(not wrong), 1.0) for wrong in bad]
    traits = [_slice_search.Trait("property class", "a", bad), _slice_search.Trait("token", "the", half)]
    slices = _slice_search.search(scores, np.ones(400, dtype=bool), traits, 20, 3)
    assert [weak for weak in slices if len(weak.traits) > 1] == []


def test_what_all_rows_have_makes_no_pair() -> None:
    bad = np.arange(400) < 100
    scores = [Score(float(not wrong), 1.0) for wrong in bad]
    traits = [
        _slice_search.Trait("property length", "10 words", np.ones(400, dtype=bool)),
        _slice_search.Trait("property class", "a", bad),
    ]
    assert _slice_search.search(scores, np.ones(400, dtype=bool), traits, 20, 3) == []


def test_rows_with_the_same_words_are_of_one_cluster_across_the_halves() -> None:
    texts = {"a": "One two", "b": "three", "c": "one  TWO", "d": "four", "e": "three", "f": "..."}
    clusters = {"a": "1", "b": "1", "c": "2", "d": "4", "e": "5", "f": "6"}
    examples = {name: Example(name, {"text": text}, LABELS[0]) for name, text in texts.items()}
    rows = [ScoredRow(name, clusters[name], Score(1.0, 1.0)) for name in texts]
    merged = {row.id: row.cluster for row in _with_copies(rows, examples)}
    assert len({merged[name] for name in "abce"}) == 1
    assert (merged["d"], merged["f"]) == ("4", "6")


# --- columns of the data


def test_columns_that_the_settings_name_are_read_and_missing_ones_named(tmp_path: Path) -> None:
    assert data_columns(Settings(columns=("region", "year"))) == ("region", "year")
    assert data_columns(Settings()) == ()
    with pytest.raises(ConfigError, match="columns names 'a' twice"):
        Settings(columns=("a", "a"))
    file = tmp_path / "test.csv"
    file.write_text("text,label,region,year\nA film,positive, north ,1999\nA bore,negative,,2001\n", encoding="utf-8")
    sets = load_all({"home": file}, tasks={"home": TEXTS}, columns=Columns(), further={"home": ("region", "year")})
    assert [row.meta for row in sets["home"].examples] == [
        {"region": "north", "year": "1999"},
        {"region": "", "year": "2001"},
    ]
    with pytest.raises(DataError) as caught:
        load_all({"home": file}, tasks={"home": TEXTS}, further={"home": ("regoin",)})
    assert (
        caught.value.line == f"{file}: no column 'regoin' (did you mean 'region'? columns: text, label, region, year)"
    )


def test_sentences_have_columns_too_where_a_row_is_a_sentence(tmp_path: Path) -> None:
    task = tasks.create("ner", ("O", "B-PER", "I-PER"))
    file = tmp_path / "test.jsonl"
    file.write_text('{"tokens": ["Ann", "left"], "tags": ["B-PER", "O"], "source": "web"}\n', encoding="utf-8")
    (row,) = load_all({"home": file}, tasks={"home": task}, further={"home": ("source",)})["home"].examples
    assert row.meta == {"source": "web"}
    plain = tmp_path / "test.conll"
    plain.write_text("Ann B-PER\nleft O\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column 'source'"):
        load_all({"home": plain}, tasks={"home": task}, further={"home": ("source",)})
