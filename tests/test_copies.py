"""Copies of texts: the join against brute force, what counts as the same, and texts that nobody expects."""

from __future__ import annotations

import functools
import itertools
import random
import re
import string
import time
from collections.abc import Sequence

import numpy as np
import pytest

from auditor.text import copies

WORDS = ["".join(random.Random(number).choices(string.ascii_lowercase, k=6)) for number in range(2000)]


def independent(n: int, rng: random.Random, words: tuple[int, int] = (11, 60)) -> list[str]:
    return [" ".join(rng.choices(WORDS, k=rng.randint(*words))) for _ in range(n)]


def reworded(text: str, share: float, rng: random.Random) -> str:
    """The text with this share of its words replaced, at least one."""
    words = text.split()
    for place in rng.sample(range(len(words)), max(1, round(share * len(words)))):
        words[place] = rng.choice(WORDS) + "x"
    return " ".join(words)


def runs(text: str) -> set[tuple[str, ...]]:
    """A text's runs of five words, blanks before it and after it among them."""
    words = ["<"] * 4 + re.findall(r"\w+", text.lower()) + [">"] * 4
    return {tuple(words[place : place + 5]) for place in range(len(words) - 4)}


@functools.cache
def by_hand() -> dict[tuple[int, int], float]:
    """Pairs of the mixed texts → the Jaccard index of their runs, by sets of tuples, where it is not 0."""
    sets = list(map(runs, mixed_texts()))
    return {
        (one, two): len(common) / len(sets[one] | sets[two])
        for one, two in itertools.combinations(range(len(sets)), 2)
        if (common := sets[one] & sets[two])
    }


def pairs(left: Sequence[str], right: Sequence[str] | None = None, least: float = 0.5) -> dict[tuple[int, int], float]:
    shingler = copies.Shingler()
    first = shingler.shingled({"text": text} for text in left)
    second = None if right is None else shingler.shingled({"text": text} for text in right)
    return {
        (int(one), int(two)): float(likeness)
        for alike in copies.near_pairs(first, second, least)
        for one, two, likeness in zip(alike.first, alike.second, alike.likeness, strict=True)
    }


def mixed_texts() -> list[str]:
    """300 texts of one to 60 words, of which many are alike: few words, reworded copies, cut ones."""
    rng = random.Random(1)
    texts = independent(80, rng, (1, 60)) + [" ".join(rng.choices(WORDS[:4], k=rng.randint(1, 9))) for _ in range(80)]
    texts += [reworded(rng.choice(texts[:80]), rng.choice([0.02, 0.05, 0.2]), rng) for _ in range(80)]
    return texts + [" ".join(text.split()[: rng.randint(5, 40)]) for text in rng.sample(texts[:80], 60)]


@pytest.mark.parametrize("least", [0.2, 0.5, 0.9])
def test_the_join_is_brute_force_on_300_texts(least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = mixed_texts()
    assert len(texts) == 300
    expected = {pair: value for pair, value in by_hand().items() if value >= least}
    assert len(expected) > 20
    assert pairs(texts, least=least) == pytest.approx(expected)
    # Between two sets, and in many small blocks.
    monkeypatch.setattr(copies, "PRODUCTS", 10)
    half = {(one, two - 150): value for (one, two), value in expected.items() if one < 150 <= two}
    assert pairs(texts[:150], texts[150:], least) == pytest.approx(half)
    assert pairs(texts, least=least) == pytest.approx(expected)


def test_one_word_in_twenty_replaced_is_always_found_from_eleven_words_on() -> None:
    rng = random.Random(2)
    texts = independent(200, rng, (11, 120))
    found = pairs([reworded(text, 0.05, rng) for text in texts], texts)
    assert found.keys() == {(place, place) for place in range(200)}


@pytest.mark.parametrize("place", range(11))
def test_a_word_counts_the_same_wherever_it_stands(place: int) -> None:
    words = WORDS[:11]
    other = [*words[:place], "other", *words[place + 1 :]]
    assert pairs([" ".join(words), " ".join(other)]) == pytest.approx({(0, 1): 10 / 20})
    # A text shorter by a word that differs in one is not alike.
    del words[10 - place], other[10 - place]
    assert pairs([" ".join(words), " ".join(other)]) == ({(0, 1): 1.0} if words == other else {})


def test_nothing_is_found_among_a_thousand_independent_texts() -> None:
    rng = random.Random(3)
    assert pairs(independent(1000, rng, (4, 60))) == {}


def test_greetings_do_not_collide() -> None:
    texts = ["good morning", "good evening", "hello", "hello there", "thank you", "thank you so much", "hi", "good"]
    assert pairs(texts) == {}
    assert pairs(["Thanks, a lot!"], ["thanks a lot", "thanks a million"]) == {(0, 0): 1.0}


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("thanks", "Thanks!", True),
        ("good morning", "good evening", False),
        ("a fine film", "  a\tFine, film. ", True),
        ("Straße", "STRASSE", True),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width", True),
        ("a b c", "ab c", False),
        ("一个好电影", "一个好电影。", True),
        ("मेरा", "मेरी", False),
        ("मेरा", "मेरा!", True),
        ("fine \u2764\ufe0f", "fine", True),
    ],
)
def test_words_are_the_same_but_for_case_blanks_and_punctuation(one: str, two: str, same: bool) -> None:
    assert (copies.same_words({"text": one}) == copies.same_words({"text": two})) is same


def test_texts_without_a_word_have_none_in_common() -> None:
    assert copies.same_words({"text": "…"}) == copies.same_words({"premise": "!", "hypothesis": ""}) == ()


def test_the_fields_of_a_row_are_kept_apart() -> None:
    one, two = " ".join(WORDS[:20]), " ".join(WORDS[20:40])
    rows = [
        {"premise": one, "hypothesis": two},
        {"premise": two, "hypothesis": one},
        {"premise": one, "hypothesis": two},
    ]
    (alike,) = copies.near_pairs(copies.Shingler().shingled(rows))
    assert list(zip(alike.first, alike.second, alike.likeness, strict=True)) == [(0, 2, 1.0)]


CHINESE = "这部电影讲述了两个兄弟的故事非常感人"


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        ("", "", False),
        ("", "word", False),
        ("word", "word", True),
        ("😀😀😀", "😀😀😀", True),
        ("😀", "😡", False),
        ("so good 😀", "so good 😡", True),
        (CHINESE, CHINESE.replace("兄弟", "姐妹"), True),
        (CHINESE, CHINESE.replace("电影", "小说").replace("兄弟", "姐妹"), False),
        (CHINESE, "完全不同的另一句话没有任何共同之处", False),
        ("\ud800 lone", "\ud800 lone", True),
        ("\x00\x00", "\x00", False),
    ],
)
def test_texts_that_nobody_expects(one: str, two: str, alike: bool) -> None:
    assert bool(pairs([one], [two])) is alike


def test_very_long_texts_are_compared_in_a_moment() -> None:
    rng = random.Random(4)
    long = " ".join(rng.choices(WORDS, k=90_000))
    assert len(long) > 600_000
    began = time.perf_counter()
    assert pairs([long, "a" * 600_000, "short"], [reworded(long, 0.05, rng), "short"]).keys() == {(0, 0), (2, 1)}
    assert time.perf_counter() - began < 30


def test_no_rows_have_no_pairs() -> None:
    assert pairs([]) == pairs(["a b c"], []) == pairs([], ["a b c"]) == {}


def test_taking_rows_keeps_their_shingles() -> None:
    shingled = copies.Shingler().shingled({"text": text} for text in ("one two", "", "three four five"))
    taken = shingled.taking([2, 1])
    assert taken.sizes.tolist() == [7, 0]
    assert np.array_equal(taken.hashes, shingled.hashes[6:])
