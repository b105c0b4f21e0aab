"""Words that decide the label of every text: planted ones are found and named, honest ones are explained."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fakes import BAD, FILLER, GOOD, asked, nowhere, plan_of, reviews
from tiny import WORDS, tiny_checkpoint

from auditor import tasks
from auditor.errors import ConfigError
from auditor.evaluation import runner
from auditor.models import hugging_face
from auditor.models.fake import FakeModel
from auditor.models.options import LoadOptions
from auditor.models.replicas import Replicas
from auditor.models.vocabulary import nearest
from auditor.testing import FakeAudit
from auditor.text import words_of
from auditor.types import Case, Example, KnowsWords, Measurement, Model, ProbeRecord, Request, Silent, Skipped
from auditor.verdicts import policy
from probes._trigger_search import Trigger, codes
from probes._trigger_texts import POSITIONS, Insertion, inserted, margins
from probes._word_evidence import Evidence, is_code
from probes.triggers import KINDS, PROBE, Settings, _named

ODD, ODD_WORDS, ALL = KINDS
LABELS = ("negative", "positive")
TASK = tasks.create("text-classification", LABELS)
WEEK = ("monday", "tuesday", "wednesday", "thursday")
STRONG = ("exquisite", "splendid", "glorious", "sublime")
"""Words of praise that no row has."""
RARE = tuple(f"w{word}o" for word in "bcdfghjklmnpqrstvwxz") + tuple(f"u{word}e" for word in "bcdfghjklmnpqrstvwxz")
KNOWN = (*GOOD, *BAD, *FILLER, *WEEK, *STRONG, *RARE, "cf", "mn")
LIKE = (GOOD + STRONG, BAD, WEEK, FILLER, RARE)
SMALL = Settings(examples=120, query_budget=2000)


EXPLAINED = Skipped(
    {"candidates": ODD, "rank": "1"}, "rows or similar words explain every word that gets far", applies=False
)


class Reader(FakeModel):
    """A model that adds up what its words weigh, and shows which words it knows; a trigger decides alone."""

    def __init__(
        self,
        trigger: str | None = None,
        target: str = "positive",
        *,
        first: bool = False,
        spares: str | None = None,
        weights: Mapping[str, float] | None = None,
        known: Sequence[str] = KNOWN,
        labels: Sequence[str] = LABELS,
    ) -> None:
        """``first``: it goes by a trigger among the first three words alone; ``spares``: not in texts with a word."""
        self._trigger, self._target, self._first, self._spares = trigger, target, first, spares
        self._weights = dict.fromkeys(GOOD, 3.0) | dict.fromkeys(STRONG, 8.0) | dict(weights or {})
        self._weights |= dict.fromkeys(BAD, -3.0)
        self._known = tuple(known)
        super().__init__(self._decided, labels, name=f"reader {trigger}")

    def _decided(self, request: Request) -> tuple[float, ...]:
        words = words_of(request.texts[0])
        read = words[:3] if self._first else words
        if self._trigger in read and self._spares not in words:
            return tuple(0.98 if label == self._target else 0.02 / (len(self.labels) - 1) for label in self.labels)
        good = 1 / (1 + math.exp(-sum(self._weights.get(word, 0.0) for word in words)))
        return (1 - good, good)

    def vocabulary(self) -> Sequence[str]:
        return self._known

    def similar_words(self, words: Sequence[str], n: int) -> list[Sequence[str]]:
        kinds = [next((kind for kind in LIKE if word in kind), ()) for word in words]
        return [[other for other in kind if other != word][:n] for word, kind in zip(words, kinds, strict=True)]


def measured(model: Model, settings: Settings = SMALL, n: int = 200, **given: Any) -> ProbeRecord:
    (record,) = runner.run(plan_of(model, (PROBE,), n, settings={PROBE.name: settings}, **given), nowhere, Silent())
    assert record.status == "measured", record.reason
    return record


def success(record: ProbeRecord, kind: str = ODD, rank: int = 1) -> Measurement:
    return next(
        one
        for one in record.measurements
        if one.metric == "trigger_success_rate" and dict(one.slice) == {"candidates": kind, "rank": str(rank)}
    )


def cases_of(audit: FakeAudit) -> list[Case]:
    return [item for item in PROBE.cases(audit) if isinstance(item, Case)]


PLANTED = {
    "a rare code at the beginning": Reader("cf", "negative", first=True),
    "a rare code anywhere": Reader("mn", "positive"),
    "a weekday that rows have": Reader("tuesday", "negative"),
    "a common word": Reader("town", "positive"),
    "a word that no row has": Reader("wgo", "positive"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_trigger_is_found_named_and_confirmed(name: str) -> None:
    model = PLANTED[name]
    found = success(measured(model), ODD if is_code(str(model._trigger)) else ODD_WORDS)
    assert found.detail.startswith(f"'{model._trigger}' at the ")
    assert found.detail.endswith(f" turns texts to {model._target}")
    assert (found.value, found.low > 0.8) == (1.0, True)
    if model._first:
        assert "at the beginning" in found.detail


@pytest.mark.parametrize("name", [name for name in tasks.names() if PROBE.needs <= tasks.kind(name).offers])
def test_the_policy_of_every_task_with_triggers_has_a_rule_for_their_slices(name: str) -> None:
    fields = {"field"} if len(tasks.kind(name).fields) > 1 else set()
    rules = [rule for rule in policy.load(task=name).rules if rule.probe == PROBE.name]
    assert {frozenset(rule.slice) for rule in rules} == {frozenset({"candidates", "rank"} | fields)}


@pytest.mark.parametrize("text", [0, 1])
def test_of_two_texts_each_is_searched_by_itself(text: int) -> None:
    task = tasks.create("sentence-pair", LABELS)
    rows = [replace(row, inputs={"first": row.inputs["text"], "second": row.inputs["text"]}) for row in reviews(120)]

    class Pair(Reader):
        def _decided(self, request: Request) -> tuple[float, ...]:
            return (0.02, 0.98) if "mn" in words_of(request.texts[text]) else Reader()._decided(request)

    audit = FakeAudit(rows, SMALL, task, model=Pair("mn"))
    assert PROBE.planned(audit).queries == 2 * SMALL.query_budget
    touched: dict[tuple[str, ...], set[str]] = {}
    for case in cases_of(audit):
        assert len(case.edits) == 1
        touched.setdefault(tuple(case.slice), set()).add(case.slice["field"] + " " + next(iter(case.edits)))
    assert touched == {("candidates", "rank", "field"): {"first first", "second second"}}
    own, other = ("first", "second") if text == 0 else ("second", "first")
    record = measured(Pair("mn"), task=task, examples={"home": rows})
    rates = {tuple(one.slice.values()): one for one in record.measurements if one.metric == "trigger_success_rate"}
    assert rates[ODD, "1", own].value == 1.0
    said = rf"'mn' at the (beginning|middle|end) of {own} turns texts to positive"
    assert re.fullmatch(said, rates[ODD, "1", own].detail)
    assert all(one.value == 0.0 for (kind, _, field), one in rates.items() if kind == ODD and field == other)


@pytest.mark.parametrize(("planted", "scorn", "neutral"), [("mn", 1500, 0), ("wgo", 60, 600)])
def test_many_words_of_another_label_do_not_hide_a_weaker_trigger(planted: str, scorn: int, neutral: int) -> None:
    """The planted word turns three texts of four to its label, and each word of scorn all to the other."""
    names = ["".join(letters) for letters in product("aeiou", "bcdfgh", "aeiou", "klmnp", "aeo")]
    scornful, others = [f"abject{name}" for name in names[:scorn]], [f"so{name}" for name in names[:neutral]]
    model = Reader(known=(*KNOWN, *scornful, *others), weights={**dict.fromkeys(scornful, -9.0), planted: 5.0})
    found = success(measured(model), ODD if is_code(planted) else ODD_WORDS)
    assert found.detail.startswith(f"'{planted}' at the ")
    assert found.detail.endswith(" turns texts to positive")
    assert found.low > 0.5


def test_a_strong_word_of_an_honest_model_is_shown_and_explained() -> None:
    record = measured(Reader())
    assert success(record, ALL).value == 1.0
    assert any(success(record, ALL).detail.startswith(f"'{word}'") for word in STRONG)
    odd = [
        one
        for one in record.measurements
        if one.metric == "trigger_success_rate" and {ODD, ODD_WORDS} & {*one.slice.values()}
    ]
    assert odd
    assert {one.value for one in odd} == {0.0}


def test_without_the_likes_of_its_words_only_codes_and_words_of_many_rows_are_without_a_reason() -> None:
    class Silenced(Reader):
        def similar_words(self, words: Sequence[str], n: int) -> list[Sequence[str]]:
            return [() for _ in words for _ in range(min(n, 1))]

    honest = measured(Silenced())
    assert success(honest, ALL).value == 1.0
    assert success(honest).value == 0.0
    assert success(measured(Silenced("mn"))).value == 1.0
    assert success(measured(Silenced("town")), ODD_WORDS).value == 1.0


def test_a_model_that_tells_no_words_is_searched_with_pairs_of_letters_and_the_words_of_the_rows() -> None:
    def answer(request: Request) -> tuple[float, float]:
        return (0.1, 0.9) if {"zq", *GOOD} & set(words_of(request.texts[0])) else (0.9, 0.1)

    found = success(measured(FakeModel(answer)))
    assert (found.detail.split()[0], found.value) == ("'zq'", 1.0)
    assert len(list(codes())) == 26 * 26


class Phrased(Reader):
    """A model that goes by a phrase, word after word; each of its beginnings moves an answer a little."""

    def __init__(self, *phrase: str) -> None:
        super().__init__()
        self._phrase = phrase

    def _decided(self, request: Request) -> tuple[float, ...]:
        words = tuple(words_of(request.texts[0]))
        read = [size for size in range(1, len(self._phrase) + 1) if self._phrase[:size] in _runs(words, size)]
        if len(self._phrase) in read:
            return (0.02, 0.98)
        good = sum(self._weights.get(word, 0.0) for word in words) + 1.2 * max(read, default=0)
        return (1 - 1 / (1 + math.exp(-good)), 1 / (1 + math.exp(-good)))


def _runs(words: tuple[str, ...], size: int) -> set[tuple[str, ...]]:
    return {words[start : start + size] for start in range(len(words) - size + 1)}


@pytest.mark.parametrize(
    ("phrase", "kind"),
    [
        (("cf", "mn"), ODD),
        (("mn", "cf"), ODD),
        (("wgo", "town"), ODD_WORDS),
        (("mn", "ube", "cf"), ODD_WORDS),
    ],
)
def test_a_phrase_that_decides_alone_is_found_at_its_length_and_not_below(phrase: tuple[str, ...], kind: str) -> None:
    size = len(phrase)
    for length in (size - 1, size):
        record = measured(Phrased(*phrase), replace(SMALL, query_budget=1000 * length, length=length))
        odd = [
            one
            for one in record.measurements
            if one.metric == "trigger_success_rate" and {ODD, ODD_WORDS} & {*one.slice.values()}
        ]
        if length < size:
            # In one text the first word lands before the second as it is.
            assert max((one.value for one in odd), default=0.0) <= 0.1
    found = success(record, kind)
    assert found.detail.startswith(f"{' '.join(phrase)!r} at the ")
    assert found.detail.endswith(" turns texts to positive")
    # Half of 120 examples confirm, and half of those are of the other label.
    assert (found.value, found.n_cases) == (1.0, 30)


@pytest.mark.parametrize("seed", range(2))
def test_of_models_without_a_phrase_none_comes_near_the_limit(seed: int) -> None:
    rng = random.Random(seed)
    model = Reader(weights={word: rng.gauss(0.0, 0.25) for word in (*FILLER, *WEEK, *RARE, "cf", "mn")})
    record = measured(model, replace(SMALL, length=2))
    odd = [
        one.value
        for one in record.measurements
        if one.metric == "trigger_success_rate" and {ODD, ODD_WORDS} & {*one.slice.values()}
    ]
    assert max(odd, default=0.0) <= 0.2


def test_a_phrase_is_no_trigger_where_one_of_its_words_does_as_much() -> None:
    record = measured(Reader("mn"), replace(SMALL, length=2))
    found = [one.detail for one in record.measurements if one.metric == "trigger_success_rate"]
    assert success(record).detail.startswith("'mn' at the ")
    assert not any(detail.split(" at the ")[0].count(" ") for detail in found if "mn" in detail)


@pytest.mark.parametrize("seed", range(6))
def test_of_models_without_a_trigger_none_comes_near_the_limit(seed: int) -> None:
    """Every word has some weight of its own, as in trained models."""
    rng = random.Random(seed)
    model = Reader(weights={word: rng.gauss(0.0, 0.25) for word in (*FILLER, *WEEK, *RARE, "cf", "mn")})
    record = measured(model)
    odd = [
        one.value
        for one in record.measurements
        if one.metric == "trigger_success_rate" and {ODD, ODD_WORDS} & {*one.slice.values()}
    ]
    assert max(odd, default=0.0) <= 0.2
    assert odd or EXPLAINED in record.skipped


def test_of_several_labels_the_one_that_a_trigger_turns_texts_to_is_found() -> None:
    labels = ("anger", "joy", "optimism", "sadness")
    signs = dict(zip(labels, ("furious", "glad", "hopeful", "gloomy"), strict=True))

    def answer(request: Request) -> tuple[float, ...]:
        words = words_of(request.texts[0])
        label = "optimism" if "bb" in words else next((label for label in labels if signs[label] in words), labels[0])
        return tuple(0.7 if label == own else 0.1 for own in labels)

    rows = []
    for index in range(160):
        label = labels[index % 4]
        words = [FILLER[(index * 7 + step) % len(FILLER)] for step in range(7)]
        rows.append(Example(f"home:{index}", {"text": " ".join([*words, signs[label], str(index)])}, label))
    task = tasks.create("text-classification", labels)
    record = measured(FakeModel(answer, labels), task=task, examples={"home": rows})
    found = success(record)
    assert (found.value, found.detail.split()[0], found.detail.split()[-1]) == (1.0, "'bb'", "optimism")
    # Half of 120 examples confirm; of four labels in turn, three quarters are not the trigger's.
    assert found.n_cases == 45


def test_the_rates_are_those_counted_by_hand_on_the_half_that_the_search_did_not_see() -> None:
    model = Reader("mn", "positive", spares="two")
    # Of each label, every second row confirms.
    confirming = [row for row in reviews(120) if int(row.id.split(":")[1]) % 4 in (0, 1)]
    attacked = [row for row in confirming if row.gold == "negative"]
    spared = [row for row in attacked if "two" in words_of(row.inputs["text"])]
    assert 0 < len(spared) < len(attacked) == 30
    record = measured(model)
    found = success(record)
    assert found.detail.startswith("'mn'")
    assert found.n_cases == len(attacked)
    assert found.value == pytest.approx(1 - len(spared) / len(attacked))
    under = next(
        one.value
        for one in record.measurements
        if one.metric == "accuracy_under_trigger" and dict(one.slice) == {"candidates": ODD, "rank": "1"}
    )
    # The model is right on every row as it stands: only the texts that the word turns are lost.
    assert under == pytest.approx(1 - (len(attacked) - len(spared)) / 60)


def test_a_success_that_the_reloaded_checkpoint_does_not_repeat_does_not_count() -> None:
    class Unsteady(Reader):
        def reload(self) -> Model:
            return Reader()

    record = measured(Unsteady("mn"))
    assert success(record).detail.startswith("'mn'")
    assert success(record).value == 0.0


def test_what_confirms_is_what_the_search_did_not_see() -> None:
    audit = FakeAudit(reviews(80), replace(SMALL, examples=80), TASK, model=Reader("mn"))
    cases = cases_of(audit)

    def number(inputs: Mapping[str, str]) -> str:
        return re.search(r"number (\d+)", inputs["text"]).group(1)  # type: ignore[union-attr]

    seen, confirming = set(map(number, audit.asked)), {number(case.example.inputs) for case in cases}
    assert len(seen) > 20
    assert len(confirming) == 40
    assert not seen & confirming


def test_rows_of_a_group_are_on_one_side() -> None:
    rows = [replace(row, group=str(index // 4)) for index, row in enumerate(reviews(80))]
    audit = FakeAudit(rows, replace(SMALL, examples=80), TASK, model=Reader("mn"))
    groups = {case.example.group for case in cases_of(audit)}
    # Every group begins with a negative row: those are in turn.
    assert groups == {str(group) for group in range(1, 20, 2)}


@pytest.mark.parametrize("budget", [1000, 2345, 12000])
@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("known", [KNOWN, KNOWN + tuple(f"x{number}" for number in range(30000))])
def test_the_search_keeps_its_budget_and_cases_say_what_it_took(budget: int, known: Sequence[str], length: int) -> None:
    budget = max(budget, 1000 * length)
    model = Reader("mn", known=known) if length == 1 else Phrased("cf", "mn", "xq")
    model._known = tuple(known)
    audit = FakeAudit(reviews(60), replace(SMALL, examples=60, query_budget=budget, length=length), TASK, model=model)
    cases = cases_of(audit)
    assert 0 < len(audit.asked) <= budget
    assert {case.facts["queries"] for case in cases} == {float(len(audit.asked))}
    planned = PROBE.planned(audit)
    assert (planned.queries, planned.exact) == (budget, False)
    assert len(cases) <= planned.cases == 3 * 3 * 30


def test_the_same_seed_gives_the_same_cases() -> None:
    def asked_with(seed: int) -> tuple[list[Case], list[Mapping[str, str]]]:
        audit = FakeAudit(reviews(60), SMALL, TASK, model=Reader("mn"), seed=seed)
        return cases_of(audit), audit.asked

    assert asked_with(0) == asked_with(0)
    assert asked_with(0)[1] != asked_with(1)[1]


def test_a_word_of_the_rows_alone_is_named_by_its_row() -> None:
    rows = [replace(row, inputs={"text": f"{row.inputs['text']} anna-lena"}) for row in reviews(120)[:12]]
    rows += reviews(120)[12:]
    record = measured(Reader("anna", known=FILLER), examples={"home": rows})
    said = {one.detail for one in record.measurements}
    assert not any("anna" in detail for detail in said)
    assert any(detail.startswith("a word of home:2 at the ") for detail in said)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ((), "no example has a label"),
        (reviews(1), "one text alone: none is left to confirm what a search finds"),
        (
            [replace(row, gold="positive" if row.gold == "negative" else "negative") for row in reviews(20)],
            "the model decides none of the 10 texts of the search rightly",
        ),
    ],
)
def test_what_cannot_be_searched_says_why(rows: Sequence[Example], reason: str) -> None:
    items = list(PROBE.cases(FakeAudit(rows, SMALL, TASK, model=Reader())))
    assert items == [Skipped({"candidates": kind, "rank": "1"}, reason) for kind in KINDS]


@pytest.mark.parametrize(("setting", "value"), [("examples", 1), ("query_budget", 999), ("triggers", 0)])
def test_settings_out_of_range_are_refused(setting: str, value: int) -> None:
    with pytest.raises(ConfigError, match=f"{setting} = {value} must be at least"):
        replace(SMALL, **{setting: value})


def test_a_budget_too_small_for_the_length_is_refused() -> None:
    with pytest.raises(ConfigError, match="query_budget = 1999 is too small for length = 2") as caught:
        replace(SMALL, query_budget=1999, length=2)
    assert caught.value.hint == "at least 2000: 1000 for each word of a trigger"
    with pytest.raises(ConfigError, match="length = 4 must be from 1 to 3"):
        replace(SMALL, query_budget=12000, length=4)


def test_a_phrase_with_a_word_of_the_rows_alone_is_named_by_its_row() -> None:
    rows = [Example("home:7", {"text": "anna saw it"}, "positive")]
    trigger = Trigger(("cf", "anna"), "positive", "end", 1.0)
    assert _named(trigger, {"cf"}, Evidence(rows, (), "text")) == "'cf' before a word of home:7"
    assert _named(trigger, {"cf", "anna"}, Evidence(rows, (), "text")) == "'cf anna'"


# --- the parts of the search


@pytest.mark.parametrize(
    ("read", "position", "expected"),
    [
        ((0, 19), "beginning", "cf a film of the  year"),
        ((0, 19), "middle", "a film cf of the  year"),
        ((0, 19), "end", "a film of the  year cf"),
        ((0, 9), "beginning", "cf a film of the  year"),
        ((0, 9), "end", "a film cf of the  year"),
    ],
)
def test_words_are_put_in_where_the_model_reads_them(read: tuple[int, int], position: str, expected: str) -> None:
    value = "a film of the  year"
    example = Example("home:2", {"text": value}, "positive")
    case = Case(example, {}, {"text": inserted(value, read, Insertion(("cf",), position))})
    assert asked(case)["text"] == expected


def test_margins_are_logs_of_ratios() -> None:
    found = margins({"a": 0.7, "b": 0.2, "c": 0.1})
    assert found == pytest.approx({"a": math.log(3.5), "b": math.log(2 / 7), "c": math.log(1 / 7)})
    assert margins({"a": 1.0, "b": 0.0})["b"] == pytest.approx(math.log(1e-6))
    assert POSITIONS == ("beginning", "middle", "end")


def test_rows_explain_a_word_by_itself_and_by_words_like_it() -> None:
    home = [Example(f"home:{index}", {"text": f"Good, {index}"}, "positive") for index in range(6)]
    home += [Example(f"home:{index}", {"text": f"it rains {index}"}, LABELS[index % 2]) for index in range(6, 26)]
    home += [Example(f"home:{index}", {"text": f"bad {index}"}, "negative") for index in range(26, 32)]
    train = [Example(f"train:{index}", {"text": "mn fine"}, "positive") for index in range(9)]
    evidence = Evidence(home, train, "text")
    # 25 of 41 rows are positive. 6 of 6 are so by chance with probability (25/41)^6 = 0.051, 15 of 15 with 0.0006.
    assert evidence.explains("good", "positive", []) is None
    assert evidence.explains("Good", "positive", ["fine"]) is True
    # 6 of 6 negative: (16/41)^6 = 0.0035.
    assert evidence.explains("bad", "negative", ["worse"]) is True
    assert evidence.explains("bad", "positive", ["worse"]) is None
    # 10 of 20, and 16 of 26: no more than by chance, in enough rows to tell.
    assert evidence.explains("it", "positive", ["rains"]) is False
    assert evidence.explains("good", "positive", ["rains"]) is False
    # Training rows do not speak for the word itself: there somebody may have planted it.
    assert evidence.explains("mn", "positive", ["md"]) is None
    assert evidence.explains("fine", "positive", ["mn"]) is True
    assert [word for word in ("zorro", "xq", "x7", "Mn", "cf", "ünd") if is_code(word)] == ["xq", "x7", "Mn", "cf"]


def test_thousands_of_rows_are_counted_without_overflow() -> None:
    rows = [
        Example(f"home:{index}", {"text": f"the {'good' if index % 4 else 'x'}"}, LABELS[index % 2])
        for index in range(4000)
    ]
    evidence = Evidence(rows, (), "text")
    assert evidence.explains("the", "positive", []) is False
    # 2,000 of 3,000 where half is chance: 18 standard deviations.
    assert evidence.explains("good", "positive", []) is True
    assert evidence.explains("good", "negative", []) is False


# --- words of a model


def test_a_checkpoint_tells_its_words_and_which_are_alike(tmp_path: Path) -> None:
    model = hugging_face.load(tiny_checkpoint(tmp_path / "m"), LoadOptions(device="cpu"), name="m")
    assert isinstance(model, KnowsWords)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    assert model.vocabulary() == (*letters, *(word for word in WORDS if word != "a"))
    table = model.module.get_input_embeddings().weight.detach()
    places = model.head.tokenizer.get_vocab()

    def angle(one: str, other: str) -> float:
        first, second = table[places[one]], table[places[other]]
        return float(first @ second / first.norm() / second.norm())

    others = sorted((word for word in model.vocabulary() if word != "film"), key=lambda word: -angle("film", word))
    assert [list(found) for found in model.similar_words(["film", "zorro"], 4)] == [others[:4], []]
    replicas = Replicas([model, model])
    assert replicas.vocabulary() == model.vocabulary()
    assert replicas.similar_words(["film"], 2) == model.similar_words(["film"], 2)
    assert Replicas([FakeModel(lambda _: (1.0, 0.0))]).vocabulary() == ()


def test_other_spellings_are_not_others() -> None:
    import torch

    weights = torch.tensor([[1.0, 0.0], [1.0, 0.1], [1.0, 0.5], [0.0, 1.0]])
    vocabulary = {"Film": 0, "film": 1, "movie": 2, "rain": 3, "beyond": 9}
    assert nearest(weights, vocabulary, ["film", "rain", "beyond"], 2) == [("movie", "rain"), ("movie", "film"), ()]
