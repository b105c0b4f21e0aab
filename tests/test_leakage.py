"""The probe leakage: copies that are planted are found, and where nothing is planted it stays silent."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes import LABELS, nowhere, plan_of, shipped
from test_copies import independent, reworded
from tiny import WORDS, tiny_checkpoint

import auditor
from auditor import metrics, results, tasks
from auditor.evaluation import runner
from auditor.models.fake import FakeModel
from auditor.testing import FakeAudit
from auditor.text import copies
from auditor.types import NEEDS, Example, GivenRow, Measurement, ProbeRecord, Request, Response, Row, Silent, TextPair
from auditor.verdicts import advice, gate, policy
from probes import _copies
from reports import scorecard

(PROBE,) = shipped("leakage")
TASK = tasks.create("text-classification", LABELS)
RULES = policy.Policy("one", "", tuple(rule for rule in policy.load().rules if rule.probe == "leakage"))
Texts = Sequence[str]


def rows(name: str, texts: Texts, groups: Mapping[int, str] | None = None) -> tuple[Example, ...]:
    groups = groups or {}
    return tuple(
        Example(f"{name}:{place}", {"text": text}, LABELS[place % 2], groups.get(place))
        for place, text in enumerate(texts)
    )


def answering(wrong: Texts = ()) -> FakeModel:
    """A model that is right, but for these texts: their labels turn with the place of the row."""
    known = set(wrong)

    def answer(request: Request) -> Response:
        return (0.2, 0.8) if request.texts[0] in known else (0.8, 0.2)

    return FakeModel(answer, LABELS, name="model")


def record(sets: Mapping[str, Sequence[Example]], model: FakeModel | None = None, **more: Any) -> ProbeRecord:
    """The probe's record; its cases find their answers known, as quality asks for the same."""
    plan = plan_of(model or answering(), shipped("quality", "leakage"), task=TASK, examples=sets, **more)
    _, own = runner.run(plan, nowhere, Silent())
    assert own.status == "measured", plan.errors
    assert own.counts["forward_passes"] == own.counts["queries"] == 0
    return own


def value(found: ProbeRecord, metric: str, **slice_: str) -> float:
    (own,) = (number for number in found.measurements if number.metric == metric and dict(number.slice) == slice_)
    return own.value


def verdict(found: ProbeRecord) -> str:
    (only,) = gate.decide(RULES, (found,), "model").verdicts
    return only.outcome


def test_200_rows_with_one_word_in_twenty_replaced_are_found_and_held() -> None:
    rng = random.Random(0)
    train = independent(1000, rng, (11, 80))
    home = [reworded(text, 0.05, rng) for text in train[:200]] + independent(800, rng, (11, 80))
    found = record({"home": rows("home", home), "train": rows("train", train)})
    assert value(found, "leaked_share", rows="home", **{"in": "train"}) == 0.2
    assert value(found, "leaked_share", rows="home", **{"in": "train"}, copies="near") == 0.2
    assert value(found, "leaked_share", rows="home", **{"in": "train"}, copies="exact") == 0.0
    assert value(found, "repeated_share", rows="home", **{"in": "home"}) == 0.0
    assert verdict(found) == "fail"
    (own,) = (number for number in found.measurements if number.detail == "0 exact, 200 near")
    assert (own.n_cases, own.n_clusters, own.available) == (1000, 1000, 1000)
    assert [(pair.example.split(":")[1], pair.likeness > 0.5) for pair in found.pairs] == [
        (pair.twin.split(":")[1], True) for pair in found.pairs
    ]
    assert len(found.pairs) == PROBE.settings.pairs
    assert "copies" in advice.BY_METRIC["leaked_share"]


def test_a_thousand_independent_texts_stay_silent() -> None:
    rng = random.Random(1)
    sets = {name: rows(name, independent(500, rng, (1, 60))) for name in ("home", "far", "train", "validation")}
    found = record(sets)
    shares = [number for number in found.measurements if number.metric in ("leaked_share", "repeated_share")]
    near = [number.value for number in shares if number.slice.get("copies") == "near"]
    assert near == [0.0] * 4
    # Texts of a word may occur twice by chance: they are counted, and are few.
    assert max(number.value for number in shares) < 0.02
    assert verdict(found) == "pass"


def test_each_set_is_looked_up_where_it_should_be() -> None:
    rng = random.Random(2)
    texts = independent(60, rng, (11, 20))
    sets = {
        "home": texts[:20],
        "far": [*texts[20:30], *(text.upper() for text in texts[40:45])],
        "train": [*texts[40:], f"{texts[0]}!"],
        "validation": [texts[1], texts[2], texts[20]],
    }
    found = record({name: rows(name, own) for name, own in sets.items()})
    shares = {
        (number.slice["rows"], number.slice["in"]): number.value
        for number in found.measurements
        if number.metric == "leaked_share" and "copies" not in number.slice
    }
    assert shares == pytest.approx(
        {("home", "train"): 1 / 20, ("home", "validation"): 2 / 20, ("far", "train"): 5 / 15}
    )
    assert not found.skipped


def test_without_training_rows_it_says_so_and_still_looks_within_the_test_set() -> None:
    rng = random.Random(3)
    home = independent(100, rng, (20, 40))
    home += [home[0], home[1].upper(), reworded(home[2], 0.05, rng)]
    found = record({"home": rows("home", home)})
    assert [(dict(gap.slice), gap.reason, gap.applies) for gap in found.skipped] == [
        ({"rows": "home", "in": "train"}, NEEDS["train"], False),
        ({"rows": "home", "in": "validation"}, "no validation data given ([data] validation)", False),
    ]
    assert value(found, "repeated_share", rows="home", **{"in": "home"}) == pytest.approx(6 / 103)
    assert value(found, "repeated_share", rows="home", **{"in": "home"}, copies="exact") == pytest.approx(4 / 103)
    (own,) = (number for number in found.measurements if number.detail == "4 exact, 2 near")
    # A row and what it repeats are one unit.
    assert (own.n_cases, own.n_clusters) == (103, 100)
    pairs = [sorted((pair.example, pair.twin)) for pair in found.pairs]
    assert sorted(pairs) == [["home:0", "home:100"], ["home:1", "home:101"], ["home:102", "home:2"]]
    assert verdict(found) == "not_applicable"


def test_rows_of_one_cluster_do_not_repeat_each_other() -> None:
    rng = random.Random(4)
    home = independent(30, rng, (20, 40))
    home += [home[0], reworded(home[1], 0.05, rng), home[2]]
    groups = {0: "a", 30: "a", 1: "b", 31: "b", 2: "c", 32: "d"}
    found = record({"home": rows("home", home, groups)})
    assert value(found, "repeated_share", rows="home", **{"in": "home"}) == pytest.approx(2 / 33)


def test_texts_that_are_the_same_count_once_as_leaked() -> None:
    rng = random.Random(5)
    train = independent(50, rng, (11, 20))
    home = [train[0]] * 10 + [f"{train[0]}."] * 10 + independent(79, rng, (11, 20))
    found = record({"home": rows("home", home), "train": rows("train", train)})
    # 80 different texts, of which training has one.
    assert value(found, "leaked_share", rows="home", **{"in": "train"}) == pytest.approx(1 / 80)
    assert value(found, "repeated_share", rows="home", **{"in": "home"}) == pytest.approx(20 / 99)


def test_every_text_of_a_group_counts_in_the_share_that_leaked() -> None:
    rng = random.Random(10)
    train = independent(81, rng, (11, 20))
    home = [*train, *independent(9 + 30, rng, (11, 20))]
    groups = dict.fromkeys(range(90), "author")
    found = record({"home": rows("home", home, groups), "train": rows("train", train)})
    # A group of 90 texts of which 81 are leaked, and 30 clean texts.
    assert value(found, "leaked_share", rows="home", **{"in": "train"}) == pytest.approx(81 / 120)
    (own,) = (number for number in found.measurements if number.detail == "81 exact, 0 near")
    assert own.n_clusters == 31


def test_texts_that_are_nearly_the_same_are_one_cluster_of_those_that_leaked() -> None:
    rng = random.Random(11)
    train = independent(10, rng, (11, 20))
    home = [train[0], reworded(train[0], 0.05, rng), *independent(40, rng, (11, 20))]
    found = record({"home": rows("home", home), "train": rows("train", train)})
    (own,) = (number for number in found.measurements if number.detail == "1 exact, 1 near")
    assert own.value == pytest.approx(2 / 42)
    assert own.n_clusters == 41


def test_rows_that_an_audit_leaves_out_are_leaked_all_the_same_and_never_asked_about() -> None:
    rng = random.Random(6)
    texts = independent(120, rng, (11, 20))
    home, out = rows("home", texts)[:100], rows("home", texts)[100:]
    keys = {row.id: row.inputs["text"] for row in (*home, *out)} | {f"train:{place}": f"{place}" for place in range(20)}
    keys["train:3"] = texts[7]
    train = rows("train", [*texts[100:103], "what a model cuts", *independent(16, rng)])
    found = record({"home": home, "train": train}, left_out={"home": out}, keys=keys)
    # Three have the words of a training row, and a fourth is to the model what a training row is.
    assert value(found, "leaked_share", rows="home", **{"in": "train"}, copies="exact") == pytest.approx(4 / 120)
    assert found.counts["cases"] == 100


def test_quality_without_copies_and_the_gain_on_them_are_those_of_the_clean_answers() -> None:
    rng = random.Random(7)
    train = independent(40, rng, (20, 40))
    home = [reworded(text, 0.05, rng) for text in train] + independent(60, rng, (20, 40))
    # Of the rows at odd places the model is right where it says the second label.
    wrong = [text for place, text in enumerate(home) if place % 2 and place < 30]
    found = record({"home": rows("home", home), "train": rows("train", train)}, answering(wrong))
    place = {"rows": "home", "in": "train"}
    # Copies: 20 of the even places and 15 odd ones are right. Others: the 30 even places.
    assert value(found, "accuracy_without_copies", **place) == pytest.approx(30 / 60)
    assert value(found, "gain_on_copies", **place) == pytest.approx(35 / 40 - 30 / 60)
    (gain,) = (number for number in found.measurements if number.metric == "gain_on_copies")
    assert (gain.method, gain.n_cases) == ("newcombe", 100)
    assert [rule.metric for rule in RULES.rules] == ["leaked_share"]


def test_answers_to_copies_of_each_other_are_one_cluster() -> None:
    rng = random.Random(12)
    texts = independent(40, rng, (11, 20))
    home = [*texts, *(f"{text}!" for text in texts[:10]), *(reworded(text, 0.05, rng) for text in texts[10:15])]
    found = record({"home": rows("home", home), "train": rows("train", texts[30:])})
    quality = {
        number.slice["in"]: (number.n_cases, number.n_clusters)
        for number in found.measurements
        if number.metric == "accuracy_without_copies"
    }
    # Of 55 rows 10 are in training; of the 45 others ten are the same as another, five nearly so.
    assert quality == {"train": (45, 30), "home": (25, 25)}


def test_rows_that_are_all_the_same_are_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(13)
    (text,) = independent(1, rng, (20, 40))
    changed = reworded(text, 0.05, rng)
    compared: list[int] = []
    join = copies.near_pairs

    def counting(left: copies.Shingled, *more: Any) -> Any:
        compared.append(len(left.sizes))
        return join(left, *more)

    monkeypatch.setattr(copies, "near_pairs", counting)
    home = [text] * 3000 + [changed]
    (own,) = _copies.row_sets({"home": [GivenRow(row, "") for row in rows("home", home, {0: "a", 3000: "a"})]}).values()
    copied = _copies.copies_within(own, 0.5)
    assert compared == [3]
    # The last row is of the first one's cluster: it nearly repeats the second.
    assert [copy.twin.id for copy in copied if copy] == ["home:1", *["home:0"] * 2999, "home:1"]
    assert [copy.kind for copy in copied if copy] == ["exact"] * 3000 + ["near"]


@pytest.mark.parametrize("copied", [0, 30])
def test_where_all_rows_are_of_one_kind_there_is_no_gain(copied: int) -> None:
    texts = independent(30, random.Random(8), (11, 20))
    train = texts if copied else ["something else"]
    found = record({"home": rows("home", texts), "train": rows("train", train)})
    assert value(found, "leaked_share", rows="home", **{"in": "train"}) == copied / 30
    assert {number.metric for number in found.measurements} == {"leaked_share", "repeated_share"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_share_within_the_limit_is_held_in_at_most_5_percent(seed: int) -> None:
    """By the rule alone, on 1,000 rows of which each leaks with a chance of one in a hundred."""
    rng = random.Random(seed)
    probe = RULES.rules[0]
    metric = next(each for each in PROBE.metrics(TASK) if each.name == probe.metric)
    held = 0
    for _ in range(100):
        leaks = [Row(str(place), "", float(rng.random() < 0.01), 1.0) for place in range(1000)]
        own = metrics.measurement(metric, {"rows": "home", "in": "train"}, leaks, n_cases=1000)
        held += verdict(ProbeRecord("model", "leakage", "measured", metrics=(metric,), measurements=(own,))) == "fail"
    assert held <= 10  # 99 % point of Binomial(100, 0.05)


@pytest.mark.parametrize(
    "text", ["", " ", "word", "😀", "\ud800", "<script>alert(1)</script>", "长" * 50, "x" * 600_000, "a b " * 150_000]
)
def test_hostile_texts_are_copies_of_themselves(text: str) -> None:
    audit = FakeAudit({"home": rows("home", [text, "b"]), "train": rows("train", ["c", text])}, PROBE.settings, TASK)
    found = list(PROBE.measure((), audit))
    shares = [item.value for item in found if isinstance(item, Measurement) and item.metric == "leaked_share"]
    assert shares[0] == 0.5
    (pair,) = (item for item in found if isinstance(item, TextPair))
    assert (pair.example, pair.twin, pair.likeness) == ("home:0", "train:1", 1.0)
    assert len(pair.texts["text"]) < 1100


# --- end to end


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]], list[dict[str, str]]]:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("leakage") / "tiny", LABELS)
    rng = random.Random(9)
    texts = [" ".join(rng.choices(WORDS, k=30)) for _ in range(60)]
    train = [{"text": text, "label": LABELS[place % 2]} for place, text in enumerate(texts[:30])]
    changed = [f"{text} <&>!" for text in texts[:6]]
    near = [" ".join(["<i>other", *text.split()[1:]]) for text in texts[6:10]]
    home = [{"text": text, "label": LABELS[place % 2]} for place, text in enumerate([*changed, *near, *texts[30:]])]
    return folder, home, train


def test_an_audit_shows_the_pairs_escaped_and_keeps_none_without_texts(
    audited: tuple[Path, list[dict[str, str]], list[dict[str, str]]], tmp_path: Path
) -> None:
    folder, home, train = audited
    found = auditor.audit(folder, home, train=train, probes=["leakage"], out=tmp_path / "out")
    (own,) = (each for each in found.content["records"] if each["probe"] == "leakage")
    (data,) = (each for each in found.content["data"] if each["name"] == "home")
    left_out = data["leaked"] + data.get("nearly_leaked", 0)
    shares = {
        tuple(number["slice"].values()): number["value"]
        for number in own["measurements"]
        if number["metric"] == "leaked_share"
    }
    assert own["counts"]["cases"] == 40 - left_out
    assert shares["home", "train"] == pytest.approx(10 / 40)
    assert shares["home", "train", "exact"] == pytest.approx(left_out / 40)
    assert {tuple(pair["slice"].values()) for pair in own["pairs"]} >= {("home", "train", "near")}
    page = scorecard.render(found.content)
    assert "&lt;i&gt;other" in page
    assert "<i>other" not in page
    again = results.load(tmp_path / "out")
    assert next(each for each in again["records"] if each["probe"] == "leakage") == own
    silent = auditor.audit(folder, home, train=train, probes=["leakage"], out=tmp_path / "silent", texts=False)
    written = (tmp_path / "silent" / "results.json").read_text(encoding="utf-8")
    assert not any(row["text"] in written for row in (*home, *train))
    (own,) = (each for each in json.loads(written)["records"] if each["probe"] == "leakage")
    assert "pairs" not in own
    assert silent.decision.exit_code == found.decision.exit_code
