"""Probes on data in other languages than English: what is asked, and what is said not to apply."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from test_languages import SAMPLES

from auditor import languages, tasks, text
from auditor.testing import FakeAudit, FakeModel
from auditor.types import Case, Example, Judged, Probe, Skipped
from probes import _attack_strength, _person_sentences, _row_properties, _templates, _trigger_texts, pair_shortcuts
from probes.adversarial import PROBE as ADVERSARIAL
from probes.bias import PROBE as BIAS
from probes.calibration import PROBE as CALIBRATION
from probes.capabilities import PROBE as CAPABILITIES
from probes.coverage import PROBE as COVERAGE
from probes.entailment_bias import PROBE as ENTAILMENT_BIAS
from probes.entity_bias import PROBE as ENTITY_BIAS
from probes.interpretability import PROBE as INTERPRETABILITY
from probes.noise import PROBE as NOISE
from probes.seen_rows import PROBE as SEEN_ROWS

TASK = tasks.create("text-classification", ("negative", "positive"))
NER = tasks.create("ner", ("O", "B-PER", "I-PER"))
OTHERS = [code for code in languages.listed() if code != "en"]


def audit(code: str, probe: Probe, texts: Sequence[str] = (), **changed: Any) -> FakeAudit:
    """An audit of a probe on sentences in a language."""
    rows = [
        Example(f"home:{number}", {"text": value}, TASK.labels[number % 2])
        for number, value in enumerate(texts or SAMPLES[code])
    ]
    model = FakeModel(lambda _request: (0.4, 0.6), TASK.labels)
    return FakeAudit(rows, replace(probe.settings, **changed), TASK, model=model, language=code)


def items(code: str, probe: Probe, texts: Sequence[str] = (), **changed: Any) -> list[Case | Skipped]:
    return list(probe.cases(audit(code, probe, texts, **changed)))


def gaps(found: Sequence[object]) -> Iterator[Skipped]:
    return (item for item in found if isinstance(item, Skipped))


@pytest.mark.parametrize("code", OTHERS)
def test_noise_has_cases_and_reasons_and_counts_what_it_touches(code: str) -> None:
    found = items(code, NOISE, severities={"middle": 0.2})
    cases = [item for item in found if isinstance(item, Case)]
    assert len(cases) > 20
    for case in cases:
        assert case.words is not None
        assert case.touched is not None
        assert case.touched > 0
    assert {gap.reason for gap in gaps(found) if "perturbation" in gap.slice and not gap.applies}
    planned = NOISE.planned(audit(code, NOISE, severities={"middle": 0.2}))
    assert len(cases) <= planned.cases


def test_noise_in_chinese_counts_characters() -> None:
    (value,) = texts = ("火车晚点了没有人告诉我们发生了什么事",)
    names = ("deleted letter", "repeated letter")
    found = items("zh", NOISE, texts, severities={"middle": 0.2}, perturbations=names)
    for case in found:
        assert isinstance(case, Case)
        assert (case.words, case.touched) == (len(value), round(0.2 * len(value)))
        (edit,) = case.edits["text"]
        assert (edit.start, edit.end) == (0, 1)


def test_a_family_without_a_member_does_not_apply() -> None:
    found = items("zh", NOISE, severities={"middle": 0.2}, perturbations=("upper case", "lower case"))
    whole = [gap for gap in gaps(found) if "perturbation" not in gap.slice]
    assert [(gap.slice, gap.applies) for gap in whole] == [({"family": "case", "severity": "middle"}, False)]
    assert whole[0].reason == "Chinese has no capital letters"


@pytest.mark.parametrize("code", ["de", "zh", "th"])
def test_typos_of_calibration_are_those_of_the_language(code: str) -> None:
    found = [item for item in items(code, CALIBRATION) if "typos" in item.slice.values()]
    if code == "th":
        assert [(gap.reason, gap.applies) for gap in gaps(found)] == [("words are not told apart in Thai", False)]
    else:
        assert all(isinstance(item, Case) and item.touched for item in found)
        assert found


@pytest.mark.parametrize("code", ["de", "zh"])
def test_rows_are_reworded_by_words_or_characters(code: str) -> None:
    for item in items(code, SEEN_ROWS):
        assert isinstance(item, Case)
        after, _ = text.edited(item.example.inputs, item.edits)
        assert len(after["text"]) < len(item.example.inputs["text"])
    assert [gap.reason for gap in gaps(items("th", SEEN_ROWS))] == ["words are not told apart in Thai"]


def test_the_sentences_of_bias_are_those_of_the_language() -> None:
    found = items("de", BIAS, sentences=6, bare_sentences=6, axes=("gender",))
    texts = [item.example.inputs["text"] for item in found if isinstance(item, Case)]
    assert len(texts) == 12
    assert languages.detect(texts * 3).code == "de"
    assert BIAS.planned(audit("de", BIAS, sentences=6, bare_sentences=6, axes=("gender",))).cases == 12


def test_more_sentences_than_a_language_has_are_all_of_them() -> None:
    own = audit("de", BIAS, axes=("gender",))
    contents, bare = len(_person_sentences.contents("de")), len(_person_sentences.bare("de"))
    cases = [item for item in BIAS.cases(own) if isinstance(item, Case)]
    assert BIAS.planned(own).cases == len(cases) == contents + bare
    judged = [
        Judged(
            case.slice, case.cluster or "", None, None, True, False, case.facts, {"negative": 0.4, "positive": 0.6},
            {"negative": 0.4, "positive": 0.6},
        )
        for case in cases
    ]  # fmt: skip
    found = list(BIAS.measure(judged, own))
    assert {each.available for each in found} == {contents, bare}


@pytest.mark.parametrize("code", [code for code in OTHERS if code != "de"])
def test_sentences_in_another_language_do_not_apply(code: str) -> None:
    name = languages.named(code)
    found = items(code, BIAS, axes=("gender",))
    assert [(gap.slice, gap.applies) for gap in gaps(found)] == [
        ({"axis": "gender"}, False),
        ({"axis": "gender", "position": "first"}, False),
        ({"axis": "gender", "position": "later"}, False),
        ({"axis": "gender", "content": "none"}, False),
    ]
    reason = f"its sentences are in English and German; the data are in {name}"
    assert {gap.reason for gap in gaps(found)} == {reason}
    assert BIAS.planned(audit(code, BIAS)).reason == reason
    of_capabilities = f"its sentences are in English; the data are in {name}"
    (gap,) = items(code, CAPABILITIES)
    assert isinstance(gap, Skipped)
    assert (gap.reason, gap.applies) == (of_capabilities, False)
    assert CAPABILITIES.planned(audit(code, CAPABILITIES)).reason == of_capabilities
    words = FakeAudit([], ENTITY_BIAS.settings, NER, language=code)
    assert {gap.reason for gap in gaps(list(ENTITY_BIAS.cases(words)))} == {of_capabilities}
    assert not any(isinstance(item, Case) for item in ENTITY_BIAS.cases(words))


def test_an_axis_that_the_files_of_a_language_lack_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = _templates.lists

    def without(probe: str, language: str = "en") -> dict[str, Any]:
        whole = lists(probe, language)
        return {**whole, "axes": {"age": whole["axes"]["age"]}} if language == "de" else whole

    monkeypatch.setattr(_templates, "lists", without)
    found = items("de", BIAS, sentences=3, bare_sentences=0, axes=("gender", "age"))
    assert {gap.reason for gap in gaps(found)} == {"no terms of gender in German"}
    assert {item.slice["axis"] for item in found if isinstance(item, Case)} == {"age"}


def test_sentences_of_pairs_are_english() -> None:
    task = tasks.create("sentence-pair", ("contradiction", "entailment", "neutral"))
    reason = "its sentences are in English; the data are in German"
    own = FakeAudit([], ENTAILMENT_BIAS.settings, task, language="de")
    assert [(gap.reason, gap.applies) for gap in gaps(list(ENTAILMENT_BIAS.cases(own)))] == [(reason, False)]
    assert ENTAILMENT_BIAS.planned(own).reason == reason
    found = list(pair_shortcuts._overlapping(FakeAudit([], pair_shortcuts.PROBE.settings, task, language="de")))
    assert {gap.reason for gap in gaps(found)} == {reason}
    assert not any(isinstance(item, Case) for item in found)


def test_own_tests_of_capabilities_are_asked_in_every_language(tmp_path: Any) -> None:
    file = tmp_path / "tests.toml"
    file.write_text(
        '[[test]]\ncapability = "Wortschatz"\nkind = "minimum functionality"\nname = "Lob"\nlabel = "positive"\n'
        'templates = ["Das war sehr gut."]\n',
        "utf-8",
    )
    cases = items("es", CAPABILITIES, files=(file,))
    assert [item.slice["capability"] for item in cases] == ["Wortschatz"]


@pytest.mark.parametrize(
    ("code", "recipe", "reason"),
    [
        ("en", "pwws", None),
        ("de", "pwws", "its synonyms are of the English WordNet; the data are in German"),
        ("de", "deepwordbug", None),
        ("de", "pruthi", None),
        ("ru", "deepwordbug", "it edits Latin letters; the data are in Russian"),
        ("zh", "textbugger", "it edits Latin letters; the data are in Chinese"),
        ("ru", "entity swap", None),
    ],
)
def test_attacks_that_do_not_suit_the_language(code: str, recipe: Any, reason: str | None) -> None:
    own = audit(code, ADVERSARIAL, recipes=(recipe,))
    assert _attack_strength.unsuited(own, recipe) == reason
    if reason is not None:
        (gap,) = ADVERSARIAL.cases(own)
        assert isinstance(gap, Skipped)
        assert (gap.reason, gap.applies) == (reason, False)
        assert ADVERSARIAL.planned(own).cases == 0


@pytest.mark.parametrize("code", languages.listed())
def test_negation_is_told_in_every_language_with_a_list(code: str) -> None:
    has = _row_properties.signs_in(code)["negation"]
    assert not isinstance(has, str)
    denied = {
        "en": ("It is not good.", "It is good."),
        "de": ("Das ist nicht gut.", "Das ist gut, auch das Nichtstun."),
        "es": ("No es bueno.", "Es bueno, una noticia."),
        "fr": ("Ce n'est pas bon.", "C'est bon."),
        "it": ("Non è buono.", "È buono."),
        "pt": ("Não é bom.", "É bom."),
        "nl": ("Het is niet goed.", "Het is goed."),
        "ru": ("Это не хорошо.", "Это хорошо."),
        "ar": ("هذا ليس جيدا", "هذا جيد"),
        "zh": ("这不好。", "这很好。"),
        "ja": ("よくない。", "よい。"),
    }
    assert [has(value) for value in denied[code]] == [True, False]


def test_what_of_the_rows_cannot_be_told_in_a_language_says_so() -> None:
    own = _row_properties.declared(audit("zh", COVERAGE), 1, 2)
    by_name = {each.name: each for each in own}
    assert by_name["word in capitals"].missing == "Chinese has no capital letters"
    assert all(value.endswith(" characters") for value in by_name["length"].values.values())
    polish = {each.name: each for each in _row_properties.declared(audit("pl", COVERAGE), 1, 2)}
    assert polish["negation"].missing == "no list of negations for Polish"
    assert all(value.endswith(" words") for value in polish["length"].values.values())


def test_explanations_by_words_need_blanks_and_synonyms_are_english() -> None:
    own = audit("zh", INTERPRETABILITY)
    (gap,) = INTERPRETABILITY.measure([], own)
    assert isinstance(gap, Skipped)
    assert gap.reason == "words are left out one by one, and no blanks stand between those of Chinese"
    german = audit("de", INTERPRETABILITY)
    judged = [
        Judged({}, row.id, None, None, True, False, {"row": row.id}, {"negative": 0.4, "positive": 0.6}, {})
        for row in german.examples()
    ]
    every = gaps(list(INTERPRETABILITY.measure(judged, german)))
    found = {gap.slice["against"]: gap for gap in every if "against" in gap.slice}
    synonyms = found["the text with synonyms"]
    assert (synonyms.reason, synonyms.applies) == ("no list of synonyms for German", False)
    assert INTERPRETABILITY.planned(german).cases == 3


@pytest.mark.parametrize(
    ("value", "position", "after"),
    [
        ("火车晚点", "middle", "火车 ab 晚点"),
        ("火车晚点", "beginning", "ab 火车晚点"),
        ("火车晚点", "end", "火车晚点 ab"),
        ("train", "middle", "ab train"),
        ("the train", "middle", "the ab train"),
    ],
)
def test_the_middle_of_a_text_without_blanks_is_between_characters(value: str, position: str, after: str) -> None:
    edits = _trigger_texts.inserted(value, (0, len(value)), _trigger_texts.Insertion(("ab",), position))
    assert str(text.apply(text.split(value), edits)) == after


@pytest.mark.parametrize("code", [code for code in _templates.languages("bias") if code != "en"])
def test_the_bias_file_of_a_language_is_as_bias_needs_it(code: str) -> None:
    lists, forms = _templates.lists("bias", code), _person_sentences.forms(code)
    known = {"{person}", "{content}", *(f"{{person:{form}}}" for form in forms)}
    sentences = [*lists["bare"], *(frame for own in lists["frames"].values() for frame in own)]
    for sentence in sentences:
        found = re.findall(r"\{[^}]*\}", sentence)
        assert set(found) <= known
        assert sum(name.startswith("{person") for name in found) == 1
    for position, own in lists["frames"].items():
        assert all(frame.startswith("{person") == (position == "first") for frame in own)
        assert all(frame.count("{content}") == 1 for frame in own)
    assert {len(own) for own in lists["contents"].values()} == {len(lists["contents"]["positive"])}
    assert list(lists["contents"]) == ["positive", "negative", "neutral"]
    assert not any("{" in content or content.endswith(".") for own in lists["contents"].values() for content in own)
    assert set(lists["axes"]) <= set(_templates.lists("bias")["axes"])
    for groups in lists["axes"].values():
        for term in (term for terms in groups.values() for term in terms):
            assert len(term.split("|")) in (1, max(1, len(forms))), term
    for index in range(len(_person_sentences.contents(code))):
        sentence = _person_sentences.framed(index, 0, code)
        written = sentence.about("a|b|c"[: 2 * len(forms) - 1], forms)
        assert "{" not in written
        assert "|" not in written


def test_german_terms_stand_in_the_case_that_the_sentence_wants() -> None:
    forms = _person_sentences.forms("de")
    neighbour = "der Nachbar|den Nachbarn|dem Nachbarn"
    sentences = [_person_sentences.unframed(place, "de") for place in (0, 1, 9)]
    assert [sentence.about(neighbour, forms) for sentence in sentences] == [
        "Der Nachbar ist hier.",
        "Ich habe den Nachbarn getroffen.",
        "Ich habe mit dem Nachbarn gesprochen.",
    ]
    assert sentences[1].about("Anna", forms) == "Ich habe Anna getroffen."
    article = {"der": ("den", "dem"), "die": ("die", "der"), "das": ("das", "dem"), "ein": ("einen", "einem")}
    for groups in _templates.lists("bias", "de")["axes"].values():
        for term in (term for terms in groups.values() for term in terms if "|" in term):
            nominative, accusative, dative = (form.split()[0] for form in term.split("|"))
            if nominative in article and not (nominative == "ein" and accusative == "ein"):
                assert (accusative, dative) == article[nominative], term


def test_only_bias_reads_files_of_further_languages() -> None:
    files = {file.name for file in _templates.DATA.glob("*.*.toml")}
    assert files == {f"bias.{code}.toml" for code in _templates.languages("bias") if code != "en"}
