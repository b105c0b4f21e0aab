"""Perturbations by language: edits or a reason, keyboards, letters, and characters in Chinese and Japanese."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_languages import SAMPLES

from auditor import languages, text
from auditor.perturbations import characters as on_characters
from auditor.perturbations import keyboard, letters
from auditor.perturbations.by_language import in_language, names_in
from auditor.perturbations.catalogue import CATALOGUE, NOISE, Perturbation
from auditor.text import characters

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = (*languages.listed(), "pl", "ko", "el", "th")
ENDINGS = {
    "de": " Ich hab's an 10 Stellen versucht",
    "es": " ¿No quiero 10 cosas porque también es verdad",
    "fr": " C'est pour 10 personnes, beaucoup",
    "it": " Però non sono 10 persone",
    "pt": " Você também quer 10 coisas",
    "nl": " Zo'n 10 mensen zijn misschien ook niet hier",
    "ru": " Спасибо, сейчас 10 часов",
    "ar": " لدي 10 كتب هنا",
    "zh": " 我有10本书日本人",
    "ja": "10人がソファに座る日本",
    "pl": " To jest 10",
    "ko": " 아름다운 사람",
    "el": " Καλημέρα",
}
"""What lends the samples a digit, a contraction, a word of the lists and an end without a full stop."""
SERVED = {code: " ".join(SAMPLES[code]) + ENDINGS.get(code, "") for code in LANGUAGES}


def made(name: str, code: str) -> Perturbation | None:
    perturbation = in_language(name, code)
    return None if isinstance(perturbation, str) else perturbation


def ready(perturbation: Perturbation) -> bool:
    return not perturbation.needs & {"resource:wordnet"}


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_english_has_the_perturbations_of_the_catalogue(name: str) -> None:
    assert in_language(name, "en") is CATALOGUE[name]


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_perturbation_edits_texts_in_a_language_or_says_why_not(name: str, code: str) -> None:
    perturbation = in_language(name, code)
    if isinstance(perturbation, str):
        assert languages.named(code) in perturbation or "script" in perturbation
        return
    before = SERVED[code]
    # The sample may end as the perturbation wants it or not.
    texts = (before, f"{before}.", f"{before}。") if code in ("zh", "ja") else (before, f"{before}.")
    edits = [perturbation.edits(text.split(each), 0.4, random.Random(3)) for each in texts]
    assert any(edits), perturbation.wanted
    for each, own in zip(texts, edits, strict=True):
        after = str(text.apply(text.split(each), own))
        assert (after == each) == (not own)
        assert perturbation.edits(text.split(each), 0.4, random.Random(3)) == own


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_severities_are_nested_in_every_language(code: str) -> None:
    words = text.split(SERVED[code])
    for name in names_in(code, tuple(one.name for one in NOISE)):
        perturbation = made(name, code)
        assert perturbation is not None
        inner = getattr(perturbation, "inner", perturbation)
        apart = characters.split(SERVED[code]) if inner is not perturbation else words
        found = [set(inner.edits(apart, share, random.Random(7))) for share in (0.1, 0.2, 0.4)]
        assert found[0] <= found[1] <= found[2], name


@pytest.mark.parametrize("code", ["zh", "ja"])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("name", ["inserted letter", "substituted letter", "deleted letter", "repeated letter"])
def test_the_share_of_characters_touched_is_that_asked_for(name: str, share: float, code: str) -> None:
    words = text.split(SERVED[code] * 3)
    perturbation = made(name, code)
    assert perturbation is not None
    changed = on_characters.changed(perturbation, words, share, random.Random(1))
    assert changed.words == characters.count(SERVED[code] * 3)
    assert abs(changed.touched / changed.words - share) <= 0.5 / changed.words


def test_characters_are_changed_one_by_one() -> None:
    words = text.split("火车晚点了。")
    found = {
        name: str(text.apply(words, perturbation.edits(words, 0.2, random.Random(1))))
        for name in ("deleted letter", "swapped letters", "repeated letter", "extra whitespace")
        if (perturbation := made(name, "zh")) is not None
    }
    assert len(found["deleted letter"]) == 5
    assert sorted(found["swapped letters"]) == sorted("火车晚点了。")
    assert found["swapped letters"] != "火车晚点了。"
    assert len(found["repeated letter"]) >= 8
    assert found["extra whitespace"].replace(" ", "").replace("\t", "") == "火车晚点了。"


def test_what_is_put_into_chinese_stands_without_blanks_and_other_words_with_them() -> None:
    apart = characters.split("火车ab晚点")
    edits = [text.Edit(1, 1, ("快",)), text.Edit(3, 3, ("xy",)), text.Edit(5, 5, ("！！",))]
    assert on_characters.written(apart, edits) == "火快车abxy晚点！！"
    spaced = [text.Edit(2, 2, ("xy",))]
    assert on_characters.written(apart, spaced) == "火车xy ab晚点"


def test_protected_words_keep_their_characters() -> None:
    words = text.split("火车 晚点了 今天")
    perturbation = made("deleted letter", "zh")
    assert perturbation is not None
    for seed in range(20):
        edits = perturbation.edits(words, 1.0, random.Random(seed), frozenset({1}))
        assert "晚点了" in str(text.apply(words, edits))


def test_words_that_blanks_part_stay_words_where_they_have_labels() -> None:
    perturbation = in_language("swapped letters", "zh", divided=True)
    assert not isinstance(perturbation, str)
    words = text.split("中国 队 赢 了")
    edits = perturbation.edits(words, 0.5, random.Random(0))
    assert sorted(text.apply(words, edits).words) == sorted(words.words)
    assert not isinstance(in_language("deleted word", "zh", divided=True), str)
    assert not isinstance(in_language("emoji", "th", divided=True), str)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("misspelling", "de", "no word list for German"),
        ("expanded contraction", "es", "no word list for Spanish"),
        ("synonyms", "fr", "no list of synonyms for French"),
        ("upper case", "zh", "Chinese has no capital letters"),
        ("title-case text", "ar", "Arabic has no capital letters"),
        ("keyboard typo", "ja", "no keyboard layout for Japanese"),
        ("keyboard typo", "pl", "no keyboard layout for Polish"),
        ("swapped words", "zh", "no blanks stand between words in Chinese"),
        ("filler before", "pl", "no list of neutral sentences for Polish"),
        ("digits to words", "ko", "no words for digits for Korean"),
        ("inserted letter", "ko", "no alphabet for Korean"),
        ("OCR error", "ko", "no table of letters that are mistaken for others in Hangul script"),
        ("homoglyph", "ko", "no table of look-alikes for Hangul script"),
        ("diacritic", "ru", "no table of marks for Cyrillic script"),
        ("emoji", "th", "words are not told apart in Thai"),
    ],
)
def test_why_a_perturbation_does_not_apply(name: str, code: str, reason: str) -> None:
    assert in_language(name, code) == reason


@pytest.mark.parametrize(
    ("code", "letter", "near"),
    [
        ("de", "z", "6 7 t u g h"),  # QWERTZ: z stands where English has y
        ("de", "ö", "p ü l ä"),
        ("de", "y", "a s x"),
        ("de", "ß", "p ü"),
        ("es", "ñ", "p l"),
        ("fr", "a", "z q"),  # AZERTY
        ("fr", "w", "q s x"),
        ("fr", "m", "p l ù"),
        ("it", "à", "è ò"),
        ("it", "z", "a s x"),
        ("pt", "ç", "p l"),
        ("ru", "ф", "й ц ы я"),
        ("nl", "g", "t y f h v b"),
    ],
)
def test_the_neighbours_of_a_key(code: str, letter: str, near: str) -> None:
    wanted = {other for other in near.split() if not other.isdigit()}
    assert set(keyboard.neighbours(languages.of(code).keyboard)[letter]) == wanted


@pytest.mark.parametrize("code", [code for code in languages.listed() if languages.of(code).keyboard])
def test_neighbouring_keys_are_each_others_and_every_letter_stands_once(code: str) -> None:
    rows = languages.of(code).keyboard
    near = keyboard.neighbours(rows)
    assert all(letter in near[other] for letter, others in near.items() for other in others)
    every = [letter for row in rows for letter in row if letter != " "]
    assert len(set(every)) == len(every)
    assert len(rows) == len(keyboard.OFFSETS)


def test_a_typo_keeps_capitals() -> None:
    change = letters.replaced_by({"ü": ("p",)}, least=2)
    assert change("Über", random.Random(0)) == ("Pber",)
    assert change("ü", random.Random(0)) is None  # one letter
    assert change("aber", random.Random(0)) is None
    assert letters.replaced_by({"ä": ("ö",)})("Äh", random.Random(0)) == ("Öh",)
    assert letters.substituted("ß", 1)("A", random.Random(0)) == ("ß",)


def test_a_letter_is_a_character_with_its_marks() -> None:
    assert letters.letters_of("ाabé") == ["ा", "a", "b", "é"]
    assert letters.letters_of("e\u0301a") == ["e\u0301", "a"]
    assert letters.swapped("ab", random.Random(0)) is None
    assert letters.swapped("aaa", random.Random(0)) is None
    assert letters.deleted("ab", random.Random(0)) is None
    assert letters.split("abc", random.Random(0)) is None
    assert letters.split("„abcd“", random.Random(0)) in {("„a", "bcd“"), ("„ab", "cd“"), ("„abc", "d“")}


def test_tables_by_script_hold_letters_of_their_script() -> None:
    from auditor.languages.detection import script_of

    for script, pairs in letters.tables()["mistaken"].items():
        assert len(set(pairs)) == len(pairs)
        for first, second in pairs:
            assert script_of(first) == script_of(second) == script
    for script, others in letters.tables()["homoglyphs"].items():
        assert all(script_of(letter) in (script, "Katakana-hiragana", None) for letter in others)
    assert letters.homoglyphs("Cyrillic")["а"] == ("a",)
    assert letters.homoglyphs("Han")["日"] == ("⽇",)
    assert letters.homoglyphs("Latin")["a"] == ("а",)
    assert {"日", "ニ"} <= set(letters.homoglyphs("Kana"))
    assert letters.mistaken("Kana")["末"] == ("未",)
    assert letters.mistaken("Hangul") == {}


@given(st.text(alphabet="火车晚点了。，ab 12\tのカ゛", max_size=30))
def test_characters_give_the_text_back(value: str) -> None:
    apart = characters.split(value)
    assert str(apart) == value
    assert len(apart.words) == characters.count(value)
    words = text.split(value)
    assert characters.within(words, range(len(words.words))) == frozenset(range(characters.count(value)))


@given(st.text(alphabet="火车晚点了。，ab 12のカ", min_size=1, max_size=20), st.integers(0, 50))
def test_edits_of_characters_are_edits_of_the_text(value: str, seed: int) -> None:
    words = text.split(value)
    for name in names_in("zh", tuple(one.name for one in NOISE)):
        perturbation = made(name, "zh")
        assert perturbation is not None
        changed = on_characters.changed(perturbation, words, 0.4, random.Random(seed))
        after = str(text.apply(words, changed.edits))
        assert bool(changed.edits) == (after != value)
        assert changed.edits or not changed.touched or after == value
