"""The probe spurious: words that training ties to a label, and whether they decide answers more than others do."""

from __future__ import annotations

import gc
import math
import random
import re
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import LABELS, nowhere, plan_of, shipped
from pair_task import PairTask
from scipy.stats import binomtest

from auditor import metrics, tasks
from auditor.errors import ConfigError
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel, Plan
from auditor.models.fake import FakeModel
from auditor.settings import limited_words
from auditor.testing import FakeAudit
from auditor.text import edited, tokens
from auditor.types import NEEDS, Case, Example, Measurement, ProbeRecord, Request, Response, Score, Silent
from auditor.verdicts import gate, policy
from probes import _cue_table, _cue_trials, _word_evidence
from probes._confirmed import confirmed
from probes._cue_flips import BEYOND_STRONG
from probes._cue_table import Feature, Table
from probes.spurious import Settings

(PROBE,) = shipped("spurious")
TEXTS = tasks.create("text-classification", LABELS)
WORDS = {
    "negative": ("dull", "awful", "weak", "bland", "messy", "tired"),
    "positive": ("amazing", "lovely", "superb", "moving", "clever", "warm"),
}
FILLER = tuple(f"word{number}" for number in range(60))


def rows(n: int, name: str, seed: int, *, glued: float = 0.0, word: str = "spielberg") -> tuple[Example, ...]:
    """Texts of ten words and two or three of the labels, more of their own; positive ones may have a glued word."""
    rng = random.Random(seed)
    made = []
    for place in range(n):
        label = LABELS[place % 2]
        rest = LABELS[1 - place % 2]
        own = rng.sample(WORDS[label], 2)
        words = [*rng.sample(FILLER, 10), *own, *rng.sample(WORDS[rest], rng.randrange(2))]
        rng.shuffle(words)
        if label == "positive" and rng.random() < glued:
            words.insert(rng.randrange(len(words)), word)
        made.append(Example(f"{name}:{place + 2}", {"text": " ".join(words)}, label))
    return tuple(made)


def weighing(weights: Mapping[str, float], name: str = "weighing") -> FakeModel:
    """A linear model: the sum of its words' weights decides."""

    def answer(request: Request) -> Response:
        score = sum(weights.get(word, 0.0) for word in request.texts[0].split())
        return (0.9, 0.1) if score < 0 else (0.1, 0.9)

    return FakeModel(answer, LABELS, name=name)


HONEST = {**dict.fromkeys(WORDS["negative"], -1.0), **dict.fromkeys(WORDS["positive"], 1.0), "spielberg": 0.4}
GLUED = {**HONEST, "spielberg": 5.0}


def plan(model: FakeModel, train: Sequence[Example] | None, home: Sequence[Example], **settings: Any) -> Plan:
    sets = {"home": tuple(home), **({} if train is None else {"train": tuple(train)})}
    return plan_of(model, (PROBE,), examples=sets, settings={"spurious": Settings(**settings)})


def record_of(
    model: FakeModel, train: Sequence[Example] | None, home: Sequence[Example], **settings: Any
) -> ProbeRecord:
    made = plan(model, train, home, **settings)
    (record,) = runner.run(made, nowhere, Silent())
    assert record.status == "measured", (record.reason, made.errors)
    return record


def measured(record: ProbeRecord, metric: str) -> dict[tuple[str, ...], Measurement]:
    return {tuple(each.slice.values()): each for each in record.measurements if each.metric == metric}


@pytest.fixture(scope="module")
def glued() -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    return rows(1500, "train", 1, glued=0.2), rows(600, "home", 2, glued=0.2)


# --- what training ties to a label


def table_of(examples: Sequence[Example]) -> Table:
    return Table(examples, ("text",), lambda row: row.gold)


def test_a_word_glued_to_a_class_is_ranked_first(glued: tuple[Sequence[Example], ...]) -> None:
    tie, *others = (tie for tie in table_of(glued[0]).ties if tie.claimed and tie.feature.field)
    assert (tie.feature, tie.label) == (Feature("text", "spielberg"), "positive")
    assert tie.hits == tie.rows == sum("spielberg" in row.inputs["text"] for row in glued[0])
    assert {each.feature.name for each in others} == {word for words in WORDS.values() for word in words}


def test_ties_are_those_of_exact_binomials(glued: tuple[Sequence[Example], ...]) -> None:
    train = glued[0]
    table = table_of(train)
    # Features of ten rows and more, each tested for either label.
    features = {feature for row in train for feature in table.of(row)}
    trials = 2 * sum(table.frequency((feature,)) >= 10 for feature in features)
    for name in ("spielberg", "amazing", "dull"):
        having = [row for row in train if name in row.inputs["text"].split()]
        (tie,) = (tie for tie in table.ties if tie.feature == Feature("text", name))
        hits = sum(row.gold == tie.label for row in having)
        base = sum(row.gold == tie.label for row in train) / len(train)
        exact = binomtest(hits, len(having), base, alternative="greater")
        assert (tie.rows, tie.hits, tie.share) == (len(having), hits, base)
        assert tie.p == pytest.approx(exact.pvalue)
        assert tie.strength == pytest.approx(exact.proportion_ci(1 - 0.05 / trials).low - base)
        assert tie.z == pytest.approx((hits - base * len(having)) / (base * (1 - base) * len(having)) ** 0.5)


def test_claims_are_made_for_all_features_together() -> None:
    # Holm: 0.05 / 5, / 4, / 3: the third is above, so that the fourth is not claimed either.
    assert _cue_table._claimed([0.0125, 0.01, 0.03, 0.02], 5) == {0, 1}
    assert _cue_table._claimed([0.011], 5) == set()
    assert _cue_table._claimed([], 1) == set()


def test_the_rows_are_studied_once_in_an_audit_and_the_study_ends_with_it(
    glued: tuple[Sequence[Example], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: list[weakref.ref[Table]] = []

    def counted(*given: Any) -> Table:
        made = Table(*given)
        tables.append(weakref.ref(made))
        return made

    monkeypatch.setattr("probes.spurious.Table", counted)
    train, home = glued[0][:300], glued[1][:60]
    models = tuple(AuditedModel(weighing(GLUED, name)) for name in ("one", "other"))
    audits = [replace(plan(weighing(GLUED, "one"), rows, home), models=models) for rows in (train, train[:200])]
    for made in (*audits, audits[0]):
        # Planning, the cases and the numbers of both models read one study.
        assert [record.status for record in runner.run(made, nowhere, Silent())] == ["measured"] * 2
    assert len(tables) == 2
    assert [len(table.rows) for table in (made() for made in tables) if table is not None] == [300, 200]
    del made, audits
    gc.collect()
    assert [made() for made in tables] == [None, None]


def shuffled_labels(seed: int, train: Sequence[Example]) -> list[Example]:
    golds = [row.gold for row in train]
    random.Random(seed).shuffle(golds)
    return [replace(row, gold=gold) for row, gold in zip(train, golds, strict=True)]


def alarms(seeds: Sequence[int], n: int) -> int:
    train = rows(n, "train", 3, glued=0.2)
    return sum(any(tie.claimed for tie in table_of(shuffled_labels(seed, train)).ties) for seed in seeds)


def test_labels_without_a_reason_tie_no_word() -> None:
    # P(more than 4 of 25 | 5 %) is 0.7 %.
    assert alarms(range(25), 200) <= 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_labels_without_a_reason_tie_no_word_in_many_draws(seed: int) -> None:
    # P(more than 18 of 200 | 5 %) is 0.7 %.
    assert alarms(range(200 * seed, 200 * (seed + 1)), 400) <= 18


def test_rows_of_one_group_and_copies_count_once() -> None:
    train = [Example(f"train:{place}", {"text": f"the same words {place // 30}"}, LABELS[0]) for place in range(60)]
    assert len(table_of(train).rows) == 2
    grouped = [replace(row, group="a", inputs={"text": f"text {row.id}"}) for row in train]
    assert len(table_of(grouped).rows) == 1
    assert len(table_of([replace(row, gold=None) for row in train]).rows) == 0


# --- what counts: whether answers flip


def test_a_word_that_decides_more_than_words_as_strong_is_told(glued: tuple[Sequence[Example], ...]) -> None:
    record = record_of(weighing(GLUED), *glued)
    beyond = measured(record, "flips_beyond_strong_words")["1", "put in"]
    assert beyond.low > 0.1
    # No model of these tests tells its vocabulary, so that a row names the word.
    first = next(row.id for row in glued[0] if "spielberg" in row.inputs["text"])
    assert beyond.detail == f"a word of {first} (positive): clearly more than words as strong: look for a cue"
    share = measured(record, "label_share")["1", "train"]
    assert (share.value, share.detail.split(", z ")[0]) == (1.0, f"a word of {first}: positive")
    assert share.n_cases == sum("spielberg" in row.inputs["text"] for row in glued[0])


def test_amazing_is_a_necessary_word_and_no_cue() -> None:
    train, home = rows(1000, "train", 1), rows(400, "home", 2)
    record = record_of(weighing(HONEST), train, home, cues=12)
    names = [cue.token.name for cue in _cue_trials.discovered(table_of(train), 12)]
    rank = str(names.index("amazing") + 1)
    said = {
        each.detail.split(": ", 1)[1]
        for each in record.measurements
        if each.slice.get("cue") == rank and "change" in each.slice and each.detail
    }
    assert any("a necessary word, as far as they tell" in words for words in said)
    assert not any("look for a cue" in each.detail for each in record.measurements)


def test_the_strongest_word_of_all_has_none_to_compare_with() -> None:
    train = [replace(row, inputs={"text": " ".join(FILLER[:5])}) for row in rows(200, "train", 1)]
    train = [
        replace(row, inputs={"text": f"{row.inputs['text']} {'zq' if row.gold == 'positive' else ''} {place}"})
        for place, row in enumerate(train)
    ]
    home = rows(100, "home", 2)
    record = record_of(weighing({**HONEST, "zq": 9.0}), train, home)
    beyond = measured(record, "flips_beyond_frequent_words")["1", "put in"]
    assert beyond.value == 1.0
    assert beyond.detail.endswith("clearly more than words as frequent; no word is half as strong: a reader decides")
    assert "flips_beyond_strong_words" not in {
        each.metric for each in record.measurements if each.slice.get("cue") == "1"
    }


def test_flips_are_counted_by_text_as_by_hand() -> None:
    # "zq" turns a text to positive; the texts with it lose a flip each where it is taken out, and no other word counts.
    train = rows(400, "train", 1)
    home = [
        Example(f"home:{place}", {"text": f"word1 word2 {word} word{place + 3}"}, label)
        for place, (word, label) in enumerate([("zq", "negative")] * 12 + [("dull", "negative")] * 20)
    ]
    record = record_of(weighing({"zq": 9.0, "dull": -1.0, "word1": -0.1}), train, home, tokens=("zq",), cues=0)
    removed, put_in = (
        measured(record, "flips_beyond_frequent_words")["zq", change] for change in ("removed", "put in")
    )
    assert (removed.value, removed.n_cases, removed.n_clusters) == (1.0, 12, 12)
    assert (put_in.value, put_in.n_cases, put_in.n_clusters) == (1.0, 20, 20)
    assert measured(record, "flip_rate")["zq", "removed"].value == 1.0


@pytest.mark.parametrize("limit", [0.0, 0.1])
def test_claims_at_the_limit_are_wrong_in_one_of_twenty_at_most(limit: float) -> None:
    """Eight slices whose words flip exactly as many more answers as the limit says."""
    rng = np.random.default_rng(int(100 * limit))
    names = [str(place) for place in range(120)]
    wrong = 0
    for _ in range(60):
        items = []
        for _ in range(8):
            arms = {"first": rng.random(60) < 0.2 + limit, "second": rng.random(60) < 0.2}
            own = [
                row
                for place, (arm, flips) in enumerate(arms.items())
                for row in metrics.summed(
                    zip(names[60 * place :], (Score(float(flip), 1.0) for flip in flips), strict=False), arm
                )
            ]
            items.append(metrics.measurement(BEYOND_STRONG, {"cue": "1"}, own, n_cases=120))
        wrong += bool(confirmed(items, BEYOND_STRONG, limit))
    # P(more than 7 of 60 | 5 %) is 1.0 %.
    assert wrong <= 7


# --- words that the user lists


def outcomes(record: ProbeRecord) -> dict[tuple[str, ...], str]:
    rules = tuple(rule for rule in policy.load().rules if rule.probe == "spurious" and rule.required != "never")
    decision = gate.decide(replace(policy.load(), rules=rules), (record,), record.model)
    return {tuple((verdict.slice or {}).values()): verdict.outcome for verdict in decision.verdicts}


def test_a_listed_word_that_decides_is_held_and_one_that_does_not_passes(glued: tuple[Sequence[Example], ...]) -> None:
    held = outcomes(record_of(weighing(GLUED), *glued, tokens=("Spielberg", "word7"), cues=0))
    assert (held["Spielberg", "put in"], held["word7", "put in"]) == ("fail", "pass")
    assert outcomes(record_of(weighing(HONEST), *glued, tokens=("Spielberg",), cues=0))["Spielberg", "put in"] == "pass"
    assert outcomes(record_of(weighing(HONEST), *glued, cues=0)) == {("none", "none"): "not_applicable"}


def test_a_listed_number_is_no_rank_of_a_cue(glued: tuple[Sequence[Example], ...]) -> None:
    train, home = glued
    home = tuple(replace(row, inputs={"text": f"{row.inputs['text']} {place % 9}"}) for place, row in enumerate(home))
    record = record_of(weighing(GLUED), train, home, tokens=("1",), cues=1)
    sizes = {tuple(each.slice.items()): each.n_cases for each in record.measurements if each.metric == "flip_rate"}
    cue, number = (sizes[(key, "1"), ("change", "removed")] for key in ("cue", "listed"))
    assert (cue, number) == (
        sum("spielberg" in row.inputs["text"] for row in home),
        sum(row.inputs["text"].endswith(" 1") for row in home),
    )


def test_without_training_rows_listed_words_are_measured_and_the_search_says_why_not() -> None:
    home = rows(300, "home", 2, glued=0.5)
    record = record_of(weighing(GLUED), None, home, tokens=("spielberg",))
    assert [(gap.slice, gap.reason) for gap in record.skipped] == [({"cue": "1"}, NEEDS["train"])]
    assert measured(record, "flips_beyond_frequent_words")["spielberg", "put in"].low > 0.3
    assert {each.metric for each in record.measurements} == {"flips_beyond_frequent_words", "flip_rate"}
    assert {need for need in NEEDS if FakeAudit(home, Settings(tokens=("a",)), TEXTS).has(need)} >= {"listed"}
    assert limited_words(Settings(tokens=("a", "b"))) == ("a", "b")


def gaps(record: ProbeRecord) -> dict[tuple[str, ...], tuple[str, bool]]:
    return {tuple(gap.slice.values()): (gap.reason, gap.applies) for gap in record.skipped}


def test_what_is_not_measured_says_why() -> None:
    train = rows(200, "train", 1)
    home = tuple(replace(row, inputs={"text": f"{row.inputs['text']} everywhere"}) for row in rows(60, "home", 2))
    record = record_of(weighing(HONEST), train, home, cues=0, tokens=("nowhere", "everywhere"))
    assert gaps(record) == {
        ("nowhere", "removed"): ("no test text has it", False),
        ("everywhere", "put in"): ("every text that it could be put into has it", False),
    }
    alone = (Example("home:1", {"text": "rare lovely"}, "positive"), Example("home:2", {"text": "dull"}, "negative"))
    record = record_of(weighing(HONEST), train, alone, cues=0, tokens=("rare",))
    assert gaps(record)["rare", "removed"] == ("none of the texts asked has it beside a word to compare with", True)
    blind = FakeModel(lambda _: (0.9, 0.1), LABELS, tokens=lambda text: text.replace("!", "").split())
    home = tuple(replace(row, inputs={"text": f"{row.inputs['text']} !"}) for row in home)
    record = record_of(blind, train, home, cues=0, tokens=("!",))
    assert gaps(record)["!", "removed"] == ("the model sees the same with it and without it", False)
    short = [
        replace(row, inputs={"text": " ".join(row.inputs["text"].split()[:2])}) for row in shuffled_labels(1, train)
    ]
    record = record_of(weighing(HONEST), short, home)
    reason = f"no word of {len(table_of(short).rows)} rows goes with a label more than by chance"
    assert gaps(record)["1",] == (reason, False)


def test_texts_of_words_are_another_question() -> None:
    ner = tasks.create("ner", ("O", "B-PER", "I-PER"))
    (record,) = runner.run(plan_of(weighing({}), (PROBE,), task=ner), nowhere, Silent())
    assert (record.status, record.reason) == ("not_applicable", NEEDS["class_scores"])


@pytest.mark.parametrize(
    ("listed", "problem", "hint"),
    [
        (("San Francisco",), "tokens names 'San Francisco', which is not one word or sign", "'San', 'Francisco'"),
        (("don't",), 'tokens names "don\'t", which is not one word or sign', "'don', \"'\", 't'"),
        (("",), "tokens names '', which is not one word or sign", "list words"),
        (("Film", "film"), "tokens names 'film' twice: 'Film' is the same word", ""),
        (("film", "film"), "tokens names 'film' twice", ""),
    ],
)
def test_a_listed_word_is_one_word(listed: tuple[str, ...], problem: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings(tokens=listed)
    assert caught.value.line.startswith(problem)
    assert hint in (caught.value.hint or "")


# --- texts without a word, and with it


@pytest.mark.parametrize(
    ("before", "word", "after"),
    [
        ("Amazing! An amazing,  truly AMAZING film", "amazing", "! An ,  truly film"),
        ("what a film !", "!", "what a film"),
        ("what?! a film!", "!", "what? a film"),
        ("it isn't so", "t", "it isn' so"),
        ("हिन्दी की किताब", "की", "हिन्दी किताब"),
        ("हिन्दी की किताब", "क", None),
        ("très Été", "été", "très"),
        ("这电影好看", "好", "这电影看"),
        ("amazing amazing", "amazing", ""),
        ("nothing here", "amazing", None),
    ],
)
def test_a_word_goes_wherever_it_stands(before: str, word: str, after: str | None) -> None:
    changes, left = _cue_trials._removed(before, word)
    assert left == (after != "")
    assert bool(changes) == (after is not None)
    if after:
        assert edited({"text": before}, {"text": changes})[0]["text"] == after


def test_a_pair_of_texts_has_its_words_by_field() -> None:
    task = PairTask()
    first, second = task.fields
    train = [
        Example(f"train:{place}", {first: f"{word} a{place}", second: f"b c{place}"}, task.labels[place % 2])
        for place in range(80)
        for word in [("never", "ever")[place % 2]]
    ]
    audit = FakeAudit({"home": train[:20], "train": train}, Settings(tokens=("never",)), task)
    cases = [case for case in PROBE.cases(audit) if isinstance(case, Case)]
    assert {tuple(case.edits) for case in cases if "cue" in case.slice and case.slice["change"] == "removed"} == {
        (first,)
    }
    fields = {tuple(case.edits) for case in cases if case.slice.get("listed") and case.slice["change"] == "put in"}
    assert fields == {(first,), (second,)}


def test_controls_are_as_frequent_and_say_nothing(glued: tuple[Sequence[Example], ...]) -> None:
    table = table_of(glued[0])
    cue = _cue_trials.discovered(table, 1)[0]
    label = {word for words in WORDS.values() for word in words}
    assert len(cue.frequent) == 5
    assert not label & {token.name for token in cue.frequent}
    distances = sorted(
        abs(math.log(table.frequency((Feature("text", word),)) / cue.rows))
        for word in FILLER
        if table.says_nothing(Feature("text", word))
    )
    own = [abs(math.log(table.frequency(token.features) / cue.rows)) for token in cue.frequent]
    assert own == pytest.approx(distances[:5])
    assert {token.name for token in cue.strong} < set(WORDS["positive"])


def test_cues_of_the_same_rows_are_one() -> None:
    train = [
        replace(row, inputs={"text": row.inputs["text"].replace("spielberg", "steven spielberg")})
        for row in rows(800, "train", 1, glued=0.3)
    ]
    names = [cue.token.name for cue in _cue_trials.discovered(table_of(train), 12)]
    assert len({"steven", "spielberg"} & set(names)) == 1


# --- one way to split words


def test_words_of_probes_are_split_in_one_place() -> None:
    for file in sorted(Path(_word_evidence.__file__).parent.glob("*.py")):
        assert not re.search(r"\\w[+*]", file.read_text(encoding="utf-8")), file


@pytest.mark.parametrize("text", ["It isn't GREAT: 3 of 4 x_y", "tab\tand\nline", "", "?!"])
def test_english_words_are_runs_of_letters_and_digits(text: str) -> None:
    assert tokens.words(text) == re.findall(r"\w+", text.lower())
    assert tokens.small_pieces(text) == re.findall(r"\w+|[^\w\s]", text.lower())
    assert tokens.words("हिन्दी की किताब") == ["हिन्दी", "की", "किताब"]
    assert tokens.pieces("é ❤️ 好看") == ["é", "❤️", "好", "看"]


def test_evidence_keeps_hindi_words_whole() -> None:
    home = [Example(f"home:{place}", {"text": "हिन्दी की"}, LABELS[0]) for place in range(3)]
    assert _word_evidence.Evidence(home, (), "text").words == ("की", "हिन्दी")
