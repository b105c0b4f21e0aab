"""The probe interpretability: weights of words that are known in closed form, and rankings that are right or wrong."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_results
from fakes import LABELS, nowhere, plan_of, shipped
from pair_task import PairTask

from auditor import tasks, text
from auditor.environment import resources
from auditor.environment.resources import Resource
from auditor.errors import ConfigError, ModelError, NoAnswerError
from auditor.evaluation import runner
from auditor.evaluation.plan import AuditedModel
from auditor.models.fake import FakeModel
from auditor.results.entries import published, record_dict, record_of
from auditor.testing import FakeAudit
from auditor.types import (
    Encoded,
    Example,
    Measurement,
    ProbeRecord,
    Request,
    Response,
    Silent,
    TokenWeight,
    TrainedModel,
    WeightedText,
    WeightedWord,
)
from probes import _attributions, _faithfulness, _word_changes
from probes._attributions import Explained
from probes._word_changes import SYNONYMS, TYPOS
from probes.interpretability import Settings
from reports import scorecard

(PROBE,) = shipped("interpretability")
TEXTS = tasks.create("text-classification", LABELS)
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
NER = tasks.create("ner", TAGS)
POINTS = {f"word{place}": (place - 8) / 400 for place in range(24)}
"""Word → what it adds to the probability of "positive": −0.02 to 0.0375, each a weight of its own."""


def wordnet(monkeypatch: pytest.MonkeyPatch, synonyms: Callable[[str], Sequence[str]]) -> None:
    """Put a WordNet on this machine that has these synonyms."""
    monkeypatch.setitem(resources.SERVED, "wordnet", lambda: Resource("NLTK WordNet", True, ""))
    monkeypatch.setattr(_word_changes, "by_wordnet", synonyms)


@pytest.fixture(autouse=True)
def _no_wordnet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No WordNet, whatever this machine has."""
    monkeypatch.setitem(resources.SERVED, "wordnet", lambda: Resource("NLTK WordNet", False, ""))


class Additive(FakeModel):
    """A model whose probability is a half and a number for each word, so that its weights are these numbers.

    ``gradients``: what it makes of them where it is asked for integrated gradients.
    """

    def __init__(self, points: Mapping[str, float] = POINTS, gradients: Callable[[float], float] = float) -> None:
        super().__init__(lambda request: self._scores(request.texts), LABELS, name="additive")
        self._points, self._gradients = points, gradients

    def _scores(self, texts: Sequence[str]) -> Response:
        positive = 0.5 + sum(self._of(word) for value in texts for word in text.words_of(value))
        return (1.0 - positive, positive)

    def _of(self, word: str) -> float:
        return self._points.get(word.strip(".,!").lower(), 0.0)

    def integrated_gradients(self, request: Request, label: int, steps: int) -> list[list[TokenWeight]]:
        del steps
        sign = 1.0 if label else -1.0
        return [list(self._tokens_of(value, sign)) for value in request.texts]

    def _tokens_of(self, value: str, sign: float) -> Iterator[TokenWeight]:
        """Two tokens for each word: its first letter, and the rest."""
        at = 0
        for word in text.words_of(value):
            at = value.index(word, at)
            weight = self._gradients(sign * self._of(word))
            yield TokenWeight(at, at + 1, 0.25 * weight)
            yield TokenWeight(at + 1, at + len(word), 0.75 * weight)
            at += len(word)


def rows_of(n: int, words: int = 12) -> tuple[Example, ...]:
    """Texts of different words, of which more speak for "positive" than against it."""
    rng = np.random.default_rng(3)
    names = list(POINTS)
    made = []
    for number in range(n):
        chosen = " ".join(names[place] for place in rng.choice(len(names), words, replace=False))
        answer = Additive()._scores((chosen,))
        made.append(Example(f"home:{number + 2}", {"text": chosen}, LABELS[answer[1] > answer[0]]))
    return tuple(made)


def record(model: FakeModel, rows: Sequence[Example], *checkpoints: TrainedModel, **settings: Any) -> ProbeRecord:
    own = Settings(**settings)
    audited = AuditedModel(model, checkpoints=lambda: checkpoints)
    plan = plan_of(model, (PROBE,), models=(audited,), examples={"home": rows}, settings={"interpretability": own})
    (found,) = runner.run(plan, nowhere, Silent())
    assert found.status == "measured", found.reason
    return found


def numbers(found: ProbeRecord, metric: str) -> dict[str, Measurement]:
    return {" ".join(each.slice.values()): each for each in found.measurements if each.metric == metric}


def gaps(found: ProbeRecord) -> dict[str, tuple[str, bool]]:
    return {" ".join(gap.slice.values()): (gap.reason, gap.applies) for gap in found.skipped}


def explain(model: FakeModel, *values: str, most: int = 100) -> tuple[FakeAudit, list[Explained]]:
    rows = [Example(f"home:{place}", {"text": value}, None) for place, value in enumerate(values)]
    audit = FakeAudit(rows, Settings(), TEXTS, model=model)
    return audit, _attributions.explained(audit, rows, most)


# --- weights


@pytest.mark.parametrize("model", [Additive(), Additive({word: -points for word, points in POINTS.items()})])
def test_leaving_words_out_of_an_additive_model_gives_its_numbers(model: Additive) -> None:
    audit, texts = explain(model, "word9  word1\nword23 word17", "word20 word20 other")
    weights = _attributions.leave_one_out(audit, texts)
    sign = 1.0 if texts[0].decision.label == "positive" else -1.0
    expected = [["word9", "word1", "word23", "word17"], ["word20", "word20", "other"]]
    for found, words in zip(weights, expected, strict=True):
        assert found == pytest.approx([sign * model._of(word) for word in words])
    assert texts[0].without([("text", 1)])["text"] == "word9  word23 word17"
    assert texts[0].without([("text", 0), ("text", 3)])["text"] == "word1\nword23"
    assert texts[0].inputs["text"] == "word9  word1\nword23 word17"


def test_integrated_gradients_of_an_additive_model_are_its_numbers_token_by_token() -> None:
    audit, texts = explain(Additive(), "  word9 word1\nword23 word17 ")
    weights = _attributions.integrated_gradients(audit, texts, 4)
    assert not isinstance(weights, str)
    (found,) = weights
    assert found == pytest.approx([POINTS[word] for word in ("word9", "word1", "word23", "word17")])


def test_a_token_that_begins_with_white_space_belongs_to_the_word_after_it() -> None:
    tokens = [TokenWeight(0, 2, 1.0), TokenWeight(2, 5, 2.0), TokenWeight(5, 7, 4.0), TokenWeight(7, 8, 8.0)]
    assert _attributions._of_words(text.split("ab cd e "), tokens) == [1.0, 2.0, 4.0]


def test_a_long_text_is_explained_as_if_it_ended_after_its_first_words() -> None:
    _, (own,) = explain(Additive(), "word23 word22 word1 word0 word0 word0 word0 ", most=3)
    assert (own.inputs["text"], own.left_out) == ("word23 word22 word1", 4)
    assert own.probability == pytest.approx(0.5 + POINTS["word23"] + POINTS["word22"] + POINTS["word1"])
    found = record(Additive(), rows_of(12, words=12), words=9)
    left_out = numbers(found, "words_left_out")[""]
    assert (left_out.value, left_out.detail) == (0.25, "12 of 12 rows are explained, 12 of them up to word 9")
    assert {own.left_out for own in found.weighted_texts} == {3}


def test_texts_of_too_few_words_and_texts_without_an_answer_are_not_explained() -> None:
    def answer(request: Request) -> Response:
        if "word3" in request.texts[0]:
            raise NoAnswerError("has no answer")
        return Additive()._scores(request.texts)

    rows = (
        *rows_of(10),
        Example("home:short", {"text": "word1 word2"}, "positive"),
        Example("home:none", {"text": ""}, "positive"),
    )
    model = FakeModel(answer, LABELS)
    failing = sum("word3" in row.inputs["text"].split() for row in rows)
    found = record(model, rows)
    assert 0 < failing < 10
    said = f"{10 - failing} of {12 - failing} rows are explained, 0 of them up to word 100"
    assert numbers(found, "words_left_out")[""].detail == said
    short = record(Additive(), rows[10:])
    assert gaps(short) == {"": ("no text of 3 words or more has an answer", False)}


# --- faithful


def test_of_one_text_the_losses_are_those_worked_out_by_hand() -> None:
    # Weights 0.0375, 0.035, 0.0025 and −0.0175, and a probability of 0.5575. Half of the words are two.
    row = Example("home:2", {"text": "word9 word23 word1 word22"}, "positive")
    found = record(Additive(), (row,), shares=(0.1, 0.5), draws=1)
    of = {(each.metric, each.slice.get("words")): each.value for each in found.measurements}
    assert of["comprehensiveness", "10 %"] == pytest.approx(0.0375)
    assert of["comprehensiveness", "50 %"] == pytest.approx(0.0725)
    assert of["sufficiency", "10 %"] == pytest.approx(0.5575 - 0.5375)
    assert of["sufficiency", "50 %"] == pytest.approx(0.5575 - 0.5725)
    audit = FakeAudit((row,), Settings(), TEXTS, model=Additive())
    texts = _attributions.explained(audit, [row], 100)
    (by_share,) = _faithfulness.kept(audit, texts, [[[1, 3, 0, 2], [2, 0, 1, 3], [0, 1, 2, 3]]], (0.5,))
    assert by_share is not None
    (half,) = by_share
    # The first random ranking takes −0.0175 and 0.0025 out, the second 0.0025 and 0.0375.
    assert (half.without_top, half.only_top) == pytest.approx((0.485, 0.5725))
    assert half.without_random == pytest.approx((0.5725, 0.5175))
    assert half.only_random == pytest.approx((0.485, 0.54))


@pytest.mark.parametrize("method", ["leave-one-out", "integrated-gradients"])
def test_right_weights_gain_over_a_random_ranking(method: str) -> None:
    found = record(Additive(), rows_of(40), method=method)
    for metric, words in itertools.product(("comprehensiveness_gain", "sufficiency_gain"), ("10 %", "20 %", "50 %")):
        gain = numbers(found, metric)[words]
        assert (gain.low > 0.0, gain.n_cases, gain.n_clusters) == (True, 40, 40), (metric, words)


def test_reversed_weights_lose_against_a_random_ranking() -> None:
    model = Additive(gradients=lambda points: -points)
    found = record(model, rows_of(40), method="integrated-gradients")
    for metric, words in itertools.product(("comprehensiveness_gain", "sufficiency_gain"), ("10 %", "20 %", "50 %")):
        assert numbers(found, metric)[words].high < 0.0, (metric, words)


def alarms(seeds: Iterable[int]) -> tuple[int, int]:
    """How many gains of weights that mean nothing are above 0, of how many."""
    gains = []
    for seed in seeds:
        # Each word of each text anew: a weight of the word's own would speak for or against it in all texts alike.
        drawn = random.Random(seed)
        model = Additive(gradients=lambda _, drawn=drawn: drawn.random() - 0.5)  # type: ignore[misc]
        found = record(model, rows_of(30), method="integrated-gradients", shares=(0.2,), draws=1, stable=1, shown=0)
        gains += [numbers(found, metric)["20 %"].low for metric in ("comprehensiveness_gain", "sufficiency_gain")]
    return sum(low > 0.0 for low in gains), len(gains)


def test_weights_that_mean_nothing_are_silent() -> None:
    assert alarms(range(4))[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_weights_that_mean_nothing_alarm_in_one_of_twenty_at_most(seed: int) -> None:
    over, of = alarms(range(100 * seed, 100 * (seed + 1)))
    assert over <= 0.05 * of


# --- stable


def test_rank_correlation_is_spearmans() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(5)
    for _ in range(20):
        first, second = (tuple(rng.integers(0, 5, 9).astype(float)) for _ in range(2))
        assert _faithfulness.rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert _faithfulness.rank_correlation((0.1, 0.1 + 1e-15, 0.1), (1.0, 2.0, 3.0)) is None
    assert _faithfulness.rank_correlation((1.0, 2.0, 3.0), (3.0, 2.0, 1.0)) == -1.0


class Numbered(Additive):
    """It goes by the number of a word, and not by its letters."""

    def _of(self, word: str) -> float:
        return POINTS.get("word" + "".join(letter for letter in word if letter.isdigit()), 0.0)


def test_typos_that_take_no_weight_leave_the_ranking_as_it_is() -> None:
    audit, texts = explain(Numbered(), *(row.inputs["text"] for row in rows_of(12)))
    changed = [_word_changes.changed(audit, own, TYPOS, 0.2) for own in texts]
    kept = [(own, new) for own, new in zip(texts, changed, strict=True) if new is not None and same_digits(own, new)]
    assert len(kept) >= 3
    again = [new for new in _attributions.keeping(audit, [new for _, new in kept]) if new is not None]
    assert len(again) == len(kept)
    before = _attributions.leave_one_out(audit, [own for own, _ in kept])
    after = _attributions.leave_one_out(audit, again)
    for (own, new), first, second in zip(kept, before, after, strict=True):
        assert own.inputs != new.inputs
        assert first is not None
        assert second is not None
        assert _faithfulness.rank_correlation(first, second) == pytest.approx(1.0)


def same_digits(first: Explained, second: Explained) -> bool:
    digits = [
        ["".join(letter for letter in word if letter.isdigit()) for word in own.texts["text"].words]
        for own in (first, second)
    ]
    return digits[0] == digits[1]


def test_typos_that_change_the_answer_are_counted_apart() -> None:
    # Any typo takes a word's points, so that words of many points leave the answer, and those of few do not.
    strong = {f"word{place}": (0.3 if place == 0 else -0.04) for place in range(6)}
    rows = [Example(f"home:{n}", {"text": " ".join(strong)}, "positive") for n in range(20)]
    found = record(Additive(strong), rows, typos=0.17, stable=40)
    told = numbers(found, "rank_correlation")["the text with typos"]
    kept, changed = map(int, re.findall(r"\d+", told.detail))
    assert told.detail == f"{kept} of {changed} texts keep their answer"
    assert 0 < told.n_cases == kept < changed <= 20
    # Of those that keep their answer the first are weighed: half of "stable".
    fewer = numbers(record(Additive(strong), rows, typos=0.17), "rank_correlation")["the text with typos"]
    assert (fewer.n_cases, fewer.detail) == (10, f"{told.detail}, 10 of them are compared")
    assert fewer.rows == told.rows[:10]


def test_synonyms_that_take_no_weight_leave_the_ranking_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    wordnet(monkeypatch, lambda word: ("two words", word.replace("word", "term")))
    told = numbers(record(Numbered(), rows_of(20)), "rank_correlation")["the text with synonyms"]
    assert told.value == pytest.approx(1.0)
    assert told.n_cases == 10
    assert told.detail == "20 of 20 texts keep their answer, 10 of them are compared"


def test_synonyms_with_the_opposite_weights_turn_the_ranking_around(monkeypatch: pytest.MonkeyPatch) -> None:
    wordnet(monkeypatch, lambda word: (word.replace("word", "term"),))
    turned = {word.replace("word", "term"): 0.02 - points for word, points in POINTS.items()}
    found = record(Additive({**POINTS, **turned}), rows_of(20), synonyms=1.0)
    assert numbers(found, "rank_correlation")["the text with synonyms"].value == pytest.approx(-1.0)


@pytest.mark.parametrize("change", [TYPOS, SYNONYMS], ids=lambda change: change.name)
def test_a_changed_word_stands_where_its_word_stood(change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wordnet(monkeypatch, lambda word: ("two words", word.replace("word", "term"), f"{word}-like"))
    audit, texts = explain(Additive(), *(f"  {row.inputs['text']}, word3!\n" for row in rows_of(20)))
    pairs = [(own, _word_changes.changed(audit, own, change, 0.2)) for own in texts]
    # nlpaug has no misspelling of these words.
    made = [(own, new) for own, new in pairs if new is not None]
    assert len(made) >= 15
    for own, new in made:
        before, after = own.texts["text"], new.texts["text"]
        assert tuple(text.words_of(new.inputs["text"])) == after.words
        assert (len(after.words), after.separators) == (len(before.words), before.separators)
        differing = sum(first != second for first, second in zip(before.words, after.words, strict=True))
        assert 1 <= differing <= 3  # a fifth of 13 words


def test_without_wordnet_synonyms_are_skipped_with_the_reason_and_typos_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without = record(Additive(), rows_of(20))
    reason = "wordnet is missing: audit resources says how to get it"
    assert gaps(without)["the text with synonyms"] == (reason, True)
    wordnet(monkeypatch, lambda word: (word.replace("word", "term"),))
    beside = record(Additive(), rows_of(20))
    assert numbers(beside, "rank_correlation").keys() >= {"the text with typos", "the text with synonyms"}
    assert without.measurements == tuple(
        each for each in beside.measurements if each.slice != {"against": "the text with synonyms"}
    )


def test_texts_without_a_synonym_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    wordnet(monkeypatch, lambda _: ("two words",))
    reason = "no text has a word with a synonym of one word that is no stop word"
    assert gaps(record(Additive(), rows_of(4)))["the text with synonyms"] == (reason, False)


def test_synonyms_that_take_the_answer_away_leave_nothing_to_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    wordnet(monkeypatch, lambda _: ("awful",))
    rows = [row for row in rows_of(12) if row.gold == "positive"]
    found = record(Additive({**POINTS, "awful": -0.5}), rows)
    said = f"0 of {len(rows)} texts keep their answer"
    assert gaps(found)["the text with synonyms"] == (said, False)


def test_no_more_texts_are_asked_than_with_typos_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    wordnet(monkeypatch, lambda word: (word.replace("word", "term"),))
    found = record(Numbered(), rows_of(60))
    told = numbers(found, "rank_correlation")
    typos, synonyms = (int(told[f"the text with {kind}"].detail.split()[2]) for kind in ("typos", "synonyms"))
    assert 15 <= typos <= synonyms == 20
    # 60 rows, each of their 12 words left out, three shares in and out by four rankings; the changed texts, and of 10
    # of each kind each word left out. With typos alone 20 texts were weighed, and each row was asked once more.
    by_hand = 60 + 60 * 12 + 60 * 3 * 2 * 4 + typos + synonyms + 2 * 10 * 12
    assert found.counts["queries"] == by_hand
    assert found.counts["queries"] < 60 + 60 * 13 + 60 * 3 * 2 * 4 + 20 * 13


def trained(recipe: str, seed: int, load: Callable[[], FakeModel], *, audited: bool = False) -> TrainedModel:
    return TrainedModel(recipe, recipe == "standard", seed, load, audited=audited)


def test_another_seed_of_the_same_recipe_is_compared() -> None:
    turned = Additive({word: 0.02 - points for word, points in POINTS.items()})
    itself = trained("standard", 0, Additive, audited=True)
    cases = {1.0: Additive(), -1.0: turned}
    for expected, other in cases.items():
        more = [trained("standard", 2, lambda: Additive()), trained("standard", 1, lambda other=other: other)]  # type: ignore[misc]
        found = record(Additive(), rows_of(20), trained("fgm", 3, Additive), *more, itself)
        told = numbers(found, "rank_correlation")["another seed"]
        assert told.value == pytest.approx(expected)
        assert told.detail.startswith("seed 1, ")


def test_without_another_seed_there_is_nothing_to_compare() -> None:
    def lost() -> FakeModel:
        raise ModelError("lacks weights", where="ckpt/standard-seed1")

    itself, other = trained("standard", 0, Additive, audited=True), trained("fgm", 1, Additive)
    reason = (
        "no checkpoint of another seed, of the same recipe, base and rows, stands beside it (audit train --seeds 2)"
    )
    for checkpoints in ((), (itself, other), (other, trained("standard", 1, Additive))):
        assert gaps(record(Additive(), rows_of(4), *checkpoints))["another seed"] == (reason, False)
    found = record(Additive(), rows_of(4), itself, trained("standard", 1, lost))
    assert gaps(found)["another seed"] == ("ckpt/standard-seed1: lacks weights", True)


def test_a_neighbour_that_fails_on_shorter_texts_is_told() -> None:
    class Whole(Additive):
        def run(self, batch: Sequence[Encoded]) -> list[Response]:
            if any(len(text.words_of(request.payload.texts[0])) < 12 for request in batch):
                raise NoAnswerError("has no answer")
            return super().run(batch)

    itself = trained("standard", 0, Additive, audited=True)
    found = record(Additive(), rows_of(6), itself, trained("standard", 1, Whole))
    said = "seed 1, 6 of 6 texts keep their answer; of 6 the model fails on a part"
    assert gaps(found)["another seed"] == (said, True)


# --- plausible


def test_average_precision_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(7)
    for _ in range(20):
        scores, marked = rng.integers(0, 4, 9).astype(float), rng.random(9) < 0.4
        marked[0] = True
        expected = average_precision_score(marked, scores)
        assert _faithfulness.average_precision(scores.tolist(), marked.tolist()) == pytest.approx(expected)


def test_words_that_a_person_marks_are_compared_with_the_weights() -> None:
    def marked(cell: Callable[[list[str]], str]) -> ProbeRecord:
        rows = [
            replace(row, meta={"why": cell(sorted(row.inputs["text"].split(), key=POINTS.__getitem__))})
            for row in rows_of(30)
            if row.gold == "positive"
        ]
        return record(Additive(), rows, marked="why")

    right = marked(lambda words: f"{words[-1].upper()}, ({words[-2]})")
    assert numbers(right, "average_precision")["why"].value == 1.0
    assert numbers(right, "average_precision_gain")["why"].low > 0.0
    wrong = marked(lambda words: " ".join(words[:2]))
    # The two words that weigh least of twelve come 11th and 12th.
    assert numbers(wrong, "average_precision")["why"].value == pytest.approx((1 / 11 + 2 / 12) / 2)
    assert numbers(wrong, "average_precision_gain")["why"].high < 0.0
    nothing = gaps(marked(lambda words: "elsewhere" if len(words) else ""))["why"]
    assert nothing == ("no row that is answered rightly has marked words beside others", False)


def test_without_a_column_nothing_is_plausible_and_the_reason_says_how_to_name_one() -> None:
    reason = "no column of marked words is named ([probes.interpretability] marked)"
    assert gaps(record(Additive(), rows_of(4)))["none"] == (reason, False)


# --- named entities and pairs


def sentences(*values: str) -> tuple[Example, ...]:
    return tuple(
        Example(f"home:{n + 2}", {"text": value}, ("O",) * len(value.split())) for n, value in enumerate(values)
    )


class Tagger(FakeModel):
    """It sees a person in "Ann Lee": the surer, the more of two words are beside it."""

    def __init__(self) -> None:
        super().__init__(lambda request: tuple(self._row(word, request.texts) for word in request.texts), TAGS)

    def _row(self, word: str, words: Sequence[str]) -> Response:
        tag = {"Ann": 1, "Lee": 2}.get(word)
        if tag is None:
            return (1.0, 0.0, 0.0, 0.0, 0.0)
        sure = 0.6 + 0.2 * ("Mrs" in words) + 0.1 * ("said" in words)
        return tuple(sure if place == tag else (1.0 - sure) / 4 for place in range(5))


def test_the_tags_of_an_entity_are_explained_by_the_words_around_it() -> None:
    rows = sentences("yesterday Mrs Ann Lee said so", "nobody came here today")
    audit = FakeAudit(rows, Settings(), NER, model=Tagger())
    (own,) = _attributions.explained(audit, rows, 100)
    assert (own.decision.label, own.decision.tags) == ("PER", ((2, 1), (3, 2)))
    assert own.probability == pytest.approx(0.9)
    assert own.places == (("text", 0), ("text", 1), ("text", 4), ("text", 5))
    assert _attributions.leave_one_out(audit, [own]) == [pytest.approx((0.0, 0.2, 0.1, 0.0))]
    plan = plan_of(Tagger(), (PROBE,), task=NER, examples={"home": rows * 1}, settings={"interpretability": Settings()})
    (found,) = runner.run(plan, nowhere, Silent())
    assert (found.status, plan.errors) == ("measured", [])
    assert [word.weight is None for word in found.weighted_texts[0].words] == [False, False, True, True, False, False]
    assert numbers(found, "comprehensiveness")["50 %"].value == pytest.approx(0.3)
    assert gaps(found)["none"][1] is False


def test_typos_leave_the_words_of_the_entity_alone() -> None:
    rows = sentences(*(f"yesterday Mrs Ann Lee said number{n} so" for n in range(12)))
    audit = FakeAudit(rows, Settings(), NER, model=Tagger())
    for own in _attributions.explained(audit, rows, 100):
        changed = _word_changes.changed(audit, own, TYPOS, 1.0)
        assert changed is not None
        assert changed.texts["text"].words[2:4] == ("Ann", "Lee")
        assert len(changed.texts["text"].words) == 7


def test_an_answer_that_ends_before_the_entity_is_another_decision() -> None:
    rows = sentences("yesterday Mrs Ann Lee said so")
    audit = FakeAudit(rows, Settings(), NER, model=Tagger())
    texts = _attributions.explained(audit, rows, 100)
    assert [own is None for own in _attributions.keeping(audit, texts)] == [False]
    # The tokens of a word with a typo may push the entity out of what the model reads.
    short = FakeModel(lambda request: Tagger()._answer(request)[:3], TAGS)
    assert _attributions.keeping(audit, texts, short) == [None]


@pytest.mark.parametrize(
    ("rows", "settings", "reason"),
    [
        (sentences("nobody came here today"), {}, "no text of 3 words or more in which the model names an entity"),
        (
            sentences("yesterday Mrs Ann Lee said so"),
            {"method": "integrated-gradients"},
            "integrated gradients explain labels of texts, not tags of words: method = 'leave-one-out' does",
        ),
    ],
)
def test_of_named_entities_it_says_why_it_does_not_apply(
    rows: Sequence[Example], settings: dict[str, Any], reason: str
) -> None:
    plan = plan_of(
        Tagger(), (PROBE,), task=NER, examples={"home": rows}, settings={"interpretability": Settings(**settings)}
    )
    (found,) = runner.run(plan, nowhere, Silent())
    assert (gaps(found), found.measurements) == ({"": (reason, False)}, ())


def test_the_words_of_both_texts_of_a_pair_are_ranked_together() -> None:
    task = PairTask()
    row = Example("home:2", {field: f"{field} a b" for field in task.fields}, task.labels[0])
    heavy = f"{task.fields[1]}"

    def answer(request: Request) -> Response:
        sure = 0.6 + 0.3 * any(heavy in value.split() for value in request.texts)
        return tuple(sure if place == 0 else (1.0 - sure) / (len(task.labels) - 1) for place in range(len(task.labels)))

    audit = FakeAudit((row,), Settings(), task, model=FakeModel(answer, task.labels))
    (own,) = _attributions.explained(audit, [row], 100)
    (weights,) = _attributions.leave_one_out(audit, [own])
    assert weights is not None
    by_place = dict(zip(own.places, weights, strict=True))
    assert {place: round(weight, 9) for place, weight in by_place.items() if abs(weight) > 1e-9} == {
        (task.fields[1], 0): 0.3
    }


# --- settings, work, and what is kept


@pytest.mark.parametrize("method", ["gradient-x-input", "Gradient × input", "input-x-gradient"])
def test_gradient_times_input_is_refused_with_the_reason(method: str) -> None:
    with pytest.raises(ConfigError, match=r"is no explanation: on 60 reviews its ranking .* a random one") as caught:
        Settings(method=method)
    assert caught.value.hint == "method = 'leave-one-out' or 'integrated-gradients'"


def test_an_unknown_method_gets_the_nearest() -> None:
    with pytest.raises(ConfigError, match="method = 'leave-one-in' is not known") as caught:
        Settings(method="leave-one-in")
    assert "leave-one-out" in str(caught.value.hint)


def test_a_model_without_gradients_says_so() -> None:
    plain = FakeModel(lambda request: Additive()._scores(request.texts), LABELS)
    found = record(plain, rows_of(4), method="integrated-gradients")
    assert gaps(found) == {"": ("the model gives no gradients (it does not run in torch)", True)}


@pytest.mark.parametrize("method", ["leave-one-out", "integrated-gradients"])
def test_the_queries_are_counted_and_are_no_more_than_planned(method: str) -> None:
    rows = rows_of(15)
    itself, other = trained("standard", 0, Additive, audited=True), trained("standard", 1, Additive)
    found = record(Additive(), rows, itself, other, method=method)
    audit = FakeAudit(rows, Settings(method=method), TEXTS)
    planned = PROBE.planned(audit)
    assert planned is not None
    assert planned.cases == found.counts["cases"] == 15
    assert 0.8 * planned.queries < found.counts["queries"] <= planned.queries


def test_the_same_audit_gives_the_same_record_whatever_ran_before() -> None:
    first, second = (record(Additive(), rows_of(12)) for _ in range(2))
    assert record_dict(first) == record_dict(second)


def test_the_texts_shown_are_kept_in_the_results_and_left_out_of_those_without_texts() -> None:
    found = record(Additive(), rows_of(12), shown=2)
    assert [own.example for own in found.weighted_texts] == ["home:2", "home:3"]
    entry = record_dict(found)
    assert len(entry["weighted_texts"]) == 2
    again = record_of(entry, {})
    assert record_dict(again)["weighted_texts"] == entry["weighted_texts"]
    (textless,) = published((found,), texts=False)
    assert "weighted_texts" not in record_dict(textless)
    assert "weighted_texts" not in record_dict(record(Additive(), rows_of(12), shown=0))


def test_a_word_without_an_end_is_cut_for_the_page() -> None:
    row = Example("home:2", {"text": f"word23 {'x' * 10_000} word1 word2"}, "positive")
    found = record(Additive(), (row,))
    assert [len(word.word) for word in found.weighted_texts[0].words] == [6, 61, 5, 5]


class Empty(FakeModel):
    """It fails on a text of fewer than six words."""

    def run(self, batch: Sequence[Encoded]) -> list[Response]:
        if any(len(text.words_of(request.payload.texts[0])) < 6 for request in batch):
            raise NoAnswerError("has no answer")
        return super().run(batch)


def test_rows_whose_shorter_texts_have_no_answer_are_left_out_of_what_is_faithful() -> None:
    model = Empty(lambda request: Additive()._scores(request.texts), LABELS)
    found = record(model, rows_of(6))
    said = ("the model fails on texts of fewer words", True)
    assert {words: gaps(found)[words] for words in ("10 %", "20 %", "50 %")} == dict.fromkeys(
        ("10 %", "20 %", "50 %"), said
    )


# --- the page


def page_of(tmp_path: Path, shown: WeightedText, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(small_results, "WEIGHTED", shown)
    folder = small_results.write(tmp_path / "audit")
    return scorecard.render(small_results.read(folder))


def test_the_page_says_in_text_what_the_shades_say_in_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"great": 0.3, "fine": 0.12, "film": 0.06, "the": 0.04, "of": 0.0, "awful": -0.3, "slow": -0.051}
    words = (
        *(WeightedWord("text", word, weight) for word, weight in weights.items()),
        WeightedWord("text", "Ann", None),
    )
    page = page_of(tmp_path, WeightedText({}, "home:2", "positive", 0.934, "negative", words, 1), monkeypatch)
    shades = re.findall(r'<span class="weighed ([^"]+)">(\w+)(?:<sup>([^<]+)</sup>)?</span>', page)
    assert shades == [
        ("for shade3", "great", "+30"),
        ("for shade2", "fine", "+12"),
        ("for shade1", "film", "+6"),
        ("against shade3", "awful", "−30"),
        ("against shade1", "slow", "−5"),
        ("asked", "Ann", ""),
    ]
    assert "answer <strong>positive</strong> (0.93), gold negative; 1 further word was not read" in page
    assert "Weights of different models are not to be compared." in page


def test_weights_of_a_few_points_are_not_shaded_as_if_they_were_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (WeightedWord("text", "great", 0.02), WeightedWord("text", "film", 0.004))
    page = page_of(tmp_path, WeightedText({}, "home:2", "positive", 0.9, None, words), monkeypatch)
    assert re.findall(r'<span class="weighed ([^"]+)">(\w+)<sup>', page) == [("for shade1", "great")]


def test_words_and_answers_are_no_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "<script>alert(1)</script>"
    words = (WeightedWord(hostile, hostile, 0.5), WeightedWord("b", "\u202egnp.exe\x00", -0.5))
    page = page_of(tmp_path, WeightedText({}, hostile, hostile, 0.9, hostile, words), monkeypatch)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;<sup>+50</sup>" in page
    assert "⟨U+202E⟩gnp.exe⟨U+0000⟩<sup>−50</sup>" in page
