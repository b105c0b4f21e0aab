"""Noise: which words change, how, and what nlpaug would change beside them."""

from __future__ import annotations

import importlib.util
import itertools
import os
import random
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import asked, words_touched
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_task import PairTask

from auditor import tasks, text
from auditor.config import probe_settings
from auditor.errors import ConfigError
from auditor.perturbations import augmentation, builtin, nlpaug_methods
from auditor.perturbations.catalogue import BY_WORD, CATALOGUE, FAMILIES, NOISE, Perturbation, perturb
from auditor.testing import FakeAudit, FakeModel
from auditor.types import Case, Example, Skipped, Task
from probes.noise import PROBE, Settings

ROOT = Path(__file__).resolve().parent.parent
REVIEW = (
    "I don't think the great film of 1999 was \"bad\": it's really good, and Anna said  people would love it.\n"
    "The actors , however , are not the reason for\tthe 7 prizes because nobody could hear them through the noise ."
)
EVERY = tuple(one.name for one in NOISE)
OWN = tuple(one.name for one in NOISE if not one.needs)
OF_WORDS = tuple(one.name for one in BY_WORD)
AROUND = tuple(one.name for one in NOISE if one.around)
SERVED = dict.fromkeys(EVERY, REVIEW) | {"final full stop added": REVIEW.removesuffix(" .")}
"""Perturbation → a text that offers it something to change."""
CHOSEN = ("keyboard typo", "misspelling", "upper case", "digits to words", "swapped words")


def audit(*given: str, reads: int | None = None, seed: int = 0, **changed: Any) -> FakeAudit:
    """Of a model that reads ``reads`` words of a text (None: all)."""
    examples = [Example(f"home:{index}", {"text": one}, "good") for index, one in enumerate(given)]
    return fake(examples, Settings(**changed), tasks.create("text-classification", ("bad", "good")), reads, seed)


def fake(
    examples: Sequence[Example], chosen: Settings, task: Task, reads: int | None = None, seed: int = 0
) -> FakeAudit:
    model = FakeModel(lambda _request: (0.5, 0.5), task.labels, tokens=str.split, reads=reads)
    return FakeAudit(examples, chosen, task, model=model, seed=seed)


def noisy(name: str, given: str, share: float = 1.0, seed: int = 0) -> str:
    words = text.split(given)
    return str(text.apply(words, perturb(words, name, share, random.Random(seed))))


def touched(edits: Sequence[text.Edit]) -> set[int]:
    return {index for edit in edits for index in range(edit.start, edit.end)}


def cases_of(given: Any) -> list[Case]:
    found = list(PROBE.cases(given))
    assert all(isinstance(one, Case) for one in found)
    return [one for one in found if isinstance(one, Case)]


# What the perturbations are


def test_there_are_at_least_fourteen_perturbations_in_the_eleven_families() -> None:
    assert len(EVERY) >= 14
    assert {one.family for one in NOISE} == {
        "typos",
        "case",
        "spacing and punctuation",
        "words",
        "invisible characters",
        "homoglyphs",
        "social media",
        "insertions",
        "long padding",
        "final full stop",
        "whole-text case",
    }


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("upper case", "a Good film", "A GOOD FILM"),
        ("lower case", "a Good FILM", "a good film"),
        ("capitalized", "a good film", "A Good Film"),
        ("random case", "a", "A"),
        ("removed punctuation", '"Good , film."', "Good film"),
        ("digits to words", "10/10 in 1999.", "one zero/one zero in one nine nine nine."),
        ("digits to words", "the 90s", "the nine zero s"),
        ("expanded contraction", "Don't say it’s (I'm sure)", "Do not say it is (I am sure)"),
        ("expanded contraction", "CAN'T", "CAN NOT"),
        ("social-media spelling", "Great people, you know", "Gr8 ppl, u kno"),
        ("joined words", "good  film", "goodfilm"),
        ("swapped words", "good  film", "film  good"),
        ("deleted word", "good", "good"),
        ("swapped words", "good", "good"),
        ("swapped words", "so so", "so so"),
        ("homoglyph", "q", "q"),
        ("homoglyph", "P", "\u0420"),
        ("diacritic", "n", "ñ"),
        ("zero-width character", "a", "a"),
        ("repeated letter", "7 !", "7 !"),
        ("random case", "7 !", "7 !"),
        ("upper case", "", ""),
    ],
)
def test_a_perturbation_of_our_own_does_what_its_name_says(name: str, given: str, expected: str) -> None:
    assert noisy(name, given) == expected


def test_punctuation_is_added_after_words() -> None:
    assert all(noisy("added punctuation", "film", seed=seed).rstrip("!.?,;") == "film" for seed in range(20))


def test_white_space_is_only_added_to() -> None:
    found = {noisy("extra whitespace", "good\tfilm", seed=seed) for seed in range(40)}
    assert found == {"good\t film", "good\t  film", "good\t\tfilm"}


def test_a_repeated_letter_stands_three_to_five_times() -> None:
    assert {noisy("repeated letter", "x", seed=seed) for seed in range(40)} == {"xxx", "xxxx", "xxxxx"}


@pytest.mark.parametrize("name", ["zero-width character", "soft hyphen"])
def test_an_invisible_character_stands_within_the_word_and_is_a_format_character(name: str) -> None:
    for seed in range(20):
        new = noisy(name, "film", seed=seed)
        (extra,) = [letter for letter in new if letter not in "film"]
        assert unicodedata.category(extra) == "Cf"
        assert new.replace(extra, "") == "film"
        assert new[0] == "f"
        assert new[-1] == "m"


def test_homoglyphs_are_cyrillic_letters_of_the_same_case() -> None:
    for latin, other in builtin.table("homoglyphs").items():
        assert unicodedata.name(latin).startswith("LATIN")
        assert unicodedata.name(other).startswith("CYRILLIC")
        assert latin.isupper() == other.isupper()


def test_diacritics_are_the_same_letter_without_their_mark() -> None:
    for plain, marked in builtin.table("diacritics").items():
        assert unicodedata.normalize("NFD", marked)[0] == plain
        assert marked != plain


def test_word_lists_are_lower_case_change_something_and_name_source_and_licence() -> None:
    for name in ("contractions", "social_media"):
        assert all(word == word.lower() != new for word, new in builtin.table(name).items())
    head = builtin.DATA.read_text(encoding="utf-8").split("\n\n")[0]
    assert "Source:" in head
    assert "Licence:" in head


# What every perturbation keeps


@pytest.mark.parametrize("name", EVERY)
def test_equal_generators_give_equal_edits(name: str) -> None:
    words = text.split(SERVED[name])
    first = perturb(words, name, 0.4, random.Random(5))
    nlpaug_methods._drawn.cache_clear()
    assert perturb(words, name, 0.4, random.Random(5)) == first


@pytest.mark.parametrize("name", EVERY)
def test_global_generators_are_left_as_they_were(name: str) -> None:
    def states() -> str:
        return repr((random.getstate(), np.random.get_state()))

    before = states()
    nlpaug_methods._drawn.cache_clear()
    assert perturb(text.split(SERVED[name]), name, 0.4, random.Random(5))
    assert states() == before


def test_global_generators_are_restored_after_an_error() -> None:
    before = random.getstate()
    with pytest.raises(RuntimeError), nlpaug_methods.seeded_globals(1):
        raise RuntimeError
    assert random.getstate() == before


@pytest.mark.parametrize("name", EVERY)
def test_words_that_are_not_touched_stay_exactly_as_they_were(name: str) -> None:
    words = text.split(REVIEW)
    for seed in range(10):
        edits = perturb(words, name, 0.2, random.Random(seed))
        kept = [word for index, word in enumerate(words.words) if index not in touched(edits)]
        new = [word for edit in edits for word in edit.words]
        rest = list(text.apply(words, edits).words)
        for word in new:
            rest.remove(word)
        assert sorted(rest) == sorted(kept)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=15, deadline=None)
@given(given_=st.text(alphabet="aBé7 .'\t\u200b", max_size=25), seed=st.integers(0, 99))
def test_a_milder_severity_touches_a_subset_of_the_words_and_changes_them_alike(
    name: str, given_: str, seed: int
) -> None:
    words = text.split(given_)
    found = [set(perturb(words, name, share, random.Random(seed))) for share in (0.1, 0.2, 0.4, 1.0)]
    assert all(milder <= harder for milder, harder in itertools.pairwise(found))


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=15, deadline=None)
@given(given_=st.text(max_size=25), share=st.sampled_from((0.1, 0.2, 0.4, 1.0)))
def test_any_text_bears_any_perturbation(name: str, given_: str, share: float) -> None:
    words = text.split(given_)
    edits = perturb(words, name, share, random.Random(0))
    made = text.apply(words, edits)
    assert text.split(str(made)).words == made.words
    assert len(made.words) >= min(1, len(words.words))
    wanted = max(1, round(share * len(words.words))) if name in OF_WORDS else len(words.words)
    assert len(touched(edits)) <= max(wanted, 2 if name in builtin.PAIRS else 1)
    assert all(edit.words != words.words[edit.start : edit.end] or name == "extra whitespace" for edit in edits)


@pytest.mark.parametrize("name", OF_WORDS)
def test_measured_severity_grows_with_the_share_asked_for(name: str) -> None:
    words = text.split(" ".join([REVIEW] * 5))
    shares = [
        text.share_touched(len(words.words), perturb(words, name, share, random.Random(1)))
        for share in (0.01, 0.025, 0.04)
    ]
    assert shares == sorted(set(shares))
    for wanted, found in zip((0.01, 0.025, 0.04), shares, strict=True):
        assert found == pytest.approx(wanted, abs=2 / len(words.words))


# Through nlpaug


@pytest.mark.parametrize("name", sorted(nlpaug_methods.METHODS))
def test_nlpaug_changes_the_letters_of_a_word_and_keeps_its_punctuation(name: str) -> None:
    seen = set()
    for seed in range(20):
        new = nlpaug_methods.change(name, '("because,', random.Random(seed))
        assert new is not None
        joined = " ".join(new)
        assert joined.startswith('("')
        assert joined.endswith(",")
        assert joined[2:-1] != "because"
        assert len(new) == (2 if name == "split word" else 1)
        seen.add(joined)
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("name", "longer"),
    [
        ("keyboard typo", 0),
        ("inserted letter", 1),
        ("substituted letter", 0),
        ("swapped letters", 0),
        ("deleted letter", -1),
        ("split word", 1),
    ],
)
def test_a_letter_method_makes_one_change(name: str, longer: int) -> None:
    for seed in range(20):
        new = nlpaug_methods.change(name, "wonderful", random.Random(seed))
        assert new is not None
        joined = " ".join(new)
        assert len(joined) == len("wonderful") + longer
        if name == "swapped letters":
            assert sorted(joined) == sorted("wonderful")
        if name == "split word":
            assert joined.replace(" ", "") == "wonderful"


@pytest.mark.parametrize("name", sorted(nlpaug_methods.METHODS))
@pytest.mark.parametrize("word", ["...", "—", "x"])
def test_a_word_without_enough_letters_is_left_alone(name: str, word: str) -> None:
    if not (name in ("OCR error", "misspelling") and word == "x"):
        assert nlpaug_methods.change(name, word, random.Random(0)) is None


def test_misspellings_keep_capitals_and_are_other_letters() -> None:
    for seed in range(20):
        (small,) = nlpaug_methods.change("misspelling", "definitely", random.Random(seed)) or ("",)
        (title,) = nlpaug_methods.change("misspelling", "Definitely", random.Random(seed)) or ("",)
        (upper,) = nlpaug_methods.change("misspelling", "DEFINITELY", random.Random(seed)) or ("",)
        assert small.lower() != "definitely"
        assert (title, upper) == (small[0].upper() + small[1:], small.upper())


def test_a_word_that_is_not_listed_is_not_misspelt() -> None:
    assert nlpaug_methods.change("misspelling", "qqqq", random.Random(0)) is None


def test_draws_do_not_depend_on_the_order_of_sets() -> None:
    names = ("misspelling", "keyboard typo", "OCR error")
    code = (
        "import random, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from auditor import text\n"
        "from auditor.perturbations.catalogue import perturb\n"
        f"words = text.split({REVIEW!r})\n"
        f"print([perturb(words, name, 1.0, random.Random(0)) for name in {names}])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}  # the process of the tests has another one
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, env=environment, check=True)
    words = text.split(REVIEW)
    here = [perturb(words, name, 1.0, random.Random(0)) for name in names]
    assert done.stdout.decode() == f"{here}\n"


def test_nlpaug_downloads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("nltk.download was called")

    monkeypatch.setattr(nltk, "download", refuse)
    nlpaug_methods.augmenter.cache_clear()
    nlpaug_methods._drawn.cache_clear()
    for name in nlpaug_methods.METHODS:
        assert nlpaug_methods.change(name, "because", random.Random(0))


def beside_words(name: str, given: str) -> set[str]:
    """What nlpaug changes in a text of its own accord, used as its documentation shows, over 200 seeds."""
    import nlpaug.augmenter.char as nac
    import nlpaug.augmenter.word as naw

    method = {
        "KeyboardAug": lambda: nac.KeyboardAug(),
        "OcrAug": lambda: nac.OcrAug(),
        "RandomCharAug": lambda: nac.RandomCharAug("insert"),
        "SpellingAug": lambda: naw.SpellingAug(),
        "SplitAug": lambda: naw.SplitAug(),
        "RandomWordAug swap": lambda: naw.RandomWordAug("swap"),
        "RandomWordAug delete": lambda: naw.RandomWordAug("delete"),
    }[name]()
    if name == "SpellingAug":  # its lists are in the order of sets, which no seed fixes
        method.model.dict = {word: sorted(wrong) for word, wrong in method.model.dict.items()}
    found: set[str] = set()
    for seed in range(200):
        with nlpaug_methods.seeded_globals(seed):
            new = str(method.augment(given)[0])
        found |= _beside(text.split(given), text.split(new))
    return found


def _beside(before: text.Words, after: text.Words) -> set[str]:
    found = set()
    if after.separators[0] != before.separators[0] or set(after.separators[1:-1]) != set(before.separators[1:-1]):
        found.add("white space")
    if " ' " in str(after):
        found.add("contractions cut")
    if " ," in str(before) and " ," not in str(after):
        found.add("space before punctuation")
    bare = {word.lower() for word in before.words}
    if any(word not in before.words and word.lower() in bare for word in after.words):
        found.add("capitals")
    return found


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("KeyboardAug", {"white space", "contractions cut", "space before punctuation"}),
        ("OcrAug", {"white space", "contractions cut", "space before punctuation"}),
        ("RandomCharAug", {"white space", "contractions cut", "space before punctuation"}),
        ("SpellingAug", {"white space", "contractions cut", "space before punctuation", "capitals"}),
        ("SplitAug", {"white space", "contractions cut", "space before punctuation"}),
        ("RandomWordAug swap", {"white space", "contractions cut", "space before punctuation", "capitals"}),
        ("RandomWordAug delete", {"white space", "contractions cut", "space before punctuation"}),
    ],
)
def test_what_each_method_of_nlpaug_changes_beside_the_words_it_chooses(method: str, expected: set[str]) -> None:
    assert beside_words(method, " The actors , however , didn't\tlike our wonderful little movie") == expected


# The cases


def test_cases_name_family_perturbation_and_severity_and_say_how_much_was_touched() -> None:
    found = cases_of(audit(REVIEW, perturbations=CHOSEN))
    assert [(one.slice["perturbation"], one.slice["severity"]) for one in found] == [
        (name, severity) for name in CHOSEN for severity in ("low", "middle", "high")
    ]
    assert all(set(one.slice) == {"family", "perturbation", "severity"} for one in found)
    assert all(one.slice["family"] == FAMILIES[one.slice["perturbation"]] for one in found)
    n = len(REVIEW.split())
    upper = [one for one in found if one.slice["perturbation"] == "upper case"]
    assert [words_touched(one) for one in upper] == [round(share * n) / n for share in (0.1, 0.2, 0.4)]


def test_the_same_audit_gives_the_same_cases_and_another_seed_others() -> None:
    first, again, other = (audit(REVIEW, seed=seed, perturbations=CHOSEN) for seed in (0, 0, 1))
    assert cases_of(first) == cases_of(again)
    assert cases_of(first) != cases_of(other)


def test_only_as_many_examples_are_read_as_asked_for() -> None:
    found = cases_of(audit(REVIEW, REVIEW, REVIEW, examples=2, perturbations=("upper case",)))
    assert {one.example.id for one in found} == {"home:0", "home:1"}


def test_texts_that_offer_nothing_to_change_are_left_out() -> None:
    found = cases_of(audit("no digit here", "7 dwarfs", perturbations=("digits to words",)))
    assert {one.example.id for one in found} == {"home:1"}
    assert all(asked(one) == {"text": "seven dwarfs"} for one in found)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("digits to words", "no text has a digit"),
        ("homoglyph", "no text has a Latin letter with a Cyrillic look-alike"),
    ],
)
def test_a_slice_for_which_no_text_serves_says_why(name: str, reason: str) -> None:
    found = list(PROBE.cases(audit("qq", "", perturbations=(name,), severities={"middle": 0.2})))
    slice_ = {"family": FAMILIES[name], "severity": "middle"}
    assert found == [Skipped({**slice_, "perturbation": name}, reason, False), Skipped(slice_, reason, False)]


def test_a_family_that_no_text_serves_says_why_and_one_that_some_text_serves_says_nothing() -> None:
    chosen = ("digits to words", "expanded contraction", "upper case")
    found = list(PROBE.cases(audit("qq", perturbations=chosen, severities={"middle": 0.2})))
    pooled = {one.slice["family"]: one for one in found if isinstance(one, Skipped) and "perturbation" not in one.slice}
    assert set(pooled) == {"words"}
    found = list(PROBE.cases(audit("QQ", perturbations=chosen, severities={"middle": 0.2})))
    pooled = {one.slice["family"]: one for one in found if isinstance(one, Skipped) and "perturbation" not in one.slice}
    assert {name: (one.reason, one.applies) for name, one in pooled.items()} == {
        "words": ("no text has a digit; no text has a contraction of the list", False),
        "case": ("no text has a small letter", False),
    }


def test_every_perturbation_says_what_a_text_must_have() -> None:
    assert all(one.wanted for one in CATALOGUE.values())
    assert {name for name, one in CATALOGUE.items() if one.name != name} == set()


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_no_perturbation_touches_protected_words(name: str) -> None:
    if CATALOGUE[name].needs & {"resource:wordnet"}:
        found: Perturbation = next(one for one in augmentation.OPERATIONS.values() if one.name == name).by(
            lambda _word: ("other",)
        )
    else:
        found = CATALOGUE[name]
    words, protected = text.split("Don't say the great film in 1999 was wierd!"), frozenset({1, 4})
    for seed in range(40):
        edits = found.edits(words, 0.6, random.Random(seed), protected)
        assert text.untouched(words, edits, protected)
        assert all(edit.end > edit.start or edit.words for edit in edits)


@pytest.mark.parametrize("name", [name for name in EVERY if name not in AROUND])
def test_words_that_the_model_does_not_read_stay(name: str) -> None:
    read = " ".join(["Don't", "you", "say", "the", "great", "film", "was", "wierd", "in", "1999."] * 30)
    given = audit(f"{read}  {REVIEW}", reads=len(read.split()), perturbations=(name,), severities={"all": 1.0})
    for case in cases_of(given):
        assert asked(case)["text"].endswith(f"  {REVIEW}")
        assert asked(case)["text"] != case.example.inputs["text"]
        assert 0 < (words_touched(case) or 0) <= 1


def test_without_nlpaug_its_perturbations_are_skipped_and_our_own_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nlpaug" else name)
    found = list(PROBE.cases(audit(REVIEW, "Anna saw it", severities={"middle": 0.2})))
    skipped = {one.slice.get("perturbation") for one in found if isinstance(one, Skipped)}
    assert skipped == {*nlpaug_methods.METHODS, None}
    assert {one.reason for one in found if isinstance(one, Skipped)} == {"nlpaug is not installed"}
    assert {one.slice["perturbation"] for one in found if isinstance(one, Case)} == set(OWN)


def test_every_text_field_is_perturbed_and_the_share_is_that_of_all_words() -> None:
    example = Example("home:0", {"premise": "a b c d e f g h", "hypothesis": "7 8", "other": "kept"}, "follows")
    given = fake([example], Settings(perturbations=("upper case",), severities={"high": 0.5}), PairTask())
    # The text without letters offers the perturbation nothing to change.
    case, first = (item for item in PROBE.cases(given) if isinstance(item, Case))
    assert (case.slice["severity"], first.slice["field"], "severity" in first.slice) == ("high", "premise", False)
    assert asked(first) == asked(case)
    assert asked(case)["premise"] != example.inputs["premise"]
    assert asked(case)["hypothesis"] == "7 8"
    assert asked(case)["other"] == "kept"
    assert words_touched(case, PairTask()) == 4 / 10


def test_the_probe_gives_the_metrics_of_a_paired_change() -> None:
    names = [metric.name for metric in PROBE.metrics(PairTask())]
    assert names == [
        "f1_before",
        "f1",
        "drop",
        "drop_over_changed_cases",
        "flip_rate",
        "vacuous_rate",
        "mean_words_touched",
    ]
    assert PROBE.pools == (frozenset({"family", "severity"}), frozenset({"family", "field"}))


# The settings


def test_settings_are_taken_from_the_config() -> None:
    made = probe_settings(
        PROBE.settings, {"perturbations": ["upper case"], "severities": {"all": 1.0}}, "[probes.noise]"
    )
    assert made == Settings(perturbations=("upper case",), severities={"all": 1.0})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"perturbations": ["uper case"]}, "no perturbation is called 'uper case' (did you mean 'upper case'?)"),
        ({"perturbations": ["zzz"]}, "no perturbation is called 'zzz' (known: keyboard typo, OCR error,"),
        ({"perturbations": ["homoglyph", "homoglyph"]}, "perturbations names 'homoglyph' twice"),
        ({"perturbations": []}, "perturbations is empty (leave it out for keyboard typo,"),
        ({"severities": {}}, "severities is empty (leave it out for low, middle, high)"),
        ({"severities": {"none": 0.0}}, "[severities] none = 0.0 must be above 0 and at most 1"),
        ({"severities": {"more": 1.5}}, "[severities] more = 1.5 must be above 0 and at most 1"),
        ({"examples": 0}, "examples = 0 must be at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        probe_settings(PROBE.settings, given, "[probes.noise]")
    assert caught.value.line.startswith(f"[probes.noise]: {message}")
