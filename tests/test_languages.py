"""Languages: codes, names and lists, and which one texts are in."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from auditor import languages
from auditor.evaluation import spoken
from auditor.languages import catalogue, detection
from auditor.types import HOME, Example
from probes import _templates

ROOT = Path(__file__).resolve().parent.parent
SAMPLES: dict[str, tuple[str, ...]] = {
    "en": (
        "The train was late and nobody told us what had happened to it.",
        "I have read this book twice, because it is so well written.",
        "There is a small shop on the corner where they sell good bread.",
    ),
    "de": (
        "Der Zug kam zu spät und niemand hat uns gesagt, was passiert war.",
        "Ich habe das Buch zweimal gelesen, weil es so gut geschrieben ist.",
        "An der Ecke gibt es einen kleinen Laden, der auch gutes Brot verkauft.",
    ),
    "es": (
        "El tren llegó tarde y nadie nos dijo lo que había pasado.",
        "He leído este libro dos veces porque está muy bien escrito.",
        "En la esquina hay una tienda pequeña donde venden pan muy bueno.",
    ),
    "fr": (
        "Le train est arrivé en retard et personne ne nous a dit pourquoi.",
        "J'ai lu ce livre deux fois, car il est très bien écrit.",
        "Au coin de la rue, il y a une petite boutique où on vend du bon pain.",
    ),
    "it": (
        "Il treno è arrivato in ritardo e nessuno ci ha detto che cosa era successo.",
        "Ho letto questo libro due volte perché è scritto molto bene.",
        "All'angolo della strada c'è un piccolo negozio che vende del buon pane.",
    ),
    "pt": (
        "O trem chegou atrasado e ninguém nos disse o que tinha acontecido.",
        "Eu li este livro duas vezes porque ele é muito bem escrito.",
        "Na esquina há uma pequena loja onde também vendem um pão muito bom.",
    ),
    "nl": (
        "De trein was te laat en niemand heeft ons verteld wat er aan de hand was.",
        "Ik heb dit boek twee keer gelezen, want het is heel goed geschreven.",
        "Op de hoek is een kleine winkel waar ze ook lekker brood verkopen.",
    ),
    "ru": (
        "Поезд опоздал, и никто не сказал нам, что с ним было.",
        "Я прочитал эту книгу два раза, потому что она очень хорошо написана.",
        "На углу есть маленький магазин, где они продают и хлеб, и молоко.",
    ),
    "ar": (
        "وصل القطار متأخرا ولم يخبرنا أحد عن سبب ذلك.",
        "قرأت هذا الكتاب مرتين لأن الكاتب كان جيدا جدا في هذه القصة.",
        "هناك متجر صغير في هذا الشارع على الزاوية التي تقع بعد المدرسة.",
    ),
    "zh": ("火车晚点了，没有人告诉我们发生了什么事。", "这本书写得很好，所以我读了两遍。"),
    "ja": (
        "電車が遅れましたが、誰も理由を教えてくれませんでした。",
        "この本はとてもよく書けているので、二回読みました。",
    ),
    "ko": ("기차가 늦게 왔는데 아무도 이유를 말해 주지 않았다.",),
    "th": ("รถไฟมาช้าและไม่มีใครบอกเราว่าเกิดอะไรขึ้น",),
    "el": ("Το τρένο άργησε και κανείς δεν μας είπε τι συνέβη.",),
    "pl": (
        "Pociąg się spóźnił i nikt nie powiedział nam, co się z nim stało, ale już jest.",
        "To jest książka, którą czytałem dwa razy, bo jest bardzo dobra, a nie jak tamta.",
    ),
}
"""Language → sentences of our own."""


@pytest.mark.parametrize("code", SAMPLES)
def test_a_few_sentences_tell_their_language(code: str) -> None:
    found = languages.detect(SAMPLES[code])
    assert found.code == code
    assert found.share == 1.0
    assert found.others == {}
    assert languages.detect(SAMPLES[code]) == found


def test_every_language_with_a_file_has_a_sample() -> None:
    assert set(languages.listed()) <= set(SAMPLES)


@pytest.mark.parametrize(
    "texts",
    [(), ("",), ("12 345 !?",), ("zorb flim quast",) * 30, ("good film",)],
    ids=["no text", "empty", "no letter", "no known word", "too few words"],
)
def test_what_tells_no_language_is_not_detected(texts: Sequence[str]) -> None:
    assert languages.detect(texts).code is None


def test_two_languages_in_equal_parts_are_not_detected() -> None:
    # Of each as many words of the list: neither is a seventh ahead.
    found = languages.detect(["the and of to is that was", "der die und ist nicht von mit"] * 12)
    assert (found.code, found.others) == (None, {"de": 0.5, "en": 0.5})


def test_a_mixture_names_the_parts() -> None:
    found = languages.detect([*SAMPLES["de"] * 8, *SAMPLES["en"] * 2])
    assert (found.code, found.share, found.others) == ("de", 0.8, {"en": 0.2})


def test_the_first_texts_count_alone() -> None:
    found = languages.detect([*[SAMPLES["de"][0]] * detection.ROWS, *[SAMPLES["en"][0]] * 2000])
    assert (found.code, found.texts) == ("de", detection.ROWS)


@pytest.mark.parametrize(
    ("letter", "script"),
    [("a", "Latin"), ("ß", "Latin"), ("ж", "Cyrillic"), ("中", "Han"), ("の", "Kana"), ("カ", "Kana"), ("7", None)],
)
def test_the_script_of_a_letter(letter: str, script: str | None) -> None:
    assert detection.script_of(letter) == script


def test_names_scripts_and_lists_fit_together() -> None:
    for code in languages.codes():
        language = languages.of(code)
        assert len(code) == 2
        assert language.name == languages.named(code)
        assert language.name.strip()
    scripts = {code: languages.of(code).script for code in SAMPLES}
    for code, script in scripts.items():
        letters = [detection.script_of(letter) for sentence in SAMPLES[code] for letter in sentence]
        assert script in letters


@pytest.mark.parametrize("code", languages.listed())
def test_the_file_of_a_language_is_sound(code: str) -> None:
    language = languages.of(code)
    content = (catalogue.FOLDER / f"{code}.toml").read_text(encoding="utf-8")
    assert "Source:" in content.splitlines()[0]
    assert "Licence: Apache-2.0" in content.splitlines()[0]
    assert language.stop_words or language.by_character
    assert all(word == word.lower() for word in (*language.stop_words, *language.negations))
    assert content == unicodedata.normalize("NFC", content)
    for words in (language.contractions, language.social_media):
        assert all(word == word.lower() != new for word, new in words.items())
    known = {"who", "whose", "what", "which", "when", "where", "why", "how"}
    assert all(word == " ".join(word.lower().split()) for word in language.question_words)
    assert set(language.question_words.values()) in (set(), known, known - {"whose"})
    if language.is_english:
        return
    assert len(language.digits) == 10
    assert len(set(language.fillers)) == len(language.fillers) >= 14
    assert not any(digit.isdigit() for sentence in language.fillers for digit in sentence)
    marks = (".", "。")
    assert all(sentence.endswith(marks) for sentence in language.fillers)
    assert bool(language.keyboard) != bool(language.characters)


@pytest.mark.parametrize(
    ("code", "hint"),
    [("german", "write de"), ("de-DE", "write de"), ("DE", "write de"), ("xx", "known: ")],
)
def test_a_word_that_is_no_code_is_refused_with_a_hint(code: str, hint: str) -> None:
    with pytest.raises(ValueError, match="is no ISO 639-1 code of a language") as caught:
        languages.checked(code)
    assert hint in str(caught.value)
    assert languages.checked("de") == "de"


def rows(*texts: str) -> list[Example]:
    return [Example(f"home:{number}", {"text": text}) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("texts", "given", "said"),
    [
        (SAMPLES["de"], None, "German (detected)"),
        (SAMPLES["de"], "de", "German (given)"),
        (SAMPLES["de"], "fr", "French (given, but the rows read as German 100%)"),
        ((*SAMPLES["de"] * 4, *SAMPLES["en"]), None, "German (detected; the rows are mixed: German 80%, English 20%)"),
        ((*SAMPLES["de"] * 4, *SAMPLES["en"]), "de", "German (given; the rows are mixed: German 80%, English 20%)"),
        (("ok ok",), None, "not detected: treated as English"),
        (("ok ok",), "nl", "Dutch (given)"),
    ],
)
def test_the_language_is_said_with_how_it_is_known(texts: Sequence[str], given: str | None, said: str) -> None:
    found = spoken.facts(rows(*texts), given)
    assert found["said"] == said
    sets = [{"name": HOME, "language": found}]
    assert spoken.told(sets) == f"language of the texts: home {said}"
    noted = list(spoken.notes(sets))
    assert bool(noted) == (bool(found["shares"]) or found["how"] == "assumed")
    assert all(said in line for line in noted)


def test_sets_in_other_languages_are_noted() -> None:
    sets = [
        {"name": name, "language": spoken.facts(rows(*SAMPLES[code]), None)}
        for name, code in ((HOME, "de"), ("tweets", "en"), ("train", "de"))
    ]
    assert spoken.told(sets) == "language of the texts: home, train German (detected); tweets English (detected)"
    assert list(spoken.notes(sets)) == ["tweets is in English, home in German"]


def test_the_table_of_the_how_to_is_as_the_files_are() -> None:
    page = (ROOT / "docs" / "how-to" / "other-languages.md").read_text(encoding="utf-8")
    rows_of_page = [line for line in page.splitlines() if line.startswith("| `") and "| yes |" in line]
    expected = []
    for code in (code for code in languages.listed() if code != "en"):
        language = languages.of(code)
        has = (
            language.keyboard,
            language.fillers,
            language.digits,
            language.contractions,
            language.social_media,
            language.negations,
            language.question_words,
            code in _templates.languages("bias"),
        )
        cells = (f"`{code}`", language.name, language.script, *("yes" if each else "–" for each in has))
        expected.append(f"| {' | '.join(cells)} |")
    assert rows_of_page == expected


def test_the_how_to_names_every_key_of_a_file() -> None:
    page = (ROOT / "docs" / "how-to" / "other-languages.md").read_text(encoding="utf-8")
    keys = {key for code in languages.listed() for key in catalogue.read(code)}
    assert all(f"`{key}`" in page or f"`[{key}]`" in page for key in keys)
