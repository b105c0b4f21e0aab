"""Back-translation as a perturbation of texts whose words nothing labels."""

from __future__ import annotations

import random

import pytest

from auditor import text
from auditor.perturbations.catalogue import CATALOGUE, Perturbation
from auditor.perturbations.paraphrases import BackTranslation

PLAIN = BackTranslation()
NOBODY = frozenset[int]()


def reworded(
    perturbation: BackTranslation, value: str, share: float = 1.0, protected: frozenset[int] = NOBODY, seed: int = 0
) -> str:
    words = text.split(value)
    return str(text.apply(words, perturbation.edits(words, share, random.Random(seed), protected)))


def test_it_is_a_perturbation_beside_those_of_the_catalogue() -> None:
    perturbation: Perturbation = PLAIN
    members = [name for name in vars(Perturbation) if name[0] != "_"]
    assert members == ["name", "family", "keeps_label", "needs", "wanted", "graded", "around", "edits"]
    assert all(hasattr(perturbation, name) for name in members)
    assert perturbation.name not in CATALOGUE
    assert perturbation.keeps_label


@pytest.mark.parametrize("value", ["so it is", "  two\n\nlines \t", "word", "a film , not more ."])
def test_a_text_without_protected_words_is_one_stretch_as_it_is_written(value: str) -> None:
    assert PLAIN.stretches(text.split(value)) == [value]
    assert PLAIN.spoken(value) == value
    changed = reworded(PLAIN.by({value: "in  other\nwords"}), value)
    head, tail = value[: len(value) - len(value.lstrip())], value[len(value.rstrip()) :]
    assert changed == f"{head}in  other\nwords{tail}"


@pytest.mark.parametrize("wording", ["", " \n", None, "so it is"])
def test_a_text_without_another_wording_stays_as_it_is(wording: str | None) -> None:
    wordings = {} if wording is None else {"so it is": wording}
    assert reworded(PLAIN.by(wordings), "so it is") == "so it is"


VALUE = "who wrote it  in Paris before the long war began"
PROTECTED = frozenset({4})


def test_protected_words_part_stretches_and_stay() -> None:
    words = text.split(VALUE)
    assert PLAIN.stretches(words, PROTECTED) == ["who wrote it  in", "before the long war began"]
    assert PLAIN.stretches(words, frozenset({2, 4})) == ["before the long war began"]  # two words say too little
    assert PLAIN.stretches(words, frozenset(range(10))) == []
    wordings = {"who wrote it  in": "whose is it in", "before the long war began": "earlier"}
    assert reworded(PLAIN.by(wordings), VALUE, protected=PROTECTED) == "whose is it in Paris earlier"


@pytest.mark.parametrize("seed", range(8))
def test_a_smaller_share_rewords_stretches_until_it_is_reached(seed: int) -> None:
    wordings = {"who wrote it  in": "whose is it in", "before the long war began": "earlier"}
    changed = reworded(PLAIN.by(wordings), VALUE, 0.1, PROTECTED, seed)
    assert changed in ("whose is it in Paris before the long war began", "who wrote it  in Paris earlier")
    assert {reworded(PLAIN.by(wordings), VALUE, 0.1, PROTECTED, seed) for seed in range(8)} > {changed}
