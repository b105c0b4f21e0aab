"""English data stay English: initials, units and a few foreign rows do not make another language of them."""

from __future__ import annotations

import re

import pytest

from auditor import languages
from auditor.evaluation import spoken
from auditor.languages import detection
from auditor.types import Example
from reports import words

HEADLINES = ("U.S. stocks fall", "N.J. man dies", "U.S. court rules against D.C. mayor", "U.S. dollar rises")
GOODS = ("iPhone 5 s case", "USB C to C cable 2 m", "Samsung S 8 plus d")
FRENCH = "Je ne sais pas si les clients sont contents de la nouvelle version"
GERMAN = "Das ist ein Satz, der nicht auf Englisch und auch nicht auf Spanisch ist"
ENGLISH = "This is a sentence that is not in German and it is not in Spanish"


@pytest.mark.parametrize(
    "texts", [HEADLINES * 10, GOODS * 10, (*("Reset", "Login failed", "Printer broken") * 16, FRENCH, FRENCH)]
)
def test_short_english_texts_are_no_other_language(texts: tuple[str, ...]) -> None:
    assert languages.detect(texts).code in (None, "en")


def test_rows_from_all_over_a_sorted_file_are_read() -> None:
    rows = [Example(str(number), {"text": GERMAN if number < 500 else ENGLISH}) for number in range(5000)]
    facts = spoken.facts(rows, None)
    assert facts["code"] == "en"
    assert set(facts["shares"]) == {"en", "de"}


# --- languages that are nearly the same in writing

NEAR: dict[str, tuple[str, ...]] = {
    "da": (
        "Jeg har læst bogen, og den er rigtig god, men slutningen er for lang.",
        "Toget kom for sent, og der var ikke nogen, som kunne hjælpe os.",
        "Hvad skal vi gøre efter mødet med hele familien?",
    ),
    "nb": (
        "Jeg har lest boken, og den er veldig god, men slutten er for lang.",
        "Toget kom for sent, og det var ikke noen som kunne hjelpe oss.",
        "Hva skal vi gjøre etter møtet med hele familien?",
    ),
    "nn": (
        "Eg har lese boka, og ho er veldig god, men slutten er for lang.",
        "Toget kom for seint, og det var ikkje nokon som kunne hjelpe oss.",
        "Kva skal vi gjere etter møtet med heile familien?",
    ),
    "id": (
        "Saya tidak bisa datang karena hujan sangat deras hari ini.",
        "Kereta itu terlambat dan tidak ada yang memberi tahu kami.",
        "Buku ini sangat bagus untuk dibaca oleh anak-anak di sekolah.",
    ),
    "ms": (
        "Saya tidak boleh datang kerana hujan sangat lebat hari ini.",
        "Kereta api itu lewat dan tidak ada orang yang memberitahu kami.",
        "Buku ini sangat bagus untuk dibaca oleh kanak-kanak di sekolah.",
    ),
    "cs": (
        "Vlak měl zpoždění a nikdo nám neřekl, co se stalo.",
        "Tuto knihu jsem četl dvakrát, protože je velmi dobře napsaná.",
        "Na rohu je malý obchod, ve kterém se prodává dobrý chléb.",
    ),
    "sk": (
        "Vlak meškal a nikto nám nepovedal, čo sa stalo.",
        "Túto knihu som čítal dvakrát, pretože je veľmi dobre napísaná.",
        "Na rohu je malý obchod, v ktorom sa predáva dobrý chlieb.",
    ),
    "sl": (
        "Vlak je zamujal in nihče nam ni povedal, kaj se je zgodilo.",
        "To knjigo sem prebral dvakrat, ker je zelo dobro napisana.",
        "Na vogalu je majhna trgovina, kjer prodajajo dober kruh.",
    ),
    "af": (
        "Die trein was laat en niemand het ons gesê wat gebeur het nie.",
        "Ek het hierdie boek twee keer gelees omdat dit so goed geskryf is.",
        "Daar is 'n klein winkel op die hoek waar hulle goeie brood verkoop.",
    ),
    "bg": (
        "Влакът закъсня и никой не ни каза какво се е случило.",
        "Прочетох тази книга два пъти, защото е много добре написана.",
        "На ъгъла има малък магазин, в който продават хубав хляб.",
    ),
    "mk": (
        "Возот доцнеше и никој не ни кажа што се случи.",
        "Ја прочитав оваа книга двапати бидејќи е многу добро напишана.",
        "На аголот има мала продавница каде што продаваат добар леб.",
    ),
    "be": (
        "Цягнік спазніўся, і ніхто не сказаў нам, што здарылася.",
        "Я прачытаў гэту кнігу двойчы, бо яна вельмі добра напісана.",
        "На рагу ёсць маленькая крама, дзе прадаюць добры хлеб.",
    ),
    "sr": (
        "Воз је каснио и нико нам није рекао шта се догодило.",
        "Прочитао сам ову књигу два пута јер је веома добро написана.",
        "На углу је мала продавница у којој се продаје добар хлеб.",
    ),
}
CROATIAN: tuple[str, ...] = (
    "Vlak je kasnio i nitko nam nije rekao što se dogodilo.",
    "Pročitao sam ovu knjigu dva puta jer je jako dobro napisana.",
    "Na uglu je mala trgovina u kojoj se prodaje dobar kruh.",
)
SERBIAN: tuple[str, ...] = (
    "Voz je kasnio i niko nam nije rekao šta se dogodilo.",
    "Pročitao sam ovu knjigu dva puta jer je veoma dobro napisana.",
    "Na uglu je mala prodavnica u kojoj se prodaje dobar hleb.",
)
GALICIAN: tuple[str, ...] = (
    "O tren chegou tarde e ninguén nos dixo o que pasara.",
    "Lin este libro dúas veces porque está moi ben escrito.",
    "Hai unha pequena tenda na esquina onde venden bo pan.",
)
SHARED = {
    ("da", "nb", "nn"): "og at det er en til på den for med der har man han vi om kan vil skal",
    ("id", "ms"): "yang dan di ini itu dengan untuk dari tidak pada adalah ke dalam akan saya ada juga kami",
    ("cs", "sk"): "a je v na že to s z do o si by za tak po od už a je v na že",
    ("gl", "pt"): "de que o a os as se do da no na como de que o a os as se do da no na",
    ("bg", "mk"): "и на да се за е не но ти без много и на да се за е не но без",
}
"""Languages nearly the same in writing → words that all of them have, for the most part."""


@pytest.mark.parametrize("code", NEAR)
def test_a_language_is_told_from_its_neighbours_by_words_of_its_own(code: str) -> None:
    found = languages.detect(NEAR[code] * 3)
    assert (found.code, found.alike) == (code, ())


@pytest.mark.parametrize("texts", [CROATIAN, SERBIAN, (*CROATIAN, *SERBIAN)])
def test_what_cannot_be_told_apart_is_not_told(texts: tuple[str, ...]) -> None:
    found = languages.detect(texts * 3)
    assert (found.code, set(found.alike)) == (None, {"bs", "hr", "sr"})
    facts = spoken.facts([Example(str(n), {"text": text}) for n, text in enumerate(texts * 3)], None)
    assert (facts["code"], facts["how"], facts["shares"]) == ("hr", "assumed", {})
    assert facts["said"] == "not sure whether Bosnian, Croatian or Serbian: treated as Croatian"
    (note,) = spoken.notes([{"name": "home", "language": facts}])
    assert note.endswith("treated as Croatian (--data-language or [data] language says which it is)")


@pytest.mark.parametrize("codes", SHARED)
def test_words_that_all_have_decide_nothing(codes: tuple[str, ...]) -> None:
    found = languages.detect([SHARED[codes]] * 4)
    assert found.code is None
    assert set(found.alike) == set(codes)
    assert languages.likeliest(found) in codes
    assert languages.likeliest(languages.detect(["zorb"])) == "en"


def test_texts_of_two_that_are_alike_are_not_told_apart() -> None:
    found = languages.detect([*NEAR["da"], *NEAR["nb"]] * 4)
    assert (found.code, set(found.alike)) == (None, {"da", "nb", "nn"})
    assert languages.detect([*GALICIAN, *GALICIAN]).code in (None, "gl")


def test_a_given_language_is_not_doubted() -> None:
    rows = [Example(str(n), {"text": text}) for n, text in enumerate(CROATIAN * 3)]
    assert spoken.facts(rows, "sr")["said"] == "Serbian (given)"


@pytest.mark.parametrize("language", [code for code in words.languages() if code != words.ENGLISH])
@pytest.mark.parametrize("codes", SHARED)
def test_the_doubt_is_said_in_the_language_of_the_page(language: str, codes: tuple[str, ...]) -> None:
    facts = spoken.facts([Example("1", {"text": " ".join([SHARED[codes]] * 4)})], None)
    assert facts["how"] == "assumed"
    with words.speaking(language):
        said = words.recorded(facts["said"])
    assert re.search("[A-Za-z]", said) is None


def test_every_group_has_stop_words_of_its_members() -> None:
    for code, group in detection.ALIKE.items():
        assert code in group
        assert languages.of(code).stop_words
